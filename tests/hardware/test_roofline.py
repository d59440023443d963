"""The roofline is the smaller of two limits, and the work is what it says."""

import itertools

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from gpu_course.hardware import measured_peaks, roofline, roofline_picture
from gpu_course.hardware.measured_peaks import Measured
from gpu_course.hardware.published import processor, processors
from gpu_course.hardware.roofline import Ceilings, Work
from gpu_course.layers import work
from gpu_course.training.lenet import LeNet

matplotlib.use("Agg")
ROOF = Ceilings("a chip", 100.0, 800.0, "published", "a data sheet")


@pytest.fixture
def ax():
    fig, ax = plt.subplots(figsize=(7, 3.6))
    yield ax
    plt.close(fig)


# The bound


def test_memory_is_the_limit_below_the_ridge():
    assert ROOF.ridge == 8
    assert ROOF.attainable_gflop_s(2) == 200
    assert ROOF.attainable_gflop_s(0) == 0
    assert ROOF.limit(7.9) == "memory"


def test_arithmetic_is_the_limit_above_the_ridge():
    assert ROOF.attainable_gflop_s(8) == 800
    assert ROOF.attainable_gflop_s(1e6) == 800
    assert ROOF.limit(8) == "arithmetic"


@pytest.mark.parametrize(("flops", "bytes_"), [(1e9, 1e9), (1e12, 3e9)])
def test_time_and_rate_are_one_bound(flops, bytes_):
    seconds = ROOF.attainable_time_s(flops, bytes_)
    rate = ROOF.attainable_gflop_s(flops / bytes_)
    assert flops / seconds / 1e9 == pytest.approx(rate)


def test_what_moves_only_takes_the_memory_s_time():
    assert ROOF.attainable_time_s(0, 1e9) == pytest.approx(0.01)
    assert ROOF.attainable_time_s(8e9, 0) == pytest.approx(0.01)


def test_intensity_and_rate_of_a_kernel():
    kernel = Work("axpy", 2e6, 12e6, 1e-3)
    assert kernel.intensity == pytest.approx(1 / 6)
    assert kernel.gflop_s == pytest.approx(2)
    assert Work("axpy", 2e6, 12e6).gflop_s is None


# Where ceilings come from


def test_a_published_processor_keeps_its_source():
    a100 = roofline.published_ceilings("a100 sxm 40 gb")
    row = processor("A100 SXM 40 GB")
    assert a100 == roofline.published_ceilings(row)
    assert a100.peak_gflop_s == row.fp32_tflops * 1e3
    assert a100.ridge == pytest.approx(row.ridge_flop_per_byte)
    assert (a100.kind, a100.source) == ("published", row.source)


def test_a_modelled_peak_is_called_so():
    rows = [p for p in processors() if p.figures == "modelled"]
    rows = [p for p in rows if p.fp32_tflops and p.bandwidth_gb_s]
    assert rows
    assert roofline.published_ceilings(rows[0]).kind == "modelled"


def test_a_figure_that_is_not_published_is_named():
    lacking = [p for p in processors() if p.fp32_tflops is None]
    for row in lacking[:1]:
        with pytest.raises(ValueError, match=r"fp32_tflops of .* isn't"):
            roofline.published_ceilings(row)
    with pytest.raises(ValueError, match="no processor is called"):
        roofline.published_ceilings("abacus")


def rates(device="cpu", unit="GFLOP/s"):
    return (
        Measured(15.0, 20.0, "GB/s", "cpu", 2, "triad"),
        Measured(150.0, 160.0, unit, device, 2, "product"),
    )


def test_measured_rates_become_ceilings():
    made = roofline.ceilings_of(*rates())
    assert made.kind == "measured here"
    assert made.ridge == 8  # of the best, not of medians
    assert made.source == "triad; product"


def test_rates_that_do_not_belong_together():
    with pytest.raises(ValueError, match="cpu and cuda"):
        roofline.ceilings_of(*rates(device="cuda"))
    with pytest.raises(ValueError, match=r"got \('GB/s', 'GB/s'\)"):
        roofline.ceilings_of(*rates(unit="GB/s"))


def test_this_machine_can_be_measured():
    here = roofline.measured_ceilings(min_run_time_s=0.01)
    assert here.kind == "measured here"
    assert "cpu" in here.name
    assert here.ridge > 0


# What is wrong


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf")])
def test_ceilings_are_positive_and_finite(value):
    with pytest.raises(ValueError, match="bandwidth_gb_s must be positive"):
        Ceilings("a", value, 1.0, "published", "")
    with pytest.raises(ValueError, match="peak_gflop_s must be positive"):
        Ceilings("a", 1.0, value, "published", "")


def test_kinds_of_number_are_not_invented():
    with pytest.raises(ValueError, match=r"kind must be .* got 'guessed'"):
        Ceilings("a", 1.0, 1.0, "guessed", "")


def test_bad_amounts_are_refused(ax):
    for bad in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"got {bad}"):
            ROOF.attainable_gflop_s(bad)
        with pytest.raises(ValueError, match="flops must be finite"):
            ROOF.attainable_time_s(bad, 1)
        with pytest.raises(ValueError, match="bytes must be finite"):
            ROOF.attainable_time_s(1, bad)
        with pytest.raises(ValueError, match="flops must be finite"):
            Work("a", bad, 1)
    with pytest.raises(ValueError, match="bytes must be positive"):
        Work("a", 1, 0)
    with pytest.raises(ValueError, match="seconds must be positive"):
        Work("a", 1, 1, 0)
    with pytest.raises(ValueError, match="at least one"):
        roofline_picture.plot_roofline(ax, [])
    with pytest.raises(ValueError, match="a copy has no FLOPs"):
        roofline_picture.plot_roofline(ax, [ROOF], [Work("a copy", 0, 8)])


# The picture


SETS = {
    "layers": work.lenet_work(128),
    "one image": work.lenet_work(1),
    "close": [Work(f"kernel {n}", 1.03**n, 1) for n in range(8)],
    "same": [Work("one", 1, 1), Work("two", 2, 2), Work("three", 3, 3)],
    "timed": [Work("a", 1e9, 1e7, 2e-2), Work("b", 1e9, 4e9, 9e-2)],
    "alone": [Work("far to the left", 1, 1e6)],
    "none": [],
}
CHIPS = {
    1: [ROOF],
    2: [ROOF, roofline.published_ceilings("A100 SXM 40 GB")],
}


@pytest.mark.parametrize("chips", CHIPS)
@pytest.mark.parametrize("name", SETS)
def test_nothing_overlaps(ax, name, chips):
    works = SETS[name]
    assert roofline_picture.plot_roofline(ax, CHIPS[chips], works) is ax
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert "FLOP/byte" in ax.get_xlabel()
    assert "GFLOP/s" in ax.get_ylabel()
    ax.figure.canvas.draw()
    frame = ax.get_window_extent()
    boxes = [t.get_window_extent() for t in ax.texts]
    for one, two in itertools.combinations(boxes, 2):
        assert not one.overlaps(two)
    legend = ax.get_legend().get_window_extent()
    marks = ax.transData.transform(
        [point for line in ax.lines[chips:] for point in line.get_xydata()]
        or [(1e-9, 1e-9)]
    )
    for box in boxes:
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1 + 1
        assert not box.overlaps(legend)
    assert not any(legend.contains(*mark) for mark in marks)


def test_marks_stand_where_they_should(ax):
    timed, untimed = Work("a", 4e9, 1e9, 2.0), Work("b", 2e9, 1e9)
    roofline_picture.plot_roofline(ax, CHIPS[2], [timed, untimed])
    marks = [li for li in ax.lines if li.get_linestyle() == "None"]
    hollow, filled = marks
    assert list(filled.get_xydata()[0]) == [4, 2]
    a100 = CHIPS[2][1]
    assert [tuple(p) for p in hollow.get_xydata()] == [
        (2, 200),
        (2, a100.attainable_gflop_s(2)),
    ]
    assert hollow.get_markerfacecolor() == "white"
    assert [t.get_text() for t in ax.texts] == ["b", "a"]


def test_kernels_of_one_intensity_share_a_label(ax):
    roofline_picture.plot_roofline(ax, [ROOF], SETS["same"])
    assert [t.get_text() for t in ax.texts] == ["one … three"]
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["a chip, published"]


# The layers' work


def counted(layer, *shape):
    """Return PyTorch's count of a call's FLOPs."""
    with FlopCounterMode(display=False) as counter:
        layer(torch.zeros(shape))
    return counter.get_total_flops()


@pytest.mark.parametrize("images", [1, 3, 128])
def test_lenet_has_the_flops_that_pytorch_counts(images):
    model, layers = LeNet(), work.lenet_work(images)
    own = sum(a.flops for a in layers if a.parameters)
    assert own == counted(model, images, 1, 28, 28)
    for a in layers:
        if a.parameters:
            held = getattr(model, a.name).parameters()
            assert a.parameters == sum(p.numel() for p in held)


@pytest.mark.parametrize(
    ("x", "filters", "window", "stride", "padding"),
    [
        ((3, 9, 12), 5, 3, 1, 0),
        ((2, 8, 7), 4, 2, 3, 1),
        ((1, 5, 5), 1, 5, 1, 2),
    ],
)
def test_a_convolution_is_pytorch_s(x, filters, window, stride, padding):
    made = work.convolution_work("c", 2, x, filters, window, stride, padding)
    layer = torch.nn.Conv2d(x[0], filters, window, stride, padding)
    y = layer(torch.zeros(2, *x))
    assert made.shape == tuple(y.shape[1:])
    assert made.flops == counted(layer, 2, *x)
    assert made.parameters == sum(p.numel() for p in layer.parameters())
    numbers = 2 * torch.zeros(x).numel() + made.parameters + y.numel()
    assert made.bytes == 4 * numbers


def test_shapes_of_lenet_are_those_of_the_model():
    shapes, x = {}, torch.zeros(1, 1, 28, 28)
    model = LeNet()
    for name in ("conv1", "conv2"):
        x = getattr(model, name)(x)
        shapes[name] = tuple(x.shape[1:])
        x = model.pool(x)
        shapes[name.replace("conv", "pool")] = tuple(x.shape[1:])
    for a in work.lenet_work(1):
        if a.name in shapes:
            assert a.shape == shapes[a.name]
    names = [a.name for a in work.lenet_work(1)]
    assert names == [
        "conv1",
        "pool1",
        "relu1",
        "conv2",
        "pool2",
        "relu2",
        "fc1",
        "relu3",
        "fc2",
        "relu4",
        "fc3",
    ]


def test_comparisons_are_counted_too():
    pool = work.pool_work("pool", 2, (3, 8, 6))
    assert pool.shape == (3, 4, 3)
    assert pool.flops == 2 * 3 * 4 * 3 * 3
    assert work.pool_work("pool", 1, (1, 5, 5), 3, 2).flops == 4 * 8
    relu = work.relu_work("relu", 4, (10,))
    assert (relu.flops, relu.bytes, relu.intensity) == (40, 320, 1 / 8)


def test_work_of_what_cannot_be():
    with pytest.raises(ValueError, match="images must be at least 1, got 0"):
        work.lenet_work(0)
    with pytest.raises(ValueError, match="window of 5 does not fit into 4"):
        work.convolution_work("c", 1, (1, 4, 9), 2, 5)


def test_the_curve_has_the_fastest_rate_by_the_bytes_of_three_arrays(
    monkeypatch,
):
    def measured(device, mib, min_run_time_s):
        return Measured(10.0, 10.0 + mib, "GB/s", device, 1, "a triad")

    monkeypatch.setattr(measured_peaks, "measured_bandwidth", measured)
    curve = roofline.measured_curve("cpu", (1, 4))
    assert curve.bytes == (3 * 2**20, 12 * 2**20)
    assert curve.gb_s == (11.0, 14.0)
