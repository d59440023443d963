"""The chooser: time, cost, energy and carbon, and what doesn't fit."""

import dataclasses

import pytest

from gpu_course.hardware import choosing
from gpu_course.hardware.choosing import (
    Choice,
    Workload,
    choose,
    count_for_memory,
    run_seconds,
    table,
)
from gpu_course.hardware.electricity import carbon_kg, energy_kwh, grid
from gpu_course.hardware.prices import Price
from gpu_course.hardware.published import processor
from gpu_course.hardware.training_runs import training_runs

H100 = processor("H100 SXM")
T4 = processor("Tesla T4")
EPYC = processor("EPYC 7742")
WORK = Workload("1e20", "bf16", 16e9, 1e20)


def test_the_time_is_that_of_the_scarcer_resource():
    # 1e20 / (0.4 × 989e12) = 252,780 s, by hand
    assert run_seconds(H100, WORK) == pytest.approx(252_780, rel=1e-4)
    assert run_seconds(H100, WORK, 4, 0.2) == pytest.approx(126_390, rel=1e-4)
    moved = dataclasses.replace(WORK, moved_bytes=3350e9 * 1e6)
    assert run_seconds(H100, moved) == pytest.approx(1e6)
    assert run_seconds(H100, moved, 8) == pytest.approx(1e6 / 8)
    wide = dataclasses.replace(WORK, precision="fp32")
    assert run_seconds(H100, wide) == pytest.approx(252_780 * 989 / 67, 1e-4)
    assert run_seconds(T4, WORK) is None  # it has no bfloat16
    assert run_seconds(processor("M1 GPU"), wide) is None  # no bandwidth


@pytest.mark.parametrize(
    ("gigabytes", "count"), [(1, 1), (72, 1), (72.1, 2), (144, 2), (144.1, 3)]
)
def test_nine_tenths_of_the_memory_are_used(gigabytes, count):
    assert count_for_memory(H100, gigabytes * 1e9) == count
    assert count_for_memory(EPYC, 1) is None


def test_energy_and_carbon_by_hand():
    assert energy_kwh(700, 3600, 1) == pytest.approx(0.7)
    assert energy_kwh(700, 7200, 1.5) == pytest.approx(2.1)
    assert energy_kwh(0, 10) == 0
    assert carbon_kg(2.1, 500) == pytest.approx(1.05)
    # The published run: 30.84 million hours of 700 W and 8,930 t.
    published = training_runs()[-1]
    kwh = energy_kwh(700, 3600 * published.gpu_hours, 1)
    assert kwh == pytest.approx(21.6e6, rel=0.01)
    assert carbon_kg(kwh, 414) == pytest.approx(8.93e6, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 1, 0.9), "pue must be at least 1, got 0.9"),
        ((-1, 1), "negative, got -1 W"),
        ((1, -2), "and -2 s"),
    ],
)
def test_bad_energy_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        energy_kwh(*arguments)


def test_an_unknown_grid_names_the_others():
    assert grid("France").g_co2_kwh == 56
    with pytest.raises(
        ValueError, match="no grid of 'Mars'; there are Norway"
    ):
        grid("Mars")


def price(usd):
    return Price(
        source="x",
        url="https://x.org/",
        checked="read",
        processor="",
        offer="rent",
        usd=usd,
        provider="",
        date=H100.announced,
    )


def test_a_choice_adds_up():
    choice = Choice(H100, 8, 7200.0, price(2.5))
    assert choice.fits
    assert choice.usd == pytest.approx(8 * 2 * 2.5)
    assert choice.kwh(1) == pytest.approx(8 * 0.7 * 2)
    assert choice.kwh() == pytest.approx(8 * 0.7 * 2 * 1.54)
    assert choice.carbon_kg(100, 1) == pytest.approx(8 * 0.7 * 2 / 10)
    unknown = Choice(processor("M1 GPU"), 1, None, None)
    assert [unknown.usd, unknown.kwh(), unknown.carbon_kg(1)] == [None] * 3


def obstacles(name, work=WORK, **limits):
    (found,) = choose(work, candidates=[processor(name)], **limits)
    return found.obstacles


def test_each_obstacle_is_told(monkeypatch):
    monkeypatch.setattr(choosing, "cheapest", lambda name: price(10.0))
    assert obstacles("H100 SXM") == ()
    assert obstacles("Tesla T4") == (
        "no bf16 peak or bandwidth published",
        "memory: 2 needed",
    )
    large = dataclasses.replace(WORK, memory_bytes=100e9)
    assert obstacles("H100 SXM", large) == ("memory: 2 needed",)
    assert obstacles("H100 SXM", large, count=2) == ()
    assert obstacles("H100 SXM", power_w=700) == ()
    assert obstacles("H100 SXM", power_w=699) == ("power: 700 W",)
    assert obstacles("H100 SXM", power_w=1399, count=2) == ("power: 1,400 W",)
    assert obstacles("H100 SXM", budget_usd=702.1) == ("cost: $702",)
    assert obstacles("H100 SXM", budget_usd=702.2) == ()
    # Two take half the time at twice the price an hour.
    assert obstacles("H100 SXM", budget_usd=702.2, count=2) == ()
    wide = dataclasses.replace(WORK, precision="fp32")
    assert obstacles("EPYC 7742", wide) == (
        "size of the memory not in the table",
    )
    assert "power not published" in obstacles("M1 GPU", power_w=100)
    monkeypatch.setattr(choosing, "cheapest", lambda name: None)
    assert obstacles("H100 SXM", budget_usd=1e9) == ("no price",)


def test_what_fits_comes_first_and_the_cheapest_of_it():
    choices = choose(WORK, budget_usd=500)
    fits = [one.fits for one in choices]
    assert fits == sorted(fits, reverse=True)
    costs = [one.usd for one in choices if one.fits]
    assert costs == sorted(costs)
    assert max(costs) <= 500
    assert len(choices) == 40
    assert any(fits)
    assert not all(fits)


def test_the_table_shows_what_is_unknown():
    head, line, other = table(
        [
            Choice(H100, 8, 7200.0, price(2.5)),
            Choice(processor("M1 GPU"), 1, None, None, ("no price", "memory")),
        ]
    ).splitlines()
    assert head.split() == ["hours", "kWh", "$/h", "each", "$", "obstacles"]
    assert line.split() == ["H100", "SXM", "2", "17.2", "2.5", "40"]
    assert other.split() == ["M1", "GPU", *"––––", "no", "price;", "memory"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Workload("x", "int8", 1, 1), "unknown precision 'int8'"),
        (lambda: Workload("x", "fp32", -1, 1), "memory_bytes must not be"),
        (lambda: Workload("x", "fp32", 1, 1, -1), "moved_bytes must not be"),
        (lambda: run_seconds(H100, WORK, 0), "count must be at least 1"),
        (lambda: run_seconds(H100, WORK, 1, 1.1), "utilisation must be"),
        (lambda: run_seconds(H100, WORK, 1, 0), "utilisation must be"),
    ],
)
def test_bad_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_model_is_within_a_factor_of_three_of_published_runs():
    for run in training_runs():
        work = Workload(
            run.model, run.precision, 0, 6 * run.parameters * run.tokens
        )
        hours = run_seconds(processor(run.processor), work) / 3600
        assert 0.5 < run.gpu_hours / hours < 3
