"""Each exercise stands in its chapter, word for word, with its check."""

import ast
from pathlib import Path

import nbformat
import pytest

from gpu_course.exercises import catalogue

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def body(source):
    """Return a source text without its imports, which the notebook has."""
    ends = [
        node.end_lineno
        for node in ast.parse(source).body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    last = max(ends, default=0)
    return "\n".join(source.splitlines()[last:]).strip()


@pytest.mark.parametrize(
    "exercise", catalogue(), ids=[e.name for e in catalogue()]
)
def test_it_stands_in_its_chapter(exercise):
    path = NOTEBOOKS / f"{exercise.chapter}.ipynb"
    cells = nbformat.read(path, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    starts = [
        i
        for i, c in enumerate(code)
        if c.source.strip() == body(exercise.starter)
    ]
    assert len(starts) == 1
    call = f'check("{exercise.name}", {exercise.name})'
    checks = [i for i, c in enumerate(code) if call in c.source]
    assert checks == [starts[0] + 1]
    shown = str(code[checks[0]].outputs)
    assert "not yet" in shown
