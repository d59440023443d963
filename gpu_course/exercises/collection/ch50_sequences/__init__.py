"""The exercises of chapter 50_sequences."""
