"""The exercises of chapter 20_squared_error."""
