"""Statements of a kernel that runs in Python: stores, branches, loops."""

import ast

from numba.core import types

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
from gpu_course.cuda.lowering import spins


class Statements(ast.NodeTransformer):
    """The part of `generators.Emitter` that writes statements."""

    def block(self, statements):
        return [new for s in statements for new in listed(self.alive(s))]

    def alive(self, node):
        """Write a statement, or an error if Numba found it unreachable."""
        parts = [node]
        if isinstance(node, ast.If | ast.While):
            parts = [node.test]
        elif isinstance(node, ast.For):
            parts = [node.iter]
        if any(map(self.is_untyped, parts)):
            new = ast.Expr(call("_unreachable"))
            return ast.fix_missing_locations(ast.copy_location(new, node))
        return self.visit(node)

    def part(self, node):
        """Write a part of an expression that may be unreachable."""
        if self.is_untyped(node):
            return call("_unreachable")
        return self.visit(node)

    def is_untyped(self, node):
        """Whether something in an expression got no type."""
        if is_decided(node):
            return False
        if isinstance(node, ast.BoolOp):
            parts = node.values[:1]  # the others may be dead on their own
        elif isinstance(node, ast.IfExp):
            parts = [node.test]
        elif isinstance(node, ast.Compare):
            parts = [node.left, node.comparators[0]]
        else:
            parts = ast.iter_child_nodes(node)
        if any(map(self.is_untyped, parts)):
            return True
        known = isinstance(node, ast.BinOp | ast.Compare | ast.Subscript) or (
            isinstance(node, ast.Name) and node.id in self.source.locals
        )
        return (
            known and hasattr(node, "number") and self.typed.of(node) is None
        )

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Constant):
            return ast.Pass()  # a docstring
        return [*self.flops(node.value), ast.Expr(self.visit(node.value))]

    def visit_Assign(self, node):
        before = self.flops(node.value)
        for target in node.targets:
            name_arrays(target, node.value)
        kind = self.typed.of(node.value)
        value = self.visit(node.value)
        new = []
        if len(node.targets) > 1:
            new.append(store("_value", value))
            value = name("_value")
        for target in node.targets:
            new += self.assigned(target, value, kind)
        return before + new

    def assigned(self, target, value, kind):
        """Return the statements that assign a value to a target."""
        if isinstance(target, ast.Name):
            return [ast.Assign([target], value)]
        if isinstance(target, ast.Tuple):
            return self.unpacked(target, value, kind)
        owner = self.typed.of(target.value)
        if isinstance(owner, types.Record):
            is_item = isinstance(target, ast.Subscript)
            field = target.slice.value if is_item else target.attr
            site = self.field_site("store", target, field)
            part = self.method(
                self.visit(target.value), "field", ast.Constant(field)
            )
            converted = cast(value, kind, owner.typeof(field))
            return [ast.Expr(self.on_memory(part, "store", site, converted))]
        site = self.access("store", target.value, target, owner)
        array = self.visit(target.value)
        indices = self.indices(target.slice)
        whole = isinstance(kind, types.Array)
        if isinstance(kind, types.Record):
            converted = ast.Attribute(value, "array", ast.Load())
        else:
            converted = value if whole else cast(value, kind, owner.dtype)
        part = whole or self.is_part(target, owner)
        how = "fill" if part else "store"
        return [
            ast.Expr(self.on_memory(array, how, site, converted, *indices))
        ]

    def is_part(self, target, owner):
        """Whether an assignment's target is more than one element."""
        index = target.slice
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        if any(isinstance(p, ast.Slice) for p in parts):
            return True
        if has_ellipsis(index):
            return True
        kind = self.typed.of(index)
        if isinstance(kind, types.BaseTuple):
            return len(kind) < owner.ndim
        return len(parts) < owner.ndim

    def unpacked(self, target, value, kind):
        if all(isinstance(t, ast.Name) for t in target.elts):
            return [ast.Assign([target], value)]
        self.loops += 1
        whole = f"_tuple{self.loops}"
        new = [store(whole, value)]
        for k, inner in enumerate(target.elts):
            part = ast.Subscript(name(whole), ast.Constant(k), ast.Load())
            new += self.assigned(inner, part, kind[k])
        return new

    def visit_Return(self, node):
        if not self.device:
            return ast.Return(ast.Constant(True))
        if node.value is None:
            return node
        kind = self.typed.of(node.value)
        value = cast(self.visit(node.value), kind, self.typed.return_type)
        return [*self.flops(node.value), ast.Return(value)]

    def visit_If(self, node):
        before = self.flops(node.test)
        test = self.test(node.test)
        body, orelse = self.block(node.body), self.block(node.orelse)
        if self.trace:
            site = self.site("branch", node, orelse=bool(node.orelse))
            taken = ast.Constant(site.value + 1)
            body.insert(0, self.noted(taken))
            orelse.insert(0, self.noted(site))
        return [*before, ast.If(test, body, orelse)]

    def loop_sites(self, node):
        """Return the site of a loop, and the next site, for its end."""
        self.loops += 1
        return self.site("loop", node), self.site("leave", node)

    def around(self, loop, end):
        """Return a loop between statements that save and restore the path."""
        if not self.trace:
            return [loop]
        path = f"_path{self.loops}"
        leave = ast.Expr(call("_t.leave", end, name(path)))
        return [store(path, attribute("_t", "path")), loop, leave]

    def visit_While(self, node):
        site, end = self.loop_sites(node)
        turns = f"_turns{self.loops}"
        before = store(turns, call("_t.turns", site))
        parts = [call("next", name(turns)), self.test(node.test)]
        if self.trace:
            parts.append(call("_t.took", site))
        loop = ast.While(ast.BoolOp(ast.And(), parts), [], [])
        new = [before, *self.around(loop, end)]
        loop.body = self.flops(node.test) + self.block(node.body)
        loop.orelse = self.block(node.orelse)
        if spins(node):
            line = ast.Constant(node.lineno)
            wait = ast.Tuple([ast.Constant("spin"), line], ast.Load())
            loop.body.append(ast.Expr(ast.Yield(wait)))
        return new

    def visit_For(self, node):
        site, end = self.loop_sites(node)
        items = call("_t.loop", site, self.iterated(node.iter))
        loop = ast.For(node.target, items, [], [])
        new = self.around(loop, end)
        loop.body, loop.orelse = self.block(node.body), self.block(node.orelse)
        return new


def name_arrays(target, value):
    """Note in calls that make arrays the variables they are assigned to."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, part in zip(target.elts, value.elts, strict=False):
            name_arrays(one, part)
    elif isinstance(target, ast.Name):
        # Look through a slice, or a view: ``shared.array(0, int32)[32:]``
        while not hasattr(value, "plan") and not isinstance(value, ast.Name):
            value = getattr(value, "value", getattr(value, "func", None))
            if value is None:
                return
        value.variable = target.id
