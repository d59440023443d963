"""Counts and findings, on records small enough to work out by hand."""

from math import inf, isnan

import numpy as np
import pytest

from gpu_course.cuda.analysis import analyse
from gpu_course.cuda.record import Allocation, Record, Site
from gpu_course.cuda.report import Report

F4 = np.dtype(np.float32)


class Trace:
    """Builds a record event by event."""

    def __init__(self, grid=1, block=32):
        self.grid, self.block = (grid, 1, 1), (block, 1, 1)
        self.sites, self.rows, self.fences = [], [], []
        self.allocations, self.barriers = [], {}
        self.partial_syncs, self.block_fences = [], []

    def site(self, kind, line, array="", space="global", itemsize=4, **more):
        self.sites.append(
            Site(kind, line, "k", array, space, itemsize, **more)
        )
        return len(self.sites) - 1

    def array(self, name, space, address, shape, dtype=F4, block=-1):
        made = np.empty(shape, dtype)
        self.allocations.append(
            Allocation(
                name,
                space,
                address,
                made.nbytes,
                made.shape,
                made.strides,
                made.dtype,
                block,
            )
        )

    def do(self, site, thread, value=0, path=0, epoch=0, warp=0, grid=0):
        self.rows.append((site, value, path, thread, epoch, warp, grid))

    def sync(self, *threads):
        self.partial_syncs.append((len(self.rows), threads))

    def fence(self, thread, block=False):
        fences = self.block_fences if block else self.fences
        fences.append((len(self.rows), thread))

    def record(self):
        columns = np.array(self.rows, np.int64).reshape(-1, 7).T
        return Record(
            "k",
            "k.py",
            "def k(a):\n    a[0] < 1",
            1,
            self.grid,
            self.block,
            self.sites,
            columns[0].astype(np.int32),
            *columns[1:4],
            *columns[4:].astype(np.int32),
            self.fences,
            self.barriers,
            self.allocations,
            partial_syncs=self.partial_syncs,
            block_fences=self.block_fences,
        )

    def analyse(self):
        return analyse(self.record())

    def kinds(self):
        return [finding.kind for finding in self.analyse().findings]


@pytest.mark.parametrize(
    ("stride", "sectors"), [(1, 4), (2, 8), (8, 32), (0, 1)]
)
def test_sectors_of_strides(stride, sectors):
    trace = Trace()
    load = trace.site("load", 2, "a")
    for lane in range(32):
        trace.do(load, lane, 4 * stride * lane)
    counts = trace.analyse()
    assert counts.global_requests == 1
    assert counts.global_sectors == sectors
    assert counts.bytes_moved == 128
    assert counts.coalescing_efficiency == min(1, 4 / sectors)
    assert counts.lines[2].global_sectors == sectors
    assert counts.findings == []


def test_requests_are_of_one_warp_path_and_occurrence():
    trace = Trace(grid=2, block=48)
    load = trace.site("load", 2, "a")
    for thread in range(96):
        for path in (7, 9):
            trace.do(load, thread, 0, path)
            trace.do(load, thread, 32, path)
    counts = trace.analyse()
    assert counts.global_requests == 2 * 2 * 2 * 2
    assert counts.global_sectors == 16


def test_element_across_two_sectors_counts_both():
    trace = Trace()
    load = trace.site("load", 2, "a", itemsize=8)
    trace.do(load, 0, 28)
    assert trace.analyse().global_sectors == 2


@pytest.mark.parametrize(
    ("stride", "degree"), [(0, 1), (1, 1), (2, 2), (32, 32), (33, 1)]
)
def test_bank_conflicts_of_strides(stride, degree):
    trace = Trace()
    store = trace.site("store", 3, "s", "shared")
    for lane in range(32):
        trace.do(store, lane, 4 * stride * lane, epoch=lane)
    counts = trace.analyse()
    assert counts.max_bank_conflict == degree
    assert counts.shared_requests == 1
    assert counts.lines[3].max_bank_conflict == degree


def test_branch_bodies():
    trace = Trace(block=48)
    bare = trace.site("branch", 2)
    both = trace.site("branch", 5, orelse=True)
    for thread in range(48):
        trace.do(bare, thread, thread < 8)
        trace.do(both, thread, thread % 2)
    counts = trace.analyse()
    assert counts.lines[2].branch_efficiency == 8 / 32
    assert counts.lines[5].branch_efficiency == 48 / 96
    assert counts.branch_efficiency == 56 / 128


@pytest.mark.parametrize(("even", "efficiency"), [(True, 1), (False, 0.75)])
def test_loops_count_where_trips_differ(even, efficiency):
    trace = Trace()
    loop = trace.site("loop", 2)
    for lane in range(32):
        for _ in range(4 if even or lane % 2 else 2):
            trace.do(loop, lane, 1)
        trace.do(loop, lane, 0)
    assert trace.analyse().branch_efficiency == efficiency


def test_flops_intensity_and_barriers():
    trace = Trace()
    assert isnan(trace.analyse().arithmetic_intensity)
    flop = trace.site("flop", 2, flops=2)
    trace.do(flop, 0)
    trace.do(flop, 1)
    trace.barriers = {3: 5}
    assert trace.analyse().arithmetic_intensity == inf
    trace.do(trace.site("load", 2, "a"), 0, 0)
    counts = trace.analyse()
    assert (counts.flops, counts.barriers) == (4, 5)
    assert counts.arithmetic_intensity == 1
    assert counts.lines[3].barriers == 5


def neighbours(**second):
    """Write to the own element, then read the neighbour's."""
    trace = Trace(block=64)
    trace.array("tile", "shared", 256, (8, 8), block=0)
    store = trace.site("store", 4, "tile", "shared")
    load = trace.site("load", 5, "tile", "shared")
    for thread in range(64):
        trace.do(store, thread, 256 + 4 * thread)
    for thread in range(63):
        trace.do(load, thread, 260 + 4 * thread, **second)
    return trace


def test_race_is_named():
    (finding,) = neighbours().analyse().findings
    assert finding.kind == "race"
    assert (finding.line, finding.array) == (5, "tile")
    assert finding.index == (0, 1)
    origin = (0, 0, 0)
    assert finding.threads == ((origin, (1, 0, 0)), (origin, origin))
    assert "line 4" in finding.message
    assert "line 5" in finding.message
    assert "tile[0, 1]" in finding.message
    assert "and 62 more elements" in finding.message


def test_barriers_order():
    assert neighbours(epoch=1).kinds() == []
    assert neighbours(grid=1).kinds() == []


def test_syncwarp_orders_its_warp_only():
    (finding,) = neighbours(warp=1).analyse().findings
    assert finding.index == (4, 0)  # written by warp 1, read by warp 0
    assert "more" not in finding.message


@pytest.mark.parametrize(
    ("syncs", "kinds"),
    [
        ([], ["race"]),
        ([(0, 1, 2)], []),
        ([(0, 1)], ["race"]),  # the reader isn't among them
        ([(0, 1), (2, 3)], ["race"]),  # nor with the writer
        ([(0, 1), (1, 2)], []),  # what thread 1 knows, it passes on
        ([(1, 2), (0, 1)], ["race"]),  # too late
    ],
)
def test_partial_syncwarp_orders_who_takes_part(syncs, kinds):
    trace = Trace()
    trace.do(trace.site("store", 3, "s", "shared"), 0, 256)
    for threads in syncs:
        trace.sync(*threads)
    trace.do(trace.site("load", 2, "s", "shared"), 2, 256)
    assert trace.kinds() == kinds


def test_blocks_race_across_their_own_barriers():
    trace = Trace(grid=2, block=1)
    trace.array("out", "global", 0, 4)
    store = trace.site("store", 4, "out")
    trace.do(store, 0, 8)
    trace.do(store, 1, 8, epoch=1)
    (finding,) = trace.analyse().findings
    assert (finding.kind, finding.index) == ("race", (2,))
    assert {block for block, _ in finding.threads} == {(0, 0, 0), (1, 0, 0)}


@pytest.mark.parametrize(
    ("first", "second", "kinds"),
    [
        ("atomic", "atomic", []),
        ("load", "load", []),
        ("atomic", "load", ["race"]),
        ("store", "atomic", ["race"]),
        ("load", "store", ["race"]),
    ],
)
def test_kinds_that_race(first, second, kinds):
    trace = Trace()
    trace.do(trace.site(first, 2, "a"), 0, 0)
    trace.do(trace.site(second, 3, "a"), 1, 0)
    assert trace.kinds() == kinds


def update(same_element):
    trace = Trace()
    load = trace.site("load", 2, "a", statement=1)
    store = trace.site("store", 2, "a", statement=1)
    for lane in range(4):
        trace.do(load, lane, 0 if same_element else 4 * lane + 4)
        trace.do(store, lane, 0 if same_element else 4 * lane)
    return trace.kinds()


def test_update_without_atomic():
    assert update(same_element=True) == ["non_atomic_update"]
    assert update(same_element=False) == ["race"]


def test_item_sizes_are_compared_by_byte():
    trace = Trace()
    wide = trace.site("store", 2, "a", itemsize=8)
    narrow = trace.site("store", 3, "a")
    trace.do(wide, 0, 0)
    trace.do(narrow, 1, 8)
    assert trace.kinds() == []
    trace.do(narrow, 2, 4)
    assert trace.kinds() == ["race"]


def last_block(fences):
    """Two blocks write a partial sum; the last to count up reads both."""
    trace = Trace(grid=2, block=2)
    store = trace.site("store", 2, "partial")
    count = trace.site("atomic", 4, "counter")
    load = trace.site("load", 6, "partial")
    for block in range(2):
        writer, counter = 2 * block + 1, 2 * block
        trace.do(store, writer, 4 * block)
        if fences:
            trace.fence(writer)
        trace.do(count, counter, 512, epoch=1)
    trace.do(load, 2, 0, epoch=1)
    trace.do(load, 3, 0, epoch=2)
    return trace.kinds()


def test_atomics_with_fences_order_blocks():
    assert last_block(fences=True) == []
    assert last_block(fences=False) == ["race"]


def test_atomics_order_only_what_was_fenced():
    trace = Trace(grid=2, block=1)
    store = trace.site("store", 2, "a")
    count = trace.site("atomic", 4, "counter")
    load = trace.site("load", 6, "a")
    trace.do(store, 0, 0)
    trace.fence(0)
    trace.do(store, 0, 4)
    trace.do(count, 0, 512)
    trace.do(count, 1, 512)
    trace.do(load, 1, 0)
    trace.do(load, 1, 4)
    (finding,) = trace.analyse().findings
    assert finding.kind == "race"
    assert "more" not in finding.message


@pytest.mark.parametrize(
    ("block", "reader", "kinds"),
    [(False, 1, []), (True, 1, []), (False, 2, []), (True, 2, ["race"])],
)
def test_a_fence_of_the_block_says_nothing_to_others(block, reader, kinds):
    trace = Trace(grid=2, block=2)
    count = trace.site("atomic", 4, "counter")
    trace.do(trace.site("store", 2, "a"), 0, 0)
    trace.fence(0, block)
    trace.do(count, 0, 512)
    trace.do(count, reader, 512)
    trace.do(trace.site("load", 6, "a"), reader, 0)
    assert trace.kinds() == kinds


@pytest.mark.parametrize("partial", [True, False])
def test_a_warp_passes_its_fences_on(partial):
    trace = Trace(grid=2, block=2)
    count = trace.site("atomic", 4, "counter")
    trace.do(trace.site("store", 2, "a"), 1, 0)
    trace.fence(1)
    if partial:
        trace.sync(0, 1)
    trace.do(count, 0, 512, warp=0 if partial else 1)
    trace.do(count, 2, 512)
    trace.do(trace.site("load", 6, "a"), 2, 0)
    assert trace.kinds() == []


@pytest.mark.parametrize("space", ["shared", "local"])
@pytest.mark.parametrize("kind", ["load", "atomic"])
def test_uninitialised_reads(space, kind):
    trace = Trace(block=2)
    trace.array("s", space, 256, 8)
    store = trace.site("store", 2, "s", space)
    read = trace.site(kind, 3, "s", space)
    trace.do(store, 0, 256)
    trace.do(read, 0, 256)
    assert trace.kinds() == []
    trace.do(read, 0, 264)
    trace.do(store, 0, 264)
    (finding,) = trace.analyse().findings
    assert finding.kind == "uninitialised_read"
    assert (finding.line, finding.index) == (3, (2,))
    assert finding.threads == (((0, 0, 0), (0, 0, 0)),)


def test_race_explains_a_read_before_the_write():
    trace = Trace(block=2)
    trace.do(trace.site("load", 3, "s", "shared"), 0, 256)
    trace.do(trace.site("store", 2, "s", "shared"), 1, 256)
    assert trace.kinds() == ["race"]


@pytest.mark.parametrize("seed", range(30))
def test_races_agree_with_all_pairs(seed):
    rng = np.random.default_rng(seed)
    trace = Trace(grid=2, block=40)
    kinds = ("load", "store", "atomic", "load", "store")
    sizes = (4, 4, 4, 8, 2) if seed % 2 else (4,) * 5
    for line, (kind, size) in enumerate(zip(kinds, sizes, strict=True)):
        trace.site(kind, line, "a", itemsize=size)
    for _ in range(60):
        site = int(rng.integers(5))
        value = int(rng.integers(40)) * 8
        trace.do(
            site, int(rng.integers(80)), value, 0, *rng.integers(2, size=3)
        )
    record, expected = trace.record(), set()
    for i, a in enumerate(trace.rows):
        for b in trace.rows[:i]:
            one, two = record.sites[a[0]], record.sites[b[0]]
            apart = a[1] + one.itemsize <= b[1] or b[1] + two.itemsize <= a[1]
            ordered = a[3] == b[3] or a[6] != b[6]
            if a[3] // 40 == b[3] // 40:
                ordered |= a[4] != b[4]
                same_warp = a[3] % 40 // 32 == b[3] % 40 // 32
                ordered |= same_warp and a[5] != b[5]
            pair = {one.kind, two.kind}
            writes = "store" in pair or pair == {"load", "atomic"}
            if writes and not apart and not ordered:
                expected.add(tuple(sorted((one.line, two.line))))
    findings = analyse(record).findings
    assert {f.kind for f in findings} <= {"race"}
    assert len(findings) == len(expected)


def test_report_shows_totals_findings_and_source():
    pytest.importorskip("matplotlib").use("Agg")
    trace = neighbours()
    trace.do(trace.site("load", 2, "<a>"), 0, 0)
    report = Report(trace.record())
    assert [finding.kind for finding in report.findings] == ["race"]
    text, html = str(report), report._repr_html_()
    assert "tile[0, 1]" in text
    assert "a[0] < 1" in text
    assert "a[0] &lt; 1" in html
    assert report.plot_request(4).get_ylabel() == "lane"
    assert report.plot_banks(5).get_xlabel() == "bank"
    assert report.plot_lanes(1).get_xlabel() == "step"
    with pytest.raises(ValueError, match="line 99 of k made no request"):
        report.plot_request(99)


def test_nothing_done():
    report = Report(Trace().record())
    assert report.findings == []
    assert report.branch_efficiency == report.coalescing_efficiency == 1
    assert "No findings" in str(report)
