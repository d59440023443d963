"""Spoken digits: 1,500 recordings of "zero" to "nine" by six speakers.

Source: Z. Jackson and contributors, "Free Spoken Digit Dataset", takes 0 to
24 of each speaker's 50; licence CC BY-SA 4.0.
"""

import io
from dataclasses import dataclass

import numpy as np

from gpu_course.data.carried import carried

RATE_HZ = 8000
TAKES = 25
TEST_TAKES = 5  # takes 0 to 4 are the published test set


@dataclass(frozen=True)
class Recordings:
    """Recordings of spoken digits.

    Attributes
    ----------
    sounds : tuple of int16 array
        The samples of each recording, 8,000 a second; lengths differ.
    digits : int64 array (recordings,)
    takes : int64 array (recordings,)
        The how-manieth recording of this digit by this speaker, from 0.
    speakers : array of str (recordings,)
        The speaker's first name.
    """

    sounds: tuple
    digits: np.ndarray
    takes: np.ndarray
    speakers: np.ndarray

    def __len__(self):
        return len(self.sounds)

    def where(self, chosen: np.ndarray) -> "Recordings":
        """Return the recordings for which the mask (recordings,) is True."""
        return Recordings(
            tuple(
                s for s, keep in zip(self.sounds, chosen, strict=True) if keep
            ),
            self.digits[chosen],
            self.takes[chosen],
            self.speakers[chosen],
        )


def load_spoken_digits() -> Recordings:
    """Return all 1,500 recordings.

    Raises
    ------
    DataError
        If the file in the package is damaged.
    """
    content = carried("spoken_digits", "spoken_digits.npz")
    with np.load(io.BytesIO(content)) as arrays:
        return Recordings(
            tuple(np.split(arrays["samples"], arrays["ends"][:-1])),
            arrays["digit"].astype(np.int64),
            arrays["take"].astype(np.int64),
            arrays["speakers"][arrays["speaker"]],
        )
