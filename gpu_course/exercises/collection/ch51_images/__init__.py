"""The exercises of chapter 51_images."""
