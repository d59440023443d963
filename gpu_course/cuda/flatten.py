"""Give each call that waits its own statement.

``value += shfl(...)`` becomes ``_wait1 = shfl(...)``, then the rest. Python's
order of evaluation is kept: a value that another thread may change meanwhile
is first stored in a variable. A condition that guards a wait becomes an
``if``. A device function that waits is inlined.
"""

import ast

from numba.core import types

from gpu_course.cuda.expressions import converted
from gpu_course.cuda.regions import (
    NotCompilable,
    annotate,
    is_settled,
    is_wait,
    load,
    mark_exits,
    own_exits,
    placed_at,
    store,
    waits,
)


def flattened(body):
    """Return an annotated kernel's statements, each wait on its own.

    Raises
    ------
    NotCompilable
        If only the plain run can execute the kernel.
    """
    return _Flatten().body(body)


class _Flatten:
    def __init__(self):
        self.count = 0

    def body(self, statements):
        """Flatten the body of a function."""
        return self.block(self.without_else(statements))

    def new(self, prefix):
        self.count += 1
        return f"_{prefix}{self.count}"

    def block(self, statements):
        return [new for s in statements for new in self.statement(s)]

    def statement(self, node):
        if not waits(node):
            return [node]
        before = []
        if isinstance(node, ast.If):
            node.test = self.lifted(node.test, before)
            node.body = self.block(node.body)
            node.orelse = self.block(node.orelse)
            return [*before, node]
        if isinstance(node, ast.While):
            return self.loop(self.test_inside(node))
        if isinstance(node, ast.For):
            node.iter = self.items(node.iter, before)
            return [*before, *self.loop(self.own_variable(node))]
        if isinstance(node, ast.Assign):
            return self.assigned(node)
        if isinstance(node, ast.Expr):
            if is_wait(node.value):
                return self.wait(node)
            node.value = self.lifted(node.value, before)
            is_name = isinstance(node.value, ast.Name)
            return before if is_name else [*before, node]
        raise NotCompilable(f"a wait in {type(node).__name__}")

    # Loops

    def without_else(self, statements):
        """Write the else of a loop as an if after it.

        This is done if the loop waits, or if a break in its else belongs to
        the enclosing loop.
        """
        new = []
        for node in statements:
            for field in ("body", "orelse"):
                inner = getattr(node, field, None)
                if isinstance(inner, list):
                    setattr(node, field, self.without_else(inner))
            is_loop = isinstance(node, ast.For | ast.While)
            if not (is_loop and node.orelse) or not (
                waits(node) or own_exits(node.orelse)
            ):
                new.append(node)
                continue
            name = self.new("whole")
            orelse, node.orelse = node.orelse, []
            unset = _Broken(name)
            node.body = [s for n in node.body for s in unset.listed(n)]
            after = ast.If(load(name, types.boolean), orelse, [])
            new += [
                placed_at(store(name, _true()), node),
                node,
                placed_at(after, node),
            ]
        return new

    def loop(self, node):
        node.body = self.block(node.body)
        mark_exits(node)
        return [node]

    def own_variable(self, node):
        """Give a for loop its own variable, assigned to the one it names.

        Another loop or an assignment may use the named variable too.
        """
        kind = getattr(node.iter, "type", None)
        name = self.new("each")
        first = ast.Assign([node.target], load(name, item_type(kind)))
        node.body.insert(0, placed_at(first, node))
        node.target = placed_at(ast.Name(name, ast.Store()), node)
        return node

    def items(self, node, before):
        """Return what a for loop iterates over, computed before the loop."""
        node = self.lifted(node, before)
        if isinstance(node, ast.Tuple):
            node.elts = [
                v if isinstance(v, ast.Constant) else self.named(v, before)
                for v in node.elts
            ]
        return node

    def test_inside(self, node):
        """Write a test that waits as ``while True: if not test: break``."""
        if not waits(node.test):
            return node
        leave = ast.If(ast.UnaryOp(ast.Not(), node.test), [ast.Break()], [])
        leave.test.type = types.boolean
        loop = ast.While(_true(), [leave, *node.body], [])
        return placed_at(loop, node)

    # Assignments

    def assigned(self, node):
        before, value = [], node.value
        (first, *more) = node.targets
        simple = not more and isinstance(first, ast.Name | ast.Subscript)
        if not any(map(waits, node.targets)):
            if is_wait(value) and simple:
                return self.wait(node)
            node.value = self.lifted(value, before)
            return [*before, node]
        value = self.lifted(value, before)
        if more or not isinstance(first, ast.Subscript | ast.Tuple):
            value = self.named(value, before)
        for target in node.targets:
            self.give(target, value, before)
        return before

    def give(self, target, value, before):
        """Append the assignment to a target in which threads may wait."""
        if isinstance(target, ast.Tuple):
            if isinstance(value, ast.Tuple):
                parts = [self.named(v, before) for v in value.elts]
            else:
                whole = self.named(value, before)
                parts = [
                    typed(ast.Subscript(whole, ast.Constant(k), ast.Load()), t)
                    for k, t in enumerate(value.type)
                ]
            for inner, part in zip(target.elts, parts, strict=True):
                self.give(inner, part, before)
            return
        if isinstance(target, ast.Subscript):
            value = self.settled(value, before)
            self.operands(target, before)
        before.append(placed_at(ast.Assign([target], value), target))

    # Expressions

    def lifted(self, node, before):
        """Return an expression without waits; append what runs before it."""
        if not waits(node):
            return node
        if isinstance(node, ast.IfExp):
            return self.choice(node, before)
        if isinstance(node, ast.BoolOp):
            return self.logic(node, before)
        if isinstance(node, ast.Compare) and any(
            map(waits, node.comparators[1:])
        ):
            return self.chain(node, before)
        if not is_wait(node):
            return self.operands(node, before)
        made = placed_at(store(self.new("wait"), node), node)
        before += self.wait(made)
        return placed_at(load(made.targets[0].id, node.type), node)

    def operands(self, node, before):
        """Lift the waits out of the parts of a node, from left to right."""
        places = [
            (inner, name, None)
            for name, inner in ast.iter_fields(node)
            if isinstance(inner, ast.expr)
        ] + [
            (inner, name, k)
            for name, parts in ast.iter_fields(node)
            if isinstance(parts, list)
            for k, inner in enumerate(parts)
            if isinstance(inner, ast.expr)
        ]
        waiting = [k for k, (inner, *_) in enumerate(places) if waits(inner)]
        if not waiting:
            raise NotCompilable("a wait in an argument with a name")
        last = waiting[-1]
        for k, (inner, name, position) in enumerate(places[: last + 1]):
            new = self.lifted(inner, before)
            if k < last:
                new = self.settled(new, before)
            if position is None:
                setattr(node, name, new)
            else:
                getattr(node, name)[position] = new
        return node

    def named(self, node, before):
        """Store a value in a new variable; return a read of it."""
        name = self.new("value")
        before.append(placed_at(store(name, node), node))
        return placed_at(load(name, node.type), node)

    def settled(self, node, before):
        """Return an expression whose value no other thread can change."""
        if is_settled(node):
            return node
        kind = getattr(node, "type", None)
        if isinstance(kind, types.Number | types.Boolean | types.BaseTuple):
            return self.named(node, before)
        for name, inner in ast.iter_fields(node):
            if isinstance(inner, ast.expr):
                setattr(node, name, self.settled(inner, before))
        return node

    def choice(self, node, before):
        """Write a conditional expression that waits as an if."""
        node.test = self.lifted(node.test, before)
        if not waits(node):
            return node
        name, ways = self.new("value"), []
        for value in (node.body, node.orelse):
            way = []
            value = as_type(self.lifted(value, way), node.type)
            ways.append([*way, placed_at(store(name, value), node)])
        before.append(placed_at(ast.If(node.test, *ways), node))
        return placed_at(load(name, node.type), node)

    def logic(self, node, before):
        """Write an ``and`` or ``or`` that waits as ifs."""
        name = self.new("value")
        kind = getattr(node, "type", None) or types.boolean
        here = before
        for k, value in enumerate(node.values):
            if k:
                test = load(name, kind)
                if isinstance(node.op, ast.Or):
                    test = typed(ast.UnaryOp(ast.Not(), test), types.boolean)
                branch = placed_at(ast.If(test, [], []), node)
                here.append(branch)
                here = branch.body
            value = as_type(self.lifted(value, here), kind)
            here.append(placed_at(store(name, value), node))
        return placed_at(load(name, kind), node)

    def chain(self, node, before):
        """Write ``a < b < c``, whose end may wait, as an ``and``."""
        left = self.settled(self.lifted(node.left, before), before)
        middle = self.named(self.lifted(node.comparators[0], before), before)
        parts = [
            typed(ast.Compare(left, node.ops[:1], [middle]), types.boolean),
            typed(
                ast.Compare(middle, node.ops[1:], node.comparators[1:]),
                types.boolean,
            ),
        ]
        both = typed(ast.BoolOp(ast.And(), parts), types.boolean)
        return self.logic(placed_at(both, node), before)

    # The calls themselves

    def wait(self, node):
        """Return a call that waits as a statement, after its arguments."""
        before, call = [], node.value
        if any(map(waits, call.args)):
            self.operands(call, before)
        if call.plan[0] == "device":
            return before + self.inline(node)
        return [*before, node]

    def inline(self, node):
        """Inline a device function at its call."""
        call, device = node.value, node.value.device
        prefix = self.new("call") + "_"
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
            placed_at(store(prefix + name, value), node)
            for name, value in pairs
        ]
        is_used = isinstance(node, ast.Assign)
        name, kind = self.new("given"), device.return_type
        if is_used and kind == types.none:
            raise NotCompilable("the None of a device function")

        def give(value, at):
            if value is None:
                return []
            if not is_used:
                return [placed_at(ast.Expr(value), at)]
            return [placed_at(store(name, as_type(value, kind)), at)]

        body = [*start, *without_return(body, give)]
        if is_used:
            result = load(name, kind)
            body.append(placed_at(ast.Assign(node.targets, result), node))
        return self.body(body)


class _Broken(ast.NodeTransformer):
    """Record in a variable that a break left a loop."""

    def __init__(self, name):
        self.name = name

    def listed(self, node):
        new = self.visit(node)
        return new if isinstance(new, list) else [new]

    def visit_Break(self, node):
        unset = store(self.name, typed(ast.Constant(False), types.boolean))
        return [placed_at(unset, node), node]

    def visit_For(self, node):
        """Visit only an inner loop's else: its body's breaks are its own."""
        node.orelse = [s for n in node.orelse for s in self.listed(n)]
        return node

    def visit_While(self, node):
        return self.visit_For(node)


def without_return(statements, give):
    """Turn the returns of a function into assignments at its end.

    Parameters
    ----------
    statements : list of ast.stmt
    give : callable
        Takes a value, or None, and the node that gives the source position;
        returns the statements that store the value.
    """
    new = []
    for k, node in enumerate(statements):
        if isinstance(node, ast.Return):
            return new + give(node.value, node)
        if has_return(node):
            rest = statements[k + 1 :]
            if not isinstance(node, ast.If):
                raise NotCompilable("a return of a device function in a loop")
            if always_returns(node.body):
                node.orelse = [*node.orelse, *rest]
            elif always_returns(node.orelse):
                node.body = [*node.body, *rest]
            elif rest:
                raise NotCompilable("an early return of a device function")
            node.body = without_return(node.body, give) or [ast.Pass()]
            node.orelse = without_return(node.orelse, give)
            return [*new, placed_at(node, node)]
        new.append(node)
    return new


def has_return(node):
    return any(isinstance(inner, ast.Return) for inner in ast.walk(node))


def always_returns(statements):
    """Whether all paths through some statements end in a return."""
    return any(
        isinstance(node, ast.Return)
        or (
            isinstance(node, ast.If)
            and always_returns(node.body)
            and always_returns(node.orelse)
        )
        for node in statements
    )


def item_type(kind):
    """Return the type of the items of a range or a tuple."""
    return getattr(kind, "dtype", None)


def typed(node, kind):
    """Give a new expression its type."""
    node.type = kind
    return node


def as_type(node, kind):
    """Return a value converted to the type of the whole expression."""
    if getattr(node, "type", None) == kind:
        return node
    if isinstance(kind, types.Boolean):
        inner = typed(ast.UnaryOp(ast.Not(), node), types.boolean)
        return typed(ast.UnaryOp(ast.Not(), inner), types.boolean)
    return typed(converted(node, kind), kind)


def _true():
    return typed(ast.Constant(True), types.boolean)
