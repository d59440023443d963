"""The exercises of chapter 10_first_kernels."""
