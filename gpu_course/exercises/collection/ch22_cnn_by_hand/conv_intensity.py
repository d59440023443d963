"""conv_intensity: FLOPs per byte of a convolution."""

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 6
TITLE = "The intensity of a convolution"
TASK = (
    "Return the arithmetic intensity, in FLOP/byte, of a convolution in "
    "float32 of `n` images with `c` channels and `size` × `size` pixels, "
    "with `k` filters of `window` × `window`, a bias each, stride 1 and "
    "no padding. A multiplication and an addition are one FLOP each; "
    "input, parameters and output move once."
)

STARTER = """\
def conv_intensity(n, c, k, size, window):
    products = n * k * (size - window + 1) ** 2 * c * window**2
    return 2 * products / (8 * products)
"""

SOLUTION = """\
def conv_intensity(n, c, k, size, window):
    out = size - window + 1
    flops = 2 * n * k * out**2 * c * window**2
    weights = k * (c * window**2 + 1)
    numbers = n * c * size**2 + weights + n * k * out**2
    return flops / (4 * numbers)
"""


def parts(n, c, k, size, window):
    """Return the FLOPs and the sizes of input, parameters and output."""
    out = n * k * (size - window + 1) ** 2
    terms = c * window**2
    return 2 * out * terms, n * c * size**2, k * (terms + 1), out


def specification(*arguments):
    flops, x, w, y = parts(*arguments)
    return flops / (4 * (x + w + y))


def no_reuse(*arguments):
    return 0.25


def half_the_flops(*arguments):
    return specification(*arguments) / 2


def of_numbers(*arguments):
    return specification(*arguments) * 4


def without_bias(*arguments):
    flops, x, w, y = parts(*arguments)
    return flops / (4 * (x + w - arguments[2] + y))


def weights_each_time(n, *arguments):
    return specification(1, *arguments)


def without_output(*arguments):
    flops, x, w, _ = parts(*arguments)
    return flops / (4 * (x + w))


def cases():
    return [
        (1, 1, 1, 1, 1),
        (1, 1, 6, 28, 5),
        (128, 1, 6, 28, 5),
        (1, 6, 16, 12, 5),
        (128, 6, 16, 12, 5),
        (32, 64, 3, 57, 3),
        (7, 5, 11, 20, 20),
    ]


TOLERANCE = 1e-9
WRONG = (
    edited(STARTER, "no_reuse"),
    ("half_the_flops", "2 * n * k", "n * k"),
    ("of_numbers", "(4 * numbers)", "numbers"),
    ("weights_each_time", "+ weights +", "+ n * weights +"),
    ("without_bias", "(c * window**2 + 1)", "(c * window**2)"),
    ("without_output", " + n * k * out**2\n", "\n"),
)
HINTS = (
    "How many products are in one pixel of the output, and how many "
    "pixels has it?",
    "FLOPs: 2 for each product. Numbers: input, filters with their "
    "biases, output; 4 bytes each.",
    "2 n k out² c window² over 4 (n c size² + k (c window² + 1) + "
    "n k out²), where out = size - window + 1.",
)
MISTAKES = (
    Mistake(
        "without_bias",
        "Each filter has a bias: one parameter more.",
        gives=without_bias,
    ),
    Mistake(
        "no_reuse",
        "This moves two numbers for every product. "
        "Each array is to be counted once: pixels and weights are "
        "used again and again.",
        gives=no_reuse,
    ),
    Mistake(
        "half_the_flops",
        "A multiplication and an addition are two FLOPs.",
        gives=half_the_flops,
    ),
    Mistake(
        "of_numbers",
        "That is FLOPs per number; a float32 has 4 bytes.",
        gives=of_numbers,
    ),
    Mistake(
        "weights_each_time",
        "The weights are counted for every image: a batch reads them once.",
        gives=weights_each_time,
    ),
    Mistake(
        "without_output",
        "The output has to be written as well.",
        gives=without_output,
    ),
)
