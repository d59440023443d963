"""The threads of a block, taking turns: scheduler, memory, and the record.

Each thread runs until it waits for others. Threads run in order, or, in the
adversarial schedule, in reverse warp order, so that a result which depends
on order shows.
"""

import bisect
import dataclasses
import itertools

import numpy as np

from gpu_course.cuda.record import Allocation, Finding, Record

WARP = 32


class LaunchError(RuntimeError):
    """A launch could not finish; the message names line and threads."""


class Stop(LaunchError):
    """A finding that makes going on impossible."""

    def __init__(self, finding):
        super().__init__(finding.message)
        self.finding = finding


class Memory:
    """An array as a kernel sees it: checks each axis, notes each access.

    Parameters
    ----------
    array : numpy.ndarray
    address : int
        Virtual byte address of its first element.
    name, space : str
    machine : Machine
    """

    def __init__(self, array, address, name, space, machine):
        self.array, self.address = array, address
        self.name, self.space, self.machine = name, space, machine
        self.shape, self.strides = array.shape, array.strides
        self.ndim, self.size, self.dtype = array.ndim, array.size, array.dtype
        self.boxed = array.dtype.kind == "f" and array.dtype.itemsize < 8
        self.trace = machine.trace

    def __len__(self):
        return self.shape[0]

    def view(self, *index):
        """Return the part that an index with slices or fewer axes names."""
        part = self.array[index]
        offset = _address(part) - _address(self.array) if part.size else 0
        return Memory(
            part, self.address + offset, self.name, self.space, self.machine
        )

    def reshape(self, *shape):
        return Memory(
            self.array.reshape(*shape), self.address, self.name, self.space,
            self.machine,
        )  # fmt: skip

    def check(self, thread, site, index):
        """Return the index with each axis checked and wrapped."""
        if len(index) != self.ndim:
            raise LaunchError(
                f"{self.name} has {self.ndim} axes, got {len(index)} indices"
            )
        done = []
        for i, n in zip(index, self.shape, strict=True):
            if not 0 <= i < n:
                kind = "negative_index" if -n <= i < 0 else "out_of_bounds"
                self.machine.found_index(kind, self, thread, site, index)
                i += n
            done.append(i)
        return tuple(done)

    def load(self, thread, site, *index):
        index = self.check(thread, site, index)
        if self.trace:
            thread.note(site, self.where(index))
        value = self.array[index]
        return value if self.boxed else value.item()

    def store(self, thread, site, value, *index):
        index = self.check(thread, site, index)
        if self.trace:
            thread.note(site, self.where(index))
        self.array[index] = value

    def atomic(self, thread, operation, site, index, *values):
        index = self.check(thread, site, index)
        if self.trace:
            thread.note(site, self.where(index))
        value = self.array[index]
        old = value if self.boxed else value.item()
        self.array[index] = ATOMIC[operation](old, *values)
        return old

    def where(self, index):
        offset = self.address
        for i, step in zip(index, self.strides, strict=True):
            offset += i * step
        return offset


def _ignoring_nan(pick):
    def operation(old, value):
        if value != value:
            return old
        return value if old != old else pick(old, value)

    return operation


ATOMIC = {
    "add": lambda old, v: old + v,
    "sub": lambda old, v: old - v,
    "max": lambda old, v: v if v != v else max(old, v),
    "min": lambda old, v: v if v != v else min(old, v),
    "nanmax": _ignoring_nan(max),
    "nanmin": _ignoring_nan(min),
    "and_": lambda old, v: old & v,
    "or_": lambda old, v: old | v,
    "xor": lambda old, v: old ^ v,
    "inc": lambda old, v: 0 if old >= v else old + 1,
    "dec": lambda old, v: v if old == 0 or old > v else old - 1,
    "exch": lambda old, v: v,
    "cas": lambda old, expected, v: v if old == expected else old,
    "compare_and_swap": lambda old, expected, v: v if old == expected else old,
}


def _address(array):
    return array.__array_interface__["data"][0]


class Thread:
    """One thread: its indices, where it is, and what it noted."""

    def __init__(self, machine, block, index, number, threads):
        self.machine, self.number = machine, number
        self.block_index, self.index = block, index
        bx, by, bz = block
        tx, ty, tz = index
        (dx, dy, dz), (gx, gy, gz) = machine.block, machine.grid
        self.threadIdx_x, self.threadIdx_y, self.threadIdx_z = tx, ty, tz
        self.blockIdx_x, self.blockIdx_y, self.blockIdx_z = bx, by, bz
        self.blockDim_x, self.blockDim_y, self.blockDim_z = dx, dy, dz
        self.gridDim_x, self.gridDim_y, self.gridDim_z = gx, gy, gz
        x, y, z = bx * dx + tx, by * dy + ty, bz * dz + tz
        self.grid1, self.grid2, self.grid3 = x, (x, y), (x, y, z)
        self.gridsize1 = gx * dx
        self.gridsize2 = (gx * dx, gy * dy)
        self.gridsize3 = (gx * dx, gy * dy, gz * dz)
        self.linear = number % threads
        self.laneid, self.warp = self.linear % WARP, self.linear // WARP
        self.warpsize = WARP
        self.path = 0
        self.epoch = self.warp_epoch = 0
        self.waiting = None
        self.answer = None
        self.started_waiting = False
        self.events = machine.events

    def note(self, site, value):
        self.events.append(
            (site, value, self.path, self.number, self.epoch, self.warp_epoch)
        )

    def flop(self, site):
        self.note(site, 1)

    def branch(self, site, taken):
        self.note(site, 1 if taken else 0)
        return taken

    def fence(self):
        self.machine.fences.append((len(self.events), self.number))

    def step(self, site, path, count):
        """Enter iteration ``count`` of a loop: a new dynamic instance."""
        self.machine.poll(site)
        key = (path, site, count)
        self.path = self.machine.paths.setdefault(
            key, len(self.machine.paths) + 1
        )

    def loop(self, site, items):
        if not self.machine.trace:
            for item in items:
                self.machine.poll(site)
                yield item
            return
        path = self.path
        for count, item in enumerate(items):
            self.path = path
            self.note(site, 1)
            self.step(site, path, count)
            yield item
        self.path = path

    def enter(self, site, path, count):
        self.step(site, path, count)
        return True

    def again(self, site, path, test):
        if test and self.machine.trace:
            inner, self.path = self.path, path
            self.note(site, 1)
            self.path = inner
        return test

    def leave(self, site, path):
        self.path = path
        if self.machine.trace:
            self.note(site, 0)

    def calling(self, site):
        path = self.path
        self.step(site, path, 0)
        return path

    def called(self, path, value):
        self.path = path
        return value

    def array(self, description):
        """Return this block's shared array, or this thread's local one."""
        return self.machine.scratch(self, *description)


class Machine:
    """One launch: grid, block, memory, and the record of a traced run."""

    def __init__(self, name, grid, block, trace=False, reverse=False,
                 dynamic=0, stop=None):  # fmt: skip
        self.name, self.grid, self.block = name, grid, block
        self.trace, self.reverse, self.dynamic = trace, reverse, dynamic
        self.events, self.fences, self.paths = [], [], {}
        self.findings, self.allocations, self.barriers = [], [], {}
        self.sites = []
        self.next_address = 1 << 20
        self.local = {}
        self.stop = stop
        self.polls = 0

    def poll(self, site):
        self.polls += 1
        if self.stop and self.polls % 256 == 0:
            self.stop(self, site)

    def place(self, array, name, space, block=-1, thread=-1):
        """Give an array its virtual address, a multiple of 256."""
        address = self.next_address
        self.next_address += -(-max(array.nbytes, 1) // 256) * 256
        if self.trace:
            self.allocations.append(
                Allocation(name, space, address, array.nbytes, array.shape,
                           array.strides, array.dtype, block, thread)
            )  # fmt: skip
        return Memory(array, address, name, space, self)

    def scratch(self, thread, space, key, name, shape, dtype):
        owner = thread.number if space == "local" else -1
        found = self.local.get((key, owner))
        if found is None:
            if space == "shared" and 0 in shape:
                if not hasattr(self, "pool"):
                    self.pool = np.zeros(self.dynamic, np.uint8)
                    self.pool_memory = self.place(
                        self.pool, name, space, self.block_number
                    )
                count = self.dynamic // dtype.itemsize
                array = self.pool[: count * dtype.itemsize].view(dtype)
                found = Memory(
                    array, self.pool_memory.address, name, space, self
                )
            else:
                found = self.place(
                    np.zeros(shape, dtype), name, space, self.block_number,
                    owner,
                )  # fmt: skip
            self.local[key, owner] = found
        return found

    def found_index(self, kind, memory, thread, site, index):
        line = self.sites[site].line
        who = (thread.block_index, thread.index)
        shown = ", ".join(map(str, index))
        known = {(f.kind, f.line, f.array) for f in self.findings}
        finding = Finding(
            kind, self.name, line, memory.name, tuple(index), (who,),
            f"{self.name}, line {line}: thread {who[1]} of block {who[0]} "
            f"uses {memory.name}[{shown}], but the shape is {memory.shape}",
        )  # fmt: skip
        if (kind, line, memory.name) not in known:
            self.findings.append(finding)
        if kind == "out_of_bounds":
            raise Stop(finding)

    def run(self, function, arguments, waits):
        """Run every block, one after the other."""
        blocks = list(
            itertools.product(*(range(n) for n in reversed(self.grid)))
        )
        numbered = list(enumerate(blocks))
        for number, (bz, by, bx) in (
            numbered[::-1] if self.reverse else numbered
        ):
            self.run_block(function, arguments, waits, number, (bx, by, bz))

    def run_block(self, function, arguments, waits, number, block):
        self.local, self.block_number = {}, number
        self.__dict__.pop("pool", None)
        dx, dy, dz = self.block
        count = dx * dy * dz
        threads = [
            Thread(self, block, (t % dx, t // dx % dy, t // dx // dy),
                   number * count + t, count)
            for t in range(count)
        ]  # fmt: skip
        if self.reverse:
            threads = [
                t
                for _, warp in itertools.groupby(
                    reversed(threads), lambda t: t.warp
                )
                for t in warp
            ]
        if not waits:
            for thread in threads:
                self.poll(0)
                function(thread, *arguments)
            return
        self.take_turns(function, arguments, threads)

    def take_turns(self, function, arguments, threads):
        running = {t: function(t, *arguments) for t in threads}
        ended = []
        idle = 0
        while running:
            moved = False
            for thread in list(running):
                if thread.waiting is not None and thread.waiting[0] != "spin":
                    continue
                self.poll(0)
                spinning = thread.waiting is not None
                answer, thread.answer = thread.answer, None
                thread.waiting = None
                try:
                    thread.waiting = running[thread].send(answer)
                    moved = moved or not (
                        spinning and thread.waiting[0] == "spin"
                    )
                except StopIteration as end:
                    del running[thread]
                    moved = True
                    if end.value is not True:
                        ended.append(thread)
            released = running and self.release(running, ended)
            idle = 0 if moved or released else idle + 1
            if running and idle > 2:
                self.stuck(list(running))

    def release(self, running, ended):
        """Let those go on whose wait is over; return whether any was."""
        waits = {}
        for thread in running:
            waits.setdefault(thread.waiting[:2], []).append(thread)
        if len(waits) == 1:
            (name, line), group = next(iter(waits.items()))
            if name.startswith("syncthreads"):
                if ended:
                    self.divergence(line, group, ended)
                self.pass_barrier(name, line, group)
                return True
        released = False
        for (name, _line), group in waits.items():
            if name == "spin" or name.startswith("syncthreads"):
                continue
            warps = {}
            for thread in group:
                warps.setdefault(thread.warp, []).append(thread)
            for warp, lanes in warps.items():
                alive = {t.laneid for t in running if t.warp == warp}
                here = {t.laneid for t in lanes}
                ready = [t for t in lanes if self.mask(t, alive) <= here]
                if ready and len(ready) == len(lanes):
                    self.exchange(name, lanes)
                    released = True
        kinds = {name for name, _ in waits}
        if not released and len(waits) > 1 and "spin" not in kinds:
            barriers = [k for k in waits if k[0].startswith("syncthreads")]
            if barriers:
                first = min(barriers, key=lambda k: k[1])
                others = [
                    t for k, group in waits.items() if k != first
                    for t in group
                ]  # fmt: skip
                self.divergence(first[1], waits[first], others)
        return released

    def mask(self, thread, alive):
        if thread.waiting[0] == "activemask":
            return set()
        parts = thread.waiting[2:]
        mask = parts[0] if parts else 0xFFFFFFFF
        return {lane for lane in alive if mask >> lane & 1}

    def pass_barrier(self, name, line, group):
        key = (line,)
        self.barriers[line] = self.barriers.get(line, 0) + 1
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
        return key

    def exchange(self, name, lanes):
        """Do a warp operation for the lanes that wait for it together."""
        by_lane = {t.laneid: t for t in lanes}
        parts = {t.laneid: t.waiting[2:] for t in lanes}
        for lane, thread in by_lane.items():
            thread.answer = warp_answer(name, lane, parts)
        for thread in lanes:
            thread.waiting = None
            if name == "syncwarp":
                thread.warp_epoch += 1

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
                "barrier_divergence", self.name, line, "", None, who,
                f"{self.name}, line {line}: thread {one.index} of block "
                f"{one.block_index} waits at this barrier, thread "
                f"{other.index} {where}",
            )
        )  # fmt: skip

    def stuck(self, threads):
        thread = threads[0]
        raise LaunchError(
            f"{self.name}, line {thread.waiting[1]}: thread {thread.index} "
            f"of block {thread.block_index} waits for something that no "
            "thread of its block will do"
        )

    def record(self, source):
        """Return the Record of a traced run."""
        rows = np.array(self.events, dtype=np.int64).reshape(-1, 6)
        columns = rows.T
        sites = list(self.sites)
        starts = [a.address for a in self.allocations]
        used, first = np.unique(columns[0], return_index=True)
        for number, at in zip(used, first, strict=True):
            site = sites[number]
            if site.kind in ("load", "store", "atomic"):
                where = bisect.bisect(starts, columns[1][at]) - 1
                space = self.allocations[where].space
                sites[number] = dataclasses.replace(site, space=space)
        return Record(
            kernel=self.name, filename=source.filename, source=source.text,
            first_line=source.first_line, grid=self.grid, block=self.block,
            sites=sites, site=columns[0].astype(np.int32),
            value=columns[1].copy(), path=columns[2].copy(),
            thread=columns[3].copy(), epoch=columns[4].astype(np.int32),
            warp_epoch=columns[5].astype(np.int32),
            grid_epoch=np.zeros(len(rows), np.int32), fences=self.fences,
            barriers=self.barriers, allocations=self.allocations,
            findings=self.findings,
        )  # fmt: skip


def warp_answer(name, lane, parts):
    """Return what a warp operation gives to one lane.

    Parameters
    ----------
    name : str
    lane : int
    parts : dict
        Lane to the arguments it gave.
    """
    if name == "syncwarp":
        return None
    if name == "activemask":
        return sum(1 << other for other in parts)
    mask, value = parts[lane][:2]
    members = [other for other in parts if mask >> other & 1]
    if name == "ballot_sync":
        return sum(1 << o for o in members if parts[o][1])
    if name == "any_sync":
        return any(parts[o][1] for o in members)
    if name == "all_sync":
        return all(parts[o][1] for o in members)
    if name == "eq_sync":
        return len({parts[o][1] for o in members}) == 1
    if name == "match_any_sync":
        return sum(1 << o for o in members if parts[o][1] == value)
    amount = int(parts[lane][2])
    width = int(parts[lane][3]) if len(parts[lane]) > 3 else WARP
    start = lane // width * width
    source = {
        "shfl_sync": start + amount % width,
        "shfl_up_sync": lane - amount,
        "shfl_down_sync": lane + amount,
        "shfl_xor_sync": lane ^ amount,
    }[name]
    if not start <= source < start + width or source not in parts:
        source = lane
    return parts[source][1]
