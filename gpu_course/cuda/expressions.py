"""Pieces of syntax trees, and the casts that Numba's compiler inserts."""

import ast

from numba.core import types


def name(identifier):
    return ast.Name(identifier, ast.Load())


def attribute(owner, field):
    return ast.Attribute(name(owner), field, ast.Load())


def call(function, *arguments):
    if isinstance(function, str):
        owner, _, field = function.rpartition(".")
        function = attribute(owner, field) if owner else name(field)
    return ast.Call(function, list(arguments), [])


def store(identifier, value):
    return ast.Assign([ast.Name(identifier, ast.Store())], value)


def converted(node, kind):
    """Return a call that converts to a Numba type."""
    return call(f"_{kind}", node) if isinstance(kind, types.Number) else node


def listed(new):
    return new if isinstance(new, list) else [new]


def cast(node, source, target):
    """Return an expression that converts from one Numba type to another.

    Without a ``source`` the value may have any Python type.
    """
    if source == target or target is None:
        return node
    if isinstance(target, types.Boolean):
        return call("bool", node)
    if isinstance(target, types.Integer):
        if isinstance(source, types.Boolean):
            return call("int", node)
        if isinstance(source, types.Integer) and (
            target.bitwidth > source.bitwidth
            and (target.signed or not source.signed)
        ):
            return node
        return call(f"_to_{target}", node)
    if isinstance(target, types.Float | types.Complex):
        return call(f"_to_{target}", node)
    return node


def has_ellipsis(index):
    """Whether an index has an ellipsis in it."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return any(isinstance(p, ast.Constant) and p.value is ... for p in parts)
