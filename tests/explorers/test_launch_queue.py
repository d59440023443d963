"""The picture of a queue shows what the model computes."""

import matplotlib
import matplotlib.pyplot as plt
import pytest

from gpu_course.explorers.launch_queue import (
    WAITS,
    draw_launch_queue,
    timeline,
)

matplotlib.use("Agg")


@pytest.mark.parametrize(
    ("waits", "stop_us", "done_us"),
    [("never", 15, 65), ("at the end", 65, 65), ("after each launch", 75, 75)],
)
def test_what_a_timer_says(waits, stop_us, done_us):
    found = timeline(3, 5, 20, waits)
    assert found.stop_us == stop_us
    assert found.computing[-1][1] == done_us
    assert len(found.launching) == len(found.computing) == 3


def test_short_kernels_wait_for_the_host():
    found = timeline(4, 10, 2, "at the end")
    assert found.stop_us == 42
    begins = [begin for begin, _ in found.computing]
    assert begins == [10, 20, 30, 40]


def test_what_is_drawn():
    fig, ax = plt.subplots()
    draw_launch_queue(ax, 3, 5, 20, "at the end")
    assert len(ax.patches) == 3 + 1 + 3
    assert "says 65 µs" in ax.get_title(loc="left") + ax.get_title()
    plt.close(fig)


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="waits must be one of"):
        timeline(3, 5, 20, "sometimes")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        timeline(0, 5, 20, WAITS[0])
