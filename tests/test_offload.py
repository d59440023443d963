"""The modelled time of work on a GPU, and where it starts to pay."""

import pytest

from gpu_course.hardware import processors
from gpu_course.offload import ModelledGpu, crossover, modelled_gpu
from gpu_course.roofline import Ceilings

GPU = ModelledGpu(
    Ceilings("a chip", 100.0, 800.0, "published", "a data sheet"), 10.0, 5e-6
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
        if p.kind == "gpu"
        and None not in (p.fp32_tflops, p.bandwidth_gb_s, p.pcie_generation)
    ]
    assert len(names) > 15
    for name in names:
        assert modelled_gpu(name).time_s(1e9, 1e9) > 0


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
