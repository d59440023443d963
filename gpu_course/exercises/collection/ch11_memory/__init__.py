"""The exercises of chapter 11_memory."""
