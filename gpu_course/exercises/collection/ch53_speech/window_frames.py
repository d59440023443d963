"""window_frames: cut a sound into overlapping frames, times a window."""

import numpy as np

from gpu_course.exercises.checking.cases import (
    blocks_for,
    generator,
    unwritten,
)
from gpu_course.exercises.checking.exercise import Launch, Mistake

PLACE = 2
TITLE = "Frames that overlap"
TASK = (
    "Frame `f` begins at sample `f * hop` of `sound` and is as long as "
    "`window`. Multiply it by the window, sample by sample, and write it "
    "into row `f` of `frames`. One thread for each element of `frames`; "
    "there may be more threads than elements."
)

STARTER = """\
from gpu_course import cuda


@cuda.jit
def window_frames(sound, window, hop, frames):
    i, f = cuda.grid(2)
    if f < frames.shape[0] and i < frames.shape[1]:
        frames[f, i] = sound[f * frames.shape[1] + i]
"""

SOLUTION = """\
from gpu_course import cuda


@cuda.jit
def window_frames(sound, window, hop, frames):
    i, f = cuda.grid(2)
    if f < frames.shape[0] and i < frames.shape[1]:
        frames[f, i] = sound[f * hop + i] * window[i]
"""
BLOCK = 32, 2


def taken(sound, frames, apart, along=1):
    """Return frames that begin `apart`, of samples `along` from each other."""
    count, length = frames.shape
    return sound[apart * np.arange(count)[:, None] + along * np.arange(length)]


def specification(sound, window, hop, frames):
    frames[:] = taken(sound, frames, hop) * window


def without_window(sound, window, hop, frames):
    frames[:] = taken(sound, frames, hop)


def side_by_side(sound, window, hop, frames):
    frames[:] = taken(sound, frames, frames.shape[1]) * window


def two_things(sound, window, hop, frames):
    frames[:] = taken(sound, frames, frames.shape[1])


def one_apart(sound, window, hop, frames):
    frames[:] = taken(sound, frames, 1) * window


def exchanged(sound, window, hop, frames):
    frames[:] = taken(sound, frames, 1, hop) * window


def cases():
    random, launches = generator(), []
    for count, length, hop in (
        (1, 1, 1),
        (2, 3, 2),
        (3, 2, 5),
        (5, 32, 16),
        (4, 33, 10),
        (7, 40, 13),
        (300, 256, 128),
    ):
        # Long enough for every mistake, so that its numbers show.
        size = (count + 1) * (length + hop) + length * hop
        sound = random.normal(size=size).astype(np.float32)
        window = random.uniform(0.25, 0.75, length).astype(np.float32)
        grid = blocks_for(length, BLOCK[0]), blocks_for(count, BLOCK[1])
        out = unwritten((count, length))
        launches.append(
            Launch(grid, BLOCK, (sound, window, hop, out), count < 100)
        )
    return launches


TOLERANCE = 1e-6
WRONG = (
    ("without_window", " * window[i]", ""),
    ("side_by_side", "f * hop + i", "f * window.size + i"),
    (
        "two_things",
        "f * hop + i] * window[i]",
        "f * frames.shape[1] + i]",
    ),
    ("one_apart", "f * hop + i", "f + i"),
    ("exchanged", "f * hop + i", "i * hop + f"),
    (
        "out_of_bounds",
        "f < frames.shape[0] and i < frames.shape[1]",
        "f < frames.shape[0]",
    ),
    (
        "work_not_shared",
        "    if f < frames.shape[0] and i < frames.shape[1]:\n        ",
        "    if f >= frames.shape[0] or i > 0:\n        return\n"
        "    for i in range(frames.shape[1]):\n        ",
    ),
)
HINTS = (
    "At which sample of the sound does frame 1 begin, at hop or at the end "
    "of frame 0?",
    "Frame f begins at f * hop. Its sample i lies i further on.",
    "frames[f, i] = sound[f * hop + i] * window[i]",
)
MISTAKES = (
    Mistake(
        "without_window",
        "The frames are right, but not multiplied by the window.",
        gives=without_window,
    ),
    Mistake(
        "side_by_side",
        "The frames stand side by side: each begins where the one before "
        "ends. The next one begins after hop samples.",
        gives=side_by_side,
    ),
    Mistake(
        "two_things",
        "Two things: frames begin hop samples apart, not a frame's length, "
        "and each is multiplied by the window.",
        gives=two_things,
    ),
    Mistake(
        "one_apart",
        "Each frame begins one sample after the one before: hop isn't used.",
        gives=one_apart,
    ),
    Mistake(
        "exchanged",
        "The hop is between frames, not between the samples of a frame.",
        gives=exchanged,
    ),
)
