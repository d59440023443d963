"""Every kernel of the course compiles for real GPUs; what doesn't is said."""

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gpu_course import cli
from gpu_course.course import kernel_listing, workspace
from gpu_course.course.kernel_rows import compile_rows
from gpu_course.cuda import compiler

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    compiler.missing() is not None, reason=str(compiler.missing())
)

AXPY = """\
@cuda.jit
def axpy(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] += a * x[i]
"""
BAD = """\
@cuda.jit("void(float32[::1])")
def bad(x):
    x[0] = "text"
"""
CLOSURE = """\
def scaled_by(factor):
    @cuda.jit("void(float32[:])")
    def scale(x):
        x[cuda.grid(1)] *= factor
    return scale

kernels = [scaled_by(2), scaled_by(3)]
"""
IMPORT = "import numpy as np\nfrom gpu_course import cuda"
LAUNCH = "x = np.ones(40, np.float32)\naxpy[2, 32](2, x, x)"


def cell(source, *tags):
    return new_code_cell(source, metadata={"tags": list(tags)})


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with no package's kernels and the notebook it is given."""
    (tmp_path / "gpu_course").mkdir()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(workspace, "course_root", lambda: tmp_path)

    def write(*cells):
        notebook = new_notebook(cells=list(cells))
        path = tmp_path / "notebooks" / "10_kernels.ipynb"
        nbformat.write(notebook, path)
        return tmp_path

    return write


def test_every_kernel_of_the_package_compiles():
    """Those of the notebooks too: ``gpu-course kernels``, in .ci/run."""
    rows = [
        row
        for found in kernel_listing.package_kernels(ROOT / "gpu_course")
        for row in compile_rows(found, [(8, 0)])
    ]
    assert len(rows) > 60
    wrong = [row for row in rows if not row.ok]
    assert not wrong, kernel_listing.table(wrong)


def test_kernels_of_a_notebook_are_found_with_their_launches(course):
    root = course(
        new_markdown_cell("# Kernels"),
        cell(IMPORT),
        cell(AXPY),
        cell(LAUNCH),
        cell("axpy.trace[1, 32](np.float32(1), x, x)"),
        cell(CLOSURE),
        cell("1 / 0", "nbval-raises-exception"),
        cell(BAD, "kernel-fails: an array of numbers holds no text"),
    )
    rows = kernel_listing.list_kernels(root, ["7.5", 90])
    assert all(row.ok for row in rows)
    assert [(row.kernel, row.capability) for row in rows] == [
        (name, cc)
        for name in ("axpy", "axpy", "scale", "scale", "bad")
        for cc in ("7.5", "9.0")
    ]
    assert {row.where for row in rows if row.kernel == "axpy"} == {
        "10_kernels.ipynb, cell 3"
    }
    assert rows[0].types.startswith("int64, array(float32, 1d")
    assert rows[2].types.startswith("float32, ")
    assert all(row.resources.registers > 0 for row in rows[:8])

    said = kernel_listing.table(rows)
    assert "9.0 fails, as it should: an array of numbers holds" in said
    assert "3 kernels, 10 compilations, 0 not as they should be" in said


def test_what_is_wrong_is_named_and_fails_the_command(
    course, capsys, monkeypatch
):
    root = course(
        cell(IMPORT),
        cell(BAD),
        cell(AXPY),
        cell(CLOSURE, "kernel-fails: it doesn't"),
    )
    made = kernel_listing.list_kernels(root, [80])
    monkeypatch.setattr(kernel_listing, "list_kernels", lambda *given: made)
    assert cli.main(["kernels", "--cc", "80", "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    bad, axpy, scale, _ = rows
    assert not any(row["ok"] for row in rows)
    assert "setitem" in bad["error"]
    assert "launch it once" in axpy["error"]
    assert scale["error"] is None
    assert cli.main(["kernels", "--cc", "80"]) == 1
    said = capsys.readouterr().out
    assert "8.0 FAILS: " in said
    assert "setitem" in said
    assert "COMPILES, though tagged: it doesn't" in said


def test_a_cell_that_fails_is_named(course):
    (row,) = kernel_listing.list_kernels(
        course(cell(IMPORT), cell("cuda.jit(3)"))
    )
    assert not row.ok
    assert row.where == "10_kernels.ipynb"
    assert "cell 2 fails" in row.error


def test_a_notebook_without_kernels_is_not_run(course):
    assert kernel_listing.list_kernels(course(cell("1 / 0"))) == []


PACKAGE = """\
import numpy as np
from gpu_course import cuda

@cuda.jit
def fill(x):
    x[cuda.grid(1)] = 1

@cuda.jit("void(float32[::1])")
def wrong(x):
    x[0] = "text"

wrong.fails = "text is no number"

def rehearse():
    fill[1, 4](np.zeros(4, np.int32))
"""


def test_kernels_of_a_package_are_rehearsed(tmp_path, monkeypatch):
    folder = tmp_path / "some_package"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "exercise.py").write_text(PACKAGE)
    (folder / "broken.py").write_text("1 / 0  # not looked at")
    (folder / "user.py").write_text("from .exercise import fill  # jit")
    monkeypatch.syspath_prepend(tmp_path)
    found = kernel_listing.package_kernels(folder)
    assert [f.kernel.__name__ for f in found] == ["fill", "wrong"]
    assert {f.where for f in found} == {"some_package.exercise"}
    rows = [row for f in found for row in kernel_listing.compile_rows(f, [80])]
    assert rows[0].types.startswith("array(int32, 1d")
    assert rows[1].fails == "text is no number"
    assert all(row.ok for row in rows)


def test_capabilities_are_checked_before_anything_runs(course, capsys):
    course(cell(IMPORT), cell("cuda.jit(3)"))
    assert cli.main(["kernels", "--cc", "70"]) == 1
    assert "knows the compute capabilities" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["kernels", "--cc", "80,x"])
    assert "got 'x'" in capsys.readouterr().err


def test_without_the_compiler_it_is_an_error(course, monkeypatch, capsys):
    course(cell(IMPORT))
    monkeypatch.setattr(compiler, "missing", lambda: "there is none")
    assert cli.main(["kernels"]) == 1
    assert "there is none" in capsys.readouterr().err
