"""Kernels as Python: one function or generator per thread.

A kernel that waits for other threads becomes a generator, which yields at
each barrier and warp operation; any other becomes a plain function. The casts
that Numba's compiler inserts are written out, so the arithmetic is Numba's.
With ``trace`` each access, branch and iteration is noted as well.
"""

import ast
import copy

import numpy as np
from numba.core import types
from numba.core.dispatcher import Dispatcher
from numba.np.numpy_support import as_dtype, from_dtype

from gpu_course.cuda import arithmetic
from gpu_course.cuda.intrinsics import FENCES, YIELDING
from gpu_course.cuda.record import Site

OPERATORS = {
    ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder",
    ast.Div: "divide",
    ast.Pow: "power",
    ast.LShift: "shift_left",
    ast.RShift: "shift_right",
}
FLOPS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)


def _name(identifier):
    return ast.Name(identifier, ast.Load())


def _call(function, *arguments):
    if isinstance(function, str):
        function = ast.parse(function, mode="eval").body
    return ast.Call(function, list(arguments), [])


def _store(identifier, value):
    return ast.Assign([ast.Name(identifier, ast.Store())], value)


def cast(node, source, target):
    """Return an expression that converts from one Numba type to another."""
    if source == target or target is None:
        return node
    if isinstance(target, types.Boolean):
        return _call("bool", node)
    if isinstance(target, types.Integer):
        if isinstance(source, types.Boolean):
            return _call("int", node)
        if isinstance(source, types.Integer) and (
            target.bitwidth > source.bitwidth
            and (target.signed or not source.signed)
        ):
            return node
        return _call(f"_to_{target}", node)
    if isinstance(target, types.Float | types.Complex):
        return _call(f"_to_{target}", node)
    return node


class Emitter(ast.NodeTransformer):
    """Write one typed function out as Python for one thread.

    Parameters
    ----------
    typed : lowering.Typed
    trace : bool
    sites : list of Site
        Is added to.
    space : dict
        The globals of the functions written; device functions go there.
    """

    def __init__(self, typed, trace, sites, space):
        self.typed, self.trace = typed, trace
        self.sites, self.space = sites, space
        self.source = typed.source
        self.loops = 0
        self.statement = 0
        self.device = True

    def emit(self, name, device):
        """Return the function's definition, under another name."""
        self.device = device
        tree = copy.deepcopy(self.source.tree)
        self.mixed = self.variables_of_several_types()
        parameters = ["_t", *self.source.parameters]
        body = [new for s in tree.body for new in _listed(self.visit(s))]
        arguments = ast.arguments([], [ast.arg(p) for p in parameters], None,
                                  [], [], None, [])  # fmt: skip
        return ast.FunctionDef(name, arguments, body, [], None, None)

    def variables_of_several_types(self):
        kinds = dict(
            zip(
                self.source.parameters,
                ({t} for t in self.typed.argument_types),
                strict=False,
            )
        )
        for node in ast.walk(self.source.tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found = self.typed.of(node.value)
                        kinds.setdefault(target.id, set()).add(found)
        return {name for name, found in kinds.items() if len(found) > 1}

    def site(self, kind, node, array="", space="", itemsize=0, **more):
        self.sites.append(
            Site(kind, node.lineno, self.source.name, array, space,
                 itemsize, self.statement, **more)
        )  # fmt: skip
        return ast.Constant(len(self.sites) - 1)

    def visit(self, node):
        if isinstance(node, ast.stmt):
            self.statement = len(self.sites) + node.lineno * 65536
        plan = getattr(node, "plan", None)
        new = self.planned(node, *plan) if plan else super().visit(node)
        for one in _listed(new):
            if isinstance(one, ast.AST):
                ast.copy_location(one, node)
                ast.fix_missing_locations(one)
        return new

    def flops(self, *nodes):
        """Return a statement that notes the FLOPs of some expressions."""
        if not self.trace:
            return []
        count = sum(
            isinstance(self.typed.of(n), types.Float)
            for node in nodes
            for n in ast.walk(node)
            if isinstance(n, ast.BinOp) and isinstance(n.op, FLOPS)
        ) + 2 * sum(
            getattr(n, "plan", None) == ("call", "fma")
            for node in nodes
            for n in ast.walk(node)
        )
        if not count:
            return []
        site = self.site("flop", nodes[0], flops=count)
        return [ast.Expr(_call("_t.flop", site))]

    # Expressions

    def visit_BinOp(self, node):
        left, right = self.typed.of(node.left), self.typed.of(node.right)
        result = self.typed.of(node)
        a, b = self.visit(node.left), self.visit(node.right)
        if not isinstance(result, types.Number | types.Boolean):
            return ast.BinOp(a, node.op, b)
        if not isinstance(result, types.Integer):
            a, b = cast(a, left, result), cast(b, right, result)
        if type(node.op) in OPERATORS:
            new = _call(f"_{OPERATORS[type(node.op)]}", a, b)
        else:
            new = ast.BinOp(a, node.op, b)
        if isinstance(result, types.Integer):
            return _call(f"_to_{result}", new)
        return new

    def visit_UnaryOp(self, node):
        new = ast.UnaryOp(node.op, self.visit(node.operand))
        result = self.typed.of(node)
        if isinstance(result, types.Integer):
            if isinstance(node.operand, ast.Constant):
                return new
            return _call(f"_to_{result}", new)
        return new

    def visit_Compare(self, node):
        operands = [node.left, *node.comparators]
        kinds = [self.typed.of(n) for n in operands]
        new = [self.visit(n) for n in operands]
        if any(isinstance(k, types.Float) for k in kinds):
            pairs = zip(new, kinds, strict=True)
            new = [cast(n, k, types.float64) for n, k in pairs]
        return _call("bool", ast.Compare(new[0], node.ops, new[1:]))

    def visit_IfExp(self, node):
        result = self.typed.of(node)
        body, other = (
            cast(self.visit(n), self.typed.of(n), result)
            for n in (node.body, node.orelse)
        )
        return ast.IfExp(self.visit(node.test), body, other)

    def visit_Name(self, node):
        if node.id in self.mixed:
            return cast(_name(node.id), None, self.typed.of(node))
        if node.id not in self.source.locals:
            found = self.source.resolve(node)
            if isinstance(found, np.ndarray):
                self.space[f"_const_{node.id}"] = self.space["_constant"](
                    node.id, found
                )
                return _name(f"_const_{node.id}")
        return node

    def visit_Subscript(self, node):
        owner = self.typed.of(node.value)
        value = self.visit(node.value)
        if not isinstance(owner, types.Array):
            return ast.Subscript(value, self.visit(node.slice), ast.Load())
        if isinstance(self.typed.of(node), types.Array):
            return _call(
                ast.Attribute(value, "view", ast.Load()),
                *(self.indices(node.slice)),
            )
        site = self.access("load", node.value, node, owner)
        return self.method(value, "load", site, *self.indices(node.slice))

    def method(self, value, name, *arguments):
        function = ast.Attribute(value, name, ast.Load())
        return _call(function, _name("_t"), *arguments)

    def access(self, kind, array, node, owner):
        root = array
        while not isinstance(root, ast.Name) and hasattr(root, "value"):
            root = root.value
        name = root.id if isinstance(root, ast.Name) else ast.unparse(array)
        size = owner.dtype.bitwidth // 8
        return self.site(kind, node, name, "", size)

    def indices(self, node):
        parts = node.elts if isinstance(node, ast.Tuple) else [node]
        if isinstance(self.typed.of(node), types.BaseTuple) and not isinstance(
            node, ast.Tuple
        ):
            return [ast.Starred(self.visit(node), ast.Load())]
        new = []
        for part in parts:
            if isinstance(part, ast.Slice):
                ends = (part.lower, part.upper, part.step)
                new.append(
                    _call(
                        "slice",
                        *(
                            ast.Constant(None) if e is None else self.visit(e)
                            for e in ends
                        ),
                    )
                )
            else:
                new.append(self.visit(part))
        return new

    def visit_Call(self, node):
        found = self.source.resolve(node.func)
        result = self.typed.of(node)
        kinds = [self.typed.of(a) for a in node.args]
        arguments = [self.visit(a) for a in node.args]
        if isinstance(found, type) and issubclass(found, np.generic):
            found = from_dtype(np.dtype(found))
        if isinstance(found, types.Type) or found in (int, float, bool):
            return cast(arguments[0], kinds[0], result)
        if found in (range, len, min, max, abs, tuple):
            function = "_absolute" if found is abs else found.__name__
            new = _call(function, *arguments)
            if found in (min, max, abs):
                return cast(new, None, result)
            return new
        if found is None:
            return ast.Call(self.visit(node.func), arguments, [])
        key = f"_scalar{len(self.space)}"
        self.space[key] = arithmetic.scalar(found, kinds)
        arguments = [
            cast(a, None, k) for a, k in zip(arguments, kinds, strict=True)
        ]
        new = _call(key, *arguments)
        if isinstance(result, types.Float) and result != types.float64:
            return cast(new, None, result)
        return new

    # The kernel API

    def planned(self, node, kind, detail):
        if kind == "index":
            return _name_of("_t", detail)
        if kind == "name":
            return _name_of("_t", detail)
        arguments = [
            self.visit(a) for a in node.args if kind not in ("array", "atomic")
        ]
        if kind == "array":
            made = self.typed.arrays[node.number]
            key = f"{self.source.name}:{node.lineno}:{node.col_offset}"
            name = getattr(node, "variable", detail)
            self.space["_arrays"][key] = (
                detail, key, name, node.shape, as_dtype(made.dtype),
            )  # fmt: skip
            described = ast.Subscript(
                _name("_arrays"), ast.Constant(key), ast.Load()
            )
            return _call("_t.array", described)
        if kind == "device":
            return self.device_call(node, arguments)
        if kind == "atomic":
            owner = self.typed.of(node.args[0])
            site = self.access("atomic", node.args[0], node, owner)
            parts = [self.visit(node.args[0]), ast.Constant(detail), site]
            rest = node.args[1:]
            if detail == "compare_and_swap":
                index = [ast.Constant(0)]
            else:
                index = self.indices(rest[0])
                rest = rest[1:]
            parts.append(ast.Tuple(index, ast.Load()))
            values = [
                cast(self.visit(v), self.typed.of(v), owner.dtype)
                for v in rest
            ]
            return self.method(parts[0], "atomic", *parts[1:], *values)
        return self.primitive(node, detail, arguments)

    def device_call(self, node, arguments):
        kinds = tuple(self.typed.of(a) for a in node.args)
        device = self.typed.devices[node.number][kinds]
        name = f"_device{len(self.space)}_{device.source.name}"
        self.space[name] = None
        define(device, name, self.trace, self.sites, self.space)
        call = _call(name, _name("_t"), *arguments)
        if device.yields:
            call = ast.YieldFrom(call)
        if not self.trace:
            return call
        # A call is a dynamic instance of its own, as an iteration is.
        path = _call("_t.calling", self.site("call", node))
        return _call("_t.called", path, call)

    def primitive(self, node, name, arguments):
        if name in ("grid", "gridsize"):
            return _name_of("_t", f"{name}{node.args[0].value}")
        if name in FENCES:
            return _call("_t.fence")
        if name in YIELDING:
            parts = [ast.Constant(name), ast.Constant(node.lineno)]
            return ast.Yield(ast.Tuple(parts + arguments, ast.Load()))
        result = self.typed.of(node)
        if name in ("popc", "clz", "ffs", "brev"):
            bits = ast.Constant(self.typed.of(node.args[0]).bitwidth)
            return _call(f"_{name}", arguments[0], bits)
        if name == "selp":
            return ast.IfExp(*arguments)
        if name == "fma":
            arguments = [
                cast(a, self.typed.of(n), result)
                for a, n in zip(arguments, node.args, strict=True)
            ]
            return cast(_call("_fma", *arguments), None, result)
        return cast(_call(f"_{name}", *arguments), None, result)

    # Statements

    def visit_Assign(self, node):
        before = self.flops(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                node.value.variable = target.id
        kind = self.typed.of(node.value)
        value = self.visit(node.value)
        new = []
        if len(node.targets) > 1:
            new.append(_store("_value", value))
            value = _name("_value")
        for target in node.targets:
            if isinstance(target, ast.Subscript):
                owner = self.typed.of(target.value)
                site = self.access("store", target.value, target, owner)
                array = self.visit(target.value)
                converted = cast(value, kind, owner.dtype)
                if any(
                    isinstance(p, ast.Slice) for p in ast.walk(target.slice)
                ):
                    raise self.source.unsupported(
                        target, "an assignment to a slice", "a loop"
                    )
                call = self.method(array, "store", site, converted,
                                   *self.indices(target.slice))  # fmt: skip
                new.append(ast.Expr(call))
            else:
                new.append(ast.Assign([target], value))
        return before + new

    def visit_Return(self, node):
        if not self.device:
            return ast.Return(ast.Constant(True))
        if node.value is None:
            return node
        kind = self.typed.of(node.value)
        value = cast(self.visit(node.value), kind, self.typed.return_type)
        return ast.Return(value)

    def block(self, statements):
        return [new for s in statements for new in _listed(self.visit(s))]

    def visit_If(self, node):
        before = self.flops(node.test)
        test = self.visit(node.test)
        if self.trace:
            site = self.site("branch", node, orelse=bool(node.orelse))
            test = _call("_t.branch", site, test)
        body, orelse = self.block(node.body), self.block(node.orelse)
        return [*before, ast.If(test, body, orelse)]

    def visit_While(self, node):
        self.loops += 1
        path, count = f"_path{self.loops}", f"_count{self.loops}"
        site = self.site("loop", node)
        enter = _call("_t.enter", site, _name(path),
                      ast.NamedExpr(ast.Name(count, ast.Store()),
                                    ast.BinOp(_name(count), ast.Add(),
                                              ast.Constant(1))))  # fmt: skip
        test = _call("_t.again", site, _name(path), self.visit(node.test))
        body = self.block(node.body)
        if spins(node):
            line = ast.Constant(node.lineno)
            wait = ast.Tuple([ast.Constant("spin"), line], ast.Load())
            body.append(ast.Expr(ast.Yield(wait)))
        test = ast.BoolOp(ast.And(), [enter, test])
        return [
            _store(path, _name_of("_t", "path")),
            _store(count, ast.Constant(0)),
            ast.While(test, body, self.block(node.orelse)),
            ast.Expr(_call("_t.leave", site, _name(path))),
        ]

    def visit_For(self, node):
        self.loops += 1
        path = f"_path{self.loops}"
        site = self.site("loop", node)
        items = _call("_t.loop", site, self.visit(node.iter))
        body, orelse = self.block(node.body), self.block(node.orelse)
        return [
            _store(path, _name_of("_t", "path")),
            ast.For(node.target, items, body, orelse),
            ast.Expr(_call("_t.leave", site, _name(path))),
        ]


def spins(node):
    """Whether a while loop only waits for memory that another changes."""
    body = [n for s in node.body for n in ast.walk(s)]
    changes = any(isinstance(n, ast.Assign) for n in body)
    reads = any(
        isinstance(n, ast.Subscript)
        or (getattr(n, "plan", None) or ("",))[0] == "atomic"
        for n in ast.walk(node.test)
    )
    return reads and not changes


def _name_of(owner, attribute):
    return ast.Attribute(_name(owner), attribute, ast.Load())


def _listed(new):
    return new if isinstance(new, list) else [new]


def define(typed, name, trace, sites, space, device=True):
    """Put a typed function into ``space`` as Python; return its source."""
    emitter = Emitter(typed, trace, sites, space)
    tree = ast.Module([emitter.emit(name, device)], [])
    ast.fix_missing_locations(tree)
    exec(compile(tree, typed.source.filename, "exec"), space)
    return ast.unparse(tree)


def is_device(found):
    """Return the Python function behind a device function, or None."""
    if isinstance(found, Dispatcher):
        return found.py_func
    return getattr(found, "device_source", None)
