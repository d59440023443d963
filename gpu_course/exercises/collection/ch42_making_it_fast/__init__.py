"""The exercises of chapter 42_making_it_fast."""
