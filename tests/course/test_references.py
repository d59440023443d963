"""The works that chapters cite: complete, real addresses, and cited."""

import re
from pathlib import Path

import nbformat
import pytest

from gpu_course.course import references as module
from gpu_course.course.references import (
    cited_chapters,
    reading_list,
    references,
)

ROOT = Path(__file__).parents[2]
FIRST = 50  # earlier chapters list their works in the notebook only
CHAPTERS = sorted(
    int(path.stem[:2]) for path in (ROOT / "notebooks").glob("5[0-9]_*.ipynb")
)


def bullets(chapter):
    """Return the items of a chapter's references, each on one line."""
    (path,) = (ROOT / "notebooks").glob(f"{chapter:02}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    text = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
    part = text.split("## References")[1]
    items = re.split(r"^- ", part, flags=re.MULTILINE)[1:]
    return [" ".join(item.split()) for item in items]


def faults(works):
    """Say what can't be right in the works of a file."""
    titles = [work.title.casefold() for work in works]
    yield from (f"{t}: twice" for t in set(titles) if titles.count(t) > 1)
    for work in works:
        if not 1936 <= work.year <= 2026:
            yield f"{work.title}: the year {work.year}"
        if not re.fullmatch(r"https://[\w.-]+\.\w+/\S*", work.address):
            yield f"{work.title}: {work.address!r} is no address"
        if len(work.record.split()) < 3:
            yield f"{work.title}: the record {work.record!r} says too little"
        if not re.search(r"\w{2}", work.authors):
            yield f"{work.title}: no authors"
        for name in ("authors", "title", "venue", "address", "record", "why"):
            text = getattr(work, name)
            if text != " ".join(text.split()):
                yield f"{work.title}: spaces in {name}"


def unmatched(items, works):
    """Say which items have no work and which works no item."""
    for item in items:
        cites_a_work = "“" in item or "https://" in item
        found = [
            work
            for work in works
            if f"“{work.title}”" in item and work.address in item
        ]
        if cites_a_work and len(found) != 1:
            yield f"no row with title and address of: {item}"
    for work in works:
        found = [item for item in items if f"“{work.title}”" in item]
        if len(found) != 1:
            yield f"{len(found)} items with “{work.title}”"


@pytest.mark.parametrize("chapter", cited_chapters())
def test_nothing_is_wrong_with_a_file(chapter):
    assert list(faults(references(chapter))) == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_cites_what_was_checked_and_nothing_else(chapter):
    assert list(unmatched(bullets(chapter), references(chapter))) == []


def test_each_file_belongs_to_a_chapter():
    assert set(cited_chapters()) <= set(CHAPTERS)
    assert min(CHAPTERS) >= FIRST


def test_the_reading_list_says_why():
    works = [work for work in references(56) if work.why]
    assert 15 <= len(works) <= 25
    text = reading_list(56)
    assert max(map(len, text.splitlines())) <= 79
    flat = " ".join(text.split())
    assert all(work.why in flat for work in works)
    years = [int(y) for y in re.findall(r"^(\d{4})  ", text, re.MULTILINE)]
    assert years == sorted(work.year for work in works)


HEAD = "authors,title,venue,year,address,record\n"
ROW = "A. Bee,On X,Y,2020,https://x.org/a,BibTeX entry in Z\n"


def write(tmp_path, text, name="57"):
    (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    return tmp_path


def test_a_file_without_reasons_is_read(tmp_path):
    (work,) = references(57, write(tmp_path, HEAD + ROW))
    assert (work.authors, work.year, work.why) == ("A. Bee", 2020, "")
    write(tmp_path, HEAD, "08")
    assert cited_chapters(tmp_path) == [8, 57]
    assert list(faults([work])) == []
    item = "A. Bee, “On X”, 2020: https://x.org/a"
    assert list(unmatched([item, "Sources: `tables/`."], [work])) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("2020", "1935", "the year 1935"),
        ("2020", "2027", "the year 2027"),
        ("https", "http", "is no address"),
        ("BibTeX entry in Z", "checked", "says too little"),
        ("A. Bee", "?", "no authors"),
        ("On X", "On  X", "spaces in title"),
        (ROW, ROW + ROW, "twice"),
    ],
)
def test_a_wrong_row_is_found(tmp_path, old, new, fault):
    works = references(57, write(tmp_path, HEAD + ROW.replace(old, new)))
    assert any(fault in found for found in faults(works))


@pytest.mark.parametrize(
    "item",
    [
        "A. Bee, “On Y”, 2020: https://x.org/a",
        "A. Bee, “On X”, 2020: https://x.org/b",
        "B. C: https://y.org/",
    ],
)
def test_an_item_that_was_not_checked_is_found(tmp_path, item):
    works = references(57, write(tmp_path, HEAD + ROW))
    right = "A. Bee, “On X”, 2020: https://x.org/a"
    assert any("no row" in found for found in unmatched([item], works))
    assert any("0 items" in found for found in unmatched([], works))
    assert any("2 items" in f for f in unmatched([right, right], works))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD.replace("venue", "where") + ROW, "57.csv: the columns must be"),
        (HEAD + ROW.replace("2020", "2020a"), "line 2: '2020a' is no year"),
        (HEAD + ROW.replace("On X", ""), r"line 2: cells are missing.*title"),
        (HEAD + ROW.replace(",2020", ""), "line 2: cells are missing"),
        (HEAD + ROW.replace("\n", ",more\n"), "line 2: cells are missing or"),
    ],
)
def test_a_file_of_another_shape(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        references(57, write(tmp_path, text))


def test_the_files_come_with_the_package():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert '"references/*"' in text
    assert '"glossary.csv"' in text
    assert module.FOLDER.is_dir()
