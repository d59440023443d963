"""The modelled time, against values worked out by hand."""

import dataclasses
from types import SimpleNamespace

import pytest

from gpu_course.hardware.modelled_gpu import (
    ModelledGpu,
    crossover,
    modelled_gpu,
)
from gpu_course.hardware.published import processors
from gpu_course.hardware.roofline import Ceilings

ROUND = ModelledGpu(
    Ceilings("round", 1000, 10_000, "published", "a data sheet"), 100, 1.0, 10
)


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
    assert ROUND.traced_time_s(report) == pytest.approx(seconds)


def test_the_largest_part_is_the_time():
    report = counts(1000, 10**6, 10**5)
    assert ROUND.traced_time_s(report) == pytest.approx(1e-6)


def test_repeats_multiply_the_work():
    assert ROUND.traced_time_s(counts(sectors=1000), 5) == pytest.approx(
        160e-9
    )


# With launches and copies

GPU = ModelledGpu(
    Ceilings("a chip", 100.0, 800.0, "published", "a data sheet"),
    10,
    None,
    10.0,
    5e-6,
)


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ((0, 0), 5e-6),
        ((8e9, 1e9), 5e-6 + 0.01),  # 0.01 s for either
        ((8e9, 2e9), 5e-6 + 0.02),
        ((8e9, 1e9, 1e9), 5e-6 + 0.01 + 0.1),
        ((0, 0, 0, 48), 48 * 5e-6),
    ],
)
def test_its_parts_add_up(arguments, seconds):
    assert GPU.time_s(*arguments) == pytest.approx(seconds)


@pytest.mark.parametrize("bad", [{"copied_bytes": -1}, {"launches": -2}])
def test_nothing_is_negative(bad):
    with pytest.raises(ValueError, match="must not be negative, got -"):
        GPU.time_s(1, 1, **bad)


def test_every_gpu_with_all_figures_has_a_model():
    names = [
        p.name
        for p in processors()
        if p.kind == "gpu" and p.fp32_tflops and p.bandwidth_gb_s
    ]
    assert len(names) > 15
    for name in names:
        assert modelled_gpu(name).time_s(1e9, 1e9) > 0


def test_the_figures_are_those_of_the_table():
    gpu = modelled_gpu("A100 SXM 40 GB")
    assert (gpu.multiprocessors, gpu.clock_ghz) == (108, 1.41)
    assert gpu.ceilings.bandwidth_gb_s == 1555
    assert gpu.link_gb_s == pytest.approx(31.5, abs=0.02)


def test_what_is_not_published_is_asked_for_by_name():
    with pytest.raises(ValueError, match="clock_ghz of a chip isn't"):
        GPU.parts_s(counts(sectors=1))
    with pytest.raises(ValueError, match=r"link_gb_s of B .* isn't"):
        dataclasses.replace(
            GPU,
            link_gb_s=None,
            ceilings=Ceilings("B 1", 1.0, 1.0, "published", "a sheet"),
        ).time_s(1, 1, 1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Xeon X5482", "is a CPU"),
        ("A1000", "no processor"),
        ("M1 GPU", "isn't"),
    ],
)
def test_what_has_no_model(name, message):
    with pytest.raises(ValueError, match=message):
        modelled_gpu(name)


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ([3, 3, 3], 10),
        ([9, 9, 3], 1000),
        ([3, 9, 3], 1000),  # a lucky one doesn't count
        ([3, 3, 9], None),
        ([5, 3, 3], 100),  # as fast is not faster
    ],
)
def test_the_crossover_is_where_it_stays_faster(there, found):
    assert crossover([10, 100, 1000], [5, 5, 5], there) == found


def test_bad_sizes():
    with pytest.raises(ValueError, match="a time is needed for each size"):
        crossover([1, 2], [1], [1])
    with pytest.raises(ValueError, match="must increase"):
        crossover([2, 1], [1, 1], [1, 1])
