"""What `ranges.proven` claims is true in every thread that comes there.

Compiled code doesn't check an index that is claimed to be inside, so a wrong
claim is a crash. Kernels are drawn and run by an interpreter that shares no
code with the package; traps that no draw would find are written out.
"""

import math
import random

import numpy as np
import pytest
from generated_indices import (
    HEAD,
    IndexWriter,
    Watched,
    arguments,
    infer_quickly,
)
from generated_kernels import imported
from numba import typeof

from gpu_course import cuda
from gpu_course.cuda import launch, lowering, ranges
from gpu_course.cuda.kernel import Launcher
from gpu_course.cuda.regions import annotate

GRIDS = (1, 2, (2, 2))
BLOCKS = (1, 2, 4, 7, (4, 2), (3, 3))


class Claims:
    """What is claimed of a kernel, and of the numbers that it compares."""

    def __init__(self, patch):
        self.intervals = {}
        noted = self.intervals

        class Walk(ranges.Walk):
            def holds(self, node, state):
                place = ranges.key(node)
                low, high = self.value(node.left, state)
                before = noted.get(place, (math.inf, -math.inf))
                noted[place] = min(before[0], low), max(before[1], high)
                return super().holds(node, state)

        patch.setattr(ranges, "Walk", Walk)

    def of(self, typed, launcher, given):
        self.intervals.clear()
        names = typed.source.parameters
        return ranges.proven(annotate(typed), names, launcher, given)


@pytest.fixture
def claims(monkeypatch):
    return Claims(monkeypatch)


def told(source, launcher, given):
    """Describe a launch, for the message of a test that fails."""
    shown = [g.shape if isinstance(g, np.ndarray) else g for g in given]
    lines = enumerate(source.splitlines(), 1)
    text = "\n".join(f"{n}: {line}" for n, line in lines)
    return f"{text}\n{launcher.configuration} {shown}"


def wrong(claims, typed, source, launcher, given):
    """Return the claims that a launch refutes, and what it met."""
    proven = claims.of(typed, launcher, given)
    watched = Watched(source)
    watched.launch(launcher.grid, launcher.block, given)
    met = {**watched.inside, **watched.held}
    false = [place for place in proven if not met.get(place, True)]
    known = 0
    for place, numbers in watched.compared.items():
        low, high = claims.intervals.get(place, ranges.UNKNOWN)
        known += low > -math.inf
        if min(numbers) < low or max(numbers) > high:
            false.append((place, (low, high), sorted(numbers)))
    return false, {
        "proven": sum(place in proven for place in watched.inside),
        "outside": sum(not inside for inside in watched.inside.values()),
        "intervals": known,
    }


def check(claims, folder, seed, draws=3):
    """Draw a kernel and launch it; return what its launches met."""
    drawn = random.Random(seed)
    source = IndexWriter(drawn).write()
    kernel = imported(folder, f"indices{seed}", source).kernel
    typed, counts = {}, []
    for _ in range(draws):
        given = arguments(drawn)
        kinds = tuple(map(typeof, given))
        if kinds not in typed:
            typed[kinds] = lowering.lower(kernel, kinds)
        launcher = Launcher(None, (drawn.choice(GRIDS), drawn.choice(BLOCKS)))
        false, met = wrong(claims, typed[kinds], source, launcher, given)
        assert not false, f"{told(source, launcher, given)}\n{false}"
        counts.append(met)
    return counts


@pytest.mark.parametrize("part", range(4))
def test_claims_about_drawn_kernels_are_true(
    part, claims, tmp_path, monkeypatch
):
    monkeypatch.setattr(lowering, "infer", infer_quickly)
    counts = []
    for seed in range(100 * part, 100 * part + 100):
        counts += check(claims, tmp_path, seed)
    total = {k: sum(c[k] for c in counts) for k in counts[0]}
    # The draws are worth something: much is claimed, and much is wrong.
    assert total["proven"] > 200
    assert total["outside"] > 100
    assert total["intervals"] > 400


@pytest.mark.long
@pytest.mark.parametrize("part", range(20))
def test_claims_about_drawn_kernels_are_true_at_length(
    part, claims, tmp_path, monkeypatch
):
    monkeypatch.setattr(lowering, "infer", infer_quickly)
    for seed in range(1000 * (part + 1), 1000 * (part + 2)):
        check(claims, tmp_path, seed)


def test_the_quick_types_are_numba_s(tmp_path, monkeypatch):
    """What types the drawn kernels above gives what Numba's inference does.

    But for variables, which Numba may give a narrower type at one place.
    """
    real = lowering.infer
    compared = 0

    def both(source, *given):
        nonlocal compared
        found, result = real(source, *given)
        quick, _ = infer_quickly(source, *given)
        for node in lowering.ast.walk(source.tree):
            number = getattr(node, "number", None)
            if number not in found or quick.get(number) is None:
                continue
            if not isinstance(node, lowering.ast.Name):
                text = lowering.ast.unparse(node)
                assert str(quick[number]) == str(found[number]), text
                compared += 1
        return found, result

    monkeypatch.setattr(lowering, "infer", both)
    for seed in (1, 3, 4, 12, 20):
        drawn = random.Random(seed)
        source = IndexWriter(drawn, 3).write()
        kernel = imported(tmp_path, f"types{seed}", source).kernel
        lowering.lower(kernel, tuple(map(typeof, arguments(drawn))))
    assert compared > 100
