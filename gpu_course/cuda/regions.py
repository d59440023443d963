"""Cutting a kernel at its barriers: what the compiled run is made of.

Between two places where threads wait for each other lies a *region*: its
statements run for thread 0, then thread 1, and so on, as one loop. Here each
call that waits becomes a statement of its own, so that a cut falls between
statements.
"""

import ast

import numpy as np
from numba.core import types

from gpu_course.cuda.intrinsics import BARRIERS, YIELDING
from gpu_course.cuda.liveness import copied

BLOCK_WIDE = set(BARRIERS)
EXITS = ast.Break | ast.Continue


class NotCompilable(Exception):
    """The structure has no work-item loops; the plain run does it."""


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
                inner.inlined = True  # no proof: Numba wants a way out
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
            node.key = (source.name, node.lineno, node.col_offset)
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
    """Whether a statement leaves, or goes on with, a loop that waits."""
    return any(hasattr(inner, "exits") for inner in ast.walk(node))


def mark_exits(loop):
    """Mark each break and continue of a loop that waits."""
    pending = list(loop.body)
    while pending:
        node = pending.pop()
        if isinstance(node, EXITS):
            node.exits = True
        elif not isinstance(node, ast.For | ast.While):
            pending += ast.iter_child_nodes(node)


class Flatten:
    """Give each call that waits a statement of its own.

    ``value += shfl(...)`` becomes ``_wait1 = shfl(...)``, then the rest; a
    device function with a barrier inside is written out in place.
    """

    def __init__(self):
        self.count = 0

    def block(self, statements):
        return [new for s in statements for new in self.statement(s)]

    def statement(self, node):
        if not waits(node):
            return [node]
        if isinstance(node, ast.If):
            before = self.lift(node, "test")
            node.body = self.block(node.body)
            node.orelse = self.block(node.orelse)
            return [*before, node]
        if isinstance(node, ast.While):
            return self.loop(self.test_inside(node))
        if isinstance(node, ast.For):
            return [*self.lift(node, "iter"), *self.loop(node)]
        if isinstance(node, ast.Expr | ast.Assign):
            if is_wait(node.value):
                return self.wait(node)
            return [*self.lift(node, "value"), node]
        raise NotCompilable(f"a wait in {type(node).__name__}")

    def loop(self, node):
        if node.orelse:
            raise NotCompilable("an else of a loop with a wait")
        node.body = self.block(node.body)
        mark_exits(node)
        return [node]

    def test_inside(self, node):
        """Write a test that waits as ``while True: if not test: break``."""
        if not waits(node.test):
            return node
        leave = ast.If(ast.UnaryOp(ast.Not(), node.test), [ast.Break()], [])
        leave.test.type = types.boolean
        true = ast.Constant(True)
        loop = ast.While(true, [leave, *node.body], node.orelse)
        return _placed(loop, node)

    def lift(self, node, field):
        """Move the calls that wait out of an expression; return them."""
        before = []
        outer = self

        class Lift(ast.NodeTransformer):
            def visit_BoolOp(self, inner):
                if any(waits(v) for v in inner.values[1:]):
                    raise NotCompilable("a wait behind and, or")
                return self.generic_visit(inner)

            def visit_IfExp(self, inner):
                if waits(inner.body) or waits(inner.orelse):
                    raise NotCompilable("a wait in a conditional expression")
                return self.generic_visit(inner)

            def visit_Call(self, inner):
                self.generic_visit(inner)
                if not is_wait(inner):
                    return inner
                outer.count += 1
                name = f"_wait{outer.count}"
                made = ast.Assign([ast.Name(name, ast.Store())], inner)
                before.extend(outer.wait(_placed(made, inner)))
                use = ast.copy_location(ast.Name(name, ast.Load()), inner)
                use.type = inner.type
                return use

        setattr(node, field, Lift().visit(getattr(node, field)))
        return before

    def wait(self, node):
        call = node.value
        before = []
        for position in range(len(call.args)):
            holder = ast.Expr(call.args[position])
            if waits(holder):
                before += self.lift(holder, "value")
                call.args[position] = holder.value
        if call.plan[0] == "device":
            return before + self.inline(node)
        return [*before, node]

    def inline(self, node):
        """Write a device function out where it is called."""
        call, device = node.value, node.value.device
        self.count += 1
        prefix = f"_call{self.count}_"
        body = annotate(device)
        for statement in body:
            for inner in ast.walk(statement):
                inner.inlined = True
                if isinstance(inner, ast.Name) and not hasattr(
                    inner, "constant"
                ):
                    inner.shown = inner.id
                    inner.id = prefix + inner.id
        pairs = zip(device.source.parameters, call.args, strict=True)
        start = [
            ast.Assign([ast.Name(prefix + name, ast.Store())], value)
            for name, value in pairs
        ]
        result = None
        if body and isinstance(body[-1], ast.Return):
            result = body.pop().value
        if any(isinstance(n, ast.Return) for s in body for n in ast.walk(s)):
            raise NotCompilable("an early return of a device function")
        end = []
        if isinstance(node, ast.Assign) and result is not None:
            wanted = device.return_type
            if isinstance(wanted, types.Number) and wanted != result.type:
                raise NotCompilable("a result that a signature converts")
            end = [ast.Assign(node.targets, result)]
        for statement in (*start, *end):
            _placed(statement, node)
        return self.block([*start, *body, *end])


def while_of(loop, number):
    """Return a for over a range as assignments and a while.

    Threads of a block may then leave it at their own time.
    """
    call = loop.iter
    if isinstance(call, ast.Tuple) and isinstance(loop.target, ast.Name):
        return _through_tuple(loop, number)
    if not (
        isinstance(call, ast.Call)
        and getattr(call.func, "constant", None) is range
        and isinstance(loop.target, ast.Name)
    ):
        raise NotCompilable("a for with a wait over something not a range")
    start, stop, step = ast.Constant(0), None, ast.Constant(1)
    if len(call.args) == 1:
        (stop,) = call.args
    else:
        start, stop, *rest = call.args
        step = rest[0] if rest else step
    ascending = isinstance(step, ast.Constant) and step.value > 0
    if not ascending and not (
        isinstance(step, ast.UnaryOp) and isinstance(step.op, ast.USub)
    ):
        raise NotCompilable("a for with a wait and a variable step")
    names = [f"_next{number}", f"_stop{number}"]

    def load(name):
        new = ast.Name(name, ast.Load())
        new.type = types.int64
        return new

    before = [
        ast.Assign([ast.Name(name, ast.Store())], value)
        for name, value in zip(names, (start, stop), strict=True)
    ]
    compare = ast.Lt() if ascending else ast.Gt()
    test = ast.Compare(load(names[0]), [compare], [load(names[1])])
    go_on = [
        ast.Assign([loop.target], load(names[0])),
        ast.Assign(
            [ast.Name(names[0], ast.Store())],
            ast.BinOp(load(names[0]), ast.Add(), step),
        ),
    ]
    new = ast.While(test, [*go_on, *loop.body], [])
    return [_placed(s, loop) for s in (*before, new)]


def _through_tuple(loop, number):
    """Return a for over some values as a while over their places."""
    values, name = loop.iter, f"_next{number}"
    if not all(isinstance(v, ast.Constant) for v in values.elts):
        raise NotCompilable("a for with a wait over a tuple of variables")

    def load():
        new = ast.Name(name, ast.Load())
        new.type = types.int64
        return new

    start = ast.Assign([ast.Name(name, ast.Store())], ast.Constant(0))
    end = ast.Constant(len(values.elts))
    item = ast.Subscript(values, load(), ast.Load())
    after = ast.BinOp(load(), ast.Add(), ast.Constant(1))
    go_on = [
        ast.Assign([loop.target], item),
        ast.Assign([ast.Name(name, ast.Store())], after),
    ]
    test = ast.Compare(load(), [ast.Lt()], [end])
    new = ast.While(test, [*go_on, *loop.body], [])
    return [_placed(s, loop) for s in (start, new)]


def _placed(node, at):
    return ast.fix_missing_locations(ast.copy_location(node, at))
