"""Drop statements and expressions that can never run.

Numba's compiler drops them before it infers types. Examples are code after
``if False`` or ``return``, or code for an argument that isn't ``None`` where
it is.
"""

import ast


def leave_out(tree, untyped, typed):
    """Remove from a function, in place, what got no type.

    Parameters
    ----------
    tree : ast.FunctionDef
    untyped, typed : set of int
        Numbers of the expressions that Numba was asked to type: those that
        it found unreachable, and the others.
    """
    if untyped:
        _LeaveOut(untyped, typed).visit(tree)


class _LeaveOut(ast.NodeTransformer):
    def __init__(self, untyped, typed):
        self.untyped, self.typed = untyped, typed

    def is_unreached(self, node):
        numbers = {getattr(inner, "number", None) for inner in ast.walk(node)}
        return bool(numbers & self.untyped) and not numbers & self.typed

    def visit(self, node):
        for field in ("body", "orelse"):
            statements = getattr(node, field, None)
            if isinstance(statements, list) and statements:
                left = [s for s in statements if not self.is_unreached(s)]
                nothing = ast.copy_location(ast.Pass(), statements[0])
                setattr(node, field, left or [nothing])
        return super().visit(node)

    def visit_IfExp(self, node):
        self.generic_visit(node)
        if self.is_unreached(node.body):
            return node.orelse
        return node.body if self.is_unreached(node.orelse) else node

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        node.values = [
            ast.copy_location(ast.Constant(False), value)
            if self.is_unreached(value)
            else value
            for value in node.values
        ]
        return node
