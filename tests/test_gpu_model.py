"""The modelled time, against values worked out by hand."""

from types import SimpleNamespace

import pytest

from gpu_course.gpu_model import GpuModel

ROUND = GpuModel("round", 1000, 10, 100, 1.0)


def counts(sectors=0, flops=0, wavefronts=0):
    return SimpleNamespace(
        global_sectors=sectors, flops=flops, shared_wavefronts=wavefronts
    )


@pytest.mark.parametrize(
    ("part", "report", "seconds"),
    [
        ("memory", counts(sectors=1000), 32e-9),
        ("arithmetic", counts(flops=10**6), 1e-7),
        ("shared memory", counts(wavefronts=10**5), 1e-6),
    ],
)
def test_each_part_has_its_own_limit(part, report, seconds):
    parts = ROUND.parts_s(report)
    assert parts.pop(part) == pytest.approx(seconds)
    assert set(parts.values()) == {0}
    assert ROUND.time_s(report) == pytest.approx(seconds)


def test_the_largest_part_is_the_time():
    report = counts(1000, 10**6, 10**5)
    assert ROUND.time_s(report) == pytest.approx(1e-6)


def test_repeats_multiply_the_work():
    assert ROUND.time_s(counts(sectors=1000), 5) == pytest.approx(160e-9)
