"""The exercises of chapter 40_honest_timing."""
