"""The plan of a kernel: its expressions numbered, its calls recognised.

``a[i] += v`` becomes an explicit load and store.
"""

import ast
import copy
import inspect

import numpy as np
from numba import typeof
from numba.core import types
from numba.core.dispatcher import Dispatcher
from numba.np.numpy_support import from_dtype

from gpu_course.cuda.arrays import DeviceArray
from gpu_course.cuda.intrinsics import INDEX, Intrinsic
from gpu_course.cuda.refusals import LOOP, launch_inside, refuse_call

TYPED = (
    ast.BinOp,
    ast.UnaryOp,
    ast.Call,
    ast.IfExp,
    ast.Subscript,
    ast.Name,
    ast.Compare,
    ast.BoolOp,
    ast.Attribute,
    ast.Tuple,
)


class Plan(ast.NodeTransformer):
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

    def visit_If(self, node):
        node.test = self.decided(node.test)
        return self.generic_visit(node)

    def visit_IfExp(self, node):
        return self.visit_If(node)

    def visit_While(self, node):
        return self.visit_If(node)

    def decided(self, test):
        """Return a condition with its constant parts as True or False.

        Numba decides these at compile time. For a comparison of two constants,
        or for one constant alone, it doesn't type the branch not taken.
        """
        if isinstance(test, ast.BoolOp):
            test.values = [self.decided(value) for value in test.values]
            return test
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test.operand = self.decided(test.operand)
            return test
        parts = [test]
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            parts = [test.left, *test.comparators]
        if not all(map(self.is_scalar, parts)):
            return test
        try:
            value = bool(self.constant(test))
        except Exception:  # such as 1 < "a": Numba says what is wrong
            return test
        return ast.copy_location(ast.Constant(value), test)

    def is_scalar(self, node):
        """Whether an expression is a number or text known at compile time."""
        if isinstance(node, ast.Name | ast.Attribute):
            return isinstance(self.source.resolve(node), int | float | str)
        return all(
            isinstance(
                n,
                ast.Constant
                | ast.BinOp
                | ast.UnaryOp
                | ast.operator
                | ast.unaryop,
            )
            for n in ast.walk(node)
        )

    def index_aliases(self):
        """Return the variables that are aliases of ``cuda.threadIdx`` etc."""
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

    def visit_BinOp(self, node):
        if isinstance(node.op, ast.MatMult):
            raise self.source.unsupported(
                node, f"{ast.unparse(node)}, a product of arrays,", LOOP
            )
        return self.generic_visit(node)

    def visit_Subscript(self, node):
        found = self.source.resolve(node.value)
        if hasattr(found, "device_source"):
            raise launch_inside(self.source, node, found)
        return self.generic_visit(node)

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
        refuse_call(self.source, node, found)
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
            data = np.array(self.constant(node.args[0]), order="C")
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
        """Return the number of axes in a call of cuda.grid."""
        names = {
            n.id for g in given for n in ast.walk(g) if isinstance(n, ast.Name)
        }
        known = len(given) == 1 and names & self.source.locals <= set(
            self.once
        )
        count = self.constant(given[0]) if known else None
        if count not in (1, 2, 3):
            raise self.source.unsupported(
                node, ast.unparse(node), "cuda.grid(1), (2) or (3)"
            )
        return ast.copy_location(ast.Constant(int(count)), node)

    def is_grid_sync(self, node):
        """Whether a call is ``.sync()`` of ``cuda.cg.this_grid()``."""
        function = node.func
        if not (
            isinstance(function, ast.Attribute) and function.attr == "sync"
        ):
            return False
        owner = function.value
        return is_this_grid(owner, self.source) or (
            isinstance(owner, ast.Name) and owner.id in self.grids
        )

    def device(self, node, found):
        """Plan the call of a device function; make keywords positional."""
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
        """Return the value of a constant expression."""
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


class Described:
    """The properties of a parameter that an array's shape or dtype may use."""

    def __init__(self, kind):
        self.dtype, self.ndim = kind.dtype, kind.ndim


def assigned_once(source):
    """Return the variables with one assignment, each with its value."""
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
