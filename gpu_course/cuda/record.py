"""The record of a traced launch: its events, and their sites.

The traced executor fills a `Record`; `analysis` turns it into counts and
findings. A launch easily has millions of events. So they are stored in NumPy
columns, one row per event in the order of execution.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from gpu_course.cuda.memory import SITE_SHIFT
from gpu_course.cuda.threads import RESUME, TURN


@dataclass(frozen=True)
class Site:
    """One place in the source that does something worth counting.

    Attributes
    ----------
    kind : str
        ``load``, ``store``, ``atomic``, ``branch``, ``loop``, ``leave`` (the
        end of the loop site before it), ``call`` or ``flop``.
    line : int
        Line in the file or cell that holds the source.
    function : str
        Kernel or device function that the line is part of.
    array : str
        Name in the source of the array that a memory access uses.
    space : str
        ``global``, ``shared``, ``local`` or ``const``.
    itemsize : int
        Bytes of one access.
    statement : int
        Loads and stores of one statement share this number.
    orelse : bool
        For a branch, whether it has an else body.
    flops : int
        For a flop site, the FLOPs that each execution does.
    """

    kind: str
    line: int
    function: str
    array: str = ""
    space: str = ""
    itemsize: int = 0
    statement: int = 0
    orelse: bool = False
    flops: int = 0


MARKERS = (Site("resume", 0, ""), Site("turn", 0, ""))  # threads.RESUME, TURN


@dataclass(frozen=True)
class Allocation:
    """An array of one memory space, with its virtual byte address.

    Addresses are multiples of 256 and unique in their space. `strides` are
    in bytes. `block` is the linear index of the block that owns a shared
    array and `thread` the global linear index of the thread that owns a
    local one; both are -1 where there is no owner.
    """

    name: str
    space: str
    address: int
    nbytes: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype
    block: int = -1
    thread: int = -1


@dataclass(frozen=True)
class Finding:
    """A fault of a kernel, found in one launch.

    Attributes
    ----------
    kind : str
        ``race``, ``non_atomic_update``, ``barrier_divergence``,
        ``out_of_bounds``, ``negative_index`` or ``uninitialised_read``.
    kernel, line, array, index
        Where it happened. `index` is None if no element is involved.
    threads : tuple
        A ``((bx, by, bz), (tx, ty, tz))`` pair for each thread involved.
    message : str
        One sentence that says all of this.
    """

    kind: str
    kernel: str
    line: int
    array: str
    index: tuple[int, ...] | None
    threads: tuple
    message: str


@dataclass
class Record:
    """The events of one launch, one row of each column per event.

    Attributes
    ----------
    site : ndarray of int32
        Index into `sites`.
    value : ndarray of int64
        Byte address of a memory access. For a branch, 1 where the thread
        took it. For a loop, 1 for an iteration started and 0 when left.
    path : ndarray of int64
        The dynamic instance: call path and iterations of the enclosing loops.
        Lanes of a warp with the same (site, path) executed it together. For a
        loop's events it is the path of the loop as a whole.
    thread : ndarray of int64
        Block's linear index * threads per block + linear index in the block.
    epoch, warp_epoch, grid_epoch : ndarray of int32
        Block barriers, ``syncwarp`` and grid-wide barriers passed so far.
    fences : list of (int, int)
        Event position and thread: a ``threadfence`` executed just before
        the event at that position.
    barriers : dict of int to int
        Maps a line to the barriers executed there, counted once per block.
    partial_syncs : list of (int, tuple of int)
        Event position and threads: a ``syncwarp`` just before the event at
        that position, in which only some of the warp's running threads took
        part. It is not counted in `warp_epoch`.
    block_fences : list of (int, int)
        As `fences`, for ``threadfence_block``: other blocks don't see it.
    """

    kernel: str
    filename: str
    source: str
    first_line: int
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    sites: list[Site]
    site: np.ndarray
    value: np.ndarray
    path: np.ndarray
    thread: np.ndarray
    epoch: np.ndarray
    warp_epoch: np.ndarray
    grid_epoch: np.ndarray
    fences: list = field(default_factory=list)
    barriers: dict[int, int] = field(default_factory=dict)
    allocations: list[Allocation] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    partial_syncs: list = field(default_factory=list)
    block_fences: list = field(default_factory=list)


def decode(machine, source):
    """Return the `Record` of what a `machine.Machine` noted.

    An event is one whole number, with the site in the bits above the value.
    Threads and paths are noted only where they change, and filled in here.
    """
    raw = np.frombuffer(machine.events, dtype=np.int64)
    site = (raw >> SITE_SHIFT).astype(np.int32)
    value = raw & ((1 << SITE_SHIFT) - 1)
    kinds = np.array([s.kind for s in machine.sites])
    resumed = site == RESUME
    loops, leaves = kinds == "loop", kinds == "leave"
    sets_path = loops | leaves
    sets_path[[RESUME, TURN]] = True
    at = np.where(sets_path[site], np.arange(len(site)), 0)
    path = value[np.maximum.accumulate(at)] if len(site) else value
    # A loop's events belong to the path outside it.
    parents = np.array(machine.parents)
    looped, left = loops[site], leaves[site]
    path = np.where(looped, parents[np.where(looped, path, 0)], path)
    value = np.where(looped, 1, np.where(left, 0, value))
    site = site - left.astype(np.int32)
    keep = site > TURN
    place = np.concatenate([[0], np.cumsum(keep)])
    sites = list(machine.sites)
    starts = np.array([a.address for a in machine.allocations])
    order = np.argsort(starts, kind="stable")
    kept = np.flatnonzero(keep)
    first = np.full(len(sites), -1)
    first[site[kept[::-1]]] = kept[::-1]  # the last assignment stays
    for number, where in enumerate(first):
        if where >= 0 and sites[number].kind in ("load", "store", "atomic"):
            found = np.searchsorted(starts[order], value[where], "right") - 1
            space = machine.allocations[order[found]].space
            sites[number] = replace(sites[number], space=space)
    context = np.frombuffer(machine.contexts, dtype=np.int64).reshape(-1, 4)
    turn = (np.cumsum(resumed) - 1)[keep]
    epoch, warp_epoch, grid_epoch = context.T[1:].astype(np.int32)
    return Record(
        kernel=machine.name,
        filename=source.filename,
        source=source.text,
        first_line=source.first_line,
        grid=machine.grid,
        block=machine.block,
        sites=sites,
        site=site[keep],
        value=value[keep],
        path=path[keep],
        thread=context[:, 0][turn],
        epoch=epoch[turn],
        warp_epoch=warp_epoch[turn],
        grid_epoch=grid_epoch[turn],
        fences=[(int(place[p]), t) for p, t in machine.fences],
        partial_syncs=[(int(place[p]), t) for p, t in machine.partial_syncs],
        block_fences=[(int(place[p]), t) for p, t in machine.block_fences],
        barriers=machine.barriers,
        allocations=machine.allocations,
        findings=machine.findings,
    )
