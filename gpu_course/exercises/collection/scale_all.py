"""scale_all: a grid-stride loop, for any number of threads."""

import numpy as np

from gpu_course.exercises.checking.cases import generator
from gpu_course.exercises.checking.exercise import Exercise, Launch, edited
from gpu_course.exercises.checking.limits import coalesced

STARTER = """\
from gpu_course import cuda


@cuda.jit
def scale_all(x, factor):
    i = cuda.grid(1)
    if i < x.size:
        x[i] *= factor
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def scale_all(x, factor):
    for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        x[i] *= factor
"""


def specification(x, factor):
    x *= factor


def cases():
    random = generator()
    sizes = ((1, 1, 4), (0, 1, 4), (3, 1, 4), (5, 1, 4), (8, 2, 4), (9, 2, 4),
             (61, 3, 5), (64, 1, 32), (7, 1, 32), (97, 3, 8),
             (320, 2, 32))  # fmt: skip
    return [
        Launch(blocks, threads,
               (random.normal(size=n).astype(np.float32), np.float32(-2.5)),
               n < 1000)
        for n, blocks, threads in (*sizes, (100_003, 40, 128))
    ]  # fmt: skip


EXERCISE = Exercise(
    name="scale_all",
    chapter="10_first_kernels",
    title="More elements than threads",
    task=(
        "Multiply every element of `x` by `factor`, whatever the number of "
        "threads: each thread takes an element, then the one a whole grid "
        "further on, and so on."
    ),
    starter=STARTER,
    solution=SOLUTION,
    wrong=(
        edited(SOLUTION, "non_atomic_update", "cuda.gridsize(1)",
               "cuda.blockDim.x"),
        edited(SOLUTION, "out_of_bounds", "x.size,", "x.size + 1,"),
        edited(SOLUTION, "not_all_written", "cuda.gridsize(1)",
               "cuda.gridsize(1) + 1"),
        edited(SOLUTION, "wrong_result", "x[i] *= factor", "x[i] *= -2.0"),
        edited(SOLUTION, "uncoalesced",
               "for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):",
               "share = (x.size - 1) // cuda.gridsize(1) + 1\n"
               "    first = cuda.grid(1) * share\n"
               "    for i in range(first, min(first + share, x.size)):"),
        edited(SOLUTION, "work_not_shared",
               "for i in range(cuda.grid(1), x.size, cuda.gridsize(1)):",
               "for i in range(x.size if cuda.grid(1) == 0 else 0):"),
    ),
    hints=(
        "Which elements are left over by 4 threads, if there are 9?",
        "A loop can start at the thread's number and step by the number of "
        "threads in the grid: cuda.gridsize(1).",
        "for i in range(cuda.grid(1), x.size, cuda.gridsize(1)): ...",
    ),
    specification=specification,
    cases=cases,
    limits=(coalesced(),),
)  # fmt: skip
