"""The exercises of chapter 52_text."""
