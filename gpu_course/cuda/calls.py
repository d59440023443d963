"""Calls in a kernel that runs in Python: the kernel API and functions."""

import ast
import math

import numpy as np
from numba.core import types
from numba.np.numpy_support import as_dtype, from_dtype

from gpu_course.cuda import arithmetic
from gpu_course.cuda.expressions import attribute, call, cast, name
from gpu_course.cuda.intrinsics import FENCES, YIELDING
from gpu_course.cuda.refusals import elementwise

# These are exact, so Python's own give the same bits as Numba's.
EXACT = {
    math.sqrt,
    math.floor,
    math.ceil,
    math.fabs,
    math.isnan,
    math.isinf,
    math.isfinite,
    math.trunc,
}
BITS = ("popc", "clz", "ffs", "brev")
VIEWS = ("reshape", "ravel", "transpose", "flatten")


class Calls(ast.NodeTransformer):
    """The part of `generators.Emitter` that writes calls."""

    def visit_Call(self, node):
        found = self.source.resolve(node.func)
        result = self.typed.of(node)
        kinds = [self.typed.of(a) for a in node.args]
        if elementwise(self.source, node):
            return self.on_each(node, found, kinds)
        if found is zip and all(
            hasattr(k, "ndim")
            or isinstance(k, types.BaseTuple | types.RangeType)
            for k in kinds
        ):
            sites = [
                self.access("load", a, a, k)
                if isinstance(k, types.Array)
                else ast.Constant(0)
                for a, k in zip(node.args, kinds, strict=True)
            ]
            return call(
                "_t.zipped",
                ast.Tuple(sites, ast.Load()),
                *map(self.visit, node.args),
            )
        if found in (enumerate, zip):
            return call(found.__name__, *map(self.iterated, node.args))
        if found is print:
            words = {k.arg: self.visit(k.value) for k in node.keywords}
            new = call("print", *map(self.visit, node.args))
            new.keywords = [ast.keyword(k, v) for k, v in words.items()]
            return new
        if None in kinds:
            return ast.Constant(None)  # never executed
        arguments = [self.visit(a) for a in node.args]
        if isinstance(found, type) and issubclass(found, np.generic):
            found = from_dtype(np.dtype(found))
        if isinstance(found, types.Type) or found in (int, float, bool):
            return cast(arguments[0], kinds[0], result)
        if isinstance(found, type) and hasattr(found, "_fields"):
            self.space[found.__name__] = found
            return call(found.__name__, *arguments)
        if found is complex:
            return cast(call("complex", *arguments), None, result)
        if found in (range, len, tuple):
            return call(found.__name__, *arguments)
        if found in (min, max):
            parts = zip(arguments, kinds, strict=True)
            if len(kinds) > 1:
                arguments = [cast(a, k, result) for a, k in parts]
            return call(found.__name__, *arguments)
        if found is abs:
            return cast(call("abs", *arguments), None, result)
        if found is None:
            return ast.Call(self.visit(node.func), arguments, [])
        return self.function(found, arguments, kinds, result)

    def function(self, found, arguments, kinds, result):
        """Return a call of a function of numbers."""
        if types.float16 in kinds:
            wide = [types.float32 if k == types.float16 else k for k in kinds]
            pairs = zip(arguments, kinds, wide, strict=True)
            arguments = [cast(a, k, w) for a, k, w in pairs]
            kinds = wide
        if found in EXACT and kinds == [types.float64]:
            key = f"_math_{found.__name__}"
            self.space[key] = getattr(arithmetic, found.__name__, found)
        else:
            return self.scalar_call(
                arithmetic.scalar(found, kinds), arguments, kinds, result
            )
        return call(key, *arguments)

    def scalar_call(self, function, arguments, kinds, result):
        """Return a call of a compiled function of numbers."""
        key = f"_scalar{len(self.space)}"
        self.space[key] = function
        arguments = [
            cast(a, None, k) for a, k in zip(arguments, kinds, strict=True)
        ]
        new = call(key, *arguments)
        if isinstance(result, types.Float) and result != types.float64:
            return cast(new, None, result)
        if isinstance(result, types.BaseTuple):
            casts = [name(f"_to_{k}") for k in result]
            return call("_each", ast.Tuple(casts, ast.Load()), new)
        return new

    def on_each(self, node, found, kinds):
        """Return the loop of a ufunc over arrays."""
        *inputs, _ = kinds
        numbers = tuple(getattr(k, "dtype", k) for k in inputs)
        key = f"_scalar{len(self.space)}"
        self.space[key] = arithmetic.scalar(found, numbers)
        sites = [
            self.access("store" if a is node.args[-1] else "load", a, a, k)
            if isinstance(k, types.Array)
            else ast.Constant(0)
            for a, k in zip(node.args, kinds, strict=True)
        ]
        return call(
            "_t.on_each",
            name(key),
            ast.Tuple(sites, ast.Load()),
            *map(self.visit, node.args),
        )

    def iterated(self, node):
        """Return what a for loop iterates over."""
        if isinstance(self.typed.of(node), types.Array):
            site = self.access("load", node, node, self.typed.of(node))
            return call("_t.elements", site, self.visit(node))
        return self.visit(node)

    def plain(self, found):
        """Return a captured value in the form the generated code uses."""
        if isinstance(found, tuple):
            return tuple(self.plain(item) for item in found)
        return arithmetic.python_number(found)

    # The kernel API

    def planned(self, node, kind, detail):
        if kind in ("index", "name"):
            return attribute("_t", detail)
        if kind == "array":
            return self.array(node, detail)
        if kind == "const":
            return self.constant_array(node.args[0], node.data)
        if kind == "atomic":
            return self.atomic(node, detail)
        arguments = [self.visit(a) for a in node.args]
        if kind == "device":
            return self.device_call(node, arguments)
        return self.primitive(node, detail, arguments)

    def array(self, node, space):
        made = self.typed.arrays[node.number]
        key = f"{self.source.name}:{node.lineno}:{node.col_offset}"
        shown = getattr(node, "variable", space)
        self.space["_arrays"][key] = (
            space,
            key,
            shown,
            node.shape,
            as_dtype(made.dtype),
        )
        return self.described(key)

    def atomic(self, node, operation):
        owner = self.typed.of(node.args[0])
        site = self.access("atomic", node.args[0], node, owner)
        array = self.visit(node.args[0])
        values = node.args[1:]
        if operation == "compare_and_swap":
            index = [ast.Constant(0)]
        else:
            index = self.indices(values[0])
            values = values[1:]
        values = [
            cast(self.visit(v), self.typed.of(v), owner.dtype) for v in values
        ]
        if operation in ("add", "sub") and isinstance(
            owner.dtype, types.Integer
        ):
            operation = f"{operation}_{owner.dtype}"
        return self.on_memory(
            array,
            "atomic",
            site,
            ast.Constant(operation),
            ast.Tuple(index, ast.Load()),
            *values,
        )

    def device_call(self, node, arguments):
        kinds = tuple(self.typed.of(a) for a in node.args)
        device = self.typed.devices[node.number][kinds]
        function = f"_device{len(self.space)}_{device.source.name}"
        self.space[function] = None
        self.define(device, function, self.trace, self.sites, self.space)
        triples = zip(arguments, kinds, device.argument_types, strict=True)
        arguments = [cast(a, k, w) for a, k, w in triples]
        new = call(function, name("_t"), *arguments)
        if device.yields:
            new = ast.YieldFrom(new)
        if not self.trace:
            return new
        # Each call is its own dynamic instance, like an iteration.
        path = call("_t.calling", self.site("call", node))
        return call("_t.called", path, new)

    def primitive(self, node, detail, arguments):
        if detail in ("grid", "gridsize"):
            return attribute("_t", f"{detail}{node.args[0].value}")
        if detail in FENCES:
            block_only = detail == "threadfence_block"
            return call("_t.block_fence" if block_only else "_t.fence")
        if detail in ("this_grid", "nanosleep"):
            return ast.Constant(0)
        if detail == "lanemask_lt":
            bit = ast.BinOp(
                ast.Constant(1), ast.LShift(), attribute("_t", "laneid")
            )
            return ast.BinOp(bit, ast.Sub(), ast.Constant(1))
        result = self.typed.of(node)
        kinds = [self.typed.of(a) for a in node.args]
        if detail in YIELDING:
            if detail.startswith("shfl"):
                arguments[1] = cast(arguments[1], kinds[1], result)
            parts = [ast.Constant(detail), ast.Constant(node.lineno)]
            return ast.Yield(ast.Tuple(parts + arguments, ast.Load()))
        if detail in BITS:
            bits = ast.Constant(kinds[0].bitwidth)
            if detail == "brev":
                bits = ast.Constant(result.bitwidth)
            return call(f"_{detail}", arguments[0], bits)
        if detail == "selp":
            test, *values = arguments
            values = [
                cast(v, k, result)
                for v, k in zip(values, kinds[1:], strict=True)
            ]
            return ast.IfExp(test, *values)
        if detail == "fma":
            arguments = [
                cast(a, k, result)
                for a, k in zip(arguments, kinds, strict=True)
            ]
            return call("_fma", *arguments)
        argument = cast(arguments[0], kinds[0], result)
        return cast(call(f"_{detail}", argument), None, result)
