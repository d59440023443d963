"""The exercises of chapter 53_speech."""
