"""Numbers and their Numba types, for the expression generators."""

import ast
from random import Random

import numpy as np
from numba.core import errors, types
from numba.core.registry import cpu_target

INTEGERS = (
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
)
FLOATS = ("float32", "float64")
DTYPES = (*INTEGERS, *FLOATS, "bool", "complex64")
REAL = (*INTEGERS, *FLOATS, "bool")


def resolved(function, *kinds):
    """Return the type that Numba gives to a call, or None."""
    context = cpu_target.typing_context
    context.refresh()
    try:
        found = context.resolve_function_type(function, kinds, {})
    except errors.NumbaError:
        return None
    return found and types.unliteral(found.return_type)


def unified(*kinds):
    """Return the type of a variable that can hold any of these types."""
    return cpu_target.typing_context.unify_types(*kinds)


def is_real(kind):
    return isinstance(kind, types.Integer | types.Float | types.Boolean)


def size(text):
    """Return how many names and constants an expression has."""
    nodes = ast.walk(ast.parse(text, mode="eval"))
    return sum(isinstance(n, ast.Name | ast.Constant) for n in nodes)


def plain(text):
    """Return an expression in the form that `ast` writes."""
    return ast.unparse(ast.parse(text, mode="eval"))


def bits_of(kind):
    """Return the most bits that a number's absolute value can have."""
    if isinstance(kind, types.Boolean):
        return 1
    if not isinstance(kind, types.Integer):
        return 64
    return kind.bitwidth - 1 if kind.signed else kind.bitwidth


def width(node, known):
    """Return the most bits that an integer expression can have.

    Parameters
    ----------
    node : ast.expr
    known : dict of str to int
        Names and their bits.
    """
    text = ast.unparse(node)
    if text in known:
        return known[text]
    if isinstance(node, ast.Constant):
        return int(abs(node.value)).bit_length()
    if isinstance(node, ast.Compare):
        return 1
    if isinstance(node, ast.Call) and text.startswith(("np.int", "np.uint")):
        return int(text[6 : text.index("(")].strip("t"))
    parts = [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.expr)]
    inner = [width(n, known) for n in parts if not is_function(n)]
    most = max(inner, default=64)
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Mult):
            return sum(inner)
        if isinstance(node.op, ast.LShift):
            return most + 31
        return 64 if isinstance(node.op, ast.Pow) else most + 1
    if isinstance(node, ast.Call | ast.Attribute):
        return (
            most if text.startswith(("min(", "max(", "abs(", "int(")) else 64
        )
    return most


def is_function(node):
    return isinstance(node, ast.Attribute | ast.Name) and plain(
        ast.unparse(node)
    ) in {"min", "max", "abs", "int"}


def named(text):
    """Return whether an expression has a name other than functions."""
    nodes = ast.walk(ast.parse(text, mode="eval"))
    found = {n.id for n in nodes if isinstance(n, ast.Name)}
    return bool(
        found
        - {
            "np",
            "math",
            "abs",
            "int",
            "float",
            "bool",
            "min",
            "max",
            "complex",
        }
    )


def values(random, dtype, count):
    """Return an array of values that are likely to cause errors."""
    # Draw once: Hypothesis limits draws, and kernels need them more.
    random = Random(random.randrange(1 << 16))
    kind = np.dtype(dtype).kind
    if kind == "b":
        return np.array([random.random() < 0.5 for _ in range(count)])
    if kind == "c":
        made = np.empty(count, dtype)
        made.real, made.imag = (_special(random, count) for _ in range(2))
        return made
    if kind == "f":
        return _special(random, count).astype(dtype)
    limits = np.iinfo(dtype)
    special = [0, 1, 2, 3, limits.max, limits.min, limits.max - 1]
    special += [-1, -2, -7] if kind == "i" else [limits.max // 2 + 1]
    small = min(limits.max, 1000)
    chosen = [
        random.choice(special)
        if random.random() < 0.4
        else random.randint(-small if kind == "i" else 0, small)
        for _ in range(count)
    ]
    return np.array(chosen, dtype)


def _special(random, count):
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, 3e38]
    chosen = [
        random.choice(special)
        if random.random() < 0.25
        else round(random.uniform(-10, 10), 3)
        for _ in range(count)
    ]
    return np.array(chosen)


def same(one, two):
    """Return where two arrays have the same bits, or are both NaN."""
    if one.dtype.kind == "c":
        return same(one.real, two.real) & same(one.imag, two.imag)
    if one.dtype.kind != "f":
        return one == two
    equal = (one == two) & (np.signbit(one) == np.signbit(two))
    return equal | (np.isnan(one) & np.isnan(two))


def output_for(kind):
    """Return the dtype of an array that holds every value of a type."""
    if isinstance(kind, types.Complex):
        return "complex128"
    if isinstance(kind, types.Float):
        return "float64"
    return "uint64" if getattr(kind, "signed", True) is False else "int64"
