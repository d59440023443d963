"""Cut a kernel at its barriers into the regions of the compiled run.

A *region* lies between two places where threads wait for each other. Its
statements run for thread 0, then thread 1, and so on, as one work-item loop.
`flatten` gives each call that waits its own statement, so that every cut falls
between statements.
"""

import ast

import numpy as np
from numba.core import types

from gpu_course.cuda.intrinsics import BARRIERS, YIELDING
from gpu_course.cuda.liveness import copied

BLOCK_WIDE = set(BARRIERS)
EXITS = ast.Break | ast.Continue


class NotCompilable(Exception):
    """The kernel can't become work-item loops; the plain run executes it."""


def annotate(typed):
    """Return a function's body with what is known of its expressions.

    Each gets ``type``; names from outside the function get ``constant``;
    calls of device functions get ``device``, arrays get ``key``.
    """
    source = typed.source
    tree = copied(source.tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.While):
            for inner in ast.walk(node.test):
                inner.inlined = True  # no proof: Numba needs an exit
        if not isinstance(node, ast.expr):
            continue
        node.type = typed.of(node)
        plan = getattr(node, "plan", None)
        if isinstance(node, ast.Name) and node.id not in source.locals:
            found = source.names.get(node.id)
            array = isinstance(found, np.ndarray)
            node.constant = source.resolve(node) if array else found
        elif plan and plan[0] == "device":
            kinds = tuple(typed.of(a) for a in node.args)
            node.device = typed.devices[node.number].get(kinds)
        elif plan and plan[0] == "array":
            node.key = (source.filename, node.lineno, node.col_offset)
    return tree.body


def waits(node):
    """Whether an expression or statement waits for other threads."""
    return any(is_wait(inner) for inner in ast.walk(node))


def is_wait(node):
    """Whether an expression is itself the call that waits."""
    plan = getattr(node, "plan", None)
    if not plan:
        return False
    if plan[0] == "device":
        return node.device is not None and node.device.yields
    return plan[0] == "call" and plan[1] in YIELDING


def has_exit(node):
    """Whether a statement breaks or continues a loop that waits."""
    return any(hasattr(inner, "exits") for inner in ast.walk(node))


def own_exits(body):
    """Return each break and continue in a body that belongs to its loop."""
    found, pending = [], list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, EXITS):
            found.append(node)
        elif isinstance(node, ast.For | ast.While):
            pending += node.orelse  # there they belong to the outer loop
        else:
            pending += ast.iter_child_nodes(node)
    return found


def mark_exits(loop):
    """Mark each break and continue of a loop that waits."""
    for node in own_exits(loop.body):
        node.exits = True


def is_memoryless(node):
    """Whether a subscript reads no array element: a tuple item or a view."""
    owner = getattr(node.value, "type", None)
    return (
        isinstance(owner, types.BaseTuple)
        or isinstance(getattr(node, "type", None), types.Array)
        or (
            isinstance(node.value, ast.Attribute)
            and node.value.attr in ("shape", "strides")
        )
    )


def is_settled(node):
    """Whether an expression reads no memory and calls nothing that writes.

    So no other thread can change its value.
    """
    for inner in ast.walk(node):
        kind = (getattr(inner, "plan", None) or ("",))[0]
        if kind in ("atomic", "device"):
            return False
        if isinstance(inner, ast.Subscript) and not is_memoryless(inner):
            return False
        if isinstance(inner, ast.Attribute) and isinstance(
            getattr(inner.value, "type", None), types.Record
        ):
            return False
    return True


def load(name, kind):
    """Return a read of a variable that we made, with its type."""
    node = ast.Name(name, ast.Load())
    node.type = kind
    return node


def store(name, value):
    return ast.Assign([ast.Name(name, ast.Store())], value)


def while_of(loop, number):
    """Return a for loop over a range, or over some values, as a while loop.

    Threads of a block may then leave it at different times.

    Parameters
    ----------
    loop : ast.For
    number : int
        Different for each loop of a kernel.
    """
    call, where = loop.iter, f"_next{number}"
    if not isinstance(loop.target, ast.Name):
        raise NotCompilable("a for with a wait over several variables")
    if isinstance(call, ast.Tuple):
        item = ast.Subscript(call, load(where, types.int64), ast.Load())
        item.type = loop.iter.type.dtype
        start, stop = ast.Constant(0), ast.Constant(len(call.elts))
        step = ast.Constant(1)
    elif is_range(call):
        item = load(where, types.int64)
        start, stop, step = ast.Constant(0), None, ast.Constant(1)
        if len(call.args) == 1:
            (stop,) = call.args
        else:
            start, stop, *rest = call.args
            step = rest[0] if rest else step
    else:
        raise NotCompilable("a for with a wait over something not a range")
    before = [store(where, start)]
    if not isinstance(stop, ast.Constant):
        before.append(store(f"_stop{number}", stop))
        stop = load(f"_stop{number}", types.int64)
    if not isinstance(step, ast.Constant):
        before.append(store(f"_step{number}", step))
        step = load(f"_step{number}", types.int64)
    go_on = [
        ast.Assign([loop.target], item),
        store(where, ast.BinOp(load(where, types.int64), ast.Add(), step)),
    ]
    test = _before_stop(where, stop, step)
    new = ast.While(test, [*go_on, *loop.body], [])
    return [placed_at(s, loop) for s in (*before, new)]


def _before_stop(where, stop, step):
    """Return the test for whether a range goes on, for either sign of step."""

    def compare(left, op, right):
        return ast.Compare(left, [op], [right])

    up = compare(load(where, types.int64), ast.Lt(), stop)
    if isinstance(step, ast.Constant):
        return up
    down = compare(load(where, types.int64), ast.Gt(), stop)
    return ast.IfExp(compare(step, ast.Gt(), ast.Constant(0)), up, down)


def is_range(node):
    """Whether an expression is a call of ``range``."""
    return (
        isinstance(node, ast.Call)
        and getattr(node.func, "constant", None) is range
    )


def placed_at(node, at):
    """Give a new node and its children the source position of another."""
    return ast.fix_missing_locations(ast.copy_location(node, at))
