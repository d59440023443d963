"""training_rows: what a network may hear before it meets a stranger."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 4
TITLE = "Who may be heard in training?"
TASK = (
    "`speakers` holds the speaker of each recording. The accuracy will be "
    "given for the recordings of `stranger`, and the settings are chosen by "
    "the accuracy on those of `judge`, another speaker. Return the list of "
    "the numbers, from 0, of the recordings that the network may be trained "
    "on."
)

STARTER = """\
def training_rows(speakers, stranger, judge):
    return [row for row in range(len(speakers)) if row % 10 > 0]
"""

SOLUTION = """\
def training_rows(speakers, stranger, judge):
    return [
        row
        for row, speaker in enumerate(speakers)
        if speaker != stranger and speaker != judge
    ]
"""


def rows(speakers, fits):
    found = []
    for speaker in speakers:
        found.append(fits(speaker))
    return [number for number, fit in enumerate(found) if fit]


def specification(speakers, stranger, judge):
    return rows(speakers, lambda one: one not in {stranger, judge})


def every_tenth(speakers, stranger, judge):
    return [row for row in range(len(speakers)) if row % 10]


MANY = ("zoe", "ann", "bob", "zoe", "eve", "zoe", "ann", "eve", "bob") * 3
CASES = (
    (("ann",), "ann", "bob"),
    (("ann",), "bob", "ann"),
    (("eve",), "ann", "bob"),
    (("ann", "bob", "eve", "ann", "eve"), "ann", "bob"),
    (("ann", "bob", "eve", "ann", "eve"), "eve", "ann"),
    (MANY, "zoe", "bob"),
    (MANY, "bob", "eve"),
)

WRONG = (
    ("judge_heard", " and speaker != judge", ""),
    ("stranger_heard", "speaker != stranger and ", ""),
    (
        "every_tenth",
        "speaker != stranger and speaker != judge",
        "row % 10 > 0",
    ),
    ("never_both", " and speaker", " or speaker"),
    (
        "turned",
        "speaker != stranger and speaker != judge",
        "speaker == stranger or speaker == judge",
    ),
    (
        "names",
        "        row\n        for row, speaker in enumerate(speakers)\n",
        "        speaker\n        for speaker in speakers\n",
    ),
)
HINTS = (
    "Whose recordings decide anything after training?",
    "The stranger's decide the number that is published, the judge's the "
    "settings. Neither may be heard before.",
    "Keep a row if its speaker is neither the stranger nor the judge.",
)
MISTAKES = (
    Mistake(
        "judge_heard",
        "The judge is heard in training: its accuracy then says how well the "
        "network remembers, and the settings are chosen by that.",
        gives=lambda s, a, b: rows(s, lambda one: one != a),
    ),
    Mistake(
        "stranger_heard",
        "The stranger is heard in training, and is none any more.",
        gives=lambda s, a, b: rows(s, lambda one: one != b),
    ),
    Mistake(
        "every_tenth",
        "Every tenth recording is left out, whoever speaks: then each "
        "speaker is heard in training.",
        gives=every_tenth,
    ),
    Mistake(
        "never_both",
        "Every recording is kept: nobody is two speakers at once, so one of "
        "the two conditions always holds.",
        gives=lambda s, a, b: rows(s, lambda one: True),
    ),
    Mistake(
        "turned",
        "These are the recordings to leave out.",
        gives=lambda s, a, b: rows(s, lambda one: one in {a, b}),
    ),
    Mistake(
        "names",
        "These are the speakers' names. Their recordings' numbers are asked.",
        gives=lambda s, a, b: [one for one in s if one not in {a, b}],
    ),
)
