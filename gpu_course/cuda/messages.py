"""Messages of memory findings: kernel, line, array, index and threads."""

from bisect import bisect_right

import numpy as np

from gpu_course.cuda.ordering import LOAD
from gpu_course.cuda.record import Finding

VERBS = {"load": "reads", "store": "writes", "atomic": "atomically updates"}


def name_thread(record, thread):
    """Return block and thread indices (x, y, z) of a linear thread."""
    block, inside = divmod(int(thread), int(np.prod(record.block)))
    return _unravel(block, record.grid), _unravel(inside, record.block)


def _unravel(number, shape):
    """Return the (x, y, z) of a linear index; x varies fastest."""
    rest, x = divmod(number, shape[0])
    z, y = divmod(rest, shape[1])
    return x, y, z


def element_index(allocation, address):
    """Return the index of the element that holds the byte at `address`."""
    offset = address - allocation.address
    index = [0] * len(allocation.shape)
    strides = allocation.strides
    for axis in sorted(range(len(strides)), key=lambda i: -strides[i]):
        if strides[axis] > 0 and allocation.shape[axis] > 1:
            index[axis], offset = divmod(offset, strides[axis])
    return tuple(index)


def _describe(thread):
    block, inside = thread
    return f"thread {inside} of block {block}"


class _Places:
    """The arrays of a record, found by address."""

    def __init__(self, record, space):
        self.record = record
        held = [a for a in record.allocations if a.space == space]
        held.sort(key=lambda a: a.address)
        self.at, self.named = {}, {}
        for allocation in held:
            self.at.setdefault(allocation.address, []).append(allocation)
            self.named.setdefault(allocation.name, []).append(allocation)
        self.addresses = np.array(list(self.at), dtype=np.int64)

    def find(self, address):
        """Return each address's position in `addresses`, -1 for none."""
        return np.searchsorted(self.addresses, address, side="right") - 1

    def allocation(self, place, site):
        """Return the array at a place; of several, the one a site names."""
        if place < 0:
            return None
        start = int(self.addresses[place])
        named = self.named.get(site.array, [])
        last = bisect_right(named, start, key=lambda a: a.address) - 1
        if last >= 0 and start < named[last].address + named[last].nbytes:
            return named[last]
        held = self.at[start]
        sized = [a for a in held if a.dtype.itemsize == site.itemsize]
        return (sized or held)[0]

    def element(self, place, site, address):
        """Return an element's array name, index, and text in messages."""
        allocation = self.allocation(place, site)
        if allocation is None:
            return site.array, None, site.array
        name = allocation.name or site.array
        index = element_index(allocation, address)
        return name, index, f"{name}[{', '.join(map(str, index))}]"


def _more(count, what="element"):
    """Return the end of a message that covers `count` elements."""
    if count < 2:
        return ""
    return f", and {count - 1} more {what}{'s' if count > 2 else ''}"


def _merge(columns):
    """Yield the rows of each distinct combination of the columns."""
    table = np.stack(columns, axis=1)
    group = np.unique(table, axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(group, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(group))[:-1])


def _codes(names):
    """Return a number for each name, equal for equal names."""
    numbers = {}
    return np.array([numbers.setdefault(n, len(numbers)) for n in names])


def race_findings(record, accesses, update, one, two):
    """Return a finding for each kind, array and pair of lines.

    Parameters
    ----------
    record : Record
    accesses : Accesses
    update : ndarray of bool
        Accesses that are half of an update of a cell.
    one, two : ndarray of int64
        Rows of the accesses that race.
    """
    sites = record.sites
    site = accesses.site
    places = _Places(record, sites[site[0]].space)
    line = np.array([s.line for s in sites])
    one, two = _blame(accesses, line[site], one, two)
    address = accesses.cell[one] * accesses.nbytes
    place = places.find(address)
    statement = np.array([s.statement for s in sites])
    both = update[one] & update[two]
    both &= statement[site[one]] == statement[site[two]]
    lines = np.sort(np.stack([line[site[one]], line[site[two]]]), axis=0)
    names = _array_names(places, sites, place, site[one])
    findings = []
    for rows in _merge([both, names, *lines]):
        smallest = rows[np.argmin(address[rows])]
        pair = accesses.take(np.array([one[smallest], two[smallest]]))
        element = places.element(
            place[smallest], sites[pair.site[0]], int(address[smallest])
        )
        count = _elements(address[rows], sites[pair.site[0]])
        findings.append(
            _race_finding(record, pair, element, both[smallest], count)
        )
    return findings


def _blame(accesses, line, one, two):
    """Swap pairs so that `one` is the access that the finding is about.

    That is the load. Without a load it is the access on the earlier line.
    """
    kind = accesses.kind
    swap = (kind[two] == LOAD) | (
        (kind[one] != LOAD) & (line[two] < line[one])
    )
    return np.where(swap, two, one), np.where(swap, one, two)


def _array_names(places, sites, place, site):
    """Return a number for each access, equal for equal array names."""
    pairs = np.stack([place, site], axis=1)
    different, inverse = np.unique(pairs, axis=0, return_inverse=True)
    names = []
    for where, number in different.tolist():
        allocation = places.allocation(where, sites[number])
        name = allocation.name if allocation else ""
        names.append(name or sites[number].array)
    return _codes(names)[inverse.ravel()]


def _elements(address, site):
    """Return how many elements contain the addresses."""
    return len(np.unique(address // site.itemsize))


def _race_finding(record, pair, element, update, count):
    """Return the finding for two accesses that race."""
    array, index, shown = element
    line = record.sites[pair.site[0]].line
    order = np.argsort(pair.position, kind="stable")
    sites = [record.sites[pair.site[i]] for i in order]
    threads = [
        name_thread(record, record.thread[pair.position[i]]) for i in order
    ]
    did = [
        f"{_describe(thread)} {VERBS[site.kind]} it in line {site.line}"
        for site, thread in zip(sites, threads, strict=True)
    ]
    if update:
        kind = "non_atomic_update"
        what = f"{shown} is updated by several threads without an atomic"
    else:
        kind = "race"
        what = f"race on {shown}"
    message = (
        f"{record.kernel}, line {line}: {what}: {did[0]} and {did[1]}, "
        f"and nothing orders them{_more(count)}."
    )
    return Finding(
        kind, record.kernel, line, array, index, tuple(threads), message
    )


def uninitialised_findings(record, accesses, space):
    """Return a finding for each array and line that reads before a write."""
    sites = record.sites
    site = accesses.site
    places = _Places(record, space)
    address = accesses.cell * accesses.nbytes
    place = places.find(address)
    line = np.array([s.line for s in sites])[site]
    names = _array_names(places, sites, place, site)
    findings = []
    for rows in _merge([names, line]):
        smallest = rows[np.argmin(address[rows])]
        reader = sites[site[smallest]]
        array, index, shown = places.element(
            place[smallest], reader, int(address[smallest])
        )
        thread = record.thread[accesses.position[smallest]]
        thread = name_thread(record, thread)
        count = _elements(address[rows], reader)
        message = (
            f"{record.kernel}, line {reader.line}: {_describe(thread)} "
            f"{VERBS[reader.kind]} {shown} of {space} memory before "
            f"anything is written there{_more(count)}."
        )
        findings.append(
            Finding(
                "uninitialised_read",
                record.kernel,
                reader.line,
                array,
                index,
                (thread,),
                message,
            )
        )
    return findings
