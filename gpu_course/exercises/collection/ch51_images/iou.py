"""iou: how well two boxes agree."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 3
TITLE = "Intersection over union"
TASK = (
    "A box is `(left, top, right, bottom)`. Return the area that two boxes "
    "share, divided by the area that they cover together; 0 for boxes apart."
)

STARTER = """\
def iou(a, b):
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    return width * height
"""

SOLUTION = """\
def iou(a, b):
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0)
    shared = width * height
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / (both - shared)
"""


def parts(a, b):
    """Return the sides of the overlap, negative if apart, and two areas."""
    sides = [min(a[i + 2], b[i + 2]) - max(a[i], b[i]) for i in (0, 1)]
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return sides, areas


def specification(a, b):
    (width, height), areas = parts(a, b)
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / (sum(areas) - shared)


def shared_area(a, b):
    (width, height), _ = parts(a, b)
    return max(width, 0.0) * max(height, 0.0)


def unclipped(a, b):
    (width, height), areas = parts(a, b)
    return width * height / (sum(areas) - width * height)


def over_sum(a, b):
    return shared_area(a, b) / sum(parts(a, b)[1])


def over_smaller(a, b):
    return shared_area(a, b) / min(parts(a, b)[1])


def as_sizes(a, b):
    return specification(
        *((x, y, x + width, y + height) for x, y, width, height in (a, b))
    )


def one_more(a, b):
    return specification(*((*c[:2], c[2] + 1, c[3] + 1) for c in (a, b)))


CASES = (
    ((0.0, 0.0, 4.0, 2.0), (0.0, 0.0, 4.0, 2.0)),
    ((0.0, 0.0, 4.0, 4.0), (2.0, 1.0, 5.0, 7.0)),
    ((1.0, 2.0, 9.0, 5.0), (3.0, 3.0, 4.0, 4.5)),
    ((0.0, 0.0, 2.0, 2.0), (5.0, 6.0, 9.0, 9.0)),
    ((0.0, 0.0, 2.0, 2.0), (1.0, 2.5, 4.0, 5.0)),
    ((3.5, 0.0, 6.0, 3.0), (0.0, 1.0, 3.0, 2.5)),
    ((1.0, 4.0, 3.0, 8.0), (2.5, 2.0, 6.0, 7.0)),
    ((10.0, 20.0, 30.0, 60.0), (12.0, 15.0, 29.0, 64.0)),
)
TOLERANCE = 1e-9
WRONG = (
    (
        "not_clipped",
        "max(min(a[2], b[2]) - max(a[0], b[0]), 0)",
        "min(a[2], b[2]) - max(a[0], b[0])",
        "max(min(a[3], b[3]) - max(a[1], b[1]), 0)",
        "min(a[3], b[3]) - max(a[1], b[1])",
    ),
    ("shared_counts_twice", "both - shared", "both"),
    ("area_only", "shared / (both - shared)", "shared"),
    (
        "over_the_smaller",
        "shared / (both - shared)",
        "shared / min((a[2] - a[0]) * (a[3] - a[1]), "
        "(b[2] - b[0]) * (b[3] - b[1]))",
    ),
    (
        "as_sizes",
        "def iou(a, b):\n",
        "def iou(a, b):\n"
        "    a = (a[0], a[1], a[0] + a[2], a[1] + a[3])\n"
        "    b = (b[0], b[1], b[0] + b[2], b[1] + b[3])\n",
    ),
    (
        "one_pixel_more",
        "def iou(a, b):\n",
        "def iou(a, b):\n"
        "    a = (a[0], a[1], a[2] + 1, a[3] + 1)\n"
        "    b = (b[0], b[1], b[2] + 1, b[3] + 1)\n",
    ),
)
HINTS = (
    "Where does the shared rectangle begin, and where does it end? What if "
    "it ends before it begins?",
    "Its width is min of the rights minus max of the lefts, and never less "
    "than 0. The union is both areas less what was counted twice.",
    "shared = width * height; return shared / (area_a + area_b - shared)",
)
MISTAKES = (
    Mistake(
        "not_clipped",
        "For boxes apart the width or height of the overlap is negative, and "
        "two negative numbers even give a positive area: take at least 0.",
        gives=unclipped,
    ),
    Mistake(
        "shared_counts_twice",
        "The sum of both areas holds the shared part twice: subtract it once.",
        gives=over_sum,
    ),
    Mistake(
        "area_only",
        "That is the shared area in pixels: divide it by the union.",
        gives=shared_area,
    ),
    Mistake(
        "over_the_smaller",
        "It divides by the smaller box, so a small box inside of a large one "
        "scores 1: divide by the union.",
        gives=over_smaller,
    ),
    Mistake(
        "as_sizes",
        "It takes the last two numbers for width and height: they are right "
        "and bottom.",
        gives=as_sizes,
    ),
    Mistake(
        "one_pixel_more",
        "It adds a pixel to each side: right and bottom are the first pixels "
        "outside of the box.",
        gives=one_more,
    ),
)
