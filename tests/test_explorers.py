"""The explorers show what is right, and answer to each of their controls."""

import time

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, Rectangle

from gpu_course import architecture, drawing
from gpu_course.explorers import (
    banks,
    coalescing,
    descent,
    divergence,
    indexing,
    latency,
    occupancy,
    reduction,
    softmax,
)

matplotlib.use("Agg")
EXPLORERS = {
    "indexing": indexing.explore_indexing,
    "coalescing": coalescing.explore_coalescing,
    "layout": coalescing.explore_layout,
    "banks": banks.explore_banks,
    "reduction": reduction.explore_reduction,
    "divergence": divergence.explore_divergence,
    "latency": latency.explore_latency,
    "occupancy": occupancy.explore_occupancy,
    "descent": descent.explore_descent,
    "softmax": softmax.explore_softmax,
}


@pytest.fixture
def ax():
    fig, ax = plt.subplots()
    yield ax
    plt.close(fig)


def cells(ax, colour):
    return [
        patch
        for patch in ax.patches
        if isinstance(patch, Rectangle)
        and to_hex(patch.get_facecolor()).upper() == colour
    ]


def threads(ax, active=True):
    colour = drawing.THREAD if active else "#FFFFFF"
    return [
        patch
        for patch in ax.patches
        if isinstance(patch, Circle)
        and to_hex(patch.get_facecolor()).upper() == colour
    ]


# What they show


@pytest.mark.parametrize(
    ("n", "threads_", "blocks", "idle", "left"),
    [(10, 4, 3, 2, 0), (14, 4, 3, 0, 2), (0, 4, 2, 8, 0), (12, 4, 3, 0, 0)],
)
def test_indexing_draws_each_thread_and_element(
    ax, n, threads_, blocks, idle, left
):
    indexing.draw_indexing(ax, n, threads_, blocks)
    assert len(threads(ax)) == min(n, threads_ * blocks)
    assert len(threads(ax, active=False)) == idle
    assert len(cells(ax, drawing.MEMORY)) == min(n, threads_ * blocks)
    title = ax.get_title()
    assert f"{idle} idle" in title
    assert f"{left} left over" in title


@pytest.mark.parametrize(
    ("stride", "offset", "itemsize", "sectors", "efficiency"),
    [
        (1, 0, 4, 4, 1.0),
        (1, 1, 4, 5, 0.8),
        (2, 0, 4, 8, 0.5),
        (8, 0, 4, 32, 0.125),
        (32, 0, 4, 32, 0.125),
        (0, 0, 4, 1, 1.0),
        (1, 0, 8, 8, 1.0),
        (1, 0, 1, 1, 1.0),
    ],
)
def test_sectors_traced_are_those_drawn(
    ax, stride, offset, itemsize, sectors, efficiency
):
    found = coalescing.traced_request(stride, offset, itemsize)
    assert found == (sectors, pytest.approx(efficiency))
    coalescing.draw_coalescing(ax, stride, offset, itemsize)
    assert len(cells(ax, drawing.MEMORY)) == sectors
    assert len(threads(ax)) == 32
    assert f"{sectors} sectors" in ax.get_title(loc="left")


def test_layouts_say_what_they_are(ax):
    for name, stride in coalescing.LAYOUTS.items():
        ax.clear()
        coalescing.draw_layout(ax, name)
        title = ax.get_title(loc="left")
        assert title.startswith(name)
        assert f"{coalescing.traced_request(stride)[0]} sectors" in title


@pytest.mark.parametrize(
    ("way", "columns", "padding", "turns"),
    [
        ("column", 32, 0, 32),
        ("column", 32, 1, 1),
        ("column", 64, 2, 2 * 16),
        ("row", 32, 0, 1),
        ("diagonal", 32, 0, 1),
        ("column", 40, 0, 8),
    ],
)
def test_turns_traced_are_those_drawn(ax, way, columns, padding, turns):
    if (way, columns, padding) == ("column", 64, 2):
        turns = 32 // (32 // np.gcd(66, 32))
    assert banks.traced_conflict(way, columns, padding) == turns
    banks.draw_banks(ax, way, columns, padding)
    assert len(cells(ax, drawing.MEMORY)) + len(cells(ax, drawing.FAULT)) == 32
    highest = max(p.get_y() for p in ax.patches if p.get_width() == 1)
    assert highest + 1 == turns


@pytest.mark.parametrize(
    ("condition", "efficiency"),
    [
        ("t % 2 == 0", 1 / 2),
        ("t < 8", 2 / 3),
        ("t < 32", 1.0),
        ("t < 40", 2 / 3),
        ("t % 32 == 0", 1 / 2),
        ("True", 1.0),
    ],
)
def test_branch_efficiency_is_that_of_the_discs(ax, condition, efficiency):
    assert divergence.traced_efficiency(condition) == pytest.approx(efficiency)
    divergence.draw_divergence(ax, condition)
    bands = [p for p in ax.patches if isinstance(p, Rectangle)]
    assert len(threads(ax)) == 64
    assert 64 / (32 * len(bands)) == pytest.approx(efficiency)


@pytest.mark.parametrize("way", reduction.WAYS)
@pytest.mark.parametrize("count", [1, 2, 16, 64])
def test_a_tree_adds_everything_once(way, count):
    values = np.arange(1, count + 1)
    states, additions = reduction.reduction_steps(values, way)
    assert states[-1][0] == values.sum()
    assert sum(map(len, additions)) == count - 1
    assert len(additions) == int(np.log2(count))


@pytest.mark.parametrize("warps", [1, 3, 9, 10, 11, 30])
def test_the_formula_is_what_the_model_does(warps):
    states = latency.timeline(warps, 4, 36, cycles=4400)
    share = (states == latency.ISSUING)[:, 400:].sum() / 4000
    assert share == pytest.approx(latency.utilisation(warps, 4, 36))
    assert (states == latency.ISSUING).sum(axis=0).max() == 1


def test_occupancy_names_the_limit(ax):
    occupancy.draw_occupancy(ax, 256, 64, 0, "8.0")
    title = ax.get_title(loc="left")
    assert "occupancy 50%" in title
    assert "limit: registers" in title
    ax.clear()
    occupancy.draw_occupancy(ax, 256, 32, 48, "8.0")
    assert "limit: shared memory" in ax.get_title(loc="left")


def test_a_chip_has_its_multiprocessors(ax):
    architecture.draw_chip(ax, 132, 50, 80, 3350, 63, "H100")
    assert len(cells(ax, architecture.COMPUTE)) == 132
    ax.clear()
    architecture.draw_multiprocessor(ax)
    assert len(threads(ax)) == 128


# What is wrong


@pytest.mark.parametrize(
    ("draw", "values"),
    [
        (indexing.draw_indexing, {"n": -1}),
        (indexing.draw_indexing, {"threads": 65, "blocks": 1}),
        (coalescing.draw_coalescing, {"stride": 65}),
        (coalescing.draw_coalescing, {"itemsize": 3}),
        (coalescing.draw_layout, {"lanes_read": "a spiral"}),
        (banks.draw_banks, {"way": "spiral"}),
        (banks.draw_banks, {"way": "row", "columns": 8}),
        (divergence.draw_divergence, {"condition": "t < 3"}),
        (latency.draw_latency, {"warps": 0}),
        (reduction.draw_reduction, {"count": 12}),
    ],
)
def test_bad_values_are_refused(ax, draw, values):
    with pytest.raises(ValueError, match=r"got|short"):
        draw(ax, **values)


# The controls


@pytest.mark.parametrize("name", EXPLORERS)
def test_each_control_redraws(name):
    open_before = plt.get_fignums()
    explorer = EXPLORERS[name]()
    assert repr(explorer) == "run this cell to move the sliders"
    controls, picture = explorer.children
    assert bytes(picture.value).startswith(b"\x89PNG")
    drawn = []

    def count_drawn(change):
        drawn.extend([change["new"]] if change["new"] else [])

    picture.observe(count_drawn, "value")
    for control in controls.children:
        before = control.value
        if hasattr(control, "options"):
            values = list(control.options)
        else:
            values = [control.min, control.max, control.min + control.step]
        for value in [*values, before]:
            picture.value, count = b"", len(drawn)
            changed = control.value != value
            start = time.perf_counter()
            control.value = value
            assert time.perf_counter() - start < 2  # 0.2 s on a free machine
            assert len(drawn) == count + changed
    assert plt.get_fignums() == open_before


def test_all_extremes_together_can_be_drawn():
    for explore in EXPLORERS.values():
        controls, _ = explore().children
        for pick in (min, max):
            for control in controls.children:
                if hasattr(control, "max"):
                    control.value = pick(control.min, control.max)
