"""What a typed kernel may not do, and the messages that refuse it."""

import ast
import inspect
import random
import re

import numpy as np
from numba.core import types

from gpu_course.common.reader import place

VIEWS = ("reshape", "ravel", "transpose", "view")
TAKE_ARRAYS = {len, enumerate, zip, print}
WHOLE = (types.int32, types.uint32, types.int64, types.uint64)
NUMERIC = (*WHOLE, types.float32, types.float64)
COUNTERS = (types.uint32, types.uint64)
ARITHMETIC = ("add", "sub", "max", "min", "nanmax", "nanmin")
MAKES = (types.Array, types.List, types.Set, types.DictType)
LOOP = "a loop over the elements"
PRODUCTS = (
    np.dot,
    np.vdot,
    np.inner,
    np.outer,
    np.matmul,
    np.tensordot,
    np.einsum,
    np.kron,
    np.cross,
    np.trace,
    np.convolve,
    np.correlate,
)
MAKERS = (
    np.array,
    np.asarray,
    np.zeros,
    np.ones,
    np.empty,
    np.full,
    np.arange,
    np.linspace,
    np.eye,
    np.identity,
    np.zeros_like,
    np.ones_like,
    np.empty_like,
    np.full_like,
)
CONTAINERS = {
    dict: "an array",
    set: "an array",
    frozenset: "an array",
    list: "cuda.local.array",
    bytearray: "an array",
}


def untypable(source, error):
    """Return a sentence on what Numba's compiler couldn't type."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    captured = re.search(
        r"Untyped (?:global|freevar) name '(.+?)':\s+Cannot determine Numba "
        r"type of <class '(.+?)'>",
        text,
    )
    parts = [line.strip() for line in text.splitlines() if line.strip()]
    start = re.compile(r"Failed in|During:|File |^\^|^<source|^There are|^- ")
    useful = [p for p in parts if not start.search(p)] or parts
    write = "it with numbers, arrays and tuples whose types don't change"
    if re.search(r"[gs]etitem\(array\([^)]*\), (UniTuple\()?float", text):
        write = "an index that is an integer: // for /, or int(...)"
    line = getattr(getattr(error, "loc", None), "line", None)
    found = re.findall(r"\((\d+)\)", text)
    line = line or (int(found[0]) if found else source.first_line)
    where = place(source.filename, line)
    if "Only accept returning of array" in text:
        return (
            f"{source.name} returns an array ({where})"
            ", and a kernel returns nothing: what it stores in its arguments "
            "stays there. Take the return away."
        )
    if captured:
        name, kind = captured.groups()
        what = "a class" if kind == "type" else f"an object of {kind}"
        return (
            f"{source.name}: {name}, {what}, is not supported in a kernel "
            f"({where}). Write a number, a tuple or "
            "an array in its place, as a global or an argument, instead."
        )
    return (
        f"{source.name}: Numba's compiler can't give a type to this "
        f"({where}): {' '.join(useful[:2])} Write "
        f"{write}."
    )


def refuse_call(source, node, found):
    """Raise if a kernel calls what can't be compiled for a GPU.

    Parameters
    ----------
    source : frontend.Source
    node : ast.Call
    found : object
        The called object; None if it isn't from outside the kernel.
    """
    called = ast.unparse(node.func)
    root = (getattr(found, "__module__", None) or "").split(".")[0]
    owner = getattr(found, "__self__", None)
    if inspect.isfunction(found) and root not in ("numpy", "numba"):
        raise source.unsupported(
            node,
            f"{called}, a function of the host,",
            "@cuda.jit(device=True) above its def",
        )
    if root == "random" or isinstance(
        owner, random.Random | np.random.RandomState
    ):
        raise source.unsupported(node, called, "cuda.random")
    if hasattr(owner, "device_source"):
        raise launch_inside(source, node, owner)
    of_array = found is None and getattr(node.func, "attr", None) == "dot"
    if of_array or is_one_of(found, PRODUCTS) or _is_linear_algebra(found):
        raise source.unsupported(
            node, f"{ast.unparse(node)}, on whole arrays,", LOOP
        )
    if is_one_of(found, MAKERS):
        raise source.unsupported(
            node,
            f"{ast.unparse(node)}, which makes a new array,",
            "cuda.local.array or an argument",
        )
    if not inspect.isclass(found):
        return
    if found in CONTAINERS:
        raise source.unsupported(
            node, f"a {found.__name__}", CONTAINERS[found]
        )
    if root not in ("builtins", "numpy", "numba") and not issubclass(
        found, tuple
    ):
        raise source.unsupported(
            node,
            f"{ast.unparse(node)}, an object of a class,",
            "a named tuple, or separate numbers and arrays",
        )


def is_one_of(found, functions):
    """Whether an object, which may be an array, is one of some functions."""
    return any(found is function for function in functions)


def _is_linear_algebra(found):
    module = getattr(found, "__module__", None) or ""
    return callable(found) and module.startswith("numpy.linalg")


def launch_inside(source, node, kernel):
    """Return the error for a kernel that launches another."""
    name = kernel.__name__
    return source.unsupported(
        node,
        f"launching {name}",
        f"{name}(...), which each thread calls, "
        "or launch it after this kernel,",
    )


def refuse_allocations(typed):
    """Raise if a kernel makes an array, which GPU threads can't do."""
    source = typed.source
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call | ast.BinOp) and not hasattr(
            node, "plan"
        ):
            if elementwise(source, node):
                continue
            refuse_whole_array(typed, node)
            made = typed.of(node)
            view = isinstance(getattr(node, "func", None), ast.Attribute) and (
                node.func.attr in VIEWS
            )
            if isinstance(made, MAKES) and not view:
                raise source.unsupported(
                    node,
                    f"{ast.unparse(node)}, which makes a new "
                    f"{type(made).__name__.lower()},",
                    "a loop over the elements, into cuda.local.array or an "
                    "argument",
                )


def refuse_unpacking(typed):
    """Raise if an array is unpacked: its type doesn't hold its length."""
    for node in ast.walk(typed.source.tree):
        if (
            isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Tuple) for target in node.targets)
            and isinstance(typed.of(node.value), types.Array)
        ):
            raise typed.source.unsupported(
                node, "unpacking an array", "each element by its index"
            )


def refuse_whole_array(typed, node):
    """Raise if a function that isn't the kernel's own gets an array."""
    if not isinstance(node, ast.Call):
        return
    found = typed.source.resolve(node.func)
    given = node.args
    if found is None and isinstance(node.func, ast.Attribute):
        given = [] if node.func.attr in VIEWS else [node.func.value]
    if found in TAKE_ARRAYS:
        return
    if any(isinstance(typed.of(a), types.Array) for a in given):
        raise typed.source.unsupported(
            node,
            f"{ast.unparse(node)}, on a whole array,",
            LOOP,
        )


def refuse_atomics(typed):
    """Raise if CUDA has no atomic for the type of an array."""
    for node in ast.walk(typed.source.tree):
        kind, operation = getattr(node, "plan", None) or ("", "")
        if kind != "atomic":
            continue
        array = typed.of(node.args[0])
        has = NUMERIC if operation in ARITHMETIC else WHOLE
        if operation in ("inc", "dec"):
            has = COUNTERS
        if isinstance(array, types.Array) and array.dtype not in has:
            names = ", ".join(map(str, has))
            raise typed.source.unsupported(
                node,
                f"atomic.{operation} on {array.dtype}",
                f"an array of {names}",
            )


def elementwise(source, node):
    """Return the ufunc of a call such as ``numpy.sin(x, out)``, else None."""
    found = getattr(node, "func", None) and source.resolve(node.func)
    whole = isinstance(found, np.ufunc) and len(node.args) > found.nin
    return found if whole else None
