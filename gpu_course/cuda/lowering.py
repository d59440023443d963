"""What both executors share: the plan of a kernel, and its types.

The plan numbers the expressions whose type matters, recognises the calls of
the kernel API and of device functions, and writes ``a[i] += v`` out as the
load and the store that it is.
"""

import ast
import copy
import inspect
import random
import re
from dataclasses import dataclass, field

import numpy as np
from numba import typeof
from numba.core import errors, sigutils, types
from numba.core.dispatcher import Dispatcher
from numba.core.registry import cpu_target
from numba.np.numpy_support import from_dtype

from gpu_course.cuda.arrays import DeviceArray
from gpu_course.cuda.expressions import listed
from gpu_course.cuda.frontend import UnsupportedKernel, parse
from gpu_course.cuda.inference import asks_for_none, infer
from gpu_course.cuda.intrinsics import INDEX, YIELDING, Intrinsic

TYPED = (
    ast.BinOp, ast.UnaryOp, ast.Call, ast.IfExp, ast.Subscript, ast.Name,
    ast.Compare, ast.BoolOp, ast.Attribute, ast.Tuple,
)  # fmt: skip

VIEWS = ("reshape", "ravel", "transpose", "view")
TAKE_ARRAYS = {len, enumerate, zip, print}
WHOLE = (types.int32, types.uint32, types.int64, types.uint64)
NUMERIC = (*WHOLE, types.float32, types.float64)
COUNTERS = (types.uint32, types.uint64)
ARITHMETIC = ("add", "sub", "max", "min", "nanmax", "nanmin")
MAKES = (types.Array, types.List, types.Set, types.DictType)


@dataclass
class Typed:
    """A function with the types that one set of argument types gives it."""

    source: object
    argument_types: tuple
    types: dict
    return_type: object
    arrays: dict
    devices: dict = field(default_factory=dict)

    def of(self, node):
        """Return the Numba type of an expression, None in dead code."""
        if isinstance(node, ast.Constant):
            return types.unliteral(typeof(node.value))
        if asks_for_none(node):
            return types.boolean
        return self.types.get(getattr(node, "number", None))

    @property
    def yields(self):
        """Whether the function waits for other threads anywhere."""
        return self._any(lambda plan: plan[1] in YIELDING) or self.spins

    @property
    def together(self):
        """Whether blocks wait for each other, so that all must run at once."""
        return self._any(lambda plan: plan[1] == "grid_sync") or self.spins

    @property
    def spins(self):
        """Whether a loop waits for memory that another thread changes."""
        own = any(
            isinstance(n, ast.While) and spins(n)
            for n in ast.walk(self.source.tree)
        )
        return own or any(d.spins for d in self._called())

    @property
    def prints(self):
        """Whether it prints, which can't be undone."""
        own = any(
            isinstance(n, ast.Call) and self.source.resolve(n.func) is print
            for n in ast.walk(self.source.tree)
        )
        return own or any(d.prints for d in self._called())

    def kinds(self):
        """Yield the types of numbers and of elements that occur."""
        for kind in (*self.types.values(), *self.arrays.values()):
            yield getattr(kind, "dtype", kind)
        for device in self._called():
            yield from device.kinds()

    def _any(self, holds):
        plans = (getattr(n, "plan", None) for n in ast.walk(self.source.tree))
        return any(holds(plan) for plan in plans if plan) or any(
            device._any(holds) for device in self._called()
        )

    def _called(self):
        return [d for known in self.devices.values() for d in known.values()]


def spins(node):
    """Whether a while loop only waits for memory that another changes."""
    body = [n for s in node.body for n in ast.walk(s)]
    changes = any(isinstance(n, ast.Assign | ast.AugAssign) for n in body)
    reads = any(
        isinstance(n, ast.Subscript)
        or (getattr(n, "plan", None) or ("",))[0] == "atomic"
        for n in ast.walk(node.test)
    )
    return reads and not changes


class _Plan(ast.NodeTransformer):
    """Number the expressions and recognise the calls of the kernel API."""

    def __init__(self, source, argument_types):
        self.source = source
        pairs = zip(source.parameters, argument_types, strict=False)
        self.parameters = dict(pairs)
        self.once = assigned_once(source)
        self.signatures = {}
        self.aliases = self.index_aliases()
        self.count = 0
        self.temporary = 0
        self.grids = grid_names(source)
        self.arrays = {}
        self.functions = {}

    def visit(self, node):
        if isinstance(node, TYPED) and not isinstance(
            getattr(node, "ctx", None), ast.Store | ast.Del
        ):
            self.count += 1
            node.number = self.count
        return super().visit(node)

    def visit_AugAssign(self, node):
        if not isinstance(node.target, ast.Subscript) or isinstance(
            node.target.slice, ast.Constant
        ):
            load = copy.deepcopy(node.target)
            load.ctx = ast.Load()
            value = ast.BinOp(load, node.op, node.value)
            new = [ast.Assign([node.target], value)]
        else:
            # The index is computed once.
            self.temporary += 1
            name = f"_index{self.temporary}"
            index = ast.Assign(
                [ast.Name(name, ast.Store())], node.target.slice
            )
            array = node.target.value
            load = ast.Subscript(array, ast.Name(name, ast.Load()), ast.Load())
            value = ast.BinOp(load, node.op, node.value)
            target = ast.Subscript(
                copy.deepcopy(array), ast.Name(name, ast.Load()), ast.Store()
            )
            new = [index, ast.Assign([target], value)]
            self.source.locals.add(name)
        done = []
        for statement in new:
            ast.copy_location(statement, node)
            ast.fix_missing_locations(statement)
            done.append(self.visit(statement))
        return done

    def index_aliases(self):
        """Return the variables that only stand for ``cuda.threadIdx``."""
        found = {}
        for name, value in self.once.items():
            known = self.source.resolve(value)
            if isinstance(known, Intrinsic) and known.name in INDEX:
                found[name] = known
        self.source.locals -= set(found)
        self.source.names |= found
        return found

    def visit_Assign(self, node):
        if getattr(node.targets[0], "id", None) in self.aliases:
            return []
        return self.generic_visit(node)

    def visit_AnnAssign(self, node):
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        new = ast.Assign([node.target], node.value)
        return self.visit(ast.copy_location(new, node))

    def visit_Attribute(self, node):
        found = self.source.resolve(node)
        if isinstance(found, Intrinsic):
            owner, _, axis = found.name.partition(".")
            if axis in ("x", "y", "z") and owner != "atomic":
                node.plan = ("index", f"{owner}_{axis}")
            elif found.name in ("laneid", "warpsize"):
                node.plan = ("name", found.name)
            return node
        return node if found is not None else self.generic_visit(node)

    def visit_Name(self, node):
        found = self.source.resolve(node)
        if isinstance(found, DeviceArray):
            raise self.source.unsupported(
                node, f"the device array {node.id} from outside", "a parameter"
            )
        if isinstance(found, Intrinsic) and found.name in (
            "laneid",
            "warpsize",
        ):
            node.plan = ("name", found.name)
        return node

    def visit_Call(self, node):
        if self.is_grid_sync(node):
            node.plan = ("call", "grid_sync")
            node.args = []
            return node
        found = self.source.resolve(node.func)
        self.refuse_function(node, found)
        if isinstance(found, Dispatcher) or hasattr(found, "device_source"):
            return self.device(node, found)
        if not isinstance(found, Intrinsic):
            self.generic_visit(node)
            return node
        if found.name in ("shared.array", "local.array"):
            node.plan = ("array", found.name.partition(".")[0])
            self.arrays[node.number] = self.array_type(node)
            return node
        if found.name == "const.array_like":
            data = np.ascontiguousarray(self.constant(node.args[0]))
            node.plan, node.data = ("const", "const"), data
            self.arrays[node.number] = typeof(data)
            return node
        if found.name.startswith("atomic."):
            node.plan = ("atomic", found.name.partition(".")[2])
        elif "." in found.name and not found.name.startswith("cg."):
            raise self.source.unsupported(
                node, f"cuda.{found.name}", "what it does, in plain Python"
            )
        else:
            node.plan = ("call", found.name.removeprefix("cg."))
        if found.name in ("grid", "gridsize"):
            given = [*node.args, *(k.value for k in node.keywords)]
            node.args = [self.axes(node, given)]
            return node
        node.args = [
            self.visit(a)
            for a in (*node.args, *(k.value for k in node.keywords))
        ]
        return node

    def axes(self, node, given):
        """Return the number of axes that cuda.grid is asked for."""
        names = {n.id for g in given for n in ast.walk(g)
                 if isinstance(n, ast.Name)}  # fmt: skip
        known = len(given) == 1 and names & self.source.locals <= set(
            self.once
        )
        count = self.constant(given[0]) if known else None
        if count not in (1, 2, 3):
            raise self.source.unsupported(
                node, ast.unparse(node), "cuda.grid(1), (2) or (3)"
            )
        return ast.copy_location(ast.Constant(int(count)), node)

    def refuse_function(self, node, found):
        """Raise where a kernel calls what can't be compiled for a GPU."""
        root = (getattr(found, "__module__", None) or "").split(".")[0]
        if inspect.isfunction(found) and root not in ("numpy", "numba"):
            raise self.source.unsupported(
                node, f"{ast.unparse(node.func)}, a function of the host,",
                "@cuda.jit(device=True) above its def",
            )  # fmt: skip
        owner = getattr(found, "__self__", None)
        if root == "random" or isinstance(
            owner, random.Random | np.random.RandomState
        ):
            raise self.source.unsupported(
                node, f"{ast.unparse(node.func)}", "cuda.random"
            )

    def is_grid_sync(self, node):
        """Whether a call is ``.sync()`` of ``cuda.cg.this_grid()``."""
        function = node.func
        if not (isinstance(function, ast.Attribute)
                and function.attr == "sync"):  # fmt: skip
            return False
        owner = function.value
        return is_this_grid(owner, self.source) or (
            isinstance(owner, ast.Name) and owner.id in self.grids
        )

    def device(self, node, found):
        """Plan the call of a device function; put keywords in their place."""
        function = getattr(found, "device_source", None) or found.py_func
        node.plan = ("device", function.__name__)
        self.functions[node.number] = function
        self.signatures[node.number] = getattr(found, "signature", None)
        given = {k.arg: k.value for k in node.keywords}
        signature = inspect.signature(function)
        try:
            bound = signature.bind(*node.args, **given)
        except TypeError as error:
            raise TypeError(
                f"{self.source.name}, line {node.lineno}: "
                f"{function.__name__}: {error}"
            ) from None
        defaults = {
            name: ast.copy_location(ast.Constant(p.default), node)
            for name, p in signature.parameters.items()
            if name not in bound.arguments and p.default is not p.empty
        }
        arguments = {**bound.arguments, **defaults}
        node.args = [
            self.visit(arguments[name]) for name in signature.parameters
        ]
        node.keywords = []
        return node

    def array_type(self, node):
        """Return the Numba type of a shared or local array."""
        parts = dict(zip(("shape", "dtype"), node.args, strict=False))
        parts |= {k.arg: k.value for k in node.keywords}
        parts.pop("alignment", None)
        if set(parts) != {"shape", "dtype"}:
            raise self.source.unsupported(
                node, "an array without shape and dtype", "both"
            )
        node.shape = self.constant(parts["shape"])
        dtype = self.constant(parts["dtype"])
        if not isinstance(dtype, types.Type):
            if isinstance(dtype, np.ndarray):
                dtype = dtype.dtype
            dtype = from_dtype(np.dtype(dtype))
        shape = node.shape if isinstance(node.shape, tuple) else (node.shape,)
        if not all(isinstance(n, int | np.integer) for n in shape):
            raise self.source.unsupported(
                node, f"the shape {shape!r}", "whole numbers"
            )
        node.shape = tuple(int(n) for n in shape)
        return types.Array(dtype, len(shape), "C")

    def constant(self, node):
        """Return the value of an expression of constants."""
        known = {}
        names = set()
        for n in ast.walk(node):
            if isinstance(n, ast.Name) and n.id in self.source.locals:
                if n.id in self.once:
                    known[n.id] = self.constant(self.once[n.id])
                elif n.id in self.parameters and isinstance(
                    self.parameters[n.id], types.Array
                ):
                    known[n.id] = Described(self.parameters[n.id])
                else:
                    names.add(n.id)
        if names:
            raise self.source.unsupported(
                node,
                f"an array's shape from the variable {min(names)!r}",
                "a constant",
            )
        expression = ast.fix_missing_locations(ast.Expression(node))
        space = {**self.source.names, **known}
        try:
            return eval(compile(expression, "", "eval"), space)
        except AttributeError:
            raise self.source.unsupported(
                node, f"{ast.unparse(node)} for an array's shape", "a constant"
            ) from None


def lower(function, argument_types, callers=()):
    """Parse, plan and type a function for one set of argument types.

    Parameters
    ----------
    function : callable
    argument_types : tuple of numba types
    callers : tuple of callable
        Functions on the way here, to notice one that calls itself.

    Returns
    -------
    Typed

    Raises
    ------
    UnsupportedKernel, numba.core.errors.TypingError
    """
    source = parse(function)
    if function in callers:
        raise source.unsupported(
            source.tree, "a function that calls itself", "a loop"
        )
    plan = _Plan(source, argument_types)
    source.tree.body = [
        new
        for statement in source.tree.body
        for new in listed(plan.visit(statement))
    ]
    devices = {number: {} for number in plan.functions}

    def typer(number):
        def return_type(arguments):
            known = devices[number]
            if arguments not in known:
                signature = plan.signatures[number]
                given, result = signed(signature, arguments)
                known[arguments] = lower(
                    plan.functions[number], given, (*callers, function)
                )
                if result is not None:
                    known[arguments].return_type = result
            return known[arguments].return_type

        return return_type

    calls = {number: typer(number) for number in plan.functions}
    try:
        found, result = infer(source, argument_types, plan.arrays, calls)
    except errors.NumbaError as error:
        raise UnsupportedKernel(untypable(source, error)) from None
    typed = Typed(source, argument_types, found, result, plan.arrays, devices)
    refuse_allocations(typed)
    refuse_atomics(typed)
    return typed


class Described:
    """A parameter, as far as the shape or dtype of an array may ask."""

    def __init__(self, kind):
        self.dtype, self.ndim = kind.dtype, kind.ndim


def signed(signature, arguments):
    """Return argument and return types as a device function's signature says.

    None stands for a return type that is left to inference.
    """
    found = signature and best_signature(signature, arguments)
    return found or (arguments, None)


def best_signature(given, kinds):
    """Return argument and return types that suit best, None if none do.

    Parameters
    ----------
    given : str, tuple, numba signature or list of them
        As ``cuda.jit`` takes it.
    kinds : tuple of numba types
    """
    context = cpu_target.typing_context
    ranked = []
    for one in given if isinstance(given, list) else [given]:
        wanted, result = sigutils.normalize_signature(one)
        if len(wanted) != len(kinds):
            continue
        steps = [
            context.can_convert(own, kind)
            for own, kind in zip(kinds, wanted, strict=True)
        ]
        if None not in steps:
            steps = sorted(map(int, steps), reverse=True)
            ranked.append((steps, (wanted, result)))
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def assigned_once(source):
    """Return the variables with one assignment, to their value."""
    found, several = {}, set(source.parameters)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            if node.id in found:
                several.add(node.id)
            found.setdefault(node.id, None)
        if isinstance(node, ast.AugAssign) and isinstance(
            node.target, ast.Name
        ):
            several.add(node.target.id)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                found[target.id] = node.value
    return {
        n: v for n, v in found.items() if n not in several and v is not None
    }


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


def grid_names(source):
    """Return the variables that hold ``cuda.cg.this_grid()``."""
    return {
        target.id
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign) and is_this_grid(node.value, source)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def is_this_grid(node, source):
    if not isinstance(node, ast.Call):
        return False
    found = source.resolve(node.func)
    return isinstance(found, Intrinsic) and found.name == "cg.this_grid"
