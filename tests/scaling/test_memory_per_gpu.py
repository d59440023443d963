"""Memory against the ZeRO paper's own figures, the bubble against a count."""

import numpy as np
import pytest

from gpu_course.scaling.memory_per_gpu import (
    Layout,
    pipeline_schedule,
    zero_bytes,
)


@pytest.mark.parametrize(
    ("stage", "gigabytes"), [(0, 120), (1, 31.4), (2, 16.6), (3, 1.9)]
)
def test_figure_1_of_the_zero_paper(stage, gigabytes):
    """7.5 billion parameters on 64 GPUs: 120, 31.4, 16.6 and 1.9 GB."""
    assert zero_bytes(7.5e9, 64, stage) / 1e9 == pytest.approx(
        gigabytes, abs=0.05
    )


def test_one_gpu_has_nobody_to_divide_with():
    assert {zero_bytes(10, 1, stage) for stage in range(4)} == {160}


def test_there_are_four_stages():
    with pytest.raises(ValueError, match="stage must be 0, 1, 2 or 3, got 4"):
        zero_bytes(10, 2, 4)


def test_tensor_and_pipeline_divide_alike():
    assert Layout(2, 4, 8).gpus == 64
    both = Layout(tensor=4, pipeline=2).state_bytes(80)
    assert both == Layout(tensor=8).state_bytes(80) == 160
    assert Layout(data=4, tensor=2, stage=3).state_bytes(80) == 160


@pytest.mark.parametrize(
    ("stages", "microbatches"), [(1, 1), (2, 1), (4, 8), (8, 3)]
)
def test_the_bubble_is_that_of_the_formula(stages, microbatches):
    plan = pipeline_schedule(stages, microbatches)
    idle = np.mean(plan == 0)
    share = (stages - 1) / (microbatches + stages - 1)
    assert idle == pytest.approx(share)
    for row in plan:  # each microbatch once forward, once backward
        work = sorted(row[row != 0])
        numbers = list(range(1, microbatches + 1))
        assert work == [-n for n in reversed(numbers)] + numbers


@pytest.mark.parametrize(("stages", "microbatches"), [(3, 5), (4, 2)])
def test_a_stage_waits_for_its_neighbours(stages, microbatches):
    plan = pipeline_schedule(stages, microbatches)
    for m in range(1, microbatches + 1):
        forward = [list(row).index(m) for row in plan]
        backward = [list(row).index(-m) for row in plan]
        assert forward == sorted(set(forward))
        assert backward == sorted(set(backward), reverse=True)
        assert max(forward) < min(backward)
