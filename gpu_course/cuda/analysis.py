"""Counts from a launch's record: requests, sectors, banks, branches, FLOPs.

The definitions are those of NVIDIA's profilers. A request is one executed
load, store or atomic of a warp. Global memory serves it in sectors of 32
bytes, shared memory in 32 banks of 4 bytes. Counts are exact for the source
as written. A compiler hoists and merges loads, so a profiler may count fewer.
"""

from dataclasses import dataclass, field
from math import inf, nan

import numpy as np

from gpu_course.cuda.keys import pack, position_in_run, sort_with_index, starts
from gpu_course.cuda.races import find_faults
from gpu_course.cuda.record import Finding

SECTOR_BYTES = 32
BANKS = 32
BANK_BYTES = 4
WARP_SIZE = 32


@dataclass
class Counts:
    """Counts of a source line, or of a whole launch.

    `active_lanes` counts the lanes that took part in branch and loop bodies.
    `body_lanes` counts all lanes of the warps that executed those bodies.
    """

    global_requests: int = 0
    global_sectors: int = 0
    bytes_moved: int = 0
    shared_requests: int = 0
    shared_wavefronts: int = 0
    max_bank_conflict: int = 1
    active_lanes: int = 0
    body_lanes: int = 0
    flops: int = 0
    barriers: int = 0

    @property
    def coalescing_efficiency(self):
        """Requested bytes over bytes of the sectors; 1.0 without a request.

        Every lane's bytes count. Lanes that share bytes could request more
        than the sectors hold, so the ratio is capped at 1.
        """
        if not self.global_sectors:
            return 1.0
        return min(
            1.0, self.bytes_moved / (SECTOR_BYTES * self.global_sectors)
        )

    @property
    def branch_efficiency(self):
        """Active lanes over lanes of the warps; 1.0 without a branch."""
        if not self.body_lanes:
            return 1.0
        return self.active_lanes / self.body_lanes

    @property
    def arithmetic_intensity(self):
        """FLOP per byte requested from global memory."""
        if self.bytes_moved:
            return self.flops / self.bytes_moved
        return inf if self.flops else nan

    def add(self, other):
        """Add the counts of `other`; keep the worse bank conflict."""
        for name, value in vars(other).items():
            if name == "max_bank_conflict":
                self.max_bank_conflict = max(self.max_bank_conflict, value)
            else:
                setattr(self, name, getattr(self, name) + value)


@dataclass
class LineCounts(Counts):
    """Counts of one source line."""


@dataclass
class Analysis(Counts):
    """Counts of a launch, of each of its lines, and its findings."""

    lines: dict[int, LineCounts] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def analyse(record):
    """Count what a launch did and look for faults.

    Parameters
    ----------
    record : Record

    Returns
    -------
    Analysis
    """
    analysis = Analysis()
    groups = list(events_by_site(record))
    for number, chosen in groups:
        site = record.sites[number]
        counts = _count_site(record, site, chosen)
        line = analysis.lines.setdefault(site.line, LineCounts())
        line.add(counts)
    for number, times in record.barriers.items():
        line = analysis.lines.setdefault(number, LineCounts())
        line.barriers += times
    analysis.lines = dict(sorted(analysis.lines.items()))
    for line in analysis.lines.values():
        analysis.add(line)
    analysis.findings = find_faults(record, groups)
    return analysis


def events_by_site(record):
    """Yield each site's number and the positions of its events, in order."""
    site = record.site
    if len(record.sites) < 1 << 16:
        site = site.astype(np.uint16)  # NumPy sorts 16 bits by radix
    order = np.argsort(site, kind="stable")
    ends = np.cumsum(np.bincount(record.site, minlength=len(record.sites)))
    begin = 0
    for number, end in enumerate(ends):
        if end > begin:
            yield number, order[begin:end]
        begin = end


def warps_and_lanes(record, thread):
    """Return the grid-wide warp and the lane of each linear thread."""
    threads = int(np.prod(record.block))
    warps = -(-threads // WARP_SIZE)
    block = thread // threads
    inside = thread - block * threads
    return block * warps + inside // WARP_SIZE, inside % WARP_SIZE


def requests(record, chosen):
    """Group the events of one site into requests.

    Parameters
    ----------
    record : Record
    chosen : ndarray of int64
        Positions of the site's events.

    Returns
    -------
    request : ndarray of int64
        Number of the request of each event, from 0, ascending.
    events : ndarray of int64
        Positions of these events: `chosen`, ordered by request.
    """
    warp, lane = warps_and_lanes(record, record.thread[chosen])
    key, index, bits = sort_with_index(warp, record.path[chosen], lane)
    first = starts(key)
    if not first.all():
        # A lane ran this site again in the same instance: group its n-th
        # event with the n-th events of the other lanes.
        again = position_in_run(first)
        key, second, _ = sort_with_index(key >> bits[-1], again)
        index = index[second]
    else:
        key >>= bits[-1]
    return np.cumsum(starts(key)) - 1, chosen[index]


def _count_site(record, site, chosen):
    """Return the counts of one site with the events `chosen`."""
    counts = LineCounts()
    if site.kind == "flop":
        counts.flops = site.flops * len(chosen)
    elif site.kind == "branch":
        _count_branch(counts, record, site, chosen)
    elif site.kind == "loop":
        _count_loop(counts, record, chosen)
    elif site.space == "global":
        request, events = requests(record, chosen)
        units = _units(request, record.value[events], site, SECTOR_BYTES)
        counts.global_requests = int(request[-1]) + 1
        counts.global_sectors = len(units[0])
        counts.bytes_moved = site.itemsize * len(chosen)
    elif site.space == "shared":
        request, events = requests(record, chosen)
        request, word = _units(request, record.value[events], site, BANK_BYTES)
        bank = request * BANKS + word % BANKS
        counts.shared_requests = int(request[-1]) + 1
        words = np.bincount(bank, minlength=BANKS * counts.shared_requests)
        turns = words.reshape(-1, BANKS).max(axis=1)
        counts.shared_wavefronts = int(turns.sum())
        counts.max_bank_conflict = int(turns.max())
    return counts


def _units(request, address, site, nbytes):
    """Return the distinct units of `nbytes` that each request touches.

    An element that spans several units touches all of them.
    """
    first = address // nbytes
    last = (address + (site.itemsize - 1)) // nbytes
    longest = int((last - first).max())
    if longest:
        unit = first[:, None] + np.arange(longest + 1)
        inside = unit <= last[:, None]
        request = np.broadcast_to(request[:, None], unit.shape)[inside]
        first = unit[inside]
    low = int(first.min())
    key, (_, width) = pack(request, first)
    key.sort()
    key = key[starts(key)]
    return key >> width, (key & ((1 << width) - 1)) + low


def _warp_sizes(record, thread):
    """Return the number of lanes in the warp of each thread."""
    threads = int(np.prod(record.block))
    inside = thread % threads
    return np.minimum(threads - inside // WARP_SIZE * WARP_SIZE, WARP_SIZE)


def _count_branch(counts, record, site, chosen):
    """Count the lanes of the bodies that each warp executed."""
    request, events = requests(record, chosen)
    lanes = np.bincount(request)
    taken = np.bincount(request, weights=record.value[events])
    taken = taken.astype(np.int64)
    size = _warp_sizes(record, record.thread[events[starts(request)]])
    bodies = [taken, lanes - taken] if site.orelse else [taken]
    for active in bodies:
        counts.active_lanes += int(active.sum())
        counts.body_lanes += int(size[active > 0].sum())


def _count_loop(counts, record, chosen):
    """Count the lanes of iterations if a warp's lanes iterate unequally."""
    warp, lane = warps_and_lanes(record, record.thread[chosen])
    key, index, bits = sort_with_index(warp, record.path[chosen], lane)
    first = np.flatnonzero(starts(key))
    trips = np.add.reduceat(record.value[chosen[index]], first)
    loop = np.flatnonzero(starts(key[first] >> bits[-1]))
    longest = np.maximum.reduceat(trips, loop)
    uneven = longest != np.minimum.reduceat(trips, loop)
    thread = record.thread[chosen[index[first[loop]]]]
    size = _warp_sizes(record, thread)
    counts.active_lanes = int(np.add.reduceat(trips, loop)[uneven].sum())
    counts.body_lanes = int((longest * size)[uneven].sum())
