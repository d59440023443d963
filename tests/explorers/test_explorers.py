"""The explorers show what is right, and answer to each of their controls."""

import base64
import functools
import io
import itertools
import re
import time
from html import escape

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import traitlets
from matplotlib.colors import to_hex
from matplotlib.patches import Circle, Rectangle
from PIL import Image

from gpu_course import cuda
from gpu_course.common import drawing
from gpu_course.explorers import (
    banks,
    chooser,
    coalescing,
    convolution,
    descent,
    divergence,
    indexing,
    latency,
    launch_queue,
    occupancy,
    reduction,
    softmax,
)
from gpu_course.explorers.controls import explorer, slider
from gpu_course.hardware import chip_picture

matplotlib.use("Agg")
EXPLORERS = {
    "indexing": indexing.explore_indexing,
    "indexing 2-D": indexing.explore_indexing_2d,
    "coalescing": coalescing.explore_coalescing,
    "layout": coalescing.explore_layout,
    "banks": banks.explore_banks,
    "reduction": reduction.explore_reduction,
    "divergence": divergence.explore_divergence,
    "latency": latency.explore_latency,
    "occupancy": occupancy.explore_occupancy,
    "descent": descent.explore_descent,
    "softmax": softmax.explore_softmax,
    "convolution": convolution.explore_convolution,
    "launch queue": launch_queue.explore_launch_queue,
    "chooser": chooser.explore_chooser,
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


@cuda.jit
def whereabouts(found):
    column, row = cuda.grid(2)
    found[row, column, 0] = cuda.blockIdx.x
    found[row, column, 1] = cuda.blockIdx.y
    found[row, column, 2] = cuda.threadIdx.x
    found[row, column, 3] = cuda.threadIdx.y
    found[row, column, 4] = cuda.laneid


@pytest.mark.parametrize("block", [(8, 4), (16, 4), (4, 2), (5, 8), (16, 1)])
def test_a_thread_of_a_2_d_grid_is_where_the_kernel_says(block):
    grid = (2, 3)
    rows, columns = grid[1] * block[1], grid[0] * block[0]
    found = np.zeros((rows, columns, 5), np.int64)
    whereabouts[grid, block](found)
    for row in range(rows):
        for column in range(columns):
            where, thread, warp, lane = indexing.place_2d(column, row, *block)
            assert [*where, *thread, lane] == list(found[row, column])
            assert 32 * warp + lane == thread[1] * block[0] + thread[0]


@pytest.mark.parametrize(
    ("size", "block", "at", "told"),
    [
        ((13, 7), (8, 4), (10, 2), "threadIdx (2, 2),\nwarp 0"),
        ((13, 7), (8, 4), (13, 2), "lane 21; column 13, row 2: no element"),
        ((14, 8), (16, 4), (15, 3), "warp 1 of the block, lane 31; column 15"),
        ((14, 8), (16, 4), (0, 2), "lane 0; column 0, row 2: has an element"),
        ((3, 2), (4, 1), (9, 9), "column 3, row 1: no element"),
    ],
)
def test_a_2_d_grid_shows_its_threads_and_warps(ax, size, block, at, told):
    indexing.draw_indexing_2d(ax, *size, *block, *at)
    across, down = (-(-n // b) for n, b in zip(size, block, strict=True))
    everyone = across * down * block[0] * block[1]
    assert len(threads(ax)) == size[0] * size[1]
    assert len(threads(ax, active=False)) == everyone - size[0] * size[1]
    assert told in ax.get_title(loc="left")
    assert f"{across} × {down} blocks" in ax.get_title(loc="left")
    numbers = sorted(int(t.get_text()) for t in ax.texts if t.get_text())
    assert numbers == list(range(min(32, block[0] * block[1])))


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
@pytest.mark.parametrize("count", [1, 2, 16, 32])
def test_a_tree_adds_everything_once(way, count):
    values = np.arange(1, count + 1)
    states, additions = reduction.reduction_steps(values, way)
    assert states[-1][0] == values.sum()
    assert len(additions) == int(np.log2(count))
    if way != "shuffle":  # whose lanes all add, for nothing but lane 0
        assert sum(map(len, additions)) == count - 1


def added(way, count, steps):
    """Run the kernel for some steps; return each thread's partial sum."""
    bits = 1 << np.arange(count, dtype=np.int32)  # a sum names its elements
    threads = 32 if way == "shuffle" else count
    arguments = (bits, steps, count, np.zeros(count, np.int32))
    kernel = reduction.KERNELS[way]
    kernel.check[1, threads, 0, 4 * count](*arguments)
    kernel[1, threads, 0, 4 * count](*arguments)
    return arguments[-1]


@pytest.mark.parametrize("way", reduction.WAYS)
@pytest.mark.parametrize("count", [2, 16])
def test_the_tree_drawn_is_the_one_that_the_kernel_runs(way, count):
    bits = 1 << np.arange(count, dtype=np.int32)
    states, additions = reduction.reduction_steps(bits, way)
    assert np.array_equal(added(way, count, 0), bits)
    for step, (before, after) in enumerate(itertools.pairwise(states)):
        assert np.array_equal(added(way, count, step + 1), after)
        told = {
            to: before[to] + before[source]
            for _, to, source in additions[step]
        }
        for t in range(count):
            assert after[t] == told.get(t, before[t])


@pytest.mark.parametrize(
    ("way", "branches", "turns", "barriers"),
    [
        ("neighbours", 256 / 1536, 150, 9),
        ("neighbours, strided", 256 / 416, 150, 9),
        ("halves", 256 / 416, 45, 9),
        ("shuffle", 1 / 32, 0, 0),
    ],
)
def test_the_counts_beside_a_tree_are_traced(
    ax, way, branches, turns, barriers
):
    report = reduction.traced_tree(way)
    assert not report.findings
    assert report.branch_efficiency == pytest.approx(branches)
    assert report.shared_wavefronts == turns
    assert report.barriers == barriers
    reduction.draw_reduction(ax, way)
    title = ax.get_title(loc="left")
    assert f"{turns} turns of shared memory, {barriers} barriers" in title
    assert ("no branch" in title) == (way == "shuffle")


@pytest.mark.parametrize("way", reduction.WAYS)
def test_active_threads_drawn_are_those_that_add(ax, way):
    _, additions = reduction.reduction_steps(np.arange(16), way)
    for step in range(5):
        ax.clear()
        reduction.draw_reduction(ax, way, step)
        if way == "shuffle":
            assert len(threads(ax)) == 16 * (step + 1)
            continue
        assert len(threads(ax)) == sum(map(len, additions[:step]))
        assert len(threads(ax, active=False)) == 16 * step - len(threads(ax))
        new = 16 + sum(map(len, additions[:step]))
        assert len(cells(ax, drawing.MEMORY)) == new


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


def test_the_chooser_fills_what_fits_and_tells_the_rest(ax):
    chooser.draw_chooser(ax, 1000, "bf16", 1, 500, 750)
    names = [label.get_text() for label in ax.get_yticklabels()]
    told = dict(
        zip(names, (text.get_text() for text in ax.texts), strict=True)
    )
    filled = {
        name: to_hex(line.get_markerfacecolor()).upper() == drawing.BLUE
        for name, line in zip(names, ax.lines, strict=True)
    }
    assert told["B200 SXM"] == "power: 1,000 W"
    assert told["Instinct MI100"] == "no price"
    # 6 × 1e9 × 20e9 FLOPs at 0.4 of 989 TFLOP/s, $2.69 an hour, 700 W, 1.54
    assert told["H100 SXM"] == "$227, 91 kWh"
    (hours,) = ax.lines[names.index("H100 SXM")].get_xdata()
    assert hours == pytest.approx(1.2e20 / 395.6e12 / 3600)
    assert filled == {name: told[name].startswith("$") for name in names}
    assert f"{sum(filled.values())} of {len(names)} kinds fit" in ax.get_title(
        loc="left"
    )
    ax.clear()
    chooser.draw_chooser(ax, 10_000, "fp16", 1, 5000, 8000)
    assert any("memory: " in text.get_text() for text in ax.texts)


def test_a_chip_has_its_multiprocessors(ax):
    chip_picture.draw_chip(ax, 132, 50, 80, 3350, 63, "H100")
    assert len(cells(ax, chip_picture.COMPUTE)) == 132
    ax.clear()
    chip_picture.draw_multiprocessor(ax)
    assert len(threads(ax)) == 128


@pytest.mark.parametrize("name", convolution.FILTERS)
@pytest.mark.parametrize(
    ("row", "column", "stride", "padding", "size"),
    [
        (0, 0, 1, 0, 24),
        (9, 14, 1, 0, 24),
        (3, 13, 2, 2, 14),
        (99, 99, 3, 1, 9),
    ],
)
def test_a_convolution_is_drawn_as_pytorch_computes_it(
    ax, name, row, column, stride, padding, size
):
    convolution.draw_convolution(ax, name, row, column, stride, padding)
    expected = torch.nn.functional.conv2d(
        torch.tensor(convolution.digit())[None, None].double(),
        torch.tensor(convolution.FILTERS[name])[None, None].double(),
        stride=stride,
        padding=padding,
    )[0, 0].numpy()
    assert f"28×28 pixels become {size}×{size}" in ax.get_title()
    image, products, output = ax.child_axes
    done = np.asarray(output.images[0].get_array().filled(np.nan))
    row, column = min(row, size - 1), min(column, size - 1)
    count = row * size + column + 1
    assert np.allclose(done.flat[:count], expected.flat[:count], atol=1e-6)
    assert np.isnan(done.flat[count:]).all()
    shown = np.asarray(products.images[0].get_array())
    assert np.isclose(shown.sum(), expected[row, column], atol=1e-6)
    for frame, corner in (
        (image, (column * stride, row * stride)),
        (output, (column, row)),
    ):
        assert frame.patches[0].get_xy() == tuple(c - 0.5 for c in corner)
    assert not any("-0.00" in text.get_text() for text in products.texts)


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
        (convolution.draw_convolution, {"filter_name": "sharpen"}),
        (convolution.draw_convolution, {"row": -1}),
        (convolution.draw_convolution, {"stride": 0}),
        (reduction.draw_reduction, {"way": "all at once"}),
        (reduction.draw_reduction, {"way": "shuffle", "count": 64}),
        (indexing.draw_indexing_2d, {"columns": 17}),
        (indexing.draw_indexing_2d, {"rows": 0}),
        (indexing.draw_indexing_2d, {"row": -1}),
    ],
)
def test_bad_values_are_refused(ax, draw, values):
    with pytest.raises(ValueError, match=r"got|short"):
        draw(ax, **values)


# The controls


def extremes(control):
    """Return the values of a control to try."""
    options = control.options
    if isinstance(options, range):
        return [options[0], options[-1], options[1]]
    return list(options)


@pytest.mark.parametrize("name", EXPLORERS)
def test_each_control_redraws(name):
    open_before = plt.get_fignums()
    explorer = EXPLORERS[name]()
    assert explorer.picture.startswith(b"\x89PNG")
    assert explorer.caption
    draw, drawn, times = explorer._draw, [], []

    def counted(ax, **values):
        drawn.append(values)
        return draw(ax, **values)

    explorer._draw = counted
    for key, control in explorer.made_of.items():
        first = explorer.values[key]
        for value in [*extremes(control), first]:
            changed = explorer.values[key] != value
            before, count = explorer.alternative, len(drawn)
            start = time.process_time()
            explorer.values = {**explorer.values, key: value}
            times.append(time.process_time() - start)
            assert len(drawn) == count + changed
            assert (explorer.alternative != before) == changed
            assert explorer.caption in explorer.alternative
    assert np.median(times) < 1  # 0.2 s; one may load something first
    assert plt.get_fignums() == open_before


def test_the_text_alternative_names_the_controls():
    explorer = convolution.explore_convolution()
    told = []
    for row in (25, 26):  # beyond the last row, so the picture is the same
        explorer.values = {**explorer.values, "row": row}
        told.append((explorer.caption, explorer.alternative))
    assert told[0][0] == told[1][0]
    assert ["row = 25" in told[0][1], "row = 26" in told[1][1]] == [True, True]


def test_what_the_page_sends_is_drawn():
    explorer = softmax.explore_softmax()
    before = explorer.picture
    explorer.set_state({"values": {"tenths": 20}})  # as a comm does
    assert explorer.picture != before
    assert explorer.caption.startswith("T = 2,")


@pytest.mark.parametrize("values", [{"tenths": 101}, {"tenths": "1"}, {}])
def test_other_values_are_refused_and_the_picture_stays(values):
    explorer = softmax.explore_softmax()
    before = explorer.picture
    with pytest.raises(traitlets.TraitError, match="tenths"):
        explorer.values = values
    assert explorer.picture == before
    assert explorer.values == {"tenths": 10}


def test_all_extremes_together_can_be_drawn():
    for explore in EXPLORERS.values():
        explorer = explore()
        for end in (0, -1):
            explorer.values = {
                name: control.options[end]
                if isinstance(control.options, range)
                else explorer.values[name]
                for name, control in explorer.made_of.items()
            }


@pytest.mark.parametrize("name", EXPLORERS)
def test_the_page_is_told_each_control(name):
    explorer = EXPLORERS[name]()
    for told in explorer.controls:
        assert told["label"]
        options = told.get("options") or range(
            told["least"], told["most"] + 1, told["step"]
        )
        assert explorer.values[told["name"]] in options


def test_the_titles_are_the_text_and_not_in_the_picture():
    """Those of inner axes are labels, and stay in the picture too."""

    def draw(ax, n, titled):
        if titled:
            ax.set_title("main,\nin two lines", loc="center")
        ax.inset_axes([0, 0, 1, 1]).set_title(f"inner {n}")

    options = {"n": slider("n", 1, 1, 2)}
    with_title, without = (
        explorer(functools.partial(draw, titled=titled), (3, 2), **options)
        for titled in (True, False)
    )
    assert with_title.caption == "main, in two lines. inner 1"
    assert with_title.picture == without.picture


@pytest.mark.parametrize("name", EXPLORERS)
def test_without_a_kernel_the_picture_stays(name):
    explorer = EXPLORERS[name]()
    data, _ = explorer._repr_mimebundle_()
    html = data["text/html"]
    assert html == EXPLORERS[name]().as_html()
    assert len(html) < 100_000
    assert f'alt="{escape(explorer.alternative)}"' in html
    found = re.search(r"base64,([^\"]+)", html).group(1)
    stored = Image.open(io.BytesIO(base64.b64decode(found)))
    assert stored.size == Image.open(io.BytesIO(explorer.picture)).size
    assert explorer.caption in data["text/plain"]


@pytest.mark.parametrize("way", reduction.WAYS)
def test_steps_to_come_are_drawn_pale(way):
    """So the picture of one step has no empty part."""
    for step in range(5):
        fig, ax = plt.subplots(figsize=(8, 5.4))
        reduction.draw_reduction(ax, way, step)
        ax.set_title("", loc="left")
        fig.canvas.draw()
        ink = (np.asarray(fig.canvas.buffer_rgba())[..., :3] < 250).any(-1)
        plt.close(fig)
        rows = np.flatnonzero(ink.any(axis=1))
        height = len(ink)
        assert np.diff(rows).max() < height / 7
        assert height - rows[-1] < rows[0] + height / 20
