"""Prices, grids and published runs: sources, dates, and who they are of."""

import datetime

import pytest
from test_published import source_faults

from gpu_course.hardware.electricity import grids
from gpu_course.hardware.outlook import outlook
from gpu_course.hardware.prices import cheapest, prices
from gpu_course.hardware.published import FOLDER, processor
from gpu_course.hardware.training_runs import training_runs

TABLES = {
    "prices": prices,
    "grids": grids,
    "training_runs": training_runs,
    "outlook": outlook,
}


@pytest.mark.parametrize("name", TABLES)
def test_each_row_has_its_source_and_was_read(name):
    for row in TABLES[name]():
        assert list(source_faults(row, str(row))) == []
        assert row.checked in ("read", "read second-hand")


def test_each_price_is_of_a_processor_and_of_its_time():
    for row in prices():
        known = processor(row.processor)
        assert known.name == row.processor
        assert known.announced <= row.date <= datetime.date(2026, 12, 1)
        low, high = {"rent": (0.05, 20), "buy": (100, 50_000)}[row.offer]
        assert low < row.usd < high, row


def test_no_offer_is_listed_twice():
    offers = [
        (row.processor, row.offer, row.provider, row.source)
        for row in prices()
    ]
    assert len(set(offers)) == len(offers)


def test_prices_of_a_share_of_a_machine_are_that_share():
    """An eighth of the instances' prices, which the sources have whole."""
    whole = {
        "p4d.24xlarge": 21.957642,
        "p4de.24xlarge": 27.44705,
        "p5.48xlarge": 55.04,
        "p5en.48xlarge": 63.296,
    }
    found = 0
    for row in prices():
        for name, usd in whole.items():
            if f"{name}, an eighth" in row.source:
                assert row.usd == pytest.approx(usd / 8, abs=1e-4)
                found += 1
    assert found == len(whole)


def test_the_cheapest_offer():
    assert cheapest("H100 SXM").usd == 2.69
    assert cheapest("GeForce RTX 4090", "buy").usd == 1599
    assert cheapest("GeForce RTX 4090", "rent").provider == "OpenRelay"
    assert cheapest("Tesla K40") is None
    assert cheapest("Tesla T4", "buy") is None


def test_the_grids_come_cleanest_first():
    values = [row.g_co2_kwh for row in grids()]
    assert values == sorted(values)
    assert all(5 < value < 1000 for value in values)
    assert len({row.place for row in grids()}) == len(values)


def test_published_runs_agree_with_themselves():
    sizes = [row.parameters for row in training_runs()]
    assert sizes == sorted(sizes)
    for row in training_runs():
        known = processor(row.processor)
        peak = getattr(known, f"{row.precision}_tflops") * 1e12
        flops = 6 * row.parameters * row.tokens
        assert 0.1 < flops / (row.gpu_hours * 3600 * peak) < 1
        if row.t_co2:
            kwh = row.gpu_hours * known.power_w / 1e3
            assert 350 < 1e6 * row.t_co2 / kwh < 450


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("prices", ",rent,", ",lend,", "offer: must be one of"),
        ("prices", "2026-09", "September", "not of type date"),
        ("grids", ",2023,30,", ",2023,-30,", "g_co2_kwh: must be positive"),
        ("training_runs", "124e6", "124 M", "parameters"),
        ("outlook", ",415,", ",many,", "value"),
    ],
)
def test_a_bad_row_is_named(tmp_path, name, old, new, message):
    text = (FOLDER / f"{name}.csv").read_text("utf-8")
    assert old in text
    path = tmp_path / f"{name}.csv"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ValueError, match=message):
        TABLES[name](path)
