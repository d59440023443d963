"""The kernels of a notebook, found by running it.

Its cells run in order in a separate process, as in `make test`. The launches
show the argument types of each kernel. If a cell's kernel must not compile,
the cell has a tag with the reason: ``kernel-fails: reason``.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from unittest.mock import patch

from gpu_course.course.kernel_rows import Found, Row, compile_rows
from gpu_course.course.notebooks import strict_environment
from gpu_course.cuda.compiler import Resources
from gpu_course.cuda.kernel import Kernel

TAG = "kernel-fails:"


def notebook_rows(
    path: Path, capabilities: Sequence[tuple[int, int]]
) -> list[Row]:
    """Run a notebook in a separate process and compile its kernels.

    Parameters
    ----------
    path : Path
    capabilities : sequence of (int, int)

    Returns
    -------
    list of Row
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        out = Path(folder) / "rows.json"
        command = [
            sys.executable,
            "-m",
            __name__,
        ]
        names = [f"{major}.{minor}" for major, minor in capabilities]
        done = subprocess.run(
            [*command, path, out, *names],
            cwd=path.parent,
            env={**strict_environment(folder), "MPLBACKEND": "Agg"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            reason = said[-1] if said else f"it ended with {done.returncode}"
            return [Row(path.name, "", "", "", error=reason)]
        return [_from_dict(row) for row in json.loads(out.read_text())]


def _from_dict(row):
    if row["resources"]:
        row["resources"] = Resources(**row["resources"])
    return Row(**row)


def run_notebook(path: Path) -> list[Found]:
    """Run the code cells in this process and return their kernels.

    Returns
    -------
    list of Found

    Raises
    ------
    RuntimeError
        If a cell without the tag ``raises-exception`` fails.
    """
    import nbformat
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    all_found = []
    cells = nbformat.read(path, as_version=4).cells
    for number, cell in enumerate(cells, 1):
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", [])
        may_fail = any("raises-exception" in tag for tag in tags)
        reasons = [t.removeprefix(TAG).strip() for t in tags if TAG in t]
        with _noting() as kernels:
            result = shell.run_cell(cell.source)
        if not result.success and not may_fail:
            error = result.error_before_exec or result.error_in_exec
            raise RuntimeError(f"cell {number} fails: {error!r}")
        where = f"{path.name}, cell {number}"
        all_found += [
            Found(kernel, where, reasons[0] if reasons else None)
            for kernel in kernels
            if kernel.__module__ == "__main__"
        ]
    return all_found


@contextlib.contextmanager
def _noting():
    """Record each kernel created in the block, including in closures."""
    kernels, make = [], Kernel.__init__

    def noted(kernel, *args, **kwargs):
        kernels.append(kernel)
        make(kernel, *args, **kwargs)

    with patch.object(Kernel, "__init__", noted):
        yield kernels


def main(path: str | Path, out: str | Path, *capabilities: str) -> None:
    """Write a notebook's rows to the file ``out`` as JSON."""
    rows = [
        asdict(row)
        for found in run_notebook(Path(path))
        for row in compile_rows(found, capabilities)
    ]
    Path(out).write_text(json.dumps(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
