"""Decide where each variable lives: once per block, kept, or recomputed."""

import ast

from numba.core import types
from numba.core.registry import cpu_target

from gpu_course.cuda.intrinsics import SHUFFLES
from gpu_course.cuda.liveness import assigned, exposed, used
from gpu_course.cuda.regions import (
    NotCompilable,
    has_exit,
    is_settled,
    waits,
    while_of,
)
from gpu_course.cuda.uniform import is_native, is_uniform, uniform_names


class Places:
    """Where each variable of a kernel that waits lives.

    Attributes
    ----------
    same : set of str
        Variables with one value for the block.
    kept : dict of str to Numba type
        Variables kept in an array, with an element for each thread.
    again : dict of str to ast.Assign
        Variables recomputed in each region that reads them.
    several : set of str
        Kept variables that have more than one type in the kernel.
    """

    def __init__(self, body, parameters):
        self.body = body
        self.local = assigned(*body)
        self.same = uniform_names(body, parameters)
        self.kinds, self.single = {}, {}
        for name in set(parameters) & self.local:
            self.kinds[name] = {parameters[name]}
            self.single[name] = None
        for top in body:
            for node in ast.walk(top):
                self.note(node, top)
        regions = []
        self.collect(body, regions)
        exposures = set().union(*map(exposed, regions), set())
        open_ = exposures & self.local - self.same
        self.again = {}
        while True:
            new = {
                name: self.single[name][0]
                for name in sorted(open_ - set(self.again))
                if self.single.get(name) and self.repeatable(name)
            }
            if not new:
                break
            self.again |= new
            sources = [n.value for n in self.again.values()]
            open_ |= used(*sources) & self.local - self.same
        self.kept, self.several = {}, set()
        for name in sorted(open_ - set(self.again)):
            self.keep(name)

    def note(self, node, top):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                for name in assigned(target):
                    first = name not in self.single
                    self.single[name] = (node, node is top) if first else None
                if isinstance(target, ast.Name):
                    kind = getattr(node.value, "type", None)
                    self.kinds.setdefault(target.id, set()).add(kind)
        elif isinstance(node, ast.For):
            self.single |= dict.fromkeys(assigned(node.target))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            kind = getattr(node, "type", None)
            self.kinds.setdefault(node.id, set()).add(kind)

    def collect(self, body, regions):
        """List the regions: runs of statements without a wait or an exit."""
        for region, node in pieces(body, self.of_block):
            regions.append(region)
            if node is None or not is_joint(node) or is_shuffle(node):
                continue
            if isinstance(node, ast.If | ast.While):
                regions.append([ast.Expr(node.test)])
                self.collect(node.body, regions)
                self.collect(node.orelse, regions)
            elif isinstance(node, ast.For):
                self.collect(node.body, regions)
            elif not isinstance(node, ast.Break | ast.Continue):
                regions += [[ast.Expr(a)] for a in node.value.args]

    def of_block(self, node):
        """Whether a statement runs once for the block."""
        return isinstance(node, ast.Assign) and all(
            isinstance(t, ast.Name) and t.id in self.same for t in node.targets
        )

    def repeatable(self, name):
        """Whether a name's only assignment can be repeated."""
        node, at_top = self.single[name]
        if not self.assigns_only_once(node) or not is_pure(node.value):
            return False
        if not at_top and can_fail(node.value):
            return False  # it may have a guard
        names = used(node.value) & self.local
        return all(
            other in self.again or (other in self.same and self.lasts(other))
            for other in names
        )

    def lasts(self, name, above=()):
        """Whether a variable keeps one value for as long as a block runs."""
        if name not in self.local:
            return True
        if name in above or not self.single.get(name):
            return False
        node, at_top = self.single[name]
        return at_top or (
            is_pure(node.value)
            and all(self.lasts(n, (*above, name)) for n in used(node.value))
        )

    def assigns_only_once(self, node):
        """Whether an assignment's targets are all names assigned only here."""
        targets = [
            inner
            for target in node.targets
            for inner in ast.walk(target)
            if isinstance(inner, ast.Name | ast.Subscript)
        ]
        return all(
            isinstance(target, ast.Name) and self.single.get(target.id)
            for target in targets
        )

    def keep(self, name):
        found = {k for k in self.kinds.get(name, ()) if k is not None}
        merged = cpu_target.typing_context.unify_types(*found)
        if len(found) == 1 and is_plain_tuple(merged):
            self.kept[name] = merged
            return
        if not isinstance(merged, types.Number | types.Boolean):
            raise NotCompilable(f"{name} lives across a barrier")
        wide = isinstance(merged, types.Float)
        if wide and any(
            isinstance(k, types.Integer) and k.bitwidth > 32 for k in found
        ):
            integers = {k for k in found if isinstance(k, types.Integer)}
            if integers != {types.int64} or not self.constants_only(name):
                raise NotCompilable(f"{name} is an integer and a float")
        self.kept[name] = merged
        if len(found) > 1:
            self.several.add(name)

    def constants_only(self, name):
        """Whether all integers assigned to a float variable are constants."""
        for top in self.body:
            for node in ast.walk(top):
                if (
                    isinstance(node, ast.Assign)
                    and name in assigned(*node.targets)
                    and isinstance(
                        getattr(node.value, "type", None), types.Integer
                    )
                    and not isinstance(node.value, ast.Constant)
                ):
                    return False
        return True


def is_pure(node):
    """Whether an expression gives the same each time, and changes nothing."""
    calls = (
        getattr(inner, "plan", None) or ("", "") for inner in ast.walk(node)
    )
    return is_settled(node) and not any(
        kind == "call" and name not in ("grid", "gridsize")
        for kind, name in calls
    )


def can_fail(node):
    """Whether an expression may raise, so that its guard must be kept."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Subscript):
            index = inner.slice
            if isinstance(index, ast.UnaryOp):
                index = index.operand
            known = isinstance(index, ast.Constant)
            if not known or isinstance(inner.type, types.Array):
                return True
        elif isinstance(inner, ast.BinOp):
            if isinstance(
                inner.op, ast.Div | ast.FloorDiv | ast.Mod | ast.Pow
            ):
                return True
        elif isinstance(inner, ast.Call) and not hasattr(inner, "plan"):
            return True
    return False


def is_joint(node):
    """Whether threads wait in a statement, or leave a loop that waits."""
    return waits(node) or has_exit(node)


def pieces(body, of_block):
    """Cut a body into regions at the statements that a block runs together.

    The threads run a region one after the other. A region that begins with a
    shuffle reads the values of other lanes, so those lanes must still be
    alive. Therefore a return begins another region.

    Parameters
    ----------
    body : list of ast.stmt
    of_block : callable
        Takes a statement; returns whether it runs once for the block.

    Yields
    ------
    region : list of ast.stmt
    node : ast.stmt or None
        The statement that follows; a shuffle also begins the next region.
        None if the region just ends.
    """
    region = []
    for node in body:
        if is_joint(node):
            yield region, node
            region = [node] if is_shuffle(node) else []
        elif of_block(node):
            if cuts(region, node):
                yield region, None
                region = []
            yield [], node
        else:
            if region and is_shuffle(region[0]) and has_return(node):
                yield region, None
                region = []
            region.append(node)
    yield region, None


def has_return(*nodes):
    return any(isinstance(n, ast.Return) for s in nodes for n in ast.walk(s))


def cuts(region, node):
    """Whether a once-per-block statement can't run before a region.

    It normally runs at once, before the pending region. It can't if the
    region uses or assigns its target, or assigns a variable that it reads.
    """
    given = assigned(*region)
    return bool((given | used(*region)) & assigned(node) | given & used(node))


def is_shuffle(node):
    """Whether a statement is a shuffle, or the assignment of its result."""
    if not isinstance(node, ast.Assign | ast.Expr):
        return False
    plan = getattr(node.value, "plan", None)
    return plan is not None and plan[0] == "call" and plan[1] in SHUFFLES


def is_plain_tuple(kind):
    """Whether a type is a tuple of numbers."""
    return isinstance(kind, types.BaseTuple) and all(
        isinstance(k, types.Number | types.Boolean) for k in kind
    )


def placed(body, parameters):
    """Place the variables; rewrite loops that can't be native as masked."""
    rewritten = []
    while True:
        places, before = Places(body, parameters), len(rewritten)
        body = _loops(body, places, True, rewritten)
        if len(rewritten) == before:
            return body, places


def _loops(body, places, together, rewritten):
    new = []
    for node in body:
        joint = is_joint(node)
        if joint and isinstance(node, ast.If):
            inner = together and is_uniform(
                node.test, places.same, places.local
            )
            node.body = _loops(node.body, places, inner, rewritten)
            node.orelse = _loops(node.orelse, places, inner, rewritten)
        elif joint and isinstance(node, ast.For | ast.While):
            inner = together and is_native(node, places.same, places.local)
            if isinstance(node, ast.For) and not inner:
                rewritten.append(node)
                *before, node = while_of(node, len(rewritten))
                new += before
            node.body = _loops(node.body, places, inner, rewritten)
        new.append(node)
    return new
