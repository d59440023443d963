"""frames_in: how many overlapping frames fit into a recording."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "How many frames?"
TASK = (
    "A recording has so many `samples`. Frames of `frame` samples begin at "
    "0, `hop`, 2 `hop` and so on, and each must lie wholly inside. Return "
    "how many there are."
)

STARTER = """\
def frames_in(samples, frame, hop):
    return samples // frame
"""

SOLUTION = """\
def frames_in(samples, frame, hop):
    if samples < frame:
        return 0
    return 1 + (samples - frame) // hop
"""


def specification(samples, frame, hop):
    starts = range(0, samples, hop)
    return sum(start + frame <= samples for start in starts)


CASES = (
    (256, 256, 128),
    (255, 256, 128),
    (100, 256, 100),
    (6144, 256, 128),
    (5000, 256, 80),
    (383, 256, 128),
    (384, 256, 128),
    (1000, 200, 300),
    (8000, 400, 160),
    (0, 5, 2),
)

WRONG = (
    ("side_by_side", "1 + (samples - frame) // hop", "samples // frame"),
    ("starts", "1 + (samples - frame) // hop", "-(-samples // hop)"),
    ("one_too_few", "1 + (samples - frame)", "(samples - frame)"),
    ("one_too_many", "1 + (samples - frame)", "2 + (samples - frame)"),
    ("rounded_up", "(samples - frame) // hop", "-((frame - samples) // hop)"),
    (
        "negative",
        "    if samples < frame:\n        return 0\n",
        "",
    ),
)
HINTS = (
    "Where does the last frame begin at the latest?",
    "It begins at samples - frame or before, at a multiple of hop. Count "
    "these multiples, 0 among them.",
    "1 + (samples - frame) // hop, and 0 if not even one frame fits.",
)
MISTAKES = (
    Mistake(
        "side_by_side",
        "That many frames fit side by side. Here the next one begins after "
        "hop samples.",
        gives=lambda s, f, h: s // f,
    ),
    Mistake(
        "starts",
        "That many frames begin inside. The last ones reach beyond the end.",
        gives=lambda s, f, h: 0 if s < f else -(-s // h),
    ),
    Mistake(
        "one_too_few",
        "These are the hops. There is one frame more than hops.",
        gives=lambda s, f, h: 0 if s < f else (s - f) // h,
    ),
    Mistake(
        "one_too_many",
        "That is one frame too many: count the one that begins at 0 once.",
        gives=lambda s, f, h: 0 if s < f else 2 + (s - f) // h,
    ),
    Mistake(
        "rounded_up",
        "It rounds up, so its last frame may reach beyond the end.",
        gives=lambda s, f, h: 0 if s < f else 1 - (f - s) // h,
    ),
    Mistake(
        "negative",
        "A recording shorter than a frame has 0 frames, not fewer.",
        gives=lambda s, f, h: 1 + (s - f) // h,
    ),
)
