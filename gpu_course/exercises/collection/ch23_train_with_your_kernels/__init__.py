"""The exercises of chapter 23_train_with_your_kernels."""
