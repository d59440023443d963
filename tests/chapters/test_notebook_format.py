"""Every notebook is stored executed, in canonical form, within its limits."""

import ast
import re
import statistics
import warnings
from pathlib import Path

import nbformat
import pytest
from nbconvert.exporters import ScriptExporter

from gpu_course.course.notebooks import canonical

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
TAGS = {"nbval-ignore-output", "kernel-fails"}

each_notebook = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS]
)


def warn(text):
    warnings.warn(text, stacklevel=2)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def prose(path):
    cells = read(path).cells
    return "\n\n".join(c.source for c in cells if c.cell_type == "markdown")


def test_there_are_notebooks():
    assert (ROOT / "notebooks" / "00_start_here.ipynb") in NOTEBOOKS


@each_notebook
def test_name_is_number_and_topic(path):
    assert re.fullmatch(r"\d\d_[a-z0-9]+(_[a-z0-9]+)*", path.stem)


@each_notebook
def test_bytes_are_canonical(path):
    assert path.read_text(encoding="utf-8") == canonical(read(path))


@each_notebook
def test_its_script_is_one_of_python(path):
    text, resources = ScriptExporter().from_filename(str(path))
    assert resources["output_extension"] == ".py"
    compile(text, path.stem, "exec")


@each_notebook
def test_ids_are_unique_and_valid(path):
    notebook = read(path)
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@each_notebook
def test_executed_in_order_from_a_fresh_kernel(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_no_output_is_an_error_or_a_warning(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text


@each_notebook
def test_no_output_names_a_path_or_an_address(path):
    for cell in code_cells(path):
        text = str(cell.outputs)
        assert not re.search(r"/home/|/[r]oot/|/Users/|/tmp/|site-pack", text)
        assert "object at 0x" not in text


def asserted_times(source):
    """Return the names of times and their ratios that assertions look at."""
    return [
        name
        for statement in ast.walk(ast.parse(source))
        if isinstance(statement, ast.Assert)
        for node in ast.walk(statement)
        for name in (getattr(node, "id", None), getattr(node, "attr", None))
        if re.fullmatch(r"(.*_)?([mun]?s|seconds|times|ratios?)", name or "")
    ]


def test_asserted_times_are_found():
    assert asserted_times("assert loop_s > 10 * t.median_s") == [
        "loop_s",
        "median_s",
    ]
    assert asserted_times("assert 5 < ratio\nprint(call_ns)") == ["ratio"]
    assert asserted_times("assert (m @ m == 1024).all()") == []


@each_notebook
def test_no_busy_machine_stops_a_chapter(path):
    for cell in code_cells(path):
        assert asserted_times(cell.source) == [], cell.source


@each_notebook
def test_cells_are_small(path):
    lines = [len(cell.source.splitlines()) for cell in code_cells(path)]
    assert 0 < min(lines)
    assert max(lines) <= 25
    if statistics.median(lines) > 5:
        warn(f"{path.name}: half of the cells have over 5 lines")


@each_notebook
def test_a_chapter_can_be_read_in_a_session(path):
    """A warning: a good sentence more must not fail."""
    words, cells = len(prose(path).split()), len(code_cells(path))
    if not (1000 <= words <= 2500 and 15 <= cells <= 45):
        warn(f"{path.name} has {words} words, {cells} code cells")


@each_notebook
def test_few_cells_are_ignored_and_none_skipped(path):
    tags = [cell.metadata.get("tags", []) for cell in code_cells(path)]
    assert {tag.split(":")[0] for cell in tags for tag in cell} <= TAGS
    assert sum(map(bool, tags)) <= 0.15 * len(tags)


@each_notebook
def test_chapter_has_its_parts(path):
    text = prose(path)
    assert text.startswith("# ")
    for part in (
        "**You will be able to**",
        "**You need**",
        "**It takes**",
        "## Try it",
        "## Recap",
        "## Quiz",
        "## References",
    ):
        assert text.count(part) == 1, part


@each_notebook
def test_links_lead_to_files(path):
    for link in re.findall(r"\]\(([^)#]+)\)", prose(path)):
        if "://" not in link:
            assert (path.parent / link).is_file(), link


def test_sanitising_rules_are_few():
    text = (ROOT / "tests" / "nbval_sanitize.cfg").read_text()
    assert text.count("regex:") <= 8
