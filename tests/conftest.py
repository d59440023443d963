"""Make the tests behave the same wherever they are started."""

import signal

import pytest

# A shell that starts the tests in the background makes them ignore Ctrl-C, and
# child processes inherit that. They don't inherit a handler, so with one here
# the processes that the tests start do get Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def one_thread():
    """Make torch use one thread, so that its sums are the same each time."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_terminal_summary(terminalreporter):
    """Print the faults of each chapter's page, or why none was opened."""
    lines = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            properties = dict(getattr(report, "user_properties", ()))
            lines += filter(None, [properties.get("browser")])
            skipped = getattr(report, "outcome", "") == "skipped"
            if skipped and "test_browser" in report.nodeid:
                lines.append(report.longrepr[-1])
    if lines:
        terminalreporter.section("in a browser")
        for line in sorted(set(lines)):
            terminalreporter.line(line)
