"""The exercises of chapter 22_cnn_by_hand."""
