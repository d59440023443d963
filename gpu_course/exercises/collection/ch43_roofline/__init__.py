"""The exercises of chapter 43_roofline."""
