"""Shakespeare: 1.1 million characters of plays.

Source: W. Shakespeare (public domain), in A. Karpathy's selection, known as
"tiny Shakespeare".
"""

from gpu_course.data.carried import carried


def load_shakespeare() -> str:
    """Return the text, 1,115,394 characters of 65 kinds.

    Raises
    ------
    DataError
        If the file in the package is damaged.
    """
    return carried("shakespeare", "input.txt").decode()
