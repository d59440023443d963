"""What a typed kernel may not do, and in which words it is refused."""

import ast
import re

import numpy as np
from numba.core import types

VIEWS = ("reshape", "ravel", "transpose", "view")
TAKE_ARRAYS = {len, enumerate, zip, print}
WHOLE = (types.int32, types.uint32, types.int64, types.uint64)
NUMERIC = (*WHOLE, types.float32, types.float64)
COUNTERS = (types.uint32, types.uint64)
ARITHMETIC = ("add", "sub", "max", "min", "nanmax", "nanmin")
MAKES = (types.Array, types.List, types.Set, types.DictType)


def untypable(source, error):
    """Return in one sentence what Numba's compiler couldn't give a type."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    parts = [line.strip() for line in text.splitlines() if line.strip()]
    start = re.compile(r"Failed in|During:|File |^\^|^<source|^There are|^- ")
    useful = [p for p in parts if not start.search(p)] or parts
    write = "it with numbers, arrays and tuples whose types don't change"
    if re.search(r"[gs]etitem\(array\([^)]*\), (UniTuple\()?float", text):
        write = "an index that is an integer: // for /, or int(...)"
    line = getattr(getattr(error, "loc", None), "line", None)
    found = re.findall(r"\((\d+)\)", text)
    line = line or (int(found[0]) if found else source.first_line)
    return (
        f"{source.name}: Numba's compiler can't give a type to this "
        f"({source.filename}, line {line}): {' '.join(useful[:2])} Write "
        f"{write}."
    )


def refuse_allocations(typed):
    """Raise where a kernel makes an array, which a GPU's threads can't."""
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
                    node, f"{ast.unparse(node)}, which makes a new "
                    f"{type(made).__name__.lower()},",
                    "a loop over the elements, into cuda.local.array or an "
                    "argument",
                )  # fmt: skip


def refuse_unpacking(typed):
    """Raise where an array is unpacked: its length is no part of its type."""
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
    """Raise where a function that isn't the kernel's own gets an array."""
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
            node, f"{ast.unparse(node)}, on a whole array,",
            "a loop over the elements",
        )  # fmt: skip


def refuse_atomics(typed):
    """Raise where CUDA has no atomic for the type of an array."""
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
                node, f"atomic.{operation} on {array.dtype}",
                f"an array of {names}",
            )  # fmt: skip


def elementwise(source, node):
    """Return the ufunc of ``numpy.sin(x, out)``, a loop over arrays."""
    found = getattr(node, "func", None) and source.resolve(node.func)
    whole = isinstance(found, np.ufunc) and len(node.args) > found.nin
    return found if whole else None
