"""Kernels as work-item loops, compiled for the CPU by Numba.

A block is a loop over its threads. Where threads wait for each other, the
loop is cut in two, and variables that live across the cut become arrays with
one element per thread. So a barrier costs only a second loop.
"""

import ast

from numba.core import types

from gpu_course.cuda.blocks import BLOCKS, Blocks
from gpu_course.cuda.body import Program
from gpu_course.cuda.flatten import flattened
from gpu_course.cuda.regions import NotCompilable, annotate, waits

ALWAYS = ("_alive", "_all", "_pool")  # masks, and dynamic shared memory


def mark_varying(body):
    """Mark values that differ between blocks, for blocks that run together."""
    for node in (n for s in body for n in ast.walk(s)):
        kind, detail = getattr(node, "plan", None) or ("", "")
        if kind == "array" and 0 in node.shape:
            raise NotCompilable("dynamic shared memory and waits of the grid")
        if detail in ("shared", "blockIdx_x", "blockIdx_y", "blockIdx_z"):
            node.varies = True


def write(typed, proven=frozenset()):
    """Write a typed kernel as a function of a range of blocks.

    Parameters
    ----------
    typed : lowering.Typed
    proven : frozenset
        Indices that need no check, as `ranges.proven` returns them.

    Returns
    -------
    Program

    Raises
    ------
    NotCompilable
        If only the plain run can execute the kernel.
    """
    if typed.prints:
        raise NotCompilable("print, whose output a notebook wouldn't show")
    if any(k == types.float16 for k in typed.kinds()):
        raise NotCompilable("float16, which the CPU's compiler lacks")
    if typed.spins:
        raise NotCompilable("threads that wait for memory to change")
    program = Program(proven=proven, together=typed.together)
    names = typed.source.parameters
    body = flattened(annotate(typed))
    if program.together:
        mark_varying(body)
    program.waits = any(map(waits, body))
    kinds = dict(zip(names, typed.argument_types, strict=True))
    blocks = Blocks(body, program, kinds)
    blocks.block(blocks.body, None)
    places = blocks.places
    start = [f"{n} = _in_{n}" for n in names if n in places.local]
    start += [
        line
        for n in names
        if n in places.kept
        for line in blocks.saving(n, ":")
    ]
    if blocks.returns:
        start.append("_set(_alive)")
    if "_missed" in program.scratch:
        start.append("_clear(_missed)")
    start += [
        f"_clear({name})"
        for name, (where, *_) in program.scratch.items()
        if name in program.arrays.values() and where != "dynamic"
    ]
    if any(where == "dynamic" for where, *_ in program.scratch.values()):
        start.append("_clear(_pool)")
    received = [f"_in_{n}" if n in places.local else n for n in names]
    text = [
        "@_entry",
        "def _launch(_first, _last, _bdx, _bdy, _bdz, _gx, _gy, _gz, _w, "
        f"{', '.join([*ALWAYS, *received, *program.scratch])}):",
    ]
    if program.together:
        text += ["    " + line for line in start]
    else:
        text += ["    " + line for line in BLOCKS]
        text += ["        " + line for line in start]
    text += blocks.asked_for()
    program.text += "\n".join(text) + "\n"
    return program
