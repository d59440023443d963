"""The works that the chapters cite, each found in an independent record.

A chapter's works are in ``references/NN.csv``. ``record`` says where title,
authors and year were found, apart from the work itself.
"""

import csv
import textwrap
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path

FOLDER = Path(str(resources.files("gpu_course.course"))) / "references"


@dataclass(frozen=True)
class Reference:
    """A work that a chapter cites.

    Attributes
    ----------
    authors, title, venue : str
    year : int
    address : str
    record : str
        Where it was checked, in words.
    why : str
        What one gets from reading it, in a sentence; only in the reading list
        of the last chapter.
    """

    authors: str
    title: str
    venue: str
    year: int
    address: str
    record: str
    why: str = ""


COLUMNS = tuple(field.name for field in fields(Reference))


def references(
    chapter: int, folder: str | Path = FOLDER
) -> tuple[Reference, ...]:
    """Return the works that a chapter cites, in the order of its file.

    Parameters
    ----------
    chapter : int
    folder : path-like
        Another folder with files of the same form.

    Raises
    ------
    ValueError
        If the file's columns are others, or a cell is missing.
    """
    path = Path(folder) / f"{chapter:02}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        header = tuple(reader.fieldnames or ())
        if header not in (COLUMNS, COLUMNS[:-1]):
            raise ValueError(
                f"{path.name}: the columns must be {','.join(COLUMNS[:-1])} "
                f"and may be followed by why, got {','.join(header)}"
            )
        return tuple(_reference(row, reader, path) for row in reader)


def _reference(row, reader, path):
    empty = [name for name, text in row.items() if not text and name != "why"]
    where = f"{path.name}, line {reader.line_num}"
    if None in row or empty:
        raise ValueError(f"{where}: cells are missing or too many: {empty}")
    if not row["year"].isdecimal():
        raise ValueError(f"{where}: {row['year']!r} is no year")
    return Reference(**{**row, "year": int(row["year"])})


def cited_chapters(folder: str | Path = FOLDER) -> list[int]:
    """Return the numbers of the chapters that have a file, in order."""
    return sorted(int(path.stem) for path in Path(folder).glob("[0-9]*.csv"))


def reading_list(chapter: int) -> str:
    """Return a chapter's works that have a ``why``, as text, oldest first."""
    works = [work for work in references(chapter) if work.why]
    indent = " " * 6
    return "\n".join(
        textwrap.fill(
            f"{work.year}  {work.authors}: “{work.title}”",
            subsequent_indent=indent,
        )
        + "\n"
        + textwrap.indent(textwrap.fill(work.why, 64), indent)
        for work in sorted(works, key=lambda work: work.year)
    )
