"""The model in cases that can be computed by hand, and against a draw."""

import math

import numpy as np
import pytest

from gpu_course.scaling.scaling_model import (
    Cluster,
    ScalingModel,
    amdahl_speedup,
    expected_maximum,
    gustafson_speedup,
    moved_share,
)


@pytest.mark.parametrize("count", [2, 8, 100, 1000])
def test_expected_maximum_against_a_draw(count):
    random = np.random.default_rng(0)
    drawn = random.normal(size=(4000, count)).max(axis=1).mean()
    assert expected_maximum(count) == pytest.approx(drawn, rel=0.03)


def test_expected_maximum_of_two_is_known():
    assert expected_maximum(1) == 0
    assert expected_maximum(2) == pytest.approx(1 / math.sqrt(math.pi), 0.05)
    with pytest.raises(ValueError, match="count must be positive, got 0"):
        expected_maximum(0)


def test_one_gpu_needs_its_computing_time():
    cluster = Cluster(8, 100, 10, 1e-5)
    assert cluster.all_reduce_s(1e9, 1) == 0
    model = ScalingModel(0.3, 1e9, cluster, jitter=0.1)
    assert model.step_s(1) == 0.3
    assert model.efficiency(1) == model.strong_speedup(1) == 1


def test_all_reduce_by_hand():
    # 4 GPUs in a server, 2 servers: 1.5 GB at 30 GB/s, 1 GB at 5 GB/s
    cluster = Cluster(4, 30, 5, 1e-3)
    assert cluster.all_reduce_s(1e9, 8) == pytest.approx(
        0.05 + 0.2 + 14 * 1e-3
    )
    halving = Cluster(4, 30, 5, 1e-3, "halving")
    assert halving.messages(8) == 2 * 3 + 2 * 1
    assert halving.messages(32) == 2 * 3 + 2 * 3
    assert moved_share(2) == 1


def test_only_what_the_backward_pass_doesn_t_hide_counts():
    cluster = Cluster(1, 1, 1)
    hidden = ScalingModel(0.3, 0.1e9, cluster)  # 0.1 s within 0.2 s
    assert hidden.efficiency(2) == 1
    shown = ScalingModel(0.3, 0.1e9, cluster, overlap=0)
    assert shown.parts_s(2)["all-reduce, not hidden"] == pytest.approx(0.1)
    assert shown.efficiency(2) == pytest.approx(0.75)
    half = ScalingModel(0.3, 0.15e9, cluster, overlap=0.5)
    assert half.step_s(2) == pytest.approx(0.35)


def test_strong_scaling_ends_at_the_all_reduce():
    model = ScalingModel(1.0, 0.5e9, Cluster(1, 1, 1), overlap=0)
    assert model.strong_speedup(2) == pytest.approx(1 / (0.5 + 0.5))
    assert model.strong_speedup(10**6) == pytest.approx(1.0, abs=0.01)


def test_an_unknown_algorithm_is_refused():
    with pytest.raises(ValueError, match="'ring' or 'halving', got 'tree'"):
        Cluster(1, 1, 1, algorithm="tree")


def test_amdahl_and_gustafson():
    assert amdahl_speedup(4, 0.25) == pytest.approx(1 / (0.25 + 0.75 / 4))
    assert amdahl_speedup(10**9, 0.01) == pytest.approx(100, rel=1e-4)
    # Gustafson, 1988: 0.8 % serial on 1,024 processors
    assert gustafson_speedup(1024, 0.008) == pytest.approx(1016, abs=1)
    assert amdahl_speedup(1, 0.3) == gustafson_speedup(1, 0.3) == 1
