"""A launch that runs in Python: blocks, their turns, and the record.

Each thread runs until it waits for others. Threads run in order, or, in the
adversarial schedule, the other way round, so that a result which depends on
order shows.
"""

import itertools
import time
import traceback
from array import array

import numpy as np

from gpu_course.cuda import warp
from gpu_course.cuda.arithmetic import like, python_number
from gpu_course.cuda.memory import SITE_SHIFT, make
from gpu_course.cuda.record import Allocation, Finding, decode
from gpu_course.cuda.threads import TURN, WARP, Thread

MOST_EVENTS = 30_000_000  # of a traced launch, 8 bytes each and then sorted


class LaunchError(RuntimeError):
    """A launch could not finish; the message names line and threads."""


class Stop(LaunchError):
    """A finding that makes going on impossible."""

    def __init__(self, finding):
        super().__init__(finding.message)
        self.finding = finding


class OutOfBounds(Stop, IndexError):
    """An index that is not in its axis."""


class TooSlow(Exception):
    """The launch has used up the time it was given."""


class Block:
    """The threads of a block that wait for each other at times."""

    def __init__(self, machine, function, arguments, threads):
        self.machine = machine
        self.running = {t: function(t, *arguments) for t in threads}
        self.ended = []  # those that came to the end, so not by a return

    def turn(self):
        """Let each thread go on that can; return whether any did."""
        moved = False
        for thread in list(self.running):
            waiting = thread.waiting
            if waiting is None or waiting[0] == "spin":
                moved |= self.go_on(thread, waiting is not None)
        return bool(self.running and self.release()) or moved

    def go_on(self, thread, spinning):
        """Run a thread to its next wait; return whether it got anywhere."""
        self.machine.poll()
        given, thread.answer, thread.waiting = thread.answer, None, None
        if self.machine.trace:
            thread.resume()
        try:
            thread.waiting = self.running[thread].send(given)
        except StopIteration as end:
            del self.running[thread]
            if end.value is not True:
                self.ended.append(thread)
            return True
        return not (spinning and thread.waiting[0] == "spin")

    def release(self):
        """Let those go on whose wait is over; return whether any was."""
        waits = {}
        for thread in self.running:
            waits.setdefault(thread.waiting[:2], []).append(thread)
        if len(waits) == 1:
            (name, line), group = next(iter(waits.items()))
            if name.startswith("syncthreads"):
                if self.ended:
                    self.divergence(line, group, self.ended)
                self.pass_barrier(name, line, group)
                return True
        released = [
            self.meet(name, lanes)
            for (name, _), group in waits.items()
            if name in warp.VOTES or name in warp.SOURCES
            or name in ("syncwarp", "activemask")
            for lanes in _by_warp(group)
        ]  # fmt: skip
        if any(released):
            return True
        names = {name for name, _ in waits}
        if len(waits) > 1 and "spin" not in names:
            barriers = [
                k for k in waits
                if k[0].startswith("syncthreads") or k[0] == "grid_sync"
            ]  # fmt: skip
            if barriers:
                first = min(barriers, key=lambda k: k[1])
                others = [t for k, g in waits.items() if k != first for t in g]
                self.divergence(first[1], waits[first], others)
        return False

    def meet(self, name, lanes):
        """Do a warp operation if all lanes that it names have come."""
        one_warp = lanes[0].warp
        alive = {t.laneid for t in self.running if t.warp == one_warp}
        here = {t.laneid for t in lanes}
        if name != "activemask":
            masks = {t.waiting[2] if t.waiting[2:] else -1 for t in lanes}
            named = {
                lane for lane in alive for mask in masks if mask >> lane & 1
            }
            if not named <= here:
                return False
        if name == "syncwarp":
            self.pass_syncwarp(lanes)
        parts = {t.laneid: t.waiting[2:] for t in lanes}
        for thread in lanes:
            thread.answer = warp.answer(name, thread.laneid, parts)
        for thread in lanes:
            thread.waiting = None
        return True

    def pass_syncwarp(self, lanes):
        """Count a barrier of the whole warp; note one of a part of it."""
        first = lanes[0].warp * WARP
        size = min(WARP, self.machine.a_block - first)
        groups = {}
        for thread in lanes:
            mask = thread.waiting[2] if thread.waiting[2:] else -1
            groups.setdefault(mask & 0xFFFFFFFF, []).append(thread)
        machine = self.machine
        for group in groups.values():
            if len(group) == size:
                for thread in group:
                    thread.warp_epoch += 1
            else:
                machine.partial_syncs.append(
                    (len(machine.events), tuple(t.number for t in group))
                )

    def pass_barrier(self, name, line, group):
        barriers = self.machine.barriers
        barriers[line] = barriers.get(line, 0) + 1
        flags = [bool(t.waiting[2]) for t in group if len(t.waiting) > 2]
        answer = {
            "syncthreads": None,
            "syncthreads_count": sum(flags),
            "syncthreads_and": int(all(flags)),
            "syncthreads_or": int(any(flags)),
        }[name]
        for thread in group:
            thread.answer, thread.waiting = answer, None
            thread.epoch += 1

    def divergence(self, line, here, elsewhere):
        one, other = here[0], elsewhere[0]
        where = (
            f"waits at line {other.waiting[1]}"
            if other.waiting
            else "has ended without reaching it"
        )
        who = tuple((t.block_index, t.index) for t in (one, other))
        raise Stop(
            Finding(
                "barrier_divergence", self.machine.name, line, "", None, who,
                f"{self.machine.name}, line {line}: thread {one.index} of "
                f"block {one.block_index} waits at this barrier, thread "
                f"{other.index} {where}",
            )
        )  # fmt: skip


def _by_warp(threads):
    warps = {}
    for thread in threads:
        warps.setdefault(thread.warp, []).append(thread)
    return warps.values()


class Machine:
    """One launch: grid, block, memory, and the record of a traced run.

    Parameters
    ----------
    name : str
    grid, block : tuple of int
        Three each.
    sites : list of Site
    trace, reverse : bool
    dynamic : int
        Bytes of dynamic shared memory.
    patience_s : float, optional
        Seconds until `TooSlow` is raised.
    strict : bool
        Whether threads that end without a grid-wide barrier are a fault.
    """

    def __init__(self, name, grid, block, sites, trace=False, reverse=False,
                 dynamic=0, patience_s=None, strict=False):  # fmt: skip
        self.name, self.grid, self.block, self.sites = name, grid, block, sites
        self.trace, self.reverse, self.dynamic = trace, reverse, dynamic
        self.events, self.contexts, self.fences = array("q"), array("q"), []
        self.partial_syncs, self.block_fences = [], []
        self.note = self.events.append
        self.turn = TURN << SITE_SHIFT
        self.parents, self._kids = [0], {}
        self.findings, self.allocations, self.barriers = [], [], {}
        self.strict = strict
        self.waiting = []  # blocks that take turns
        self.stop = None  # what ended the launch early
        self.addresses = {}
        self.next_address = 1 << 20
        self.deadline = None
        if patience_s is not None:
            self.deadline = time.perf_counter() + patience_s

    def poll(self):
        """Look whether the launch has gone on for too long."""
        if self.deadline and time.perf_counter() > self.deadline:
            raise TooSlow
        if len(self.events) > MOST_EVENTS:
            raise LaunchError(
                f"{self.name} has done more than {MOST_EVENTS:,} things worth "
                "noting: trace a smaller grid, or look for a loop without end"
            )

    def kids(self, path, site):
        """Return the paths of the iterations of a loop, so far."""
        key = (path, site)
        if key not in self._kids:
            self._kids[key] = _Kids(path)
        return self._kids[key]

    def new_kid(self, kids):
        kids.append(len(self.parents))
        self.parents.append(kids.parent)

    def argument(self, value, name):
        """Return an argument as the generated code wants it."""
        if isinstance(value, np.ndarray):
            return self.place(value, name, "global")
        if isinstance(value, tuple):
            return like(value, [self.argument(item, name) for item in value])
        return python_number(value)

    def place(self, data, name, space, block=-1, thread=-1):
        """Give an array its virtual address.

        That is a multiple of 256, or for a view of another array its place
        in that one.
        """
        if space == "global" and data.size:
            low, high = region(data)
            if low not in self.addresses:
                self.addresses[low] = self._new_address(high - low)
            real = data.__array_interface__["data"][0]
            address = self.addresses[low] + real - low
        else:
            address = self._new_address(max(data.nbytes, 1))
        self._allocated(name, space, address, data, block, thread)
        return make(data, address, name, space, self)

    def _new_address(self, nbytes):
        address = self.next_address
        self.next_address += -(-nbytes // 256) * 256
        return address

    def scratch(self, thread, space, key, name, shape, dtype):
        """Return an array of shared, local or constant memory."""
        owner = thread.number if space == "local" else -1
        block = -1 if space == "const" else thread.number // self.a_block
        found = self.local.get((key, block, owner))
        if found is None:
            if space == "const":
                data = shape
            elif space == "shared" and 0 in shape:
                found = self.in_pool(block, dtype, name)
            else:
                data = np.zeros(shape, dtype)
            if found is None:
                found = self.place(data, name, space, block, owner)
            self.local[key, block, owner] = found
        return found

    def _pool(self, block, dtype):
        """Return a block's dynamic shared memory as an array of a dtype."""
        if block not in self.pools:
            pool = np.zeros(self.dynamic, np.uint8)
            self.pools[block] = (pool, self._new_address(max(1, self.dynamic)))
        pool, address = self.pools[block]
        usable = self.dynamic // dtype.itemsize * dtype.itemsize
        return pool[:usable].view(dtype), address

    def in_pool(self, block, dtype, name):
        """Return an array that lies on a block's dynamic shared memory."""
        data, address = self._pool(block, dtype)
        self._allocated(name, "shared", address, data, block)
        return make(data, address, name, "shared", self)

    def _allocated(self, name, space, address, data, block=-1, thread=-1):
        if self.trace:
            self.allocations.append(
                Allocation(name, space, address, max(1, data.nbytes),
                           data.shape, data.strides, data.dtype, block,
                           thread)
            )  # fmt: skip

    def line_of(self, site):
        """Return the line of a site, given as the events hold it."""
        return self.sites[site >> SITE_SHIFT].line

    def refuse(self, thread, site, what):
        raise LaunchError(
            f"{self.name}, line {self.line_of(site)}: thread {thread.index} "
            f"of block {thread.block_index}: {what}"
        )

    def found_index(self, kind, memory, thread, site, index):
        line = self.line_of(site)
        who = (thread.block_index, thread.index)
        shown = ", ".join(str(i) for i in index)
        finding = Finding(
            kind, self.name, line, memory.name, tuple(index), (who,),
            f"{self.name}, line {line}: thread {who[1]} of block {who[0]} "
            f"uses {memory.name}[{shown}], but the shape is {memory.shape}",
        )  # fmt: skip
        known = {(f.kind, f.line, f.array) for f in self.findings}
        if (kind, line, memory.name) not in known:
            self.findings.append(finding)
        if kind == "out_of_bounds":
            raise OutOfBounds(finding)

    def run(self, function, arguments, waits, together):
        """Run every block: one after the other, or ``together``.

        A finding that makes going on impossible ends the run and is kept in
        ``stop``.

        Parameters
        ----------
        function : callable
            Of a `Thread` and the arguments; a generator function if threads
            wait for each other.
        waits : bool
        together : bool
            Whether blocks wait for each other.
        """
        try:
            with np.errstate(all="ignore"):
                self.run_blocks(function, arguments, waits, together)
        except KeyboardInterrupt as interrupt:
            line = line_in(function, interrupt) or self.line_of_a_wait()
            where = f", line {line}" if line else ""
            interrupt.add_note(f"interrupted in {self.name}{where}")
            raise
        except (LaunchError, TooSlow) as error:
            if not isinstance(error, Stop):
                raise
            self.stop = stop = error
            if stop.finding not in self.findings:
                self.findings.append(stop.finding)
        except Exception as error:  # of Python's, such as a tuple's index
            line = line_in(function, error)
            if line is None:
                raise
            raise LaunchError(f"{self.name}, line {line}: {error}") from error

    def run_blocks(self, function, arguments, waits, together):
        dx, dy, dz = self.block
        self.a_block = dx * dy * dz
        places = itertools.product(*(range(n) for n in reversed(self.grid)))
        numbered = enumerate(places)
        if self.reverse:
            numbered = list(numbered)[::-1]
        blocks = []
        self.local, self.pools = {}, {}
        for number, (bz, by, bx) in numbered:
            if not together:
                self.local, self.pools = {}, {}
            threads = self.threads(number, (bx, by, bz))
            if not waits:
                for thread in threads:
                    self.poll()
                    if self.trace:
                        thread.resume()
                    function(thread, *arguments)
                continue
            block = Block(self, function, arguments, threads)
            blocks.append(block)
            if not together:
                self.take_turns([block])
        if together and blocks:
            self.take_turns(blocks)

    def threads(self, number, block):
        dx, dy, _ = self.block
        count = self.a_block
        threads = [
            Thread(self, block, (t % dx, t // dx % dy, t // dx // dy),
                   number * count + t, count)
            for t in range(count)
        ]  # fmt: skip
        return threads[::-1] if self.reverse else threads

    def line_of_a_wait(self):
        """Return a line where a thread waits, None if none does."""
        for block in self.waiting:
            for thread in block.running:
                if thread.waiting:
                    return thread.waiting[1]
        return None

    def take_turns(self, blocks):
        self.waiting = blocks
        idle = 0
        while any(block.running for block in blocks):
            moved = [block.turn() for block in blocks if block.running]
            if any(moved) or self.pass_grid_barrier(blocks):
                idle = 0
                continue
            idle += 1
            if idle > 2:
                self.stuck(blocks)

    def pass_grid_barrier(self, blocks):
        """Let all threads pass a grid-wide barrier that all have reached."""
        waiting = [t for block in blocks for t in block.running]
        if any(t.waiting is None or t.waiting[0] != "grid_sync"
               for t in waiting):  # fmt: skip
            return False
        line = waiting[0].waiting[1]
        ended = [t for block in blocks for t in block.ended]
        # A GPU goes on without those that have ended; a trace tells of them.
        elsewhere = (self.strict and ended) or [
            t for t in waiting if t.waiting[1] != line
        ]
        if elsewhere:
            blocks[0].divergence(line, waiting, elsewhere)
        self.barriers[line] = self.barriers.get(line, 0) + 1
        for thread in waiting:
            thread.waiting = None
            thread.grid_epoch += 1
        return True

    def stuck(self, blocks):
        thread = next(t for block in blocks for t in block.running)
        name, line = thread.waiting[:2]
        what = "memory to change" if name == "spin" else f"the others ({name})"
        raise LaunchError(
            f"{self.name}, line {line}: thread {thread.index} of block "
            f"{thread.block_index} waits for {what}, and no thread that can "
            "still run will do it"
        )

    def record(self, source):
        """Return the `Record` of a traced run."""
        return decode(self, source)


def line_in(function, error):
    """Return the innermost line of a kernel that an exception came from."""
    lines = [
        number
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_globals is function.__globals__
    ]
    return lines[-1] if lines else None


def region(data):
    """Return the ends of the memory that an array is, or is a view of."""
    owner = data
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if isinstance(owner.base, bytearray):
        owner = np.frombuffer(owner.base, np.uint8)
    return np.lib.array_utils.byte_bounds(owner)


class _Kids(list):
    """Paths of the iterations of one loop, entered on one path."""

    def __init__(self, parent):
        super().__init__()
        self.parent = parent
