"""Execute the notebooks, store them in one canonical form, and test them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpu_course.common.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode


CELL_TIMEOUT_S = 280  # below a test's limit; a busy machine takes 120 s
WIDGET = "application/vnd.jupyter.widget-view+json"
LONG = ("31", "23", "30")  # chapters that take over a minute
PARALLEL = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
CELL_KEYS = ("tags",)
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    # What a Python kernel reports about itself, except its version. That
    # differs between machines, so only the reader's copy has it (`workspace`).
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
STRICT = {
    **{
        f"{library}_NUM_THREADS": "1"
        for library in ("OMP", "MKL", "OPENBLAS", "NUMBA")
    },
    "CUDA_VISIBLE_DEVICES": "",
    "GPU_COURSE_DEVICE": "cpu",
    "GPU_COURSE_CUDA": "",
}
# The libraries' settings: threads, instruction sets, the order of sums.
LIBRARIES = re.compile(
    "(ATEN|DNNL|GOMP|KMP|MKL|NPY|NUMBA|OMP|ONEDNN|OPENBLAS)_"
)


def strict_environment(folder: str | Path) -> dict[str, str]:
    """Return the environment for making and comparing stored outputs.

    It has one thread and no GPU, because the last digits of a sum depend on
    both. It has its own data folder, to leave the user's files alone.
    """
    return {**os.environ, **STRICT, **_apart(folder)}


def reader_environment(folder: str | Path, threads: int) -> dict[str, str]:
    """Return a reader's environment with this number of threads.

    It drops the settings that make runs repeatable: the course picks the
    device, and the libraries use all that the processor offers.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in STRICT and not LIBRARIES.match(name)
    }
    return {
        **kept,
        "OMP_NUM_THREADS": str(threads),
        # By default MKL starts no more threads than there are cores.
        "MKL_DYNAMIC": "FALSE",
        # A waiting thread releases its core. This changes no result, and
        # training next to other programs is eight times as fast.
        "OMP_WAIT_POLICY": "PASSIVE",
        **_apart(folder),
    }


def _apart(folder):
    return {
        "GPU_COURSE_DATA": str(folder),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def canonical(notebook: NotebookNode) -> str:
    """Return the text of a notebook without anything unnecessary.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Changed in place. Metadata are reduced to tags. Text that a progress
        bar overwrote is removed from the outputs, as on a screen. Widget
        ids are removed: another kernel can't use them, and they hide the
        static form that was stored for pages without a kernel.
    """
    import nbformat

    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {
                key: cell.metadata[key]
                for key in CELL_KEYS
                if key in cell.metadata
            }
        )
        if cell.cell_type == "code":
            cell.outputs = _merge_streams(cell.outputs)
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET, None)
    return nbformat.writes(notebook) + "\n"


def _merge_streams(outputs):
    """Join the pieces of each stream and apply carriage returns."""
    merged, streams = [], {}
    for output in outputs:
        if output.output_type == "stream":
            if output.name in streams:
                streams[output.name].text += output.text
                continue
            streams[output.name] = output
        merged.append(output)
    for output in streams.values():
        output.text = re.sub(r".*\r(?=[^\n])", "", output.text)
    return merged


def _chosen(root, numbers):
    paths = sorted((root / "notebooks").glob("*.ipynb"))
    if not numbers:
        return paths
    there = [path.name.split("_")[0] for path in paths]
    wanted = [number.zfill(2) for number in numbers]
    for number in wanted:
        if number not in there:
            raise ValueError(
                f"no chapter {number}; there are {', '.join(there)}"
            )
    return [path for path in paths if path.name.split("_")[0] in wanted]


def run_notebooks(
    root: Path, numbers: Sequence[str] = ()
) -> list[tuple[str, float]]:
    """Execute the notebooks in fresh kernels and store what they print.

    Parameters
    ----------
    root : Path
        The folder that holds ``notebooks/``.
    numbers : sequence of str
        Chapters such as ``"31"``; all if empty. If a notebook fails, its
        stored form stays unchanged.

    Returns
    -------
    list of (str, float)
        The name and the seconds of each notebook.

    Raises
    ------
    ValueError
        If there is no such chapter.
    RuntimeError
        If a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    paths = _chosen(root, numbers)
    times = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment = strict_environment(folder)
        for path in paths:
            started = time.perf_counter()
            notebook = nbformat.read(path, as_version=4)
            client = NotebookClient(
                notebook,
                timeout=CELL_TIMEOUT_S,
                kernel_name="python3",
                record_timing=False,
                resources={"metadata": {"path": str(path.parent)}},
            )
            try:
                client.execute(env=environment)
            except CellExecutionError as error:
                raise RuntimeError(f"{path.name} failed: {error}") from error
            write_atomically(path, canonical(notebook).encode())
            times.append((path.name, time.perf_counter() - started))
            print(f"{path.name:<32} {times[-1][1]:6.1f} s", flush=True)
    return times


def run_tests(root: Path, gpu: bool = False, extra: Sequence[str] = ()) -> int:
    """Run the linters and pytest with every notebook; return the exit code.

    Every notebook runs twice: once with one thread to compare its outputs,
    and once as a reader runs it.

    Parameters
    ----------
    gpu : bool
        Execute the notebooks on the GPU and do not compare their outputs,
        because the stored ones were made without a GPU.
    extra : sequence of str
        More arguments for pytest. If any, the reader's run is skipped.
    """
    if gpu:
        from gpu_course.common.device import pick_device

        if pick_device().type == "cpu":
            raise RuntimeError(
                "no GPU works here, or GPU_COURSE_DEVICE says cpu: "
                "'gpu-course doctor' says more"
            )
        chosen = ["notebooks", "tests/cuda/test_gpu.py", *extra]
        command = _pytest("--nbval-lax", *chosen)
        return subprocess.run(command, cwd=root).returncode
    sanitize = "--nbval-sanitize-with=tests/nbval_sanitize.cfg"
    ruff = [sys.executable, "-m", "ruff"]
    chapters = _longest_first(_chosen(root, ()))
    asked_for = extra or [*chapters, "tests"]
    commands = [
        [*ruff, "check", "."],
        [*ruff, "format", "--check", "."],
        *([] if extra else [[sys.executable, "-m", "mypy"]]),
        _pytest("--nbval", sanitize, *PARALLEL, *asked_for),
    ]
    codes = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment = strict_environment(folder)
        for command in commands:
            done = subprocess.run(command, cwd=root, env=environment)
            codes.append(done.returncode)
        if not extra:  # with the kernels that the first run has compiled
            codes.append(_run_as_reader(root, chapters, folder, threads=2))
    return next((code for code in codes if code), 0)  # negative if killed


def run_as_reader(
    root: Path, threads: int = 2, numbers: Sequence[str] = ()
) -> int:
    """Execute the notebooks as a reader would; return the exit code.

    It compares no outputs and stores nothing. It checks that no cell fails
    or takes too long, and that no kernel dies.

    Parameters
    ----------
    threads : int
        CPU threads of the libraries.
    numbers : sequence of str
        Chapters such as ``"31"``; all if empty.

    Raises
    ------
    ValueError
        If there is no such chapter.
    """
    paths = _longest_first(_chosen(root, numbers))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return _run_as_reader(root, paths, folder, threads)


def _run_as_reader(root, paths, folder, threads):
    environment = reader_environment(folder, threads)
    command = _pytest("--nbval-lax", *PARALLEL, *paths)
    return subprocess.run(command, cwd=root, env=environment).returncode


def _longest_first(paths):
    """Return the paths as text, with the long chapters first."""
    long = {number: place for place, number in enumerate(LONG)}
    in_turn = sorted(paths, key=lambda p: long.get(p.name[:2], len(LONG)))
    return list(map(str, in_turn))


def _pytest(*arguments):
    nbval = ["--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT_S}"]
    return [sys.executable, "-m", "pytest", *nbval, *arguments]
