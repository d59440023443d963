"""Running a compiled kernel: its scratch arrays, its failures, Ctrl-C.

The compiled code runs on a thread of its own without Python's lock, so the
main thread hears an interrupt, sets a flag that every loop looks at, and the
launch ends.
"""

import concurrent.futures


import numpy as np

from gpu_course.cuda import primitives
from gpu_course.cuda.record import Finding
from gpu_course.cuda.threads import LaunchError, Stop

WORKERS = concurrent.futures.ThreadPoolExecutor(1, "gpu_course.cuda")
NAMES = primitives.names()


def build(program, filename):
    """Return the function of a program, for Numba to compile.

    Parameters
    ----------
    program : body.Program
    filename : str
        Where the text is stored for Numba's cache; if it isn't, nothing is
        cached.
    """
    space = {**NAMES, **program.space, "__name__": __name__}
    exec(compile(program.text, filename, "exec"), space)
    return space["_launch"]


def run(program, function, name, grid, block, dynamic, arguments):
    """Run every block of a launch.

    Parameters
    ----------
    program : body.Program
    function : numba dispatcher
        Its ``_launch``.
    name : str
        The kernel's, for messages.
    grid, block : tuple of int
        Three each.
    dynamic : int
        Bytes of dynamic shared memory.
    arguments : list
        Arrays and numbers.

    Raises
    ------
    LaunchError
        Out of bounds, or a barrier that can't progress.
    KeyboardInterrupt
        With a note that names the line.
    """
    words = np.zeros(8, np.int64)
    threads = block[0] * block[1] * block[2]
    pool = np.zeros(dynamic, np.uint8)
    masks = [np.ones(threads, np.bool_) for _ in range(2)]
    scratch = []
    for where, shape, dtype in program.scratch.values():
        if where == "dynamic":
            usable = dynamic // dtype.itemsize * dtype.itemsize
            scratch.append(pool[:usable].view(dtype))
        else:
            each = (threads,) if where == "thread" else ()
            scratch.append(np.zeros((*each, *shape), dtype))
    blocks = grid[0] * grid[1] * grid[2]
    given = (0, blocks, *block, *grid[:2], grid[2], words, *masks, pool,
             *arguments, *scratch)  # fmt: skip
    future = WORKERS.submit(function, *given)
    try:
        while True:
            try:
                return future.result(timeout=0.1)
            except concurrent.futures.TimeoutError:
                continue
    except KeyboardInterrupt as interrupt:
        words[0] = 1
        concurrent.futures.wait([future])
        site = program.sites[words[1]] if words[1] >= 0 else None
        if site:
            interrupt.add_note(f"interrupted in {name}, line {site[0]}")
        raise
    except (IndexError, RuntimeError) as error:
        raise failure(program, name, grid, block, words, error) from None


def failure(program, name, grid, block, words, error):
    """Return the error of a launch, from what the code left in ``words``."""
    _, site, thread, number, index, size = map(int, words[:6])
    line, array = program.sites[site]
    (dx, dy, _), (gx, gy, _) = block, grid
    where = (number % gx, number // gx % gy, number // (gx * gy))
    who = (thread % dx, thread // dx % dy, thread // (dx * dy))
    start = f"{name}, line {line}: thread {who} of block {where} "
    if isinstance(error, IndexError):
        text = (
            f"{start}uses index {index} of {array}, on an axis of length "
            f"{size}"
        )
        finding = Finding("out_of_bounds", name, line, array, (index,),
                          ((where, who),), text)  # fmt: skip
    elif error.args == ("barrier",):
        text = f"{start}doesn't reach this barrier, others wait there"
        finding = Finding("barrier_divergence", name, line, "", None,
                          ((where, who),), text)  # fmt: skip
    else:
        return LaunchError(
            f"{start}is named in the mask of this warp operation and doesn't "
            "come"
        )
    return Stop(finding)
