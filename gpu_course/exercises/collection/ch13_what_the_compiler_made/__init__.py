"""The exercises of chapter 13_what_the_compiler_made."""
