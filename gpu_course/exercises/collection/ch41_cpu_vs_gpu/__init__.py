"""The exercises of chapter 41_cpu_vs_gpu."""
