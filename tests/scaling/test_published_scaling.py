"""The tables agree with their sources' arithmetic, and the model with them."""

import pytest
import torch
from torchvision import models

from gpu_course.hardware.published import links
from gpu_course.scaling.published_scaling import (
    fit,
    modelled,
    points,
    systems,
)

HOROVOD = [p for p in points() if p.system.startswith("Horovod")]
OTHERS = [p for p in points() if p not in HOROVOD]


def test_every_point_is_of_a_system():
    assert {point.system for point in points()} == set(systems())


@pytest.mark.parametrize(
    ("name", "make"),
    [
        (
            "Inception V3",
            lambda: models.inception_v3(aux_logits=False, init_weights=False),
        ),
        ("ResNet-101", models.resnet101),
        ("VGG-16", models.vgg16),
    ],
)
def test_parameters_are_torchvision_s(name, make):
    with torch.device("meta"):
        count = sum(p.numel() for p in make().parameters())
    listed = systems()[f"Horovod, {name}"].parameters
    assert listed == pytest.approx(count, rel=1e-3)


def test_efficiencies_are_those_of_the_throughputs():
    published = {
        "OneFlow, GPT": (4.92, {8: 38.28, 16: 65.35, 32: 123.40}),
        "Megatron-LM, GPT": (4.31, {8: 33.27, 16: 48.16, 32: 93.63}),
    }
    for point in points():
        if point.system in published:
            one, many = published[point.system]
            expected = many[point.gpus] / point.gpus / one
            assert point.efficiency == pytest.approx(expected, abs=1e-4)


def test_links_are_those_of_the_course_s_table():
    rates = {link.name: link.one_way_gb_s for link in links()}
    inside = {s.name.split(",")[0]: s.inside_gb_s for s in systems().values()}
    assert inside["Caffe2"] == rates["NVLink 1"]
    assert inside["Horovod"] == rates["PCIe 3.0 x16"]
    assert inside["OneFlow"] == inside["Megatron-LM"] == rates["NVLink 2"]


def test_fitted_to_horovod_it_predicts_the_others_within_a_quarter():
    pair = fit(HOROVOD)
    assert len(OTHERS) == 8
    for point in points():
        error = modelled(point, *pair) / point.efficiency - 1
        assert abs(error) < 0.25, point


def test_simpler_models_don_t():
    """No waiting and no latency, or 90 % for all: somewhere over a quarter."""
    for guess in (1.0, 0.9):
        assert max(abs(guess / p.efficiency - 1) for p in points()) > 0.25


def test_fit_needs_points():
    with pytest.raises(ValueError, match="got none"):
        fit([])
