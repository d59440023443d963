"""sectors_touched: how many sectors a warp's request touches."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "Count the sectors"
TASK = (
    "Lane k of a warp reads element `offset + stride * k` of an array "
    "that starts on a multiple of 256 bytes; an element has `itemsize` "
    "bytes. Return how many 32-byte sectors the request touches."
)

STARTER = """\
import math


def sectors_touched(stride, itemsize, offset):
    return 32 * itemsize // 32
"""

SOLUTION = """\
import math


def sectors_touched(stride, itemsize, offset):
    sectors = set()
    for lane in range(32):
        address = (offset + stride * lane) * itemsize
        sectors.add(address // 32)
    return len(sectors)
"""


def specification(stride, itemsize, offset):
    return len({(offset + stride * k) * itemsize // 32 for k in range(32)})


CASES = tuple(
    (stride, itemsize, offset)
    for itemsize in (1, 4, 8)
    for stride in (0, 1, 2, 3, 5, 8, 31, 32)
    for offset in (0, 1, 7)
)


def without_offset(stride, itemsize, offset):
    return specification(stride, itemsize, 0)


def of_float32(stride, itemsize, offset):
    return specification(stride, 4, offset)


def lines_touched(stride, itemsize, offset):
    return len({(offset + stride * k) * itemsize // 128 for k in range(32)})


def byte_offset(stride, itemsize, offset):
    return len({(offset + stride * k * itemsize) // 32 for k in range(32)})


def without_stride(stride, itemsize, offset):
    return specification(1, itemsize, offset)


def by_span(stride, itemsize, offset):
    first = offset * itemsize // 32
    last = (offset + stride * 31) * itemsize // 32
    return last - first + 1


WRONG = (
    ("forgets_the_offset", "(offset + stride * lane)", "(stride * lane)"),
    ("hard_coded_size", "* itemsize", "* 4"),
    ("counts_the_gaps", "len(sectors)", "max(sectors) - min(sectors) + 1"),
    ("counts_lines", "address // 32", "address // 128"),
    (
        "offset_in_bytes",
        "(offset + stride * lane) * itemsize",
        "offset + stride * lane * itemsize",
    ),
    ("ignores_the_stride", "stride * lane", "lane"),
    ("wrong_result", "range(32)", "range(31)"),
)
HINTS = (
    "In which sector does byte 70 lie?",
    "Compute each lane's byte address and collect the different sectors.",
    "len({(offset + stride * k) * itemsize // 32 for k in range(32)})",
)
MISTAKES = (
    Mistake(
        "forgets_the_offset",
        "It doesn't depend on offset: a "
        "request that begins within a sector may touch one more.",
        gives=without_offset,
    ),
    Mistake(
        "hard_coded_size",
        "It takes every element for four bytes.",
        gives=of_float32,
    ),
    Mistake(
        "counts_lines",
        "It counts lines of 128 bytes: a sector has 32.",
        gives=lines_touched,
    ),
    Mistake(
        "offset_in_bytes",
        "It takes offset for a number of bytes, and it is one of elements.",
        gives=byte_offset,
    ),
    Mistake(
        "ignores_the_stride",
        "It doesn't depend on stride: the lanes lie stride elements apart.",
        gives=without_stride,
    ),
    Mistake(
        "counts_the_gaps",
        "It counts all sectors from the first to "
        "the last, those between that nobody reads as well.",
        gives=by_span,
    ),
)
