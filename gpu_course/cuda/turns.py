"""The threads of a block take turns, and wait for each other."""

from collections import defaultdict

from gpu_course.cuda import warp
from gpu_course.cuda.errors import NOT_IN_ITS_MASK, LaunchError, Stop
from gpu_course.cuda.record import Finding
from gpu_course.cuda.threads import WARP


class Block:
    """The threads of a block, which may wait for each other."""

    def __init__(self, machine, function, arguments, threads):
        self.machine = machine
        self.running = {t: function(t, *arguments) for t in threads}
        self.ended = []  # threads that ended without a return

    def turn(self):
        """Run each thread that can go on; return whether any did."""
        moved, trace = False, self.machine.trace
        self.machine.poll()
        for thread, generator in list(self.running.items()):
            before = thread.waiting
            if before is not None and before[0] != "spin":
                continue
            given, thread.answer, thread.waiting = thread.answer, None, None
            if trace:
                thread.resume()
            try:
                waiting = thread.waiting = generator.send(given)
            except StopIteration as end:
                del self.running[thread]
                if end.value is not True:
                    self.ended.append(thread)
                moved = True
            else:  # a thread that spins again made no progress
                moved |= before is None or waiting[0] != "spin"
        return bool(self.running and self.release()) or moved

    def release(self):
        """Release the threads whose wait is over; return whether any was."""
        waits = defaultdict(list)
        for thread in self.running:
            waits[thread.waiting[:2]].append(thread)
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
            if name in warp.VOTES
            or name in warp.SOURCES
            or name in ("syncwarp", "activemask")
            for lanes in _by_warp(group)
        ]
        if any(released):
            return True
        names = {name for name, _ in waits}
        if len(waits) > 1 and "spin" not in names:
            barriers = [
                k
                for k in waits
                if k[0].startswith("syncthreads") or k[0] == "grid_sync"
            ]
            if barriers:
                first = min(barriers, key=lambda k: k[1])
                others = [t for k, g in waits.items() if k != first for t in g]
                self.divergence(first[1], waits[first], others)
        return False

    def meet(self, name, lanes):
        """Do a warp operation if all lanes that it names have arrived."""
        if name != "activemask" and len(lanes) < WARP and self.waited(lanes):
            return False
        for thread in lanes:
            mask = thread.waiting[2] if thread.waiting[2:] else -1
            if not mask >> thread.laneid & 1:
                raise LaunchError(
                    f"{self.machine.name}, line {thread.waiting[1]}: thread "
                    f"{thread.index} of block {thread.block_index} "
                    f"{NOT_IN_ITS_MASK}"
                )
        if name == "syncwarp":
            self.pass_syncwarp(lanes)
        parts = {t.laneid: t.waiting[2:] for t in lanes}
        for thread in lanes:
            thread.answer = warp.answer(name, thread.laneid, parts)
        for thread in lanes:
            thread.waiting = None
        return True

    def waited(self, lanes):
        """Whether lanes name a lane of their warp that has yet to arrive."""
        masks = {t.waiting[2] if t.waiting[2:] else -1 for t in lanes}
        warp = lanes[0].warp
        return any(
            mask >> thread.laneid & 1
            for thread in self.running.keys() - set(lanes)
            if thread.warp == warp
            for mask in masks
        )

    def pass_syncwarp(self, lanes):
        """Count a barrier of the whole warp; note one of part of the warp."""
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
                "barrier_divergence",
                self.machine.name,
                line,
                "",
                None,
                who,
                f"{self.machine.name}, line {line}: thread {one.index} of "
                f"block {one.block_index} waits at this barrier, thread "
                f"{other.index} {where}",
            )
        )


def _by_warp(threads):
    warps = defaultdict(list)
    for thread in threads:
        warps[thread.warp].append(thread)
    return warps.values()
