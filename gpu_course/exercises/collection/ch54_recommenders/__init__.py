"""The exercises of chapter 54_recommenders."""
