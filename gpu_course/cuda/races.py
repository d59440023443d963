"""Find memory faults in a record: races and reads of unwritten memory.

Two accesses race if two threads touch the same bytes, one of them writes,
they are not both atomic, and nothing orders them. A barrier orders them if
both threads take part in it: the block's, `syncwarp` in their common warp, or
the grid's. Between blocks, atomics with fences order them too (`ordering`).

Memory is divided into cells. A cell is the largest unit that all accesses to
an array consist of: usually an element, in the worst case a byte.
"""

from dataclasses import dataclass

import numpy as np

from gpu_course.cuda.keys import pack, sort_with_index, starts
from gpu_course.cuda.messages import race_findings, uninitialised_findings
from gpu_course.cuda.ordering import (
    ATOMIC,
    LOAD,
    STORE,
    barrier_pairs,
    clock_pairs,
)

KINDS = {"load": LOAD, "atomic": ATOMIC, "store": STORE}


@dataclass
class Accesses:
    """Accesses to memory, one row each, in cells of `nbytes` bytes."""

    nbytes: int
    position: np.ndarray  # of the event in the record
    cell: np.ndarray  # byte address // nbytes
    site: np.ndarray
    kind: np.ndarray

    def take(self, rows):
        """Return the accesses in `rows`."""
        columns = (self.position, self.cell, self.site, self.kind)
        return Accesses(self.nbytes, *(column[rows] for column in columns))


def find_faults(record, groups):
    """Return the races and uninitialised reads of a launch, by line.

    Parameters
    ----------
    record : Record
    groups : list of (int, ndarray)
        Number of each site that has events, and their positions.
    """
    findings = []
    for space in ("global", "shared", "local"):
        for cluster in _clusters(record, groups, space):
            accesses = _accesses(record, cluster)
            raced = np.empty(0, dtype=np.int64)
            if space != "local":
                races, raced = _races(record, accesses, space)
                findings += races
            if space != "global":
                findings += _uninitialised(record, accesses, raced, space)
    return sorted(findings, key=lambda finding: finding.line)


def _clusters(record, groups, space):
    """Yield groups of a space's sites that may touch the same bytes.

    So arrays of different element types keep cells of their own size, and
    arrays that are only read cost nothing.
    """
    spans = []
    for number, chosen in groups:
        site = record.sites[number]
        if site.kind in KINDS and site.space == space:
            address = record.value[chosen]
            end = int(address.max()) + site.itemsize
            spans.append((int(address.min()), end, number, chosen))
    cluster, reach = [], None
    for begin, end, number, chosen in sorted(spans, key=lambda x: x[:3]):
        if cluster and begin >= reach:
            yield cluster
            cluster = []
        reach = max(reach, end) if cluster else end
        cluster.append((number, chosen))
    if cluster:
        yield cluster


def _accesses(record, cluster):
    """Return the accesses of the sites of a cluster."""
    sites = [record.sites[number] for number, _ in cluster]
    union = 0
    for site, (_, chosen) in zip(sites, cluster, strict=True):
        union |= int(np.bitwise_or.reduce(record.value[chosen]))
        union |= site.itemsize
    nbytes = union & -union
    columns = []
    for site, (number, chosen) in zip(sites, cluster, strict=True):
        cell = record.value[chosen] // nbytes
        parts = site.itemsize // nbytes
        if parts > 1:
            cell = (cell[:, None] + np.arange(parts)).ravel()
            chosen = np.repeat(chosen, parts)
        site_column = np.full(len(cell), number, dtype=np.int32)
        kind = np.full(len(cell), KINDS[site.kind], dtype=np.int8)
        columns.append((chosen, cell, site_column, kind))
    joined = (np.concatenate(c) for c in zip(*columns, strict=True))
    return Accesses(nbytes, *joined)


def _suspects(record, accesses, space):
    """Return the accesses to cells that threads share without a barrier.

    One sort of plain numbers clears most kernels. Only the remaining accesses
    are checked warp by warp.
    """
    position = accesses.position
    columns = [accesses.cell, record.grid_epoch[position]]
    if space == "shared":
        columns.append(record.epoch[position])
    thread = record.thread[position]
    key, bits = pack(*columns, thread, accesses.kind)
    kind_bits, thread_bits = bits[-1], bits[-2]
    low = int(accesses.kind.min())
    key.sort()
    kind = (key & ((1 << kind_bits) - 1)) + low
    key >>= kind_bits
    if not _shared_runs(key >> thread_bits, key, kind)[1].any():
        return accesses.take(slice(0, 0))
    key, index, bits = sort_with_index(*columns, thread)
    kind = accesses.kind[index]
    first, suspect = _shared_runs(key >> bits[-1], key, kind)
    return accesses.take(np.sort(index[suspect[np.cumsum(first) - 1]]))


def _shared_runs(cell, thread, kind):
    """Return where runs of one cell start, and which have a conflict."""
    first = starts(cell)
    begin = np.flatnonzero(first)
    end = np.append(begin[1:], len(cell)) - 1
    seen = np.bitwise_or.reduceat(np.left_shift(1, kind), begin)
    conflict = (seen & 1 << STORE > 0) | (seen == 1 << LOAD | 1 << ATOMIC)
    return first, conflict & (thread[begin] != thread[end])


def _races(record, accesses, space):
    """Return the races among accesses, and the cells where they happen."""
    none = np.empty(0, dtype=np.int64)
    if (accesses.kind == LOAD).all():
        return [], none
    suspects = _suspects(record, accesses, space)
    if not len(suspects.cell):
        return [], none
    update = _updates(record, suspects)
    one, two = barrier_pairs(record, suspects, update)
    if len(one) and _orders_otherwise(record):
        one, two = clock_pairs(record, suspects)
    if not len(one):
        return [], none
    findings = race_findings(record, suspects, update, one, two)
    return findings, np.unique(suspects.cell[one])


def _orders_otherwise(record):
    """Whether a launch orders memory by other means than whole barriers."""
    atomics = any(site.kind == "atomic" for site in record.sites)
    fences = record.fences or record.block_fences
    return bool((fences and atomics) or record.partial_syncs)


def _updates(record, accesses):
    """Return which accesses are half of `a[k] += v`, by one thread.

    That is, the thread loads and stores the cell in the same statement.
    """
    statement = np.array([site.statement for site in record.sites])
    statement = statement[accesses.site]
    thread = record.thread[accesses.position]
    key, _ = pack(accesses.cell, thread, statement)
    group = np.unique(key, return_inverse=True)[1]
    loads = np.bincount(group, weights=accesses.kind == LOAD)
    stores = np.bincount(group, weights=accesses.kind == STORE)
    return (loads * stores > 0)[group] & (statement != 0)


def _uninitialised(record, accesses, raced, space):
    """Return findings for cells whose first access is not a store."""
    _, index, _ = sort_with_index(accesses.cell, accesses.position)
    first = index[starts(accesses.cell[index])]
    first = first[accesses.kind[first] != STORE]
    if len(raced):  # their order is arbitrary; the race is reported
        first = first[~np.isin(accesses.cell[first], raced)]
    if not len(first):
        return []
    return uninitialised_findings(record, accesses.take(first), space)
