"""flat_size: how many numbers a stack of window layers outputs."""

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 1
TITLE = "The inputs of the first linear layer"
TASK = (
    "Images have `size` × `size` pixels. They go through `layers`, each "
    "`(window, stride, padding)`: convolutions and poolings, the last "
    "convolution with `channels` filters. Return how many numbers of an "
    "image come out."
)

STARTER = """\
def flat_size(size, channels, layers):
    for window, stride, padding in layers:
        size = (size + padding - window) // stride
    return channels * size * size
"""

SOLUTION = """\
def flat_size(size, channels, layers):
    for window, stride, padding in layers:
        size = (size + 2 * padding - window) // stride + 1
    return channels * size * size
"""

LENET = (5, 1, 0), (2, 2, 0), (5, 1, 0), (2, 2, 0)


def through(size, layers, step):
    for layer in layers:
        size = step(size, *layer)
    return size


def windows(size, window, stride, padding):
    return (size + 2 * padding - window) // stride + 1


def specification(size, channels, layers):
    return channels * through(size, layers, windows) ** 2


def one_side(size, channels, layers):
    return specification(
        size,
        channels,
        [(w + p, t, p) for w, t, p in layers],
    )


def without_padding(size, channels, layers):
    return specification(size, channels, [(w, t, 0) for w, t, _ in layers])


def rounded_up(size, channels, layers):
    return (
        channels
        * through(
            size, layers, lambda h, w, t, p: -(-(h + 2 * p - w) // t) + 1
        )
        ** 2
    )


def one_axis(size, channels, layers):
    return channels * through(size, layers, windows)


def one_too_few(size, channels, layers):
    return channels * through(size, layers, lambda *a: windows(*a) - 1) ** 2


def one_side_too_few(size, channels, layers):
    return (
        channels
        * through(size, layers, lambda h, w, t, p: (h + p - w) // t) ** 2
    )


def cases():
    return [
        (28, 6, ()),
        (6, 2, ((3, 1, 0),)),
        (7, 3, ((2, 2, 0),)),
        (9, 5, ((3, 2, 1),)),
        (28, 16, LENET),
        (32, 16, LENET),
        (28, 16, ((5, 1, 2), *LENET[1:])),
        (224, 64, ((7, 2, 3), (3, 2, 1))),
        (31, 4, ((5, 3, 2), (2, 2, 0))),
    ]


WRONG = (
    ("padding_on_one_side", "2 * padding", "padding"),
    ("without_padding", " + 2 * padding", ""),
    (
        "rounded_up",
        "(size + 2 * padding - window) // stride",
        "-(-(size + 2 * padding - window) // stride)",
    ),
    edited(STARTER, "two_things"),
    ("one_axis", "size * size", "size"),
    ("one_too_few", "// stride + 1", "// stride"),
)
HINTS = (
    "Where does the last window begin that fits into size + 2 padding "
    "pixels, and the first?",
    "Windows begin at 0, stride, 2 stride and so on. Divide without the "
    "remainder, and count the one at 0.",
    "size = (size + 2 * padding - window) // stride + 1 for each layer; "
    "at the end channels * size * size.",
)
MISTAKES = (
    Mistake(
        "padding_on_one_side",
        "Padding is added on both sides of an axis.",
        gives=one_side,
    ),
    Mistake(
        "without_padding", "The padding isn't used.", gives=without_padding
    ),
    Mistake(
        "rounded_up",
        "It rounds up: a window that reaches beyond the edge doesn't count.",
        gives=rounded_up,
    ),
    Mistake(
        "two_things",
        "Two things are missing: padding is on both "
        "sides, and there is one window more than steps.",
        gives=one_side_too_few,
    ),
    Mistake(
        "one_axis",
        "That is one axis; an image has rows and columns.",
        gives=one_axis,
    ),
    Mistake(
        "one_too_few",
        "It counts the steps between windows. There "
        "is one window more than steps.",
        gives=one_too_few,
    ),
)
