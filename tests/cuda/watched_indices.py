"""Record what a kernel's threads do at each index and comparison.

`Watched` runs a kernel's source thread by thread in Python, with numbers that
wrap, widen and convert as in Numba. For every index of every access it records
whether the index was in bounds, and for every comparison whether it was true.
It shares no code with the package except the keys of places in the source.
"""

import ast
import contextlib
import math
import operator
from types import SimpleNamespace

import numpy as np

from gpu_course.cuda.ranges import key

BITS = {
    "int8": 8,
    "int16": 16,
    "int32": 32,
    "int64": 64,
    "uint8": 8,
    "uint32": 32,
    "uint64": 64,
}
MOST_STEPS = 300  # per thread, which may be in an endless loop
GLOBALS = {
    "SIX": (6, "int64"),
    "LEAST": (-128, "int8"),
    "SMALL": (3, "uint8"),
    "WIDE": (40, "int32"),
    "YES": (True, None),
    "HALF": (0.5, None),
}


class Outside(Exception):
    """An access is out of bounds.

    A real thread would end there. Here it continues, to cover more code:
    the package concludes nothing from an access that succeeded.
    """


class Enough(Exception):
    """A thread has reached the limit of steps."""


class Integer:
    """A number of one of Numba's integer types."""

    def __init__(self, value, kind):
        bits = BITS[kind]
        value &= (1 << bits) - 1
        if kind[0] == "i" and value >> (bits - 1):
            value -= 1 << bits
        self.value, self.kind = value, kind

    def __index__(self):
        return self.value

    def __bool__(self):
        return self.value != 0

    def __float__(self):
        return float(self.value)

    def __hash__(self):
        return hash(self.value)

    def __neg__(self):
        # Compute in the operand's own width, then widen.
        wide = "int64" if self.kind[0] == "i" else "uint64"
        return Integer(Integer(-self.value, self.kind).value, wide)

    def __pos__(self):
        wide = "int64" if self.kind[0] == "i" else "uint64"
        return Integer(self.value, wide)

    def __invert__(self):
        wide = "int64" if self.kind[0] == "i" else "uint64"
        return Integer(Integer(~self.value, self.kind).value, wide)

    def __abs__(self):
        return Integer(abs(self.value), self.kind)


def integer(value):
    """Return an operand as an `Integer`; a literal is int64."""
    return value if isinstance(value, Integer) else Integer(value, "int64")


def raw(value):
    return value.value if isinstance(value, Integer) else value


def _quotient(a, b):
    return a // b if b else 0


def _remainder(a, b):
    return a % b if b else 0


def _product(a, b):
    return a * b


INTEGRAL = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": _product,
    "floordiv": _quotient,
    "mod": _remainder,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
}


def _divide(a, b):
    return a / b if b else math.nan


FLOATING = {
    "add": INTEGRAL["add"],
    "sub": INTEGRAL["sub"],
    "mul": _product,
    "truediv": _divide,
}


def _binary(name):
    def compute(a, b):
        floats = isinstance(a, float) or isinstance(b, float)
        if floats or name == "truediv":
            return FLOATING[name](float(raw(a)), float(raw(b)))
        a, b = integer(a), integer(b)
        unsigned = a.kind[0] == b.kind[0] == "u"
        kind = "uint64" if unsigned else "int64"
        a, b = Integer(a.value, kind), Integer(b.value, kind)
        return Integer(INTEGRAL[name](a.value, b.value), kind)

    return compute


def _shift(name):
    def compute(a, b):
        a = integer(a)
        kind = "int64" if a.kind[0] == "i" else "uint64"
        by = raw(b) & 63
        value = a.value << by if name == "lshift" else a.value >> by
        return Integer(value, kind)

    return compute


def _compare(compute):
    return lambda a, b: compute(raw(a), raw(b))


for _name in (
    "add",
    "sub",
    "mul",
    "floordiv",
    "mod",
    "and",
    "or",
    "xor",
    "truediv",
    "lshift",
    "rshift",
):
    _made = _shift if "shift" in _name else _binary
    _function = _made(_name)
    setattr(Integer, f"__{_name}__", _function)
    setattr(Integer, f"__r{_name}__", lambda a, b, f=_function: f(b, a))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Integer, f"__{_name}__", _compare(getattr(operator, _name)))


def unified(kinds):
    """Return Numba's common type of several integers."""
    kinds = set(kinds)
    if len(kinds) == 1:
        return kinds.pop()
    signed = [k for k in kinds if k[0] == "i"]
    bits = max(BITS[k] for k in kinds)
    if not signed:
        return f"uint{bits}"
    narrow = max((BITS[k] for k in kinds if k[0] == "u"), default=0)
    return f"int{max(bits, 2 * narrow)}"


def _one_of(pick):
    def compute(*values):
        values = [integer(v) for v in values]
        kind = unified(v.kind for v in values)
        return Integer(pick(v.value for v in values), kind)

    return compute


def _cast(kind):
    def convert(value):
        value = raw(value)
        if isinstance(value, float):
            value = int(value) if math.isfinite(value) else -(1 << 63)
        return Integer(int(value), kind)

    return convert


def _to_int(value):
    return value if isinstance(value, Integer) else _cast("int64")(value)


OPERATORS = {
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Eq": operator.eq,
    "NotEq": operator.ne,
}


class Watched:
    """Runs a kernel's source thread by thread and records what it does.

    Attributes
    ----------
    inside, held : dict
        Whether an index was always in bounds, or a comparison always true.
        It has only those that were executed.
    compared : dict
        The numbers on the left of a comparison.
    """

    def __init__(self, source):
        tree = ast.parse(source)
        self.keys = []
        _Watch(self.keys).visit(tree)
        self.space = {
            "_c": lambda v: Integer(v, "int64"),
            "_held": self.note_held,
            "_compare": self.compare,
            "_on": self.proxy,
            "range": self.range,
            "len": lambda a: a.shape[0],
            "min": _one_of(min),
            "max": _one_of(max),
            "int": _to_int,
        }
        self.casts = {k: _cast(k) for k in BITS}
        code = compile(ast.fix_missing_locations(tree), "<watched>", "exec")
        exec(code, self.space)
        self.space |= self.casts
        self.space |= {
            name: Integer(value, kind) if kind else value
            for name, (value, kind) in GLOBALS.items()
        }
        self.inside, self.held, self.compared = {}, {}, {}

    def launch(self, grid, block, arguments):
        """Run all threads of a launch; record what they do.

        Parameters
        ----------
        grid, block : tuple of int
            Three each.
        arguments : list
            NumPy arrays of int64, and numbers.
        """
        self.inside, self.held, self.compared = {}, {}, {}
        places = [
            (bx, by, bz, tx, ty, tz)
            for bz in range(grid[2])
            for by in range(grid[1])
            for bx in range(grid[0])
            for tz in range(block[2])
            for ty in range(block[1])
            for tx in range(block[0])
        ]
        given = [
            Cells(a) if isinstance(a, np.ndarray) else _number(a)
            for a in arguments
        ]
        for place in places:
            self.steps = 0
            self.space["cuda"] = _cuda(grid, block, place)
            self.space["np"] = SimpleNamespace(**self.casts)
            try:
                self.space["kernel"](*given)
            except (Enough, UnboundLocalError):
                continue  # what it did so far counts

    def value_of(self, arguments):
        """Return the numbers computed by a source without accesses."""
        self.steps = 0
        found = self.space["kernel"](*map(_number, arguments))
        return [raw(number) for number in found]

    def step(self):
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Enough

    def range(self, *ends):
        self.step()
        narrow = all(
            isinstance(e, Integer) and e.kind in ("int8", "int32", "uint8")
            for e in ends
        )
        kind = "int32" if narrow else "int64"
        ends = [raw(e) for e in ends]
        if len(ends) == 3 and ends[2] == 0:
            return
        for i in range(*ends):
            self.step()
            yield Integer(i, kind)

    def note_held(self, number, value, left=None):
        self.step()
        place = self.keys[number][0]
        self.held[place] = self.held.get(place, True) and bool(value)
        if left is not None and not isinstance(left, float):
            self.compared.setdefault(place, set()).add(int(left))
        return value

    def compare(self, number, operator, left, right):
        return self.note_held(number, OPERATORS[operator](left, right), left)

    def note_index(self, place, inside):
        self.step()
        self.inside[place] = self.inside.get(place, True) and inside

    def proxy(self, number, array):
        if isinstance(array, tuple):
            return _Items(array)
        return _Proxy(self, self.keys[number], array)


def _number(value):
    if isinstance(value, np.integer):
        return Integer(int(value), str(value.dtype))
    if isinstance(value, np.bool_ | bool):
        return bool(value)
    return Integer(value, "int64") if isinstance(value, int) else float(value)


class _Items:
    def __init__(self, items):
        self.items = items

    def __getitem__(self, index):
        return self.items[raw(index)]


class Cells:
    """The array that the watched kernel sees."""

    def __init__(self, data):
        self.data = data
        self.shape = tuple(Integer(n, "int64") for n in data.shape)
        self.size = Integer(data.size, "int64")
        self.ndim = data.ndim


class _Proxy:
    """An array at one place of the source; it checks and records indices."""

    def __init__(self, watched, keys, array):
        self.watched, self.keys, self.data = watched, keys, array.data

    def checked(self, index, how):
        parts = index if isinstance(index, tuple) else (index,)
        done = []
        for axis, part in enumerate(parts):
            if isinstance(part, slice):
                done.append(slice(raw(part.start), raw(part.stop)))
                continue
            i, n = int(raw(part)), self.data.shape[axis]
            self.watched.note_index(self.keys[how, axis], 0 <= i < n)
            wraps = getattr(part, "kind", "int64") != "uint64"
            if -n <= i < 0 and wraps:
                i += n
            if not 0 <= i < n:
                raise Outside
            done.append(i)
        return tuple(done)

    def __getitem__(self, index):
        try:
            found = self.data[self.checked(index, "Load")]
        except Outside:
            row = self.data.ndim > 1 and not isinstance(index, tuple)
            found = np.arange(3) if row else 0
        if isinstance(found, np.ndarray):
            return Cells(found)
        return Integer(int(found), "int64")

    def __setitem__(self, index, value):
        with contextlib.suppress(Outside):
            self.checked(index, "Store")  # the stored value doesn't matter


class _Watch(ast.NodeTransformer):
    def __init__(self, keys):
        self.keys = keys

    def number(self, found):
        self.keys.append(found)
        return ast.Constant(len(self.keys) - 1)

    def visit_FunctionDef(self, node):
        node.body = [self.visit(s) for s in node.body]
        return node

    def visit_Import(self, node):
        return ast.Pass()

    visit_ImportFrom = visit_Import  # noqa: N815

    def visit_Assign(self, node):
        if node.col_offset == 0:
            return ast.Pass()  # a global; `Watched` supplies these
        return self.generic_visit(node)

    def visit_Constant(self, node):
        if type(node.value) is int:
            return _called("_c", node)
        return node

    def visit_Call(self, node):
        if ast.unparse(node.func).startswith("cuda."):
            return node
        return self.generic_visit(node)

    def visit_Compare(self, node):
        number = self.number({0: key(node)})
        if len(node.ops) == 1:
            operator = ast.Constant(type(node.ops[0]).__name__)
            both = self.visit(node.left), self.visit(node.comparators[0])
            return _called("_compare", number, operator, *both)
        return _called("_held", number, self.generic_visit(node))

    def visit_Subscript(self, node):
        return self.subscript(node, [type(node.ctx)])

    def visit_AugAssign(self, node):
        if isinstance(node.target, ast.Subscript):
            target = self.subscript(node.target, [ast.Load, ast.Store])
            return ast.AugAssign(target, node.op, self.visit(node.value))
        return self.generic_visit(node)

    def subscript(self, node, contexts):
        found = {}
        for context in contexts:
            at = ast.copy_location(
                ast.Subscript(node.value, node.slice, context()), node
            )
            for axis in range(3):
                found[context.__name__, axis] = key(at, axis)
        number = self.number(found)
        array = _called("_on", number, self.visit(node.value))
        return ast.Subscript(array, self.visit(node.slice), node.ctx)


def _called(name, *arguments):
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _cuda(grid, block, place):
    bx, by, bz, tx, ty, tz = place

    def axes(*values):
        return SimpleNamespace(
            **{
                a: Integer(v, "int32")
                for a, v in zip("xyz", values, strict=True)
            }
        )

    where = [
        Integer(b * d + t, "int64")
        for b, d, t in zip((bx, by, bz), block, (tx, ty, tz), strict=True)
    ]
    total = [Integer(g * b, "int64") for g, b in zip(grid, block, strict=True)]
    linear = (tz * block[1] + ty) * block[0] + tx
    return SimpleNamespace(
        threadIdx=axes(tx, ty, tz),
        blockIdx=axes(bx, by, bz),
        blockDim=axes(*block),
        gridDim=axes(*grid),
        laneid=Integer(linear % 32, "int32"),
        warpsize=Integer(32, "int32"),
        grid=lambda k: where[0] if k == 1 else tuple(where[:k]),
        gridsize=lambda k: total[0] if k == 1 else tuple(total[:k]),
        syncthreads=lambda: None,
        shared=SimpleNamespace(array=_scratch),
        local=SimpleNamespace(array=_scratch),
    )


def _scratch(shape, dtype):
    return Cells(np.arange(math.prod(np.atleast_1d(shape))).reshape(shape))
