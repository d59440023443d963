"""A compiled kernel never crashes the process, whatever its indices are."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("cuda_nasty.py")


def started(what, folder):
    """Run the script; return the lines it printed, and how it ended."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), what],
        env={
            **os.environ,
            "GPU_COURSE_CUDA": "compiled",
            "GPU_COURSE_DATA": str(folder),
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    cases = [json.loads(line) for line in done.stdout.splitlines()]
    last = cases[-1][:3] if cases else None
    assert done.returncode == 0, f"crashed after {last}: {done.stderr}"
    return cases


@pytest.mark.parametrize("what", ["indices", "numbers"])
def test_every_wild_access_is_an_error(what, tmp_path):
    """What is inside, or wraps as Numba does it, isn't.

    Either way nothing beside an array is touched, and the process lives on.
    """
    cases = started(what, tmp_path)
    wrong = []
    for kernel, way, index, expected, said, whole in cases:
        kinds, message = said or ([], "")
        right = (
            whole
            and {
                "none": said is None,
                "any": "LaunchError" in kinds,
                "bounds": "LaunchError" in kinds
                and "IndexError" in kinds
                and f"{kernel}, line " in message,
            }[expected]
        )
        if not right:
            wrong.append((kernel, way, index, expected, said, whole))
    assert not wrong
    counts = Counter((kernel, way) for kernel, way, *_ in cases)
    assert len(counts) == {"indices": 46, "numbers": 11}[what]


def test_undefined_arithmetic_is_what_it_is_in_python(tmp_path):
    """A shift by 64, a float that no integer holds, an overflow.

    Where the compiler may take them for anything, it may drop the check of an
    index, or a guard, that depends on them.
    """
    found = {}
    for kernel, choice, *result, whole in started("undefined", tmp_path):
        assert whole, kernel
        found.setdefault(kernel, {})[choice] = result
    wrong = {
        kernel: results
        for kernel, results in found.items()
        if results["compiled"] != results["python"]
    }
    assert not wrong
    assert len(found) == 10
