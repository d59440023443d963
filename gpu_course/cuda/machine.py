"""A launch that runs in Python: blocks, their turns, and the record.

Each thread runs until it waits for others. Threads run in order. The
adversarial schedule reverses the order, which exposes results that depend on
it.
"""

import itertools
import time
import traceback
from array import array

import numpy as np

from gpu_course.cuda.arithmetic import like, python_number
from gpu_course.cuda.arrays import region
from gpu_course.cuda.errors import LaunchError, OutOfBounds, Stop, TooSlow
from gpu_course.cuda.memory import SITE_SHIFT, make
from gpu_course.cuda.record import Allocation, Finding, decode
from gpu_course.cuda.threads import TURN, Thread
from gpu_course.cuda.turns import Block

MOST_EVENTS = 30_000_000  # in a traced launch; 8 bytes each, sorted later


class Machine:
    """One launch: grid, block, memory, and the record of a traced run.

    Parameters
    ----------
    name : str
    grid, block : tuple of int
        Three numbers each.
    sites : list of Site
    trace, reverse : bool
    dynamic : int
        Bytes of dynamic shared memory.
    patience_s : float, optional
        Seconds until `TooSlow` is raised.
    strict : bool
        Whether threads that end without reaching a grid barrier are a fault.
    """

    def __init__(
        self,
        name,
        grid,
        block,
        sites,
        trace=False,
        reverse=False,
        dynamic=0,
        patience_s=None,
        strict=False,
    ):
        self.name, self.grid, self.block, self.sites = name, grid, block, sites
        x, y, z = (b * t for b, t in zip(grid, block, strict=True))
        self.gridsizes = x, (x, y), (x, y, z)
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
        """Raise if the launch has run for too long."""
        if self.deadline and time.perf_counter() > self.deadline:
            raise TooSlow
        if len(self.events) > MOST_EVENTS:
            raise LaunchError(
                f"{self.name} has done more than {MOST_EVENTS:,} things worth "
                "noting: trace a smaller grid, or look for a loop without end"
            )

    def kids(self, path, site):
        """Return the paths of a loop's iterations so far."""
        key = (path, site)
        if key not in self._kids:
            self._kids[key] = _Kids(path)
        return self._kids[key]

    def new_kid(self, kids):
        kids.append(len(self.parents))
        self.parents.append(kids.parent)

    def argument(self, value, name):
        """Return an argument in the form that the generated code uses."""
        if isinstance(value, np.ndarray):
            return self.place(value, name, "global")
        if isinstance(value, tuple):
            return like(value, [self.argument(item, name) for item in value])
        return python_number(value)

    def place(self, data, name, space, block=-1, thread=-1):
        """Give an array its virtual address.

        The address is a multiple of 256. A view gets its address inside the
        array that it views.
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
        """Return an array in a block's dynamic shared memory."""
        data, address = self._pool(block, dtype)
        self._allocated(name, "shared", address, data, block)
        return make(data, address, name, "shared", self)

    def _allocated(self, name, space, address, data, block=-1, thread=-1):
        if self.trace:
            self.allocations.append(
                Allocation(
                    name,
                    space,
                    address,
                    max(1, data.nbytes),
                    data.shape,
                    data.strides,
                    data.dtype,
                    block,
                    thread,
                )
            )

    def line_of(self, site):
        """Return the line of a site, given as stored in events."""
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
            kind,
            self.name,
            line,
            memory.name,
            tuple(index),
            (who,),
            f"{self.name}, line {line}: thread {who[1]} of block {who[0]} "
            f"uses {memory.name}[{shown}], but the shape is {memory.shape}",
        )
        known = {(f.kind, f.line, f.array) for f in self.findings}
        if (kind, line, memory.name) not in known:
            self.findings.append(finding)
        if kind == "out_of_bounds":
            raise OutOfBounds(finding)

    def run(self, function, arguments, waits, together):
        """Run every block: one after the other, or ``together``.

        A finding after which the launch can't go on ends the run and is kept
        in ``stop``.

        Parameters
        ----------
        function : callable
            Takes a `Thread` and the arguments. It is a generator function if
            threads wait for each other.
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
        except Exception as error:  # Python's own, such as for a tuple's index
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
            Thread(
                self,
                block,
                (t % dx, t // dx % dy, t // dx // dy),
                number * count + t,
                count,
            )
            for t in range(count)
        ]
        return threads[::-1] if self.reverse else threads

    def line_of_a_wait(self):
        """Return a line where some thread waits or runs, None if none does."""
        for block in self.waiting:
            for thread, generator in block.running.items():
                if thread.waiting:
                    return thread.waiting[1]
                if generator.gi_frame:
                    return generator.gi_frame.f_lineno
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
        """Let all threads pass a grid-wide barrier if all have reached it."""
        waiting = [t for block in blocks for t in block.running]
        if any(
            t.waiting is None or t.waiting[0] != "grid_sync" for t in waiting
        ):
            return False
        line = waiting[0].waiting[1]
        ended = [t for block in blocks for t in block.ended]
        # A GPU goes on without ended threads; a trace reports them.
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


class _Kids(list):
    """Paths of the iterations of one loop, entered on one path."""

    def __init__(self, parent):
        super().__init__()
        self.parent = parent
