"""Notebooks are stored in one form, and only if they ran."""

import copy
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ipykernel.ipkernel import IPythonKernel
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)
from nbval.plugin import coalesce_streams

from gpu_course.common import device
from gpu_course.course import notebooks
from gpu_course.course.notebooks import (
    canonical,
    reader_environment,
    run_as_reader,
    run_notebooks,
    run_tests,
    strict_environment,
)


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def stored(outputs):
    """Return the outputs that the canonical form has for these."""
    notebook = new_notebook(cells=[new_code_cell("1", outputs=outputs)])
    text = canonical(copy.deepcopy(notebook))
    return nbformat.reads(text, as_version=4).cells[0].outputs


def test_the_canonical_form_is_what_nbformat_writes(tmp_path):
    cells = [new_markdown_cell("é"), new_code_cell("print(1)")]
    text = canonical(new_notebook(cells=cells))
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.reads(text, as_version=4), path)
    assert path.read_text(encoding="utf-8") == text
    assert text.endswith("}\n")
    nbformat.validate(nbformat.reads(text, as_version=4))


def test_the_canonical_form_stays():
    cell = new_code_cell("1", outputs=[stream("1%\r2%\n"), stream("3")])
    text = canonical(new_notebook(cells=[cell]))
    assert canonical(nbformat.reads(text, as_version=4)) == text


def test_only_tags_and_the_kernel_stay_of_the_metadata():
    cell = new_code_cell("1")
    cell.metadata.update(tags=["solution"], collapsed=True, jupyter={})
    notebook = new_notebook(cells=[cell, new_markdown_cell("text")])
    notebook.metadata.update(widgets={}, kernelspec={"name": "mine"})
    notebook.nbformat_minor = 4
    ids = [cell.id for cell in notebook.cells]
    result = nbformat.reads(canonical(notebook), as_version=4)
    assert result.cells[0].metadata == {"tags": ["solution"]}
    assert result.cells[1].metadata == {}
    assert [cell.id for cell in result.cells] == ids
    assert set(result.metadata) == {"kernelspec", "language_info"}
    assert result.metadata.kernelspec.name == "python3"
    language = {**IPythonKernel.language_info}
    assert language.pop("version") not in canonical(notebook)
    assert result.metadata.language_info == language
    assert (result.nbformat, result.nbformat_minor) == (4, 5)


pieces = st.text(st.sampled_from("ab1%|\r\n"), max_size=12)


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), pieces)))
def test_streams_are_merged_as_nbval_compares_them(parts):
    outputs = [stream(text, name) for name, text in parts]
    expected = coalesce_streams(copy.deepcopy(outputs))
    assert notebooks._merge_streams(outputs) == expected


def test_of_a_progress_bar_only_the_last_state_stays():
    outputs = [stream(f"\r{done} of 3", "stderr") for done in range(4)]
    picture = new_output("display_data", {"text/plain": "<Figure>"})
    outputs.insert(2, picture)
    outputs.insert(1, stream("text\n"))
    assert stored(outputs) == [
        stream("3 of 3", "stderr"),
        stream("text\n"),
        picture,
    ]


@pytest.fixture
def root(tmp_path):
    """A course of one chapter that runs and one that fails."""
    code = (
        "import os\n"
        "from pathlib import Path\n"
        "print(os.environ['GPU_COURSE_DEVICE'], Path.cwd().name, flush=True)\n"
        "print(Path(os.environ['GPU_COURSE_DATA']).is_dir())"
    )
    good = new_notebook(cells=[new_code_cell(code), new_code_cell("2 + 3")])
    bad = new_notebook(
        cells=[new_code_cell("print(1)"), new_code_cell("1 / 0")]
    )
    (tmp_path / "notebooks").mkdir()
    nbformat.write(good, tmp_path / "notebooks" / "03_good.ipynb")
    nbformat.write(bad, tmp_path / "notebooks" / "04_bad.ipynb")
    return tmp_path


def test_what_ran_is_stored_and_what_failed_stays_as_it_was(
    root, monkeypatch, capsys
):
    monkeypatch.setenv("IPYTHONDIR", str(root / "ipython"))
    bad = root / "notebooks" / "04_bad.ipynb"
    before = bad.read_bytes()
    with pytest.raises(RuntimeError, match=r"(?s)04_bad\.ipynb.*ZeroDivision"):
        run_notebooks(root)
    assert bad.read_bytes() == before

    text = (root / "notebooks" / "03_good.ipynb").read_text()
    good = nbformat.reads(text, as_version=4)
    first, second = good.cells
    assert [cell.execution_count for cell in good.cells] == [1, 2]
    assert first.outputs == [stream("cpu notebooks\nTrue\n")]
    assert second.outputs[0].data == {"text/plain": "5"}
    assert first.metadata == {}
    assert canonical(good) == text
    assert re.match(r"03_good\.ipynb +\d+\.\d s", capsys.readouterr().out)


@pytest.mark.parametrize("number", ["3", "03"])
def test_chapters_are_chosen_by_number(root, number):
    chosen = notebooks._chosen(root, [number])
    assert [path.name for path in chosen] == ["03_good.ipynb"]


def test_all_chapters_run_if_none_is_named(root):
    names = [path.name for path in notebooks._chosen(root, ())]
    assert names == ["03_good.ipynb", "04_bad.ipynb"]


def test_an_unknown_chapter_lists_those_there(root):
    with pytest.raises(ValueError, match="no chapter 99; there are 03, 04"):
        run_notebooks(root, ["03", "99"])


def test_the_strict_environment_hides_gpus_and_pins_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setenv("KEPT", "yes")
    environment = strict_environment("folder")
    assert environment["KEPT"] == "yes"
    assert environment["GPU_COURSE_DATA"] == "folder"
    assert environment["GPU_COURSE_DEVICE"] == "cpu"
    assert environment["CUDA_VISIBLE_DEVICES"] == ""
    threads = {
        name: value
        for name, value in environment.items()
        if name.endswith("_NUM_THREADS")
    }
    assert threads["OMP_NUM_THREADS"] == "1"
    assert set(threads.values()) == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "8"


def test_a_readers_environment_has_nothing_of_the_strict_one(monkeypatch):
    for name in (
        "ATEN_CPU_CAPABILITY",
        "GPU_COURSE_DEVICE",
        "KEPT",
        "MKL_CBWR",
        "NPY_DISABLE_CPU_FEATURES",
        "OMP_THREAD_LIMIT",
        "ONEDNN_MAX_CPU_ISA",
        "OPENBLAS_CORETYPE",
    ):
        monkeypatch.setenv(name, "1")
    for name, value in strict_environment("strict").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("GPU_COURSE_BROWSER", raising=False)  # CI's own
    environment = reader_environment("folder", 4)
    assert environment.pop("GPU_COURSE_DATA") == "folder"
    assert environment.pop("OMP_NUM_THREADS") == "4"
    assert environment.pop("OMP_WAIT_POLICY") == "PASSIVE"
    assert environment.pop("MKL_DYNAMIC") == "FALSE"
    assert environment.pop("KEPT") == "1"
    assert not [
        name
        for name in environment
        if re.match("CUDA|GPU_COURSE|[A-Z]+_NUM_THREADS", name)
        or re.match("ATEN|MKL|NPY|OMP|ONEDNN|OPENBLAS", name)
    ]


READER = """
import os
from pathlib import Path

import torch

assert torch.get_num_threads() == 3, torch.get_num_threads()
assert "GPU_COURSE_DEVICE" not in os.environ
assert Path(os.environ["GPU_COURSE_DATA"]).is_dir()
"""


@pytest.fixture
def chapters(tmp_path, monkeypatch):
    """Have a course of these cells, one in each chapter."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))

    def make(*sources):
        folder = tmp_path / "notebooks"
        folder.mkdir()
        for number, source in enumerate(sources, 1):
            cell = new_code_cell(source, execution_count=1)
            cell.outputs = [stream("another output\n")]
            notebook = new_notebook(cells=[cell])
            nbformat.write(notebook, folder / f"0{number}_chapter.ipynb")
        return tmp_path

    return make


def test_the_threads_reach_the_readers_kernel(chapters, capfd):
    root = chapters(READER, READER.replace("== 3", "== 2"))
    assert run_as_reader(root, 3) == 1
    said = capfd.readouterr().out
    assert re.search(r"AssertionError\S*: 3\n", said)
    assert re.findall("FAILED (.*)::", said) == ["notebooks/02_chapter.ipynb"]


def test_a_readers_run_names_each_chapter_that_stops(
    chapters, capfd, monkeypatch
):
    monkeypatch.setattr(notebooks, "CELL_TIMEOUT_S", 5)
    root = chapters(
        "1 / 0",
        "print('stored otherwise')",
        "import os; os._exit(1)",
        "import time; time.sleep(60)",
    )
    before = [p.read_bytes() for p in sorted((root / "notebooks").iterdir())]
    assert run_as_reader(root) == 1
    said = capfd.readouterr().out
    assert sorted(re.findall("FAILED (.*)::", said)) == [
        f"notebooks/0{number}_chapter.ipynb" for number in (1, 3, 4)
    ]
    after = [p.read_bytes() for p in sorted((root / "notebooks").iterdir())]
    assert after == before


def test_a_readers_run_of_one_chapter(root, commands):
    assert run_as_reader(root, 8, ["4"]) == 0
    ((command, options),) = commands[0]
    assert {"--nbval-lax", "--nbval-current-env"} <= set(command)
    assert command[-1] == str(root / "notebooks" / "04_bad.ipynb")
    assert options["env"]["OMP_NUM_THREADS"] == "8"
    with pytest.raises(ValueError, match="no chapter 05; there are 03, 04"):
        run_as_reader(root, numbers=["5"])


@pytest.fixture
def commands(monkeypatch):
    """Let nothing run: the commands are listed, with the codes to give."""
    listed, codes = [], []

    def run(command, **options):
        listed.append((command, options))
        code = codes.pop(0) if codes else 0
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(notebooks.subprocess, "run", run)
    return listed, codes


def test_the_strict_run_checks_style_and_compares_outputs(root, commands):
    assert run_tests(root, extra=["-x"]) == 0
    (check, form, tests), options = zip(*commands[0], strict=True)
    assert check == [sys.executable, "-m", "ruff", "check", "."]
    assert form == [sys.executable, "-m", "ruff", "format", "--check", "."]
    assert tests[:3] == [sys.executable, "-m", "pytest"]
    assert {"--nbval", "--nbval-current-env"} <= set(tests)
    assert tests[-1] == "-x"
    for each in options:
        assert each["cwd"] == root
        assert each["env"]["GPU_COURSE_DEVICE"] == "cpu"


@pytest.mark.parametrize(
    "codes",
    [
        [1, 0, 0, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 0, 1, 0],
        [0, 0, 0, -9, 0],
        [0, 0, 0, 0, 1],
    ],
)
def test_any_failure_is_a_failure(root, commands, codes):
    commands[1].extend(codes)
    assert run_tests(root) != 0
    assert len(commands[0]) == 5
    assert [sys.executable, "-m", "mypy"] in [c for c, _ in commands[0]]


def test_every_notebook_runs_as_a_reader_runs_it_too(root, commands):
    assert run_tests(root) == 0
    command, options = commands[0][-1]
    assert "--nbval-lax" in command
    assert {Path(part).name for part in command[-2:]} == {
        "03_good.ipynb",
        "04_bad.ipynb",
    }
    assert options["env"]["OMP_NUM_THREADS"] == "2"
    assert "GPU_COURSE_DEVICE" not in options["env"]


def test_the_run_with_a_gpu_wants_one(root, commands, monkeypatch):
    cpu = SimpleNamespace(type="cpu")
    monkeypatch.setattr(device, "pick_device", lambda: cpu)
    with pytest.raises(RuntimeError, match="no GPU works here"):
        run_tests(root, gpu=True)
    assert commands[0] == []


@pytest.mark.parametrize("code", [0, 1])
def test_the_run_with_a_gpu_compares_no_outputs(
    root, commands, code, monkeypatch
):
    gpu = SimpleNamespace(type="cuda")
    monkeypatch.setattr(device, "pick_device", lambda: gpu)
    commands[1].append(code)
    assert run_tests(root, gpu=True) == code
    ((command, options),) = commands[0]
    assert "--nbval-lax" in command
    assert "--nbval" not in command
    assert "env" not in options
