import random

import pytest

from gpu_course import quiz

CHAPTERS = sorted(p.stem for p in quiz.FOLDER.glob("*.json"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_option_explains_itself(chapter):
    asked = quiz.questions(chapter)
    assert 3 <= len(asked) <= 8
    for question in asked:
        answers = question["answers"]
        assert len(answers) >= 3
        assert sum(a["correct"] for a in answers) == 1
        texts = [a["answer"] for a in answers]
        assert len(set(texts)) == len(texts)
        for answer in answers:
            assert len(answer["feedback"].split()) >= 4
        told = [a["feedback"] for a in answers]
        assert len(set(told)) == len(told)


def test_the_right_answer_isn_t_always_the_longest():
    asked = [q for chapter in CHAPTERS for q in quiz.questions(chapter)]
    longest = [max(q["answers"], key=lambda a: len(a["answer"]))
               for q in asked]  # fmt: skip
    assert sum(a["correct"] for a in longest) <= 0.6 * max(1, len(asked))


def test_the_output_is_the_same_each_time(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr("jupyterquiz.dynamic.display.display", shown.append)
    before = random.getstate()
    for chapter in CHAPTERS[:1] * 2:
        quiz.show_quiz(chapter)
    assert random.getstate() == before
    assert len(shown) == 4
    assert [d.data for d in shown[:2]] == [d.data for d in shown[2:]]


def test_a_chapter_without_one_is_an_error():
    with pytest.raises(ValueError, match="no quiz for '99_none'"):
        quiz.questions("99_none")
