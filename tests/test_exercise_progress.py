"""Progress is kept, survives damage, and is never needed."""

import json

import pytest

from gpu_course import cli
from gpu_course.exercises import catalogue, check, progress, show_progress


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path))
    return tmp_path


AXPY = next(e for e in catalogue() if e.name == "axpy")


def test_only_what_passes_is_noted():
    check("axpy", AXPY.load(AXPY.starter))
    assert progress.passed() == {}
    check("axpy", AXPY.load(AXPY.solution))
    assert list(progress.passed()) == ["axpy"]


def test_the_first_day_stays(folder):
    content = {"version": 1, "passed": {"axpy": "2020-01-02"}}
    (folder / "progress.json").write_text(json.dumps(content))
    progress.note_passed("axpy")
    progress.note_passed("blocks_for")
    assert progress.passed()["axpy"] == "2020-01-02"
    assert len(progress.passed()) == 2


def test_what_a_later_version_knows_is_kept():
    """Also exercises that this version of the course doesn't have."""
    progress.note_passed("of_another_version")
    progress.note_passed("axpy")
    assert set(progress.passed()) == {"of_another_version", "axpy"}
    names = [n for rows in show_progress().chapters.values() for n, _ in rows]
    assert names == [e.name for e in catalogue()]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"\xff\xfe", b'{"passed": 3}']
)
def test_a_damaged_file_is_set_aside(folder, content):
    (folder / "progress.json").write_bytes(content)
    assert progress.passed() == {}
    aside = list(folder.glob("progress-damaged-*.json"))
    assert [path.read_bytes() for path in aside] == [content]
    progress.note_passed("axpy")
    assert list(progress.passed()) == ["axpy"]


def test_a_folder_that_can_t_be_written_costs_nothing(monkeypatch):
    def refuse(path, content):
        raise OSError("read-only")

    monkeypatch.setattr(progress, "write_atomically", refuse)
    assert check("axpy", AXPY.load(AXPY.solution)).passed


def test_the_command(capsys):
    progress.note_passed("axpy")
    assert cli.main(["progress"]) == 0
    printed = capsys.readouterr().out
    assert "axpy" in printed
    assert "not yet" in printed or len(catalogue()) == 1
    assert cli.main(["progress", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["10_first_kernels"]
    assert dict(map(tuple, rows))["axpy"]


def test_it_shows_in_a_notebook():
    progress.note_passed("axpy")
    html = show_progress()._repr_html_()
    assert "10_first_kernels" in html
    assert "●" in html
