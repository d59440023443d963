"""Cutting a kernel at its barriers: what the compiled run is made of.

Between two places where threads wait for each other lies a *region*: its
statements run for thread 0, then thread 1, and so on, as one loop. Here is
what has to be known for that: which statements wait, which variables have
the same value in the whole block, and which calls to write out in place.
"""

import ast
import copy

from gpu_course.cuda.intrinsics import YIELDING

BLOCK_WIDE = {
    "syncthreads", "syncthreads_count", "syncthreads_and", "syncthreads_or",
}  # fmt: skip
UNIFORM_INDEX = ("blockIdx", "blockDim", "gridDim")


class NotCompilable(Exception):
    """The structure has no work-item loops; the plain run does it."""


def annotate(typed):
    """Return a copy of a function's body with ``type`` on its expressions."""
    tree = copy.deepcopy(typed.source.tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.expr):
            node.type = typed.of(node)
            plan = getattr(node, "plan", None)
            if plan and plan[0] == "device":
                kinds = tuple(typed.of(a) for a in node.args)
                node.device = typed.devices[node.number].get(kinds)
            elif not plan and isinstance(node, ast.Call):
                node.found = typed.source.resolve(node.func)
    return tree.body


def waits(node):
    """Whether an expression or statement waits for other threads."""
    for inner in ast.walk(node):
        plan = getattr(inner, "plan", None)
        if plan and plan[0] == "call" and plan[1] in YIELDING:
            return True
        device = getattr(inner, "device", None)
        if device is not None and device.yields:
            return True
    return False


def is_wait(node):
    """Whether an expression is itself the call that waits."""
    plan = getattr(node, "plan", None)
    if not plan:
        return False
    if plan[0] == "device":
        return node.device is not None and node.device.yields
    return plan[0] == "call" and plan[1] in YIELDING


class Flatten:
    """Give each call that waits a statement of its own.

    ``value += shfl(...)`` becomes ``_wait1 = shfl(...)``, then the rest; a
    device function with a barrier inside is written out in place.
    """

    def __init__(self):
        self.count = 0
        self.names = {}  # constants that inlined functions refer to

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
            if waits(node.test):
                raise NotCompilable("a wait in the test of a while")
            node.body = self.block(node.body)
            return [node]
        if isinstance(node, ast.For):
            if waits(node.iter):
                raise NotCompilable("a wait in the range of a for")
            node.body = self.block(node.body)
            return [node]
        if isinstance(node, ast.Expr | ast.Assign):
            if is_wait(node.value):
                return self.wait(node)
            return [*self.lift(node, "value"), node]
        raise NotCompilable(f"a wait in {type(node).__name__}")

    def lift(self, node, field):
        """Move the calls that wait out of an expression; return them."""
        before = []
        outer = self

        class Lift(ast.NodeTransformer):
            def visit_BoolOp(self, inner):  # noqa: N802
                if any(waits(v) for v in inner.values[1:]):
                    raise NotCompilable("a wait behind and, or")
                return self.generic_visit(inner)

            def visit_IfExp(self, inner):  # noqa: N802
                if waits(inner.body) or waits(inner.orelse):
                    raise NotCompilable("a wait in a conditional expression")
                return self.generic_visit(inner)

            def visit_Call(self, inner):  # noqa: N802
                self.generic_visit(inner)
                if not is_wait(inner):
                    return inner
                outer.count += 1
                name = f"_wait{outer.count}"
                target = ast.Name(name, ast.Store())
                made = ast.Assign([target], inner)
                ast.copy_location(made, inner)
                ast.fix_missing_locations(made)
                before.extend(outer.wait(made))
                use = ast.copy_location(ast.Name(name, ast.Load()), inner)
                use.type = inner.type
                return use

        setattr(node, field, Lift().visit(getattr(node, field)))
        return before

    def wait(self, node):
        call = node.value
        arguments = []
        for position in range(len(call.args)):
            holder = ast.Expr(call.args[position])
            if waits(holder):
                arguments += self.lift(holder, "value")
                call.args[position] = holder.value
        if call.plan[0] == "device":
            return arguments + self.inline(node)
        return [*arguments, node]

    def inline(self, node):
        """Write a device function out where it is called."""
        call, device = node.value, node.value.device
        self.count += 1
        prefix = f"_call{self.count}_"
        body = annotate(device)
        local = device.source.locals
        shared = {}
        for statement in body:
            for inner in ast.walk(statement):
                if isinstance(inner, ast.Name) and inner.id in local:
                    inner.id = prefix + inner.id
                elif isinstance(inner, ast.Name):
                    value = device.source.names.get(inner.id)
                    shared[f"_global_{prefix}{inner.id}"] = value
                    inner.id = f"_global_{prefix}{inner.id}"
        self.names |= shared
        start = []
        pairs = zip(device.source.parameters, call.args, strict=True)
        for name, value in pairs:
            target = ast.Name(prefix + name, ast.Store())
            start.append(ast.Assign([target], value))
        result = None
        if body and isinstance(body[-1], ast.Return):
            result = body.pop().value
        if any(
            isinstance(n, ast.Return) for s in body for n in ast.walk(s)
        ):
            raise NotCompilable("an early return of a device function")
        end = []
        if isinstance(node, ast.Assign) and result is not None:
            end = [ast.Assign(node.targets, result)]
        for statement in (*start, *end):
            ast.copy_location(statement, node)
            ast.fix_missing_locations(statement)
        return self.block([*start, *body, *end])


def assigned(statement):
    """Return the names that a statement stores to."""
    return {
        n.id
        for n in ast.walk(statement)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }


def used(*nodes):
    """Return the names that statements or expressions read."""
    return {
        n.id
        for node in nodes
        for n in ast.walk(node)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
    }


def is_uniform(node, same, local):
    """Whether an expression has one value for the whole block."""
    plan = getattr(node, "plan", None)
    if plan:
        kind, detail = plan
        if kind == "index":
            return detail.startswith(UNIFORM_INDEX)
        if kind == "name":
            return detail == "warpsize"
        return kind == "call" and (
            detail == "gridsize" or detail in BLOCK_WIDE
        )
    if isinstance(node, ast.Name):
        return node.id not in local or node.id in same
    if isinstance(node, ast.Subscript) and not _of_tuple(node):
        return False
    return all(
        is_uniform(child, same, local)
        for child in ast.iter_child_nodes(node)
        if isinstance(child, ast.expr)
    )


def _of_tuple(node):
    from numba.core import types

    return isinstance(
        getattr(node.value, "type", None), types.BaseTuple
    ) or (isinstance(node.value, ast.Attribute) and node.value.attr == "shape")


def uniform_names(body, parameters):
    """Return the variables that are stored once for the whole block.

    All their assignments stand where the block as a whole comes past, and
    assign a value that is the same for each thread.
    """
    local = set().union(*map(assigned, body)) if body else set()
    same = set(local)
    while True:
        wrong = set()
        _uniform_walk(body, same, local, True, wrong)
        wrong &= same
        if not wrong:
            return same | (set(parameters) - local)
        same -= wrong


def _uniform_walk(body, same, local, together, wrong):
    for node in body:
        if isinstance(node, ast.If | ast.While) and waits(node):
            inner = together and is_uniform(node.test, same, local)
            _uniform_walk(node.body, same, local, inner, wrong)
            _uniform_walk(node.orelse, same, local, inner, wrong)
        elif isinstance(node, ast.For) and waits(node):
            inner = together and is_uniform(node.iter, same, local)
            if not inner:
                wrong |= assigned(node.target)
            _uniform_walk(node.body, same, local, inner, wrong)
        elif isinstance(node, ast.Assign) and together:
            simple = all(isinstance(t, ast.Name) for t in node.targets)
            shared = getattr(node.value, "plan", None) == ("array", "shared")
            if not (simple and (shared or is_uniform(node.value, same, local))):
                wrong |= assigned(node)
        else:
            wrong |= assigned(node)
