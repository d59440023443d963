"""Progress is kept, survives damage, and is never needed."""

import datetime
import json
import re

import pytest

from gpu_course import cli
from gpu_course.exercises import catalogue, check, passed, quiz, show_progress


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path))
    return tmp_path


AXPY = next(e for e in catalogue() if e.name == "axpy")


def test_only_what_passes_is_noted():
    check("axpy", AXPY.load(AXPY.starter))
    assert passed.passed() == {}
    check("axpy", AXPY.load(AXPY.solution))
    assert list(passed.passed()) == ["axpy"]


def test_the_first_day_stays(folder):
    content = {"version": 1, "passed": {"axpy": "2020-01-02"}}
    (folder / "progress.json").write_text(json.dumps(content))
    passed.note_passed("axpy")
    passed.note_passed("blocks_for")
    assert passed.passed()["axpy"] == "2020-01-02"
    assert len(passed.passed()) == 2


def test_what_a_later_version_knows_is_kept():
    """Also exercises that this version of the course doesn't have."""
    passed.note_passed("of_another_version")
    passed.note_passed("axpy")
    assert set(passed.passed()) == {"of_another_version", "axpy"}
    rows = show_progress().exercises.values()
    names = [name for exercises in rows for name, _ in exercises]
    assert names == [e.name for e in catalogue()]


def test_what_another_version_wrote_is_kept(folder):
    entry = {"first_try": True, "right": "2020-01-02", "seconds": 3}
    content = {
        "version": 7,
        "passed": {},
        "quizzes": {"10_first_kernels": {"old question": entry}},
        "notes": ["mine"],
    }
    (folder / "progress.json").write_text(json.dumps(content))
    passed.note_passed("axpy")
    passed.note_answer("10_first_kernels", "new question", False)
    kept = json.loads((folder / "progress.json").read_text())
    assert list(kept.pop("passed")) == ["axpy"]
    asked = kept["quizzes"]["10_first_kernels"]
    new = asked.pop("new question")
    assert new == {"first_try": False, "right": None}
    assert kept == {k: v for k, v in content.items() if k != "passed"}


def test_a_file_of_version_1_is_read_and_becomes_one_of_2(folder):
    content = {"version": 1, "passed": {"axpy": "2020-01-02"}}
    (folder / "progress.json").write_text(json.dumps(content))
    assert passed.answered("10_first_kernels") == {}
    passed.note_answer("10_first_kernels", "a question", True)
    kept = json.loads((folder / "progress.json").read_text())
    assert kept["version"] == passed.VERSION == 2
    assert kept["passed"] == content["passed"]


def test_the_first_try_and_the_first_right_day_stay(folder):
    chapter, today = "10_first_kernels", datetime.date.today().isoformat()
    for right in (False, True, False):
        passed.note_answer(chapter, "q", right)
    found = passed.answered(chapter)
    assert found == {"q": {"first_try": False, "right": today}}
    text = (folder / "progress.json").read_text()
    (folder / "progress.json").write_text(text.replace(today, "2020-01-02"))
    passed.note_answer(chapter, "q", True)
    assert passed.answered(chapter)["q"]["right"] == "2020-01-02"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"passed": 3}',
        b'{"passed": {}, "version": "x"}',
        b'{"passed": {}, "quizzes": []}',
        b'{"passed": {}, "quizzes": {"10_first_kernels": {"q": 1}}}',
        b'{"passed": {}, "quizzes": {"10_first_kernels": {"q": {}}}}',
    ],
)
def test_a_damaged_file_is_set_aside(folder, content):
    (folder / "progress.json").write_bytes(content)
    assert passed.passed() == {}
    assert passed.answered("10_first_kernels") == {}
    aside = list(folder.glob("progress-damaged-*.json"))
    assert [path.read_bytes() for path in aside] == [content]
    passed.note_passed("axpy")
    assert list(passed.passed()) == ["axpy"]


def test_a_folder_that_can_t_be_written_costs_nothing(monkeypatch):
    def refuse(path, content):
        raise OSError("read-only")

    monkeypatch.setattr(passed, "write_atomically", refuse)
    assert check("axpy", AXPY.load(AXPY.solution)).passed


def test_the_command(capsys):
    passed.note_passed("axpy")
    assert cli.main(["progress"]) == 0
    printed = capsys.readouterr().out
    assert "axpy" in printed
    assert "not yet" in printed or len(catalogue()) == 1
    assert cli.main(["progress", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = told["exercises"]["10_first_kernels"]
    assert dict(map(tuple, rows))["axpy"]
    assert set(told["quizzes"]) == set(quiz.chapters())


def test_answers_are_shown(capsys):
    texts = [q["question"] for q in quiz.questions("11_memory")]
    passed.note_answer("11_memory", texts[0], True)
    passed.note_answer("11_memory", texts[1], False)
    passed.note_answer("11_memory", texts[1], True)
    passed.note_answer("11_memory", texts[2], False)
    passed.note_answer("11_memory", "a question of another version", True)
    counts = f"2/{len(texts)}, 1 at the first try"
    assert counts in show_progress()._repr_html_()
    assert cli.main(["progress"]) == 0
    (line,) = re.findall(r"^11_memory .*", capsys.readouterr().out, re.M)
    assert line.endswith(f"quiz {counts}")
    assert cli.main(["progress", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["quizzes"]["11_memory"]
    assert [row[0] for row in rows] == texts
    assert [row[1] for row in rows[:4]] == [True, False, False, None]
    assert [bool(row[2]) for row in rows[:4]] == [True, True, False, False]


def test_it_shows_in_a_notebook():
    passed.note_passed("axpy")
    html = show_progress()._repr_html_()
    for chapter in quiz.chapters():
        assert chapter in html
    assert html.count("●") == 1


def test_what_a_file_says_is_shown_as_text():
    """The file may have been edited, or come from somebody else."""
    evil = "2026' onmouseover='alert(1)'><img src=x onerror=alert(2)>"
    shown = passed.Progress(
        {"<b>": [("<i>", evil)]}, {"<b>": [("<u>", True, evil)]}
    )
    html = shown._repr_html_()
    for tag in ("<b>", "<i>", "<u>", "<img", "' onmouseover"):
        assert tag not in html
