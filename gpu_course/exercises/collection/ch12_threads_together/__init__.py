"""The exercises of chapter 12_threads_together."""
