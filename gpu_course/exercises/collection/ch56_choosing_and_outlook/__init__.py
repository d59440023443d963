"""The exercises of chapter 56_choosing_and_outlook."""
