"""largest_batch: how many images fit into memory."""

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 6
TITLE = "The largest batch"
TASK = (
    "A device has `memory_bytes`. A step with Adam holds 16 bytes for "
    "each of the `parameters`, and `bytes_per_image` for each image. "
    "Return the largest batch that fits and is a multiple of 8, or 0 "
    "if there is none."
)

STARTER = """\
def largest_batch(memory_bytes, parameters, bytes_per_image):
    return memory_bytes // bytes_per_image
"""

SOLUTION = """\
def largest_batch(memory_bytes, parameters, bytes_per_image):
    free = memory_bytes - 16 * parameters
    return max(free // bytes_per_image // 8 * 8, 0)
"""


def room(memory_bytes, fixed_bytes, bytes_per_image, step=8):
    """Return the largest multiple of the step that fits, by bisection."""
    fits, too_many = 0, memory_bytes + 1
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if fixed_bytes + middle * step * bytes_per_image <= memory_bytes:
            fits = middle
        else:
            too_many = middle
    return fits * step


def specification(memory_bytes, parameters, bytes_per_image):
    return room(memory_bytes, 16 * parameters, bytes_per_image)


def negative(memory_bytes, parameters, bytes_per_image):
    return (memory_bytes - 16 * parameters) // (8 * bytes_per_image) * 8


def one_more(memory_bytes, parameters, bytes_per_image):
    images = memory_bytes - 16 * parameters + 8 * bytes_per_image - 1
    return max(images // (8 * bytes_per_image) * 8, 0)


CASES = (
    (1_000, 10, 100),
    (960, 10, 100),
    (959, 10, 100),
    (100, 10, 7),
    (160, 10, 1),
    (16_000_000, 44_426, 35_360),
    (24_000_000_000, 25_000_000, 88_000_000),
    (24_000_000_000, 7_000_000_000, 1_000_000),
    (137, 0, 1),
)


WRONG = (
    ("parameters_forgotten", " - 16 * parameters", ""),
    edited(STARTER, "two_things"),
    ("weights_only", "16 * parameters", "4 * parameters"),
    ("no_multiple", " // 8 * 8", ""),
    (
        "negative",
        "max(free // bytes_per_image // 8 * 8, 0)",
        "free // bytes_per_image // 8 * 8",
    ),
    (
        "rounds_up",
        "free // bytes_per_image // 8 * 8",
        "-(-free // (8 * bytes_per_image)) * 8",
    ),
)
HINTS = (
    "What does the step hold even for a batch of no images?",
    "Divide what is left by the bytes of an image, then round down to a "
    "multiple of 8.",
    "(memory_bytes - 16 * parameters) // bytes_per_image // 8 * 8, and "
    "at least 0",
)
MISTAKES = (
    Mistake(
        "parameters_forgotten",
        "The parameters, their gradients and Adam's means take memory too.",
        gives=lambda m, p, n: room(m, 0, n),
    ),
    Mistake(
        "two_things",
        "The parameters, their gradients and Adam's "
        "means take memory too, and the batch has to be a multiple "
        "of 8.",
        gives=lambda m, p, n: room(m, 0, n, 1),
    ),
    Mistake(
        "weights_only",
        "It leaves room for the parameters only. "
        "With gradients and Adam's means each takes 16 bytes.",
        gives=lambda m, p, n: room(m, 4 * p, n),
    ),
    Mistake(
        "no_multiple",
        "It fits, but isn't a multiple of 8.",
        gives=lambda m, p, n: room(m, 16 * p, n, 1),
    ),
    Mistake(
        "negative",
        "Where the parameters alone don't fit, no batch does: 0.",
        gives=negative,
    ),
    Mistake(
        "rounds_up",
        "It rounds up to a multiple of 8: that doesn't fit.",
        gives=one_more,
    ),
)
