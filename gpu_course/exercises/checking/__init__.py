"""How an answer is checked: hidden inputs, limits, diagnoses.

`exercise` says what an exercise is.
"""
