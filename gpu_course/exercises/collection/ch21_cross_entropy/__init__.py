"""The exercises of chapter 21_cross_entropy."""
