"""The terms of the course, in English and Chinese.

The table is ``glossary.csv``: term, Chinese, meaning, and the chapter in which
the term first stands.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path


@dataclass(frozen=True)
class Term:
    """A term, its Chinese, its meaning in a sentence, and its chapter."""

    term: str
    chinese: str
    meaning: str
    chapter: int


class Terms(tuple[Term, ...]):
    """Terms that a notebook shows as a table."""

    def __str__(self):
        return "\n".join(
            f"{t.term} ({t.chinese}), chapter {t.chapter:02}: {t.meaning}"
            for t in self
        )

    __repr__ = __str__

    def _repr_html_(self):
        left = "style='text-align:left'"
        rows = "".join(
            f"<tr><th {left}>{escape(t.term)}</th>"
            f"<td {left} lang='zh'>{escape(t.chinese)}</td>"
            f"<td {left}>{escape(t.meaning)}</td><td>{t.chapter:02}</td></tr>"
            for t in self
        )
        head = "".join(
            f"<th {left}>{name}</th>"
            for name in ("term", "中文", "meaning", "chapter")
        )
        return f"<table><tr>{head}</tr>{rows}</table>"


def glossary() -> Terms:
    """Return all terms, in alphabetical order."""
    path = Path(str(resources.files("gpu_course.course"))) / "glossary.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return Terms(
            Term(
                row["term"],
                row["chinese"],
                row["meaning"],
                int(row["chapter"]),
            )
            for row in csv.DictReader(file)
        )


def find_term(text: str, terms: Iterable[Term] | None = None) -> Terms:
    """Return the terms that have a text in them, in English or Chinese.

    Those with it in the term or its Chinese come before those with it in the
    meaning. Upper and lower case are the same.

    Parameters
    ----------
    text : str
    terms : iterable of Term, optional
        Default: the whole glossary.

    Raises
    ------
    ValueError
        If the text is empty.
    """
    wanted = text.strip().casefold()
    if not wanted:
        raise ValueError("find_term needs some text to look for, got none")
    everything = list(glossary() if terms is None else terms)
    named = [
        t for t in everything if wanted in f"{t.term}\n{t.chinese}".casefold()
    ]
    told = [
        t
        for t in everything
        if t not in named and wanted in t.meaning.casefold()
    ]
    return Terms(named + told)
