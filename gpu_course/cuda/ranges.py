"""Prove which indices of a launch are inside their arrays.

The kernel is walked once with intervals in place of numbers. A thread's index
lies from 0 to the size of the block, a guard ``if i < n`` narrows ``i``, and
so on. An access with a proven index needs no check, and a compiler can turn
loops without checks into vector instructions.

An expression that is not understood is unknown, and its check stays.
"""

import ast
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numba.core import types

from gpu_course.cuda.liveness import assigned

UNKNOWN = (-inf, inf)
LARGEST = 1 << 62  # beyond this an integer may wrap around
MIRRORED = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
    ast.Eq: ast.Eq,
}
OPPOSITE = {
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.NotEq: ast.Eq,
}


def key(node, axis=None):
    """Return a key that identifies an index or a comparison in the source."""
    if isinstance(node, ast.Compare):
        return (node.lineno, node.col_offset, ast.unparse(node))
    return (
        node.lineno,
        node.col_offset,
        type(node.ctx).__name__,
        ast.unparse(node.value),
        axis,
    )


def proven(body, names, launcher, arguments):
    """Return the keys of what is proven for every thread of a launch.

    These are indices inside their arrays, and true comparisons, such as a
    guard's.

    Parameters
    ----------
    body : list of ast.stmt
        The kernel's, as `regions.annotate` returns it.
    names : list of str
        The parameters' names.
    launcher : kernel.Launcher
    arguments : list
        The launch's NumPy arrays and numbers.

    Returns
    -------
    frozenset
    """
    state = State()
    for name, value in zip(names, arguments, strict=True):
        if isinstance(value, np.ndarray):
            state.shapes[name] = value.shape
        elif isinstance(value, int | np.integer):
            state.values[name] = (int(value), int(value))
    walk = Walk(launcher)
    for name in assigned(*body) & set(state.shapes):
        del state.shapes[name]
    walk.block(body, state)
    return frozenset(k for k, inside in walk.found.items() if inside)


@dataclass
class State:
    """What is known of a thread's variables at one place."""

    values: dict = field(default_factory=dict)  # name to interval
    shapes: dict = field(default_factory=dict)  # name to an array's shape
    tuples: dict = field(default_factory=dict)  # name to intervals
    doubtful: set = field(default_factory=set)  # names that no guard narrows

    def copy(self):
        return State(
            dict(self.values),
            dict(self.shapes),
            dict(self.tuples),
            set(self.doubtful),
        )

    def get(self, name):
        return self.values.get(name, UNKNOWN)

    def join(self, other):
        """Keep what holds in both states; None means a state not reached."""
        if other is None:
            return self
        shared = self.values.keys() & other.values.keys()
        values = {n: _hull(self.values[n], other.values[n]) for n in shared}
        shapes = {
            n: s for n, s in self.shapes.items() if other.shapes.get(n) == s
        }
        tuples = {
            n: t for n, t in self.tuples.items() if other.tuples.get(n) == t
        }
        doubtful = self.doubtful | other.doubtful
        return State(values, shapes, tuples, doubtful)

    def forget(self, names):
        for name in names:
            self.values.pop(name, None)
            self.shapes.pop(name, None)
            self.tuples.pop(name, None)


def _hull(a, b):
    return (min(a[0], b[0]), max(a[1], b[1]))


def doubted(loop, state):
    """Return the names to which a loop assigns doubtful values."""
    return {
        name
        for node in ast.walk(loop)
        if isinstance(node, ast.Assign) and is_doubtful(node.value, state)
        for name in assigned(*node.targets)
    }


def is_doubtful(node, state):
    """Whether a value may be undefined for LLVM, which then drops guards.

    Examples are powers, and what functions return for a float that fits no
    integer.
    """
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and inner.id in state.doubtful:
            return True
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Pow):
            return True
        if isinstance(inner, ast.Call) and not hasattr(inner, "plan"):
            function = getattr(inner.func, "constant", None)
            known = function in (len, min, max, int, range) or isinstance(
                function, types.Type | type
            )
            if not known:
                return True
    return False


class Walk:
    """Walk through a kernel's statements with intervals."""

    def __init__(self, launcher):
        sizes = {
            "blockDim": launcher.block,
            "gridDim": launcher.grid,
            "threadIdx": launcher.block,
            "blockIdx": launcher.grid,
        }
        self.indices = {}
        for owner, size in sizes.items():
            for axis, n in zip("xyz", size, strict=True):
                exact = owner.endswith("Dim")
                self.indices[f"{owner}_{axis}"] = (
                    n if exact else 0,
                    n if exact else n - 1,
                )
        self.indices["laneid"], self.indices["warpsize"] = (0, 31), (32, 32)
        pairs = zip(launcher.grid, launcher.block, strict=True)
        self.total = [g * b for g, b in pairs]
        self.found = {}

    # Statements: each takes a state, and returns the next or None

    def block(self, body, state):
        for node in body:
            if state is None:
                return None
            state = self.statement(node, state)
        return state

    def statement(self, node, state):
        if isinstance(node, ast.If):
            self.look(node.test, state)
            yes = self.block(node.body, self.assume(node.test, state, True))
            no = self.block(node.orelse, self.assume(node.test, state, False))
            return yes.join(no) if yes else no
        if isinstance(node, ast.For | ast.While):
            return self.loop(node, state)
        if isinstance(node, ast.Return | ast.Break | ast.Continue):
            self.look(node, state)
            return None
        if isinstance(node, ast.Assign) and any(
            isinstance(n, ast.Subscript)
            for t in node.targets
            if isinstance(t, ast.Tuple) or len(node.targets) > 1
            for n in ast.walk(t)
        ):
            self.look(node, State())  # a target may be the next one's index
        else:
            self.look(node, state)
        if isinstance(node, ast.Assign):
            before = state.copy()
            for target in node.targets:
                self.assign(target, node.value, before, state)
        else:
            state.forget(assigned(node))
        return state

    def assign(self, target, value, before, state):
        """Put what `before` tells about a value into the state."""
        names = assigned(target)
        if is_doubtful(value, before):
            state.doubtful |= names
        else:
            state.doubtful -= names
        if isinstance(target, ast.Tuple):
            parts = self.parts(value, before)
            if parts is None or len(parts) != len(target.elts):
                state.forget(assigned(target))
                return
            for inner, part in zip(target.elts, parts, strict=True):
                state.forget(assigned(inner))
                if isinstance(inner, ast.Name):
                    state.values[inner.id] = part
        elif isinstance(target, ast.Name):
            interval = self.value(value, before)
            parts = self.parts(value, before)
            state.forget([target.id])
            if parts and isinstance(value.type, types.BaseTuple):
                state.tuples[target.id] = parts
            plan = getattr(value, "plan", None)
            if plan and plan[0] == "array" and 0 not in value.shape:
                state.shapes[target.id] = value.shape
            elif interval != UNKNOWN:
                state.values[target.id] = interval

    def parts(self, node, state):
        """Return the intervals of the items of a tuple, None if unknown."""
        if isinstance(node, ast.Tuple):
            return [self.value(item, state) for item in node.elts]
        plan = getattr(node, "plan", None)
        if plan in (("call", "grid"), ("call", "gridsize")):
            totals = self.total[: node.args[0].value]
            if plan[1] == "gridsize":
                return [(n, n) for n in totals]
            return [(0, n - 1) for n in totals]
        if isinstance(node, ast.Name):
            return state.tuples.get(node.id)
        shape = self.shape(node, state)
        return None if shape is None else [(n, n) for n in shape]

    def shape(self, node, state):
        """Return the shape that ``a.shape`` names, if it is known."""
        if (
            isinstance(node, ast.Attribute)
            and node.attr == "shape"
            and isinstance(node.value, ast.Name)
        ):
            return state.shapes.get(node.value.id)
        return None

    def loop(self, node, state):
        names = assigned(node)
        exits = [
            n
            for s in node.body
            for n in ast.walk(s)
            if isinstance(n, ast.Break | ast.Continue)
        ]
        head = state.copy()
        for _ in range(2):  # doubt passes between iterations
            head.doubtful |= doubted(node, head)
        if isinstance(node, ast.For):
            self.look(node.iter, state)
            over = self.range(node.iter, state)
            head.forget(names)
            inner = head.copy()
            if over and isinstance(node.target, ast.Name):
                inner.values[node.target.id] = over
            self.block(node.body, inner)
        else:
            head = self.steady(node, head, names, bool(exits))
            self.look(node.test, head)
            self.block(node.body, self.assume(node.test, head, True))
        after = head.copy()
        if exits:
            after.forget(names)
        elif isinstance(node, ast.While):
            after = self.assume(node.test, after, False)
        if node.orelse and after is not None:
            left = self.block(node.orelse, after.copy())
            after.forget(names | assigned(*node.orelse))
            return after if left is not None or exits else None
        return after

    def steady(self, node, head, names, exits):
        """Return a state that holds before each iteration of a while loop."""
        if exits:
            head.forget(names)
            return head
        kept, self.found = self.found, {}
        for _ in range(4):
            end = self.block(
                node.body, self.assume(node.test, head.copy(), True)
            )
            if end is None:
                break
            changed = set()
            for name in list(head.values):
                low, high = head.values[name]
                new_low, new_high = end.get(name)
                if new_low < low:
                    low = 0 if new_low >= 0 else -inf
                    changed.add(name)
                if new_high > high:
                    high = inf
                    changed.add(name)
                head.values[name] = (low, high)
            for known, at_end in (
                (head.shapes, end.shapes),
                (head.tuples, end.tuples),
            ):
                for name in list(known):
                    if at_end.get(name) != known[name]:
                        del known[name]
                        changed.add(name)
            if not changed:
                break
        else:
            head.forget(names)
        self.found = kept
        return head

    def range(self, node, state):
        """Return the interval of the numbers of a range."""
        if getattr(getattr(node, "func", None), "constant", None) is not range:
            return None
        ends = [self.value(a, state) for a in node.args]
        start, stop, step = (0, 0), ends[0], (1, 1)
        if len(ends) > 1:
            start, stop, *rest = ends
            step = rest[0] if rest else step
        if all(e[0] == e[1] for e in (start, stop, step)) and step[0]:
            numbers = range(start[0], stop[0], step[0])
            if numbers:
                return (
                    min(numbers[0], numbers[-1]),
                    max(numbers[0], numbers[-1]),
                )
        if step[0] > 0:
            return (start[0], stop[1] - 1)
        if step[1] < 0:
            return (stop[0] + 1, start[1])
        return None

    # Conditions

    def assume(self, test, state, holds):
        """Return the state in which a condition holds, or doesn't."""
        if state is None:
            return None
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            return self.assume(test.operand, state, not holds)
        state = state.copy()
        if isinstance(test, ast.BoolOp):
            if isinstance(test.op, ast.And) == holds:
                for part in test.values:
                    state = self.assume(part, state, holds)
            return state
        if isinstance(test, ast.Compare):
            operands = [test.left, *test.comparators]
            if not holds and len(test.ops) > 1:
                return state
            for a, op, b in zip(
                operands, test.ops, operands[1:], strict=False
            ):
                kind = type(op) if holds else OPPOSITE.get(type(op))
                self.narrow(a, kind, b, state)
                self.narrow(b, MIRRORED.get(kind), a, state)
        if any(low > high for low, high in state.values.values()):
            return None  # no thread gets here
        return state

    def narrow(self, node, kind, other, state):
        """Narrow a variable by a comparison that contains it."""
        if not isinstance(node, ast.Name) or hasattr(node, "constant"):
            return
        if node.id in state.doubtful:
            return
        whole = (types.Integer, types.Boolean)
        if not all(
            isinstance(n.type, whole)
            if hasattr(n, "type")
            else isinstance(getattr(n, "value", None), int)
            for n in (node, other)
        ):
            return
        low, high = state.get(node.id)
        least, most = self.value(other, state)
        if kind is ast.Lt:
            high = min(high, most - 1)
        elif kind is ast.LtE:
            high = min(high, most)
        elif kind is ast.Gt:
            low = max(low, least + 1)
        elif kind is ast.GtE:
            low = max(low, least)
        elif kind is ast.Eq:
            low, high = max(low, least), min(high, most)
        state.values[node.id] = (low, high)

    # Expressions

    def look(self, node, state):
        """Judge the indices in an expression or a simple statement."""
        if state is None:
            return
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                self.look(part, state)
                state = self.assume(part, state, isinstance(node.op, ast.And))
            return
        if isinstance(node, ast.IfExp):
            self.look(node.test, state)
            self.look(node.body, self.assume(node.test, state, True))
            self.look(node.orelse, self.assume(node.test, state, False))
            return
        if isinstance(node, ast.Subscript):
            self.judge(node, state)
        if isinstance(node, ast.Compare):
            place = key(node)
            holds = self.holds(node, state)
            self.found[place] = self.found.get(place, True) and holds
        for child in ast.iter_child_nodes(node):
            self.look(child, state)

    def holds(self, node, state):
        """Whether a comparison of integers is surely true."""
        operands = [node.left, *node.comparators]
        ends = [self.value(n, state) for n in operands]
        for (low, high), op, (least, most) in zip(
            ends, node.ops, ends[1:], strict=False
        ):
            if not (
                (isinstance(op, ast.Lt) and high < least)
                or (isinstance(op, ast.LtE) and high <= least)
                or (isinstance(op, ast.Gt) and low > most)
                or (isinstance(op, ast.GtE) and low >= most)
            ):
                return False
        return True

    def judge(self, node, state):
        shape = None
        if isinstance(node.value, ast.Name):
            shape = state.shapes.get(node.value.id)
        if isinstance(getattr(node.slice, "type", None), types.BaseTuple):
            parts = self.parts(node.slice, state)
        else:
            parts = [self.value(node.slice, state)]
        if (
            shape is None
            or parts is None
            or any(
                isinstance(n, ast.Constant) and n.value is ...
                for n in ast.walk(node.slice)
            )
        ):
            return
        for axis, (low, high) in enumerate(parts[: len(shape)]):
            inside = 0 <= low and high < shape[axis]
            place = key(node, axis)
            self.found[place] = self.found.get(place, True) and inside

    def value(self, node, state):
        """Return the interval of an integer expression."""
        if state is None:
            return UNKNOWN
        if isinstance(node, ast.Constant):
            if isinstance(node.value, int):
                return (int(node.value), int(node.value))
            return UNKNOWN
        kind = getattr(node, "type", None)
        if isinstance(node, ast.Slice) or not isinstance(
            kind, types.Integer | types.Boolean
        ):
            return UNKNOWN
        low, high = self.interval(node, state)
        if low > high or low < -LARGEST or high > LARGEST:
            return UNKNOWN
        if isinstance(kind, types.Boolean):
            return (max(low, 0), min(high, 1))
        narrow = kind.bitwidth < 64 or not kind.signed
        if narrow and (low < kind.minval or high > kind.maxval):
            return UNKNOWN
        return (low, high)

    def interval(self, node, state):
        plan = getattr(node, "plan", None)
        if plan:
            if plan[0] in ("index", "name"):
                return self.indices.get(plan[1], UNKNOWN)
            parts = self.parts(node, state)
            return parts[0] if parts else UNKNOWN
        if isinstance(node, ast.Name):
            value = getattr(node, "constant", None)
            if isinstance(value, int | np.integer):
                return (int(value), int(value))
            return state.get(node.id)
        if isinstance(node, ast.BinOp):
            return self.operation(node, state)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            low, high = self.value(node.operand, state)
            kind = getattr(node.operand, "type", types.int64)
            narrow = isinstance(kind, types.Integer) and kind.bitwidth < 64
            if narrow and (not kind.signed or low <= kind.minval):
                return UNKNOWN  # negated in its own width, it may wrap
            return (-high, -low)
        if isinstance(node, ast.IfExp):
            one = self.value(node.body, self.assume(node.test, state, True))
            two = self.value(node.orelse, self.assume(node.test, state, False))
            return _hull(one, two)
        if isinstance(node, ast.Subscript):
            shape = self.shape(node.value, state)
            if shape and isinstance(node.slice, ast.Constant):
                n = shape[node.slice.value]
                return (n, n)
        if isinstance(node, ast.Attribute) and node.attr == "size":
            shape = state.shapes.get(getattr(node.value, "id", None))
            if shape is not None:
                n = int(np.prod(shape))
                return (n, n)
        if isinstance(node, ast.Call):
            return self.call(node, state)
        return UNKNOWN

    def call(self, node, state):
        function = getattr(node.func, "constant", None)
        if function is len:
            shape = state.shapes.get(getattr(node.args[0], "id", None))
            return (shape[0], shape[0]) if shape else UNKNOWN
        values = [self.value(a, state) for a in node.args]
        if function in (min, max) and values:
            lows, highs = zip(*values, strict=True)
            return (function(lows), function(highs))
        casts = function is int or isinstance(function, types.Integer)
        if casts and len(values) == 1:
            return values[0]  # `value` applies the type's own range
        return UNKNOWN

    def operation(self, node, state):
        a, b = self.value(node.left, state), self.value(node.right, state)
        if isinstance(node.op, ast.Add):
            return (a[0] + b[0], a[1] + b[1])
        if isinstance(node.op, ast.Sub):
            return (a[0] - b[1], a[1] - b[0])
        if inf in (*map(abs, a), *map(abs, b)):
            if isinstance(node.op, ast.Mod) and b[0] > 0 and b[1] < inf:
                return (0, b[1] - 1)
            return UNKNOWN
        if isinstance(node.op, ast.Mult):
            products = [x * y for x in a for y in b]
            return (min(products), max(products))
        if isinstance(node.op, ast.FloorDiv) and b[0] > 0:
            quotients = [x // y for x in a for y in b]
            return (min(quotients), max(quotients))
        if isinstance(node.op, ast.Mod) and b[0] > 0:
            if 0 <= a[0] and a[1] < b[0]:
                return a
            return (0, b[1] - 1)
        if isinstance(node.op, ast.RShift) and 0 <= b[0] and b[1] < 63:
            shifted = [x >> y for x in a for y in b]
            return (min(shifted), max(shifted))
        if isinstance(node.op, ast.LShift) and 0 <= b[0] and b[1] < 63:
            shifted = [x << y for x in a for y in b]
            return (min(shifted), max(shifted))
        if isinstance(node.op, ast.BitAnd) and a[0] >= 0 and b[0] >= 0:
            return (0, min(a[1], b[1]))
        return UNKNOWN
