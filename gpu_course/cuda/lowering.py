"""What both executors share: the plan of a kernel, and its types.

The plan numbers the expressions whose type matters, recognises the calls of
the kernel API and of device functions, and writes ``a[i] += v`` out as the
load and the store that it is.
"""

import ast
import copy
from dataclasses import dataclass, field

import numpy as np
from numba import typeof
from numba.core import types
from numba.np.numpy_support import from_dtype

from gpu_course.cuda.frontend import parse
from gpu_course.cuda.inference import infer
from gpu_course.cuda.intrinsics import YIELDING, Intrinsic

TYPED = (
    ast.BinOp, ast.UnaryOp, ast.Call, ast.IfExp, ast.Subscript, ast.Name,
    ast.Compare, ast.BoolOp, ast.Attribute, ast.Tuple,
)  # fmt: skip


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
        return self.types.get(getattr(node, "number", None))

    @property
    def yields(self):
        """Whether the function waits for other threads anywhere."""
        own = any(
            plan[1] in YIELDING
            for plan in (
                getattr(n, "plan", None) for n in ast.walk(self.source.tree)
            )
            if plan
        )
        return own or any(
            device.yields
            for versions in self.devices.values()
            for device in versions.values()
        )


class _Plan(ast.NodeTransformer):
    """Number the expressions and recognise the calls of the kernel API."""

    def __init__(self, source):
        self.source = source
        self.count = 0
        self.temporary = 0
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
        if isinstance(node.target, ast.Name):
            load = ast.Name(node.target.id, ast.Load())
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
        if isinstance(found, Intrinsic) and found.name in (
            "laneid",
            "warpsize",
        ):
            node.plan = ("name", found.name)
        return node

    def visit_Call(self, node):
        found = self.source.resolve(node.func)
        if not isinstance(found, Intrinsic) and not hasattr(
            found, "device_source"
        ):
            self.generic_visit(node)
            return node
        if hasattr(found, "device_source"):
            node.plan = ("device", found.__name__)
            self.functions[node.number] = found
        elif found.name in ("shared.array", "local.array"):
            node.plan = ("array", found.name.partition(".")[0])
            self.arrays[node.number] = self.array_type(node)
            return node
        elif found.name.startswith("atomic."):
            node.plan = ("atomic", found.name.partition(".")[2])
        else:
            node.plan = ("call", found.name)
        node.args = [self.visit(argument) for argument in node.args]
        return node

    def array_type(self, node):
        """Return the Numba type of a shared or local array."""
        parts = dict(zip(("shape", "dtype"), node.args, strict=False))
        parts |= {k.arg: k.value for k in node.keywords}
        if set(parts) != {"shape", "dtype"}:
            raise self.source.unsupported(
                node, "an array without shape and dtype", "both"
            )
        node.shape = self.constant(parts["shape"])
        dtype = self.constant(parts["dtype"])
        if not isinstance(dtype, types.Type):
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
        names = {
            n.id for n in ast.walk(node) if isinstance(n, ast.Name)
        } & self.source.locals
        if names:
            raise self.source.unsupported(
                node,
                f"an array's shape from the variable {min(names)!r}",
                "a constant",
            )
        expression = ast.fix_missing_locations(ast.Expression(node))
        return eval(compile(expression, "", "eval"), self.source.names)


def lower(function, argument_types):
    """Parse, plan and type a function for one set of argument types.

    Parameters
    ----------
    function : callable
    argument_types : tuple of numba types

    Returns
    -------
    Typed

    Raises
    ------
    UnsupportedKernel, numba.core.errors.TypingError
    """
    source = parse(function)
    plan = _Plan(source)
    source.tree.body = [
        new
        for statement in source.tree.body
        for new in _listed(plan.visit(statement))
    ]
    devices = {number: {} for number in plan.functions}

    def typer(number):
        def return_type(arguments):
            known = devices[number]
            if arguments not in known:
                inner = plan.functions[number].device_source
                known[arguments] = lower(inner, arguments)
            return known[arguments].return_type

        return return_type

    calls = {number: typer(number) for number in plan.functions}
    found, result = infer(source, argument_types, plan.arrays, calls)
    return Typed(source, argument_types, found, result, plan.arrays, devices)


def _listed(new):
    return new if isinstance(new, list) else [new]
