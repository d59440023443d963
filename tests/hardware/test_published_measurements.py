"""Published measurements: their sources, and what the roofline says."""

import pytest
from test_published import source_faults

from gpu_course.hardware.published import FOLDER
from gpu_course.hardware.published_measurements import measurements
from gpu_course.hardware.roofline import published_ceilings

ROWS = measurements()


def ratio(row):
    return row.attainable(published_ceilings(row.processor)) / row.rate


def test_each_row_has_its_source():
    assert len(ROWS) >= 3
    for row in ROWS:
        assert not list(source_faults(row, row.processor))
        assert row.checked in ("read", "read second-hand")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.processor)
def test_nothing_is_above_the_roof(row):
    assert ratio(row) >= 1


def test_large_kernels_are_within_a_factor_of_two_but_for_the_t4():
    large = [r for r in ROWS if r.elements is None or r.elements > 10**7]
    far = [(r.processor, r.kernel) for r in large if ratio(r) >= 2]
    assert far == [("Tesla T4", "matrix product")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("GFLOP/s", "TFLOP/s", "unit must be"),
        ("682.7", "", "needs a flop_per_byte"),
        ("4000", "fast", "rate"),
    ],
)
def test_a_bad_row_is_named(tmp_path, old, new, message):
    text = (FOLDER / "measurements.csv").read_text()
    path = tmp_path / "measurements.csv"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=message):
        measurements(path)
