"""One thread of a kernel that runs in Python, and what it notes."""

import numpy as np

WARP = 32
# Sites that mark a switch of thread and path, and of the path alone.
RESUME, TURN = 0, 1


class Thread:
    """A thread: its indices, its path, and what it waits for.

    Attributes
    ----------
    number : int
        Block's linear index * threads per block + linear index in the block.
    path : int
        Number of its dynamic instance: call path and iterations of the
        loops it is in. Lanes of a warp on the same path execute together.
    epoch, warp_epoch, grid_epoch : int
        Barriers of the block, the warp and the grid that it has passed.
    waiting : tuple or None
        What it waits for: a name, a line, and arguments.
    """

    def __init__(self, machine, block, index, number, threads):
        self.machine, self.number = machine, number
        self.block_index, self.index = block, index
        self.threadIdx_x, self.threadIdx_y, self.threadIdx_z = index
        self.blockIdx_x, self.blockIdx_y, self.blockIdx_z = block
        self.blockDim_x, self.blockDim_y, self.blockDim_z = machine.block
        self.gridDim_x, self.gridDim_y, self.gridDim_z = machine.grid
        self.gridsize1, self.gridsize2, self.gridsize3 = machine.gridsizes
        (tx, ty, tz), (bx, by, bz), (dx, dy, dz) = index, block, machine.block
        x, y, z = bx * dx + tx, by * dy + ty, bz * dz + tz
        self.grid1, self.grid2, self.grid3 = x, (x, y), (x, y, z)
        self.linear = number % threads
        self.laneid, self.warp = self.linear % WARP, self.linear // WARP
        self.warpsize = WARP
        self.path = 0
        self.epoch = self.warp_epoch = self.grid_epoch = 0
        self.waiting = self.answer = None
        self.note = machine.note

    def fence(self):
        """Note a fence: its position in the events, and its thread."""
        self.machine.fences.append((len(self.machine.events), self.number))

    def block_fence(self):
        """Note a fence that only the thread's block sees."""
        self.machine.block_fences.append(
            (len(self.machine.events), self.number)
        )

    def resume(self):
        """Note that this thread runs from here on, and on which path."""
        self.machine.contexts.extend(
            (self.number, self.epoch, self.warp_epoch, self.grid_epoch)
        )
        self.note(self.path)  # under the site RESUME, which is 0

    def turn(self, path):
        """Continue on another path."""
        self.path = path
        self.note(self.machine.turn + path)

    def loop(self, site, items):
        """Yield a for loop's items; each iteration gets its own path."""
        machine = self.machine
        if not machine.trace:
            for count, item in enumerate(items):
                if not count & 255:
                    machine.poll()
                yield item
            return
        kids, note = machine.kids(self.path, site), self.note
        for count, item in enumerate(items):
            if count == len(kids):
                machine.new_kid(kids)
            if not count & 255:
                machine.poll()
            self.path = path = kids[count]
            note(site + path)
            yield item

    def elements(self, site, memory, start=0):
        """Yield the elements, or rows, of an array."""
        how = memory.load if memory.ndim == 1 else memory.pick
        for i in range(start, len(memory)):
            yield how(self, site, i)

    def zipped(self, sites, *parts):
        """Yield tuples of several arrays' items, up to the shortest."""
        for i in range(min(map(len, parts))):
            yield tuple(
                next(self.elements(s, p, i)) if hasattr(p, "load") else p[i]
                for s, p in zip(sites, parts, strict=True)
            )

    def on_each(self, function, sites, *arrays):
        """Set each element of the last array to a function of the others."""
        *inputs, out = arrays
        for place in np.ndindex(out.shape):
            values = [
                a.load(self, s, *place) if hasattr(a, "load") else a
                for a, s in zip(inputs, sites, strict=False)
            ]
            out.store(self, sites[-1], function(*values), *place)

    def turns(self, site):
        """Set a new path before each test of a while loop, and yield True."""
        machine = self.machine
        if not machine.trace:
            while True:
                machine.poll()
                for _ in range(256):
                    yield True
        kids, note = machine.kids(self.path, site), self.note
        count = 0
        while True:
            if count == len(kids):
                machine.new_kid(kids)
            if not count & 255:
                machine.poll()
            self.path = path = kids[count]
            note(machine.turn + path)
            count += 1
            yield True

    def took(self, site):
        """Note that a while loop's test held."""
        self.note(site + self.path)
        return True

    def leave(self, site, path):
        """Note the end of a loop, and restore the path before it."""
        self.path = path
        self.note(site + path)

    def calling(self, site):
        """Enter the path of a call; return the path before it."""
        before = self.path
        kids = self.machine.kids(before, site)
        if not kids:
            self.machine.new_kid(kids)
        self.turn(kids[0])
        return before

    def called(self, path, value):
        """Restore the path before a call; return the call's value."""
        self.turn(path)
        return value

    def array(self, description):
        """Return this block's shared array, or this thread's local one."""
        return self.machine.scratch(self, *description)
