"""No mutant of a solution passes its check, unless it is proven right.

``gpu-course test -- -m mutation -s tests/exercises/test_mutants.py`` is the
full run and prints one line an exercise; a fixed sample runs every day.
"""

import random

import pytest
from mutants import mutants

from gpu_course.exercises import catalogue, check

SAMPLE = 3  # mutants of each exercise
IDS = [e.name for e in catalogue()]


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path))


def passes(exercise, source):
    """Whether a mutant passes; one that can't be loaded doesn't."""
    try:
        answer = exercise.load(source)
    except Exception:
        return False
    return check(exercise.name, answer).passed


def survivors(exercise, labels, sources):
    return [
        label
        for label in labels
        if label not in exercise.equivalent
        and passes(exercise, sources[label])
    ]


@pytest.mark.parametrize("exercise", catalogue(), ids=IDS)
def test_a_sample_of_mutants_is_rejected(exercise):
    sources = mutants(exercise.solution)
    labels = sorted(sources)
    sample = random.Random(1).sample(labels, min(SAMPLE, len(labels)))
    assert survivors(exercise, sample, sources) == []


@pytest.mark.mutation
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("exercise", catalogue(), ids=IDS)
def test_every_mutant_is_rejected(exercise):
    sources = mutants(exercise.solution)
    left = survivors(exercise, sorted(sources), sources)
    known = exercise.equivalent
    print(
        f"\n{exercise.name:<24} {len(sources):>4} mutants, "
        f"{len(sources) - len(known) - len(left):>4} rejected, "
        f"{len(known):>3} equivalent, {len(left):>3} survive"
    )
    assert left == []


@pytest.mark.parametrize("exercise", catalogue(), ids=IDS)
def test_what_is_called_equivalent_is_a_mutant_with_a_proof(exercise):
    sources = mutants(exercise.solution)
    for label, proof in exercise.equivalent.items():
        assert label in sources
        assert len(proof.split()) >= 5


@pytest.mark.mutation
@pytest.mark.parametrize("exercise", catalogue(), ids=IDS)
def test_what_is_called_equivalent_passes(exercise):
    sources = mutants(exercise.solution)
    for label in exercise.equivalent:
        assert passes(exercise, sources[label]), label


def test_the_rules():
    source = (
        "def f(a, n):\n"
        "    i, j = g(2)\n"
        "    if i < n:\n"
        "        a[i, j] = a[i, j] * 2\n"
        "    cuda.syncthreads()\n"
    )
    labels = " | ".join(mutants(source))
    for expected in (
        "(i, j) -> (j, i), line 2",
        "i < n -> i <= n, line 3",
        "always i < n, line 3",
        "a[i, j] -> a[j, i], line 4",
        "a[i, j] * 2 -> a[i, j] + 2, line 4",
        "2 -> 3, line 4",
        "drop cuda.syncthreads(), line 5",
    ):
        assert expected in labels
