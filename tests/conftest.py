"""What every test needs to be the same wherever the tests are started."""

import signal

import pytest

# A shell that starts the tests in the background has Ctrl-C ignored, and what
# is ignored is inherited. A handler is not: what the tests start gets Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def one_thread():
    """Have torch use one thread, so that its sums are the same each time."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pytest_terminal_summary(terminalreporter):
    """Say what was found in each chapter's page, or why none was opened."""
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
