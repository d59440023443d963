"""table_bytes: what the tables of a recommender take."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 4
TITLE = "The bytes of all tables"
TASK = (
    "A recommender has a table for each of its features. `rows` lists how "
    "many rows each has; all rows have `width` numbers of `itemsize` bytes. "
    "In training the optimizer keeps `states` more numbers for each: 0 for "
    "SGD, 2 for Adam. They have the same size. Return the bytes of all of it."
)

STARTER = """\
def table_bytes(rows, width, itemsize, states):
    return max(rows) * width * itemsize
"""

SOLUTION = """\
def table_bytes(rows, width, itemsize, states):
    return sum(rows) * width * itemsize * (1 + states)
"""


def held(rows, width, itemsize, copies):
    return sum(count * width * itemsize * copies for count in rows)


def specification(rows, width, itemsize, states):
    return held(rows, width, itemsize, 1 + states)


CASES = (
    ((7,), 3, 4, 0),
    ((7, 12), 5, 4, 2),
    ((40_000_000, 39_043, 3), 128, 4, 0),
    ((40_000_000, 39_043, 3), 128, 2, 1),
    ((1, 1, 1, 1), 16, 1, 2),
)
WRONG = (
    ("largest_table", "sum(rows)", "max(rows)", " * (1 + states)", ""),
    ("without_states", " * (1 + states)", ""),
    ("states_alone", "(1 + states)", "states"),
    ("numbers", "width * itemsize", "width"),
    ("one_for_each_table", "sum(rows)", "len(rows)"),
    ("one_number_a_row", "sum(rows) * width", "sum(rows)"),
)
HINTS = (
    "Which of the four numbers does the starter leave out, and which tables?",
    "Rows of all tables, times the numbers of a row, times the bytes of a "
    "number. The optimizer's numbers come on top of the table's own.",
    "sum(rows) * width * itemsize * (1 + states)",
)
MISTAKES = (
    Mistake(
        "largest_table",
        "This is the largest table alone, without the optimizer's numbers.",
        gives=lambda r, w, i, s: max(r) * w * i,
    ),
    Mistake(
        "without_states",
        "These are the tables alone: the optimizer keeps `states` more "
        "numbers for each of theirs.",
        gives=lambda r, w, i, s: held(r, w, i, 1),
    ),
    Mistake(
        "states_alone",
        "These are the optimizer's numbers: the tables' own come on top.",
        gives=held,
    ),
    Mistake(
        "numbers",
        "These are numbers: each has `itemsize` bytes.",
        gives=lambda r, w, i, s: held(r, w, 1, 1 + s),
    ),
    Mistake(
        "one_for_each_table",
        "It counts tables, not their rows.",
        gives=lambda r, w, i, s: len(r) * w * i * (1 + s),
    ),
    Mistake(
        "one_number_a_row",
        "It counts one number for each row: a row has `width` of them.",
        gives=lambda r, w, i, s: held(r, 1, i, 1 + s),
    ),
)
