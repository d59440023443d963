"""The exercises of chapter 01_gpu_architecture."""
