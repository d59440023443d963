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


CELL_TIMEOUT_S = 280  # below the limit of a test; a busy machine needs 120
WIDGET = "application/vnd.jupyter.widget-view+json"
LONG = ("31", "23", "30")  # chapters that take a minute and more
PARALLEL = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
CELL_KEYS = ("tags",)
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    # All that a kernel of Python says of itself but its version, which is
    # another one elsewhere: the reader's copy gets it (`workspace`).
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
# What the libraries listen to: threads, instruction sets, the order of sums.
LIBRARIES = re.compile(
    "(ATEN|DNNL|GOMP|KMP|MKL|NPY|NUMBA|OMP|ONEDNN|OPENBLAS)_"
)


def strict_environment(folder: str | Path) -> dict[str, str]:
    """Return the environment in which stored outputs are made and compared.

    One thread and no GPU, since the last digits of a sum depend on both, and
    a data folder of its own, so that nothing of the user's is read or changed.
    """
    return {**os.environ, **STRICT, **_apart(folder)}


def reader_environment(folder: str | Path, threads: int) -> dict[str, str]:
    """Return the environment that a reader has, with so many threads.

    Nothing is left of what makes runs alike: the device is the one that the
    course picks, and the libraries use what the processor has.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in STRICT and not LIBRARIES.match(name)
    }
    return {
        **kept,
        "OMP_NUM_THREADS": str(threads),
        # Else no more threads than cores, whatever is asked for.
        "MKL_DYNAMIC": "FALSE",
        # A thread that waits gives its core away. No result depends on it,
        # and beside other programs a training is eight times as fast.
        "OMP_WAIT_POLICY": "PASSIVE",
        **_apart(folder),
    }


def _apart(folder):
    return {
        "GPU_COURSE_DATA": str(folder),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }


def canonical(notebook: NotebookNode) -> str:
    """Return the text of a notebook with nothing in it that is not needed.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Changed in place: metadata are cut down to tags, and what a progress
        bar overwrote is dropped from the outputs, as a screen would drop it.
        A widget's number means nothing to another kernel and hides the form
        that was stored for pages without one.
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
    """Join the pieces of each stream and apply its carriage returns."""
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
        Chapters such as ``"31"``; all if empty. A notebook whose execution
        fails keeps its stored form.

    Returns
    -------
    list of (str, float)
        Name and seconds of each.

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

    Every notebook runs twice: with one thread, its outputs compared, and as a
    reader runs it.

    Parameters
    ----------
    gpu : bool
        Execute the notebooks with the GPU in use and do not compare outputs,
        which were stored without one.
    extra : sequence of str
        More arguments for pytest. With any, there is no reader's run.
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
    everything = [*_longest_first(_chosen(root, ())), "tests"]
    commands = [
        [*ruff, "check", "."],
        [*ruff, "format", "--check", "."],
        [sys.executable, "-m", "mypy"],
        _pytest("--nbval", sanitize, *PARALLEL, *(extra or everything)),
    ]
    codes = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment = strict_environment(folder)
        for command in commands:
            done = subprocess.run(command, cwd=root, env=environment)
            codes.append(done.returncode)
    if not extra:
        codes.append(run_as_reader(root))
    return next((code for code in codes if code), 0)  # killed: negative


def run_as_reader(
    root: Path, threads: int = 2, numbers: Sequence[str] = ()
) -> int:
    """Execute the notebooks as a reader would; return the exit code.

    No output is compared, and nothing is stored: no cell may fail or take too
    long, and no kernel may die.

    Parameters
    ----------
    threads : int
        For the libraries on the CPU.
    numbers : sequence of str
        Chapters such as ``"31"``; all if empty.

    Raises
    ------
    ValueError
        If there is no such chapter.
    """
    paths = _longest_first(_chosen(root, numbers))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        environment = reader_environment(folder, threads)
        command = _pytest("--nbval-lax", *PARALLEL, *paths)
        return subprocess.run(command, cwd=root, env=environment).returncode


def _longest_first(paths):
    """Return the paths as text; no long chapter is left for last."""
    long = {number: place for place, number in enumerate(LONG)}
    in_turn = sorted(paths, key=lambda p: long.get(p.name[:2], len(LONG)))
    return list(map(str, in_turn))


def _pytest(*arguments):
    nbval = ["--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT_S}"]
    return [sys.executable, "-m", "pytest", *nbval, *arguments]
