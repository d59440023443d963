"""Kernels as Python: one function or generator per thread.

A kernel that waits for other threads becomes a generator, which yields at
each barrier and warp operation; any other becomes a plain function. The casts
that Numba's compiler inserts are written out, so the arithmetic is Numba's.
With ``trace``, each access, branch and iteration is also recorded.
"""

import ast

import numpy as np
from numba.core import types
from numba.np.numpy_support import as_dtype

from gpu_course.cuda import arithmetic
from gpu_course.cuda.calls import Calls
from gpu_course.cuda.expressions import (
    attribute,
    call,
    cast,
    has_ellipsis,
    listed,
    name,
    store,
)
from gpu_course.cuda.inference import is_decided
from gpu_course.cuda.liveness import copied
from gpu_course.cuda.memory import SITE_SHIFT
from gpu_course.cuda.record import Site
from gpu_course.cuda.statements import Statements

OPERATORS = {
    ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder",
    ast.Div: "divide",
    ast.LShift: "shift_left",
    ast.RShift: "shift_right",
}
OWN_OPERANDS = ast.FloorDiv | ast.Mod | ast.RShift
NUMBERS = types.Number | types.Boolean
FLOPS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
SMALL = (types.float16, types.float32, types.complex64)  # NumPy's scalars
BOUNDS = {  # bits of an index, from the limits of launches and memory
    "threadIdx": 10,
    "blockDim": 11,
    "blockIdx": 31,
    "gridDim": 31,
    "laneid": 5,
    "warpsize": 6,
    "grid": 42,
    "gridsize": 42,
}


class Emitter(Calls, Statements, ast.NodeTransformer):
    """Write one typed function as Python for one thread.

    Parameters
    ----------
    typed : lowering.Typed
    trace : bool
    sites : list of Site
        New sites are appended to it.
    space : dict
        The globals of the written functions; device functions go there too.
    """

    def __init__(self, typed, trace, sites, space):
        self.typed, self.trace = typed, trace
        self.sites, self.space = sites, space
        self.source = typed.source
        self.loops = 0
        self.statement = 0
        self.device = True

    @classmethod
    def define(cls, typed, function, trace, sites, space, device=True):
        """Put a typed function into ``space`` as Python; return its source."""
        made = cls(typed, trace, sites, space).emit(function, device)
        if typed.yields and not any(
            isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(made)
        ):
            made.body.append(ast.parse("if False:\n    yield").body[0])
        tree = ast.fix_missing_locations(ast.Module([made], []))
        exec(compile(tree, typed.source.filename, "exec"), space)
        return ast.unparse(tree)

    def emit(self, function, device):
        """Return the function's definition, under another name."""
        self.device = device
        tree = copied(self.source.tree)
        self.mixed = self.variables_of_several_types()
        parameters = ["_t", *self.source.parameters]
        body = self.block(tree.body)
        if self.trace:
            note = store("_note", attribute("_t", "note"))
            body.insert(0, ast.copy_location(note, tree))
        arguments = ast.arguments(
            [], [ast.arg(p) for p in parameters], None, [], [], None, []
        )
        made = ast.FunctionDef(function, arguments, body, [], None, None)
        return ast.copy_location(made, tree)

    def variables_of_several_types(self):
        """Return the variables that have more than one type."""
        kinds = {
            n: {k}
            for n, k in zip(
                self.source.parameters, self.typed.argument_types, strict=False
            )
        }

        def note(target, kind):
            if isinstance(target, ast.Name):
                kinds.setdefault(target.id, set()).add(kind)
            elif isinstance(target, ast.Tuple):
                for k, inner in enumerate(target.elts):
                    known = isinstance(kind, types.BaseTuple)
                    note(inner, kind[k] if known else None)

        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    note(target, self.typed.of(node.value))
            elif isinstance(node, ast.For):
                over = self.typed.of(node.iter)
                note(node.target, getattr(over, "dtype", None))
            elif (
                isinstance(node, ast.Name)
                and node.id in kinds
                and self.typed.of(node) is not None
            ):
                note(node, self.typed.of(node))
        return {name for name, found in kinds.items() if len(found) > 1}

    def site(self, kind, node, array="", space="", itemsize=0, **more):
        """Return the number of a new site, as stored in events."""
        self.sites.append(
            Site(
                kind,
                node.lineno,
                self.source.name,
                array,
                space,
                itemsize,
                self.statement,
                **more,
            )
        )
        return ast.Constant(len(self.sites) - 1 << SITE_SHIFT)

    def visit(self, node):
        if isinstance(node, ast.stmt):
            self.statement = len(self.sites) + 1
        plan = getattr(node, "plan", None)
        new = self.planned(node, *plan) if plan else super().visit(node)
        for one in listed(new):
            if isinstance(one, ast.AST):
                ast.copy_location(one, node)
                ast.fix_missing_locations(one)
        return new

    def noted(self, event):
        return ast.Expr(call("_note", event))

    def flops(self, *nodes):
        """Return a statement that notes the FLOPs of some expressions."""
        if not self.trace:
            return []
        count = 0
        for node in (n for top in nodes for n in ast.walk(top)):
            kind = self.typed.of(node)
            if isinstance(node, ast.BinOp) and isinstance(node.op, FLOPS):
                count += isinstance(kind, types.Float)
            elif getattr(node, "plan", None) == ("call", "fma"):
                count += 2
        if not count:
            return []
        return [self.noted(self.site("flop", nodes[0], flops=count))]

    # Expressions

    def number(self, node):
        """Return an expression, visited, as Python's own bool or number."""
        return self.visit(node)

    def test(self, node):
        """Return a condition that may be any truthy or falsy value."""
        if isinstance(node, ast.Compare):
            return self.comparison(node)
        if isinstance(node, ast.BoolOp):
            first, *others = node.values
            rest = [
                call("_unreachable") if self.is_untyped(v) else self.test(v)
                for v in others
            ]
            return ast.BoolOp(node.op, [self.test(first), *rest])
        return self.visit(node)

    def bound(self, node):
        """Return the most bits that an integer expression needs."""
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            return node.value.bit_length()
        plan = getattr(node, "plan", None)
        if plan and plan[0] in ("index", "name", "call"):
            return BOUNDS.get(plan[1].partition("_")[0], 64)
        if isinstance(node, ast.BinOp):
            left, right = self.bound(node.left), self.bound(node.right)
            if isinstance(node.op, ast.Add | ast.Sub):
                return max(left, right) + 1
            if isinstance(node.op, ast.Mult):
                return left + right
            if isinstance(node.op, ast.Mod):
                return right
            if isinstance(node.op, ast.FloorDiv | ast.RShift):
                return left + 1
        of_size = node.value if isinstance(node, ast.Subscript) else node
        if getattr(of_size, "attr", None) in ("size", "shape"):
            return 42
        kind = self.typed.of(node)
        if isinstance(kind, types.Boolean):
            return 1
        return getattr(kind, "bitwidth", 64)

    def visit_BinOp(self, node):
        left, right = self.typed.of(node.left), self.typed.of(node.right)
        result = self.typed.of(node)
        a, b = self.visit(node.left), self.visit(node.right)
        if not isinstance(result, NUMBERS):
            return ast.BinOp(a, node.op, b)
        if isinstance(node.op, ast.Pow):
            return self.power(node, a, b)
        whole = isinstance(result, types.Integer)
        if not whole or isinstance(node.op, OWN_OPERANDS):
            a, b = cast(a, left, result), cast(b, right, result)
        if isinstance(node.op, ast.Div) and result in SMALL:
            return ast.BinOp(a, node.op, b)
        if type(node.op) in OPERATORS:
            new = call(f"_{OPERATORS[type(node.op)]}", a, b)
        else:
            new = ast.BinOp(a, node.op, b)
        if not whole:
            return cast(new, None, result) if self.boxes(node.op) else new
        if result.signed and isinstance(node.op, ast.Add | ast.Sub | ast.Mult):
            if self.bound(node) < result.bitwidth:
                return new
            return self.wrapped(new, result)
        return call(f"_to_{result}", new)

    def boxes(self, op):
        return isinstance(op, ast.Mod | ast.FloorDiv)

    def power(self, node, a, b):
        """Return a power as Numba computes it, with products if it can."""
        kinds = [self.typed.of(node.left)]
        exponent = "a1"
        if isinstance(node.right, ast.Constant):
            exponent = repr(node.right.value)
            arguments = [a]
        else:
            kinds.append(self.typed.of(node.right))
            arguments = [a, b]
        function = arithmetic.operation(f"a0 ** {exponent}", kinds)
        return self.scalar_call(
            function, arguments, kinds, self.typed.of(node)
        )

    def wrapped(self, new, result):
        """Return a signed integer, wrapped only if it overflows."""
        half = 1 << result.bitwidth - 1
        value = ast.NamedExpr(ast.Name("_v", ast.Store()), new)
        fits = ast.Compare(
            ast.Constant(-half),
            [ast.LtE(), ast.Lt()],
            [value, ast.Constant(half)],
        )
        return ast.IfExp(fits, name("_v"), call(f"_to_{result}", name("_v")))

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.Not):
            return ast.UnaryOp(node.op, self.test(node.operand))
        result = self.typed.of(node)
        operand = self.visit(node.operand)
        if isinstance(node.operand, ast.Constant):
            return ast.UnaryOp(node.op, operand)
        kind = self.typed.of(node.operand)
        new = ast.UnaryOp(node.op, operand)
        if isinstance(kind, types.Integer):
            # Numba negates a number in its own width, and then widens it.
            return cast(call(f"_to_{kind}", new), kind, result)
        if isinstance(kind, types.Boolean):
            if isinstance(result, types.Boolean):  # Numba's ~True is False
                return ast.UnaryOp(ast.Not(), operand)
            return cast(new, None, result)
        return new

    def decided(self, node):
        """Write a comparison that Numba decides at compile time: no casts."""
        root = getattr(node.left, "value", node.left)
        if root.id in self.source.locals:
            return node
        new = self.captured(root, self.source.names[root.id])
        if root is node.left:
            node.left = new
        else:
            node.left.value = new
        return node

    def comparison(self, node):
        if is_decided(node):
            return self.decided(node)
        operands = [node.left, *node.comparators]
        kinds = [self.typed.of(n) for n in operands]
        new = [self.part(n) for n in operands]
        numbers = all(isinstance(k, NUMBERS) for k in kinds)
        signed = any(isinstance(k, types.Integer) and k.signed for k in kinds)
        if (
            numbers
            and len(set(kinds)) > 1
            and (
                any(isinstance(k, types.Float) for k in kinds)
                or (signed and types.uint64 in kinds)
            )
        ):  # as Numba's compiler compares them
            pairs = zip(new, kinds, strict=True)
            new = [cast(n, k, types.float64) for n, k in pairs]
        return ast.Compare(new[0], node.ops, new[1:])

    def visit_Compare(self, node):
        new = self.comparison(node)
        operands = [node.left, *node.comparators]
        if any(self.typed.of(n) in SMALL for n in operands):
            return call("bool", new)  # NumPy's bool has its own arithmetic
        return new

    def visit_IfExp(self, node):
        result = self.typed.of(node)
        body, other = (
            cast(self.part(n), self.typed.of(n) or result, result)
            for n in (node.body, node.orelse)
        )
        return ast.IfExp(self.test(node.test), body, other)

    def visit_BoolOp(self, node):
        result = self.typed.of(node)
        new = ast.BoolOp(node.op, [self.part(v) for v in node.values])
        if all(self.typed.of(v) == result for v in node.values):
            return new
        return cast(new, None, result)

    def visit_Name(self, node):
        if node.id in self.source.locals:
            if node.id in self.mixed and isinstance(node.ctx, ast.Load):
                return cast(name(node.id), None, self.typed.of(node))
            return node
        return self.captured(node, self.source.resolve(node))

    def visit_Attribute(self, node):
        found = self.source.resolve(node)
        if found is not None:
            return self.captured(node, found)
        owner = self.typed.of(node.value)
        if isinstance(owner, types.Record):
            return self.load_field(node, node.attr)
        if (
            isinstance(owner, types.Array)
            and isinstance(owner.dtype, types.Record)
            and node.attr in owner.dtype.fields
        ):
            return self.method(
                self.visit(node.value), "field", ast.Constant(node.attr)
            )
        return self.generic_visit(node)

    def captured(self, node, found):
        """Return a value from outside the kernel."""
        if isinstance(found, np.ndarray):
            return self.constant_array(node, found)
        shown = ast.unparse(node).replace(".", "_")
        self.space[shown] = self.plain(found)
        return name(shown)

    def constant_array(self, node, found):
        key = f"const{id(found)}"
        if key not in self.space:
            self.space[key] = found  # kept alive, so its id stays unique
            self.space["_arrays"][key] = (
                "const",
                key,
                ast.unparse(node),
                found,
                found.dtype,
            )
        return self.described(key)

    def described(self, key):
        described = ast.Subscript(
            name("_arrays"), ast.Constant(key), ast.Load()
        )
        return call("_t.array", described)

    def visit_Subscript(self, node):
        owner = self.typed.of(node.value)
        if isinstance(owner, types.Record):
            return self.load_field(node, node.slice.value)
        value = self.visit(node.value)
        if not isinstance(owner, types.Array | types.NumpyFlatType):
            return ast.Subscript(value, self.visit(node.slice), ast.Load())
        if isinstance(node.slice, ast.Constant) and isinstance(
            node.slice.value, str
        ):
            return self.method(value, "field", node.slice)
        site = self.access("load", node.value, node, owner)
        how = "load"
        if has_ellipsis(node.slice):
            part = self.on_memory(
                value, "pick", site, *self.indices(node.slice)
            )
            if isinstance(self.typed.of(node), types.Array):
                return part
            return self.on_memory(part, "load", site)
        if isinstance(self.typed.of(node), types.Array | types.Record):
            how = "pick"
        return self.on_memory(value, how, site, *self.indices(node.slice))

    def method(self, value, function, *arguments):
        return ast.Call(
            ast.Attribute(value, function, ast.Load()), list(arguments), []
        )

    def on_memory(self, value, function, *arguments):
        return self.method(value, function, name("_t"), *arguments)

    def load_field(self, node, field):
        site = self.field_site("load", node, field)
        part = self.method(
            self.visit(node.value), "field", ast.Constant(field)
        )
        if isinstance(self.typed.of(node), types.Record | types.Array):
            return part
        return self.on_memory(part, "load", site)

    def field_site(self, kind, node, field):
        record = self.typed.of(node.value)
        size = as_dtype(record.typeof(field)).itemsize
        return self.site(kind, node, root_of(node), "", size)

    def access(self, kind, array, node, owner):
        size = as_dtype(owner.dtype).itemsize
        return self.site(kind, node, root_of(array), "", size)

    def indices(self, node):
        if isinstance(node, ast.Tuple):
            return [self.index(part) for part in node.elts]
        if isinstance(self.typed.of(node), types.BaseTuple):
            return [ast.Starred(self.visit(node), ast.Load())]
        return [self.index(node)]

    def index(self, part):
        if isinstance(part, ast.Slice):
            ends = (part.lower, part.upper, part.step)
            return call(
                "slice",
                *(
                    ast.Constant(None) if e is None else self.visit(e)
                    for e in ends
                ),
            )
        new = self.visit(part)
        if isinstance(self.typed.of(part), types.Boolean):
            return call("int", new)
        return new


def root_of(node):
    """Return the name of the array that an access goes to."""
    while not isinstance(node, ast.Name) and hasattr(node, "value"):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)
