"""Find the names that statements store, read, or read before storing."""

import ast


def copied(node):
    """Copy a syntax tree; the nodes' annotations are shared."""
    new = type(node).__new__(type(node))
    vars(new).update(vars(node))  # as copy.copy, which is slow here
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            setattr(new, name, copied(value))
        elif isinstance(value, list):
            parts = [copied(v) if isinstance(v, ast.AST) else v for v in value]
            setattr(new, name, parts)
    return new


def is_variable(node):
    """Whether a node names a variable of the thread, not a constant."""
    return isinstance(node, ast.Name) and not hasattr(node, "constant")


def assigned(*nodes):
    """Return the names that statements store to."""
    return {
        n.id
        for node in nodes
        for n in ast.walk(node)
        if is_variable(n) and isinstance(n.ctx, ast.Store)
    }


def used(*nodes):
    """Return the names that statements or expressions read."""
    return {
        n.id
        for node in nodes
        for n in ast.walk(node)
        if is_variable(n) and isinstance(n.ctx, ast.Load)
    }


def exposed(statements):
    """Return the names that may be read before the statements store them."""
    found = set()
    _walk(statements, set(), found)
    return found


def _walk(statements, defined, found):
    """Return names surely stored after the statements, None if they exit."""
    for node in statements:
        if isinstance(node, ast.If):
            found |= used(node.test) - defined
            ends = [
                _walk(body, set(defined), found)
                for body in (node.body, node.orelse)
            ]
            ends = [end for end in ends if end is not None]
            if not ends:
                return None
            defined = set.intersection(*ends)
        elif isinstance(node, ast.For):
            found |= used(node.iter) - defined
            _walk(node.body, defined | assigned(node.target), found)
            _walk(node.orelse, set(defined), found)
        elif isinstance(node, ast.While):
            found |= used(node.test) - defined
            _walk(node.body, set(defined), found)
            _walk(node.orelse, set(defined), found)
        else:
            found |= used(node) - defined
            if isinstance(node, ast.Return | ast.Break | ast.Continue):
                return None
            defined = defined | assigned(node)
    return defined
