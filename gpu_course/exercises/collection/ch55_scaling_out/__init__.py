"""The exercises of chapter 55_scaling_out."""
