"""Find accesses to the same memory that nothing orders.

Barriers are checked level by level: blocks between grid barriers, warps of a
block between its barriers, lanes of a warp between `syncwarp`. Atomics with
fences, and a `syncwarp` of part of a warp, need the order of events, a vector
clock for each thread, and a Python loop. So they are followed only if a
launch has used them.
"""

from collections import defaultdict
from itertools import combinations_with_replacement

import numpy as np

from gpu_course.cuda.keys import pack, sort_with_index, starts

WARP_SIZE = 32
LOAD, ATOMIC, STORE = 0, 1, 2
DEVICE, BLOCK = SCOPES = 0, 1  # who sees the writes before a fence


def conflict(one, two):
    """Return whether accesses of these kinds to one cell can race."""
    return STORE in (one, two) or {one, two} == {LOAD, ATOMIC}


def barrier_pairs(record, accesses, update):
    """Find pairs of accesses that no barrier orders.

    Parameters
    ----------
    record : Record
    accesses : Accesses
    update : ndarray of bool
        Accesses that are half of an update of a cell.

    Returns
    -------
    one, two : ndarray of int64
        Rows of `accesses`. One pair for each cell, pair of sites, and level.
    """
    position = accesses.position
    thread = record.thread[position]
    threads = int(np.prod(record.block))
    block = thread // threads
    warp = thread % threads // WARP_SIZE
    between = [accesses.cell, record.grid_epoch[position]]
    levels = [(list(between), block)]
    between += [block, record.epoch[position]]
    levels.append((list(between), warp))
    between += [warp, record.warp_epoch[position]]
    levels.append((between, thread))
    role = accesses.site * np.int64(2) + update
    roles = [np.flatnonzero(role == each) for each in np.unique(role)]
    ones, twos = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for columns, part in levels:
        group, _ = pack(*columns)
        ends = [_first_and_last(group, part, rows) for rows in roles]
        for a, b in combinations_with_replacement(ends, 2):
            if conflict(*(accesses.kind[x[1][0]] for x in (a, b))):
                one, two = _different_parts(part, a, b)
                ones.append(one)
                twos.append(two)
    return np.concatenate(ones), np.concatenate(twos)


def _first_and_last(group, part, rows):
    """Return each group of `rows`, with its rows of lowest, highest part."""
    key, index, bits = sort_with_index(group[rows], part[rows])
    begin = np.flatnonzero(starts(key >> bits[-1]))
    end = np.append(begin[1:], len(key)) - 1
    low, high = rows[index[begin]], rows[index[end]]
    return group[low], low, high


def _different_parts(part, a, b):
    """Pair rows of two sites that are in one group and different parts."""
    _, i, j = np.intersect1d(
        a[0], b[0], assume_unique=True, return_indices=True
    )
    a_low, a_high, b_low, b_high = a[1][i], a[2][i], b[1][j], b[2][j]
    forward = part[a_low] != part[b_high]
    backward = ~forward & (part[a_high] != part[b_low])
    one = np.concatenate([a_low[forward], a_high[backward]])
    two = np.concatenate([b_high[forward], b_low[backward]])
    return one, two


def clock_pairs(record, accesses):
    """Find pairs of accesses that neither barriers nor fences order.

    A thread that writes, fences and then does an atomic on X passes all it
    knew at the fence to any thread that later does an atomic on X. Threads
    that meet in a partial `syncwarp` then know what each of them knew.

    Returns
    -------
    one, two : ndarray of int64
        Rows of `accesses`, in the order of execution.
    """
    clocks = _Clocks(record, np.unique(record.thread[accesses.position]))
    rows_at = defaultdict(list)
    for row, position in enumerate(accesses.position.tolist()):
        rows_at[position].append(row)
    fences_at = defaultdict(list)
    for position, thread in record.fences:
        fences_at[position].append((thread, SCOPES))
    for position, thread in record.block_fences:
        fences_at[position].append((thread, (BLOCK,)))
    syncs_at = defaultdict(list)
    for position, threads in record.partial_syncs:
        syncs_at[position].append(threads)
    atomic = np.array([site.kind == "atomic" for site in record.sites])
    steps = [
        np.array(list(rows_at), dtype=np.int64),
        np.array([*fences_at, *syncs_at], dtype=np.int64),
        np.flatnonzero(atomic[record.site]),
        clocks.barriers(),
    ]
    history, pairs = defaultdict(dict), []
    for position in np.unique(np.concatenate(steps)).tolist():
        for thread, scopes in fences_at.get(position, ()):
            clocks.fence(thread, position, scopes)
        for threads in syncs_at.get(position, ()):
            clocks.meet(threads, position)
        if position >= len(record.site):
            break
        clocks.pass_barriers(position)
        # An access is checked after its own atomic has acquired.
        if atomic[record.site[position]]:
            clocks.acquire_release(position)
        for row in rows_at.get(position, ()):
            before = history[int(accesses.cell[row])]
            pairs += _unordered(record, accesses, clocks, before, row)
    one, two = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return one, two


def _unordered(record, accesses, clocks, before, row):
    """Pair `row` with earlier accesses that race with it; then add it."""
    position = int(accesses.position[row])
    thread = int(record.thread[position])
    pairs = []
    for key, old in list(before.items()):
        if key[0] == thread:
            continue
        if clocks.ordered(int(accesses.position[old]), position):
            # What races with the old access also races with this store.
            if accesses.kind[row] == STORE:
                del before[key]
        elif conflict(accesses.kind[old], accesses.kind[row]):
            pairs.append((old, row))
    before[thread, int(accesses.site[row])] = row
    return pairs


class _Clocks:
    """Vector clocks: the last position each thread knows of each suspect."""

    def __init__(self, record, suspected):
        self.record = record
        self.threads = int(np.prod(record.block))
        self.column = {t: i for i, t in enumerate(suspected.tolist())}
        self.suspected = suspected
        nothing = np.full(len(suspected), -1, dtype=np.int64)
        # A thread knows what its block knew at the last barrier, unless it
        # has a clock of its own.
        self.block = defaultdict(lambda: nothing)
        self.own = defaultdict(dict)
        # The same for what they have fenced, in each scope
        self.block_fence = [defaultdict(lambda: nothing) for _ in SCOPES]
        self.own_fence = [defaultdict(dict) for _ in SCOPES]
        self.released = {}
        self.done = defaultdict(dict)  # thread to address to position

    def of(self, thread):
        """Return the clock of a thread."""
        block = thread // self.threads
        return self.own[block].get(thread, self.block[block])

    def now(self, thread, position):
        """Return the clock of a thread, including its own events."""
        clock = self.of(thread)
        if thread in self.column:
            clock = clock.copy()
            clock[self.column[thread]] = position
        return clock

    def ordered(self, old, new):
        """Return whether the event at `old` comes before the one at `new`."""
        record = self.record
        a, b = int(record.thread[old]), int(record.thread[new])
        if record.grid_epoch[old] != record.grid_epoch[new]:
            return True
        if a // self.threads == b // self.threads:
            if record.epoch[old] != record.epoch[new]:
                return True
            warps = (t % self.threads // WARP_SIZE for t in (a, b))
            same_warp = len(set(warps)) == 1
            if same_warp and record.warp_epoch[old] != record.warp_epoch[new]:
                return True
        if self.done[b].get(int(record.value[old]), -1) > old and (
            record.sites[record.site[old]].kind == "atomic"
        ):
            return True  # atomics on one element are ordered
        return self.of(b)[self.column[a]] >= old

    def fenced(self, thread, scope):
        """Return what a thread has made visible with fences of a scope."""
        block = thread // self.threads
        fenced = self.own_fence[scope][block].get(thread)
        return self.block_fence[scope][block] if fenced is None else fenced

    def fence(self, thread, position, scopes):
        """Note that events before `position` are visible in `scopes`."""
        for scope in scopes:
            own = self.own_fence[scope][thread // self.threads]
            own[thread] = self.now(thread, position - 1)

    def acquire_release(self, position):
        """Pass knowledge on through the atomic at `position`."""
        thread = int(self.record.thread[position])
        block = thread // self.threads
        address = int(self.record.value[position])
        self.done[thread][address] = position
        for scope, key in ((DEVICE, address), (BLOCK, (address, block))):
            passed = self.fenced(thread, scope)
            known = self.released.get(key)
            if known is not None:
                self.own[block][thread] = np.maximum(self.of(thread), known)
                passed = np.maximum(passed, known)
            self.released[key] = passed

    def barriers(self):
        """Return the first position of a block or warp after each barrier."""
        record = self.record
        block = record.thread // self.threads
        warp = record.thread % self.threads // WARP_SIZE
        self._block_steps = self._steps(block, record.epoch)
        self._warp_steps = self._steps(block, warp, record.warp_epoch)
        both = (self._block_steps, self._warp_steps)
        return np.array(sorted(set().union(*both)), dtype=np.int64)

    def _steps(self, *columns):
        """Return the first position of each group whose epoch isn't 0."""
        if not columns[-1].any():
            return set()
        first = np.unique(pack(*columns)[0], return_index=True)[1]
        return set(first[columns[-1][first] > 0].tolist())

    def pass_barriers(self, position):
        """Let the threads of a barrier before `position` share clocks."""
        thread = int(self.record.thread[position])
        block = thread // self.threads
        if position in self._block_steps:
            self._join(block, position)
        elif position in self._warp_steps:
            first = block * self.threads
            first += (thread - first) // WARP_SIZE * WARP_SIZE
            last = min(first + WARP_SIZE, (block + 1) * self.threads)
            self.meet(range(first, last), position)

    def meet(self, threads, position):
        """Let threads of a warp share what they did, knew and fenced."""
        block = threads[0] // self.threads
        known = [self.now(thread, position - 1) for thread in threads]
        self.own[block] |= dict.fromkeys(threads, np.max(known, axis=0))
        for scope in SCOPES:
            fenced = [self.fenced(thread, scope) for thread in threads]
            own = self.own_fence[scope][block]
            own |= dict.fromkeys(threads, np.max(fenced, axis=0))

    def _join(self, block, position):
        """Give all threads of a block what any of them knew and fenced."""
        known = [self.block[block], *self.own[block].values()]
        known = np.max(known, axis=0)
        known[self.suspected // self.threads == block] = position - 1
        self.block[block] = known
        self.own[block].clear()
        for scope in SCOPES:
            fenced, own = self.block_fence[scope], self.own_fence[scope][block]
            fenced[block] = np.max([fenced[block], *own.values()], axis=0)
            own.clear()
