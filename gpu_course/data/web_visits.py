"""Web visits: which areas of a site 37,711 people visited in one week of 1998.

Source: J. S. Breese, D. Heckerman and C. M. Kadie, "Anonymous Microsoft Web
Data", UCI Machine Learning Repository, 1998, doi:10.24432/C5VS3Q; licence
CC BY 4.0.
"""

import csv
from dataclasses import dataclass

import numpy as np

from gpu_course.data.carried import carried

_FILES = {"train": "anonymous-msweb.data", "test": "anonymous-msweb.test"}


@dataclass(frozen=True)
class Visits:
    """Who visited which area.

    Attributes
    ----------
    visited : bool array (people, areas)
    titles : tuple of str (areas,)
        What each area is about, such as "Internet Explorer".
    """

    visited: np.ndarray
    titles: tuple


def load_visits(split: str) -> Visits:
    """Return the visits of one split.

    Parameters
    ----------
    split : {"train", "test"}
        32,711 or 5,000 people. Both have the same 285 areas in the same
        order: those that somebody in the training split visited.

    Raises
    ------
    ValueError
        If there is no such split.
    DataError
        If a file in the package is damaged.
    """
    if split not in _FILES:
        raise ValueError(f"split must be 'train' or 'test', got {split!r}")
    train = _rows(_FILES["train"])
    titles = {row[1]: row[3] for row in train if row[0] == "A"}
    areas = sorted({row[1] for row in train if row[0] == "V"})
    column = {area: place for place, area in enumerate(areas)}
    rows = train if split == "train" else _rows(_FILES[split])
    people = sum(row[0] == "C" for row in rows)
    visited = np.zeros((people, len(areas)), dtype=bool)
    person = -1
    for row in rows:
        if row[0] == "C":
            person += 1
        elif row[0] == "V" and row[1] in column:
            visited[person, column[row[1]]] = True
    return Visits(visited, tuple(titles[area] for area in areas))


def _rows(name):
    text = carried("msweb", name).decode()
    return list(csv.reader(text.splitlines()))
