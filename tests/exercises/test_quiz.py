"""The quizzes: their questions, what a page shows, and what is kept."""

import re
from collections import Counter
from html import unescape
from pathlib import Path

import nbformat
import pytest

from gpu_course.exercises import passed, quiz

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
NAME = "10_first_kernels"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path))
    return tmp_path


def answer_key(chapter):
    """Return the place of the right answer to each question."""
    return [
        [answer["correct"] for answer in asked["answers"]].index(True)
        for asked in quiz.questions(chapter)
    ]


def test_each_chapter_has_one_and_no_other():
    assert quiz.chapters() == CHAPTERS


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_chapter_shows_it_under_its_heading(chapter):
    cells = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", 4).cells
    shown = [i for i, cell in enumerate(cells) if "show_quiz(" in cell.source]
    (place,) = shown
    assert f'show_quiz("{chapter}")' in cells[place].source
    assert cells[place - 1].source.endswith("## Quiz")
    assert "<details>" not in cells[-1].source
    (output,) = cells[place].outputs
    assert output.data["text/html"] == quiz.show_quiz(chapter).as_html()


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_option_explains_itself(chapter):
    asked = quiz.questions(chapter)
    assert 3 <= len(asked) <= 8
    assert len({q["question"] for q in asked}) == len(asked)
    for question in asked:
        assert set(question) == {"question", "answers"}
        answers = question["answers"]
        assert len(answers) >= 3
        assert sum(a["correct"] for a in answers) == 1
        texts = [a["answer"] for a in answers]
        assert len(set(texts)) == len(texts)
        for answer in answers:
            assert set(answer) == {"answer", "correct", "feedback"}
            assert len(answer["feedback"].split()) >= 4
            # The page puts "✓" before a right one and "✗ Wrong." else.
            assert answer["feedback"].startswith("Yes") == answer["correct"]
        told = [a["feedback"] for a in answers]
        assert len(set(told)) == len(told)


def test_the_right_answer_isn_t_always_the_longest():
    asked = [q for chapter in CHAPTERS for q in quiz.questions(chapter)]
    longest = [
        max(q["answers"], key=lambda a: len(a["answer"])) for q in asked
    ]
    assert sum(a["correct"] for a in longest) <= 0.6 * max(1, len(asked))


def test_the_order_is_fixed_and_gives_nothing_away():
    """Also where the file begins each question with the right answer."""
    places = Counter()
    for chapter in CHAPTERS:
        for asked in quiz.questions(chapter):
            answers = sorted(asked["answers"], key=lambda a: not a["correct"])
            again = quiz._shuffled(asked["question"], answers)
            assert again == asked["answers"]
            place = [a["correct"] for a in again].index(True)
            places[len(answers), place] += 1
    for count in (3, 4):
        found = [places[count, place] for place in range(count)]
        assert max(found) <= 2 * min(found) + 2, found


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_without_a_kernel_everything_can_be_read(chapter):
    data, _ = quiz.show_quiz(chapter)._repr_mimebundle_()
    html = data["text/html"]
    assert "<script" not in html
    assert "http" not in html
    text = unescape(re.sub(r"<[^>]+>", "", html))
    asked = quiz.questions(chapter)
    for question in asked:
        assert question["question"] in text
        for answer in question["answers"]:
            sign = "✓ " if answer["correct"] else "✗ Wrong. "
            told = f"{answer['answer']}\n{sign}{answer['feedback']}"
            assert told in text
    assert html.count("<details>") == sum(len(q["answers"]) for q in asked)
    assert str(len(asked)) in data["text/plain"]


def test_answers_from_the_page_are_kept():
    shown, key = quiz.show_quiz(NAME), answer_key(NAME)
    texts = [asked["question"] for asked in quiz.questions(NAME)]
    assert passed.answered(NAME) == {}
    wrong = 1 if key[1] == 0 else 0
    for tried in (
        [[key[0]], [], [], [], []],
        [[key[0]], [wrong], [], [], []],
        [[key[0]], [wrong, key[1]], [], [], []],
        [[key[0], key[0] ^ 1], [wrong, key[1]], [], [], []],
    ):
        shown.set_state({"tried": tried})  # as a comm does
    found = passed.answered(NAME)
    assert set(found) == set(texts[:2])
    assert found[texts[0]]["first_try"]
    assert not found[texts[1]]["first_try"]
    assert all(entry["right"] for entry in found.values())


def test_a_wrong_answer_is_kept_as_such_when_the_cell_is_run_again():
    key, texts = answer_key(NAME), quiz.questions(NAME)
    wrong = 1 if key[0] == 0 else 0
    for choice in (wrong, key[0]):
        shown = quiz.show_quiz(NAME)
        assert shown.tried == [[] for _ in texts]
        shown.set_state({"tried": [[choice], [], [], [], []]})
    entry = passed.answered(NAME)[texts[0]["question"]]
    assert not entry["first_try"]
    assert entry["right"]


def test_a_chapter_without_one_is_an_error():
    with pytest.raises(ValueError, match="no quiz for '99_none'"):
        quiz.questions("99_none")
