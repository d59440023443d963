"""The glossary: each term stands where it says, and can be found."""

import re
from pathlib import Path

import nbformat
import pytest

from gpu_course.course.glossary import Term, Terms, find_term, glossary

ROOT = Path(__file__).parents[2]
TERMS = glossary()


def prose(path):
    """Return a chapter's text without charts, its map and its references."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
    text = re.sub(r"```mermaid.*?```", "", text, flags=re.DOTALL)
    text = text.split("## References")[0]
    return re.sub(r"^\|.*\.ipynb\).*$", "", text, flags=re.MULTILINE)


PROSE = {
    int(path.stem[:2]): prose(path)
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
}


def stands_in(term, text):
    pattern = rf"(?<!\w){re.escape(term)}(?:s|es)?(?!\w)"
    return re.search(pattern, text) is not None


@pytest.mark.parametrize("term", TERMS, ids=[t.term for t in TERMS])
def test_a_term_stands_in_its_chapter_and_not_before(term):
    assert stands_in(term.term, PROSE[term.chapter])
    before = [
        chapter
        for chapter, text in PROSE.items()
        if chapter < term.chapter and stands_in(term.term, text)
    ]
    assert before == [], f"{term.term} first stands in chapter {before[0]}"


def test_the_terms_are_many_and_each_is_there_once():
    assert len(TERMS) >= 60
    for name in ("term", "chinese"):
        values = [getattr(t, name).casefold() for t in TERMS]
        assert len(set(values)) == len(values)
    names = [t.term.casefold() for t in TERMS]
    assert names == sorted(names)


@pytest.mark.parametrize("term", TERMS, ids=[t.term for t in TERMS])
def test_a_meaning_is_one_sentence(term):
    assert re.search(r"[一-鿿]", term.chinese)
    assert re.fullmatch(r"[A-Z].*[^.]\.", term.meaning)
    assert 3 <= len(term.meaning.split()) <= 25


def test_terms_are_found_in_both_languages_and_in_the_meaning():
    assert find_term("WARP")[0].term == "warp"
    assert "warp" in [t.term for t in find_term("线程束")]
    assert "lane" in [t.term for t in find_term("warp")]
    assert find_term("no such term") == ()
    few = (
        Term("b", "乙", "It follows a.", 1),
        Term("a", "甲", "It comes first.", 1),
    )
    assert [t.term for t in find_term(" A ", few)] == ["a", "b"]
    with pytest.raises(ValueError, match="needs some text"):
        find_term("  ")


def test_a_table_is_shown_and_escaped():
    shown = Terms([Term("a<b", "甲", "It is so.", 7)])
    html = shown._repr_html_()
    assert "a&lt;b" in html
    assert "<td>07</td>" in html
    assert str(shown) == "a<b (甲), chapter 07: It is so."
    assert len(TERMS._repr_html_().split("<tr>")) == len(TERMS) + 2
