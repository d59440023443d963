"""Every seeded bug is found, and named by kind, array, line and thread."""

import pytest
from cuda_faulty import FAULTS

from gpu_course import cuda

KINDS = {
    "race",
    "non_atomic_update",
    "barrier_divergence",
    "out_of_bounds",
    "negative_index",
    "uninitialised_read",
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_bug_is_found_and_nothing_else(name):
    fault = FAULTS[name]
    report = fault.kernel.trace[fault.configuration](*fault.arguments)
    found = {(f.kind, f.array, f.line) for f in report.findings}
    assert found == fault.expected


@pytest.mark.parametrize("name", FAULTS)
def test_the_finding_says_where_and_who(name):
    fault = FAULTS[name]
    report = fault.kernel.trace[fault.configuration](*fault.arguments)
    for finding in report.findings:
        assert finding.kernel == name
        assert name in finding.message
        assert f"line {finding.line}" in finding.message
        assert finding.array in finding.message
        assert 1 <= len(finding.threads) <= 2
        for block, thread in finding.threads:
            assert len(block) == len(thread) == 3
            assert str(thread) in finding.message
        if finding.kind == "barrier_divergence":
            assert finding.index is None
        else:
            assert isinstance(finding.index, tuple)
    first = report.findings[0]
    if fault.index is not None:
        assert first.index == fault.index
    if fault.threads is not None:
        assert {thread for _, thread in first.threads} == fault.threads


@pytest.mark.parametrize("name", FAULTS)
def test_a_check_raises(name):
    fault = FAULTS[name]
    with pytest.raises(cuda.CheckFailed, match=name) as failure:
        fault.kernel.check[fault.configuration](*fault.arguments)
    finding = failure.value.finding
    assert (finding.kind, finding.array, finding.line) in fault.expected


def test_the_suite_has_every_kind():
    marked = {kind for f in FAULTS.values() for kind, _, _ in f.expected}
    assert marked == KINDS
    assert len(FAULTS) >= 50
