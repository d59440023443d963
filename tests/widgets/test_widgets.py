"""What all widgets have in common: the page side, and the stored form."""

import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import nbformat
import pytest

from gpu_course.course.notebooks import WIDGET, canonical
from gpu_course.exercises import quiz
from gpu_course.explorers import controls
from gpu_course.widgets import base, sketch_pad

ROOT = Path(__file__).parents[2]
WIDGETS = {
    "explorer": controls.Explorer,
    "quiz": quiz.Quiz,
    "sketch": sketch_pad.SketchPad,
}

each_widget = pytest.mark.parametrize("name", WIDGETS)


def test_these_are_all():
    assert set(base.CourseWidget.__subclasses__()) == set(WIDGETS.values())
    files = {path.stem for path in base.FOLDER.glob("*.js")}
    assert files == {*WIDGETS, "shared"}


@each_widget
def test_the_page_side_asks_nobody_for_anything(name):
    sent = f"{WIDGETS[name]._esm}{WIDGETS[name]._css}"
    for word in (
        "http",
        "//cdn",
        "import(",
        "fetch(",
        "XMLHttp",
        "WebSocket",
        "url(",
        "@import",
        "eval(",
        "innerHTML",
    ):
        assert word not in sent, word
    assert not re.search(r"^\s*import\b", sent, re.MULTILINE)
    assert len(sent) < 12_000


@each_widget
def test_keys_stay_in_the_widget(name):
    """In a browser, tests/chapters/test_browser.py proves it."""
    sent = str(WIDGETS[name]._esm)
    assert "data-lm-suppress-shortcuts" in sent
    assert sent.count("keepKeys(el)") == 2  # made, and called


@each_widget
@pytest.mark.skipif(not shutil.which("node"), reason="no node here")
def test_the_page_side_is_a_module(name, tmp_path):
    path = tmp_path / "side.mjs"
    path.write_text(str(WIDGETS[name]._esm), encoding="utf-8")
    done = subprocess.run(["node", "--check", path], capture_output=True)
    assert done.returncode == 0, done.stderr


def test_a_stored_notebook_has_the_form_for_pages_without_a_kernel():
    data, _ = sketch_pad.SketchPad()._repr_mimebundle_()
    assert WIDGET in data
    cell = nbformat.v4.new_code_cell(
        outputs=[nbformat.v4.new_output("display_data", data=data)]
    )
    text = canonical(nbformat.v4.new_notebook(cells=[cell]))
    (stored,) = nbformat.reads(text, 4).cells[0].outputs
    assert set(stored.data) == {"text/plain", "text/html"}


def test_each_file_of_the_package_is_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tools = project["tool"]["setuptools"]["package-data"]
    patterns = [
        f"{room.replace('.', '/')}/{pattern}"
        for room, patterns in tools.items()
        for pattern in patterns
    ]
    listed = subprocess.run(
        ["git", "ls-files", "gpu_course"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in listed:
        if not name.endswith((".py", "README.md")):
            assert any(fnmatch(name, pattern) for pattern in patterns), name
