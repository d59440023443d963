"""Find the variables that have one value in the whole block.

They are stored once. A loop or an if that depends only on them is an ordinary
one around the work-item loops. Everything else needs a value, or a mask, per
thread.
"""

import ast

from gpu_course.cuda.liveness import assigned
from gpu_course.cuda.regions import BLOCK_WIDE, has_exit, is_memoryless, waits

UNIFORM_INDEX = ("blockIdx", "blockDim", "gridDim")


def is_uniform(node, same, local):
    """Whether an expression has one value for the whole block.

    Parameters
    ----------
    node : ast.expr
    same, local : set of str
        Variables known to be uniform, and all variables.
    """
    if getattr(node, "varies", False):
        return False
    plan = getattr(node, "plan", None)
    if plan:
        kind, detail = plan
        if kind == "index":
            return detail.startswith(UNIFORM_INDEX)
        if kind == "name":
            return detail == "warpsize"
        if kind == "array":
            return detail != "local"
        return kind == "call" and (
            detail == "gridsize" or detail in BLOCK_WIDE
        )
    if isinstance(node, ast.Name):
        constant = hasattr(node, "constant")
        return constant or node.id not in local or node.id in same
    if isinstance(node, ast.Subscript) and not is_memoryless(node):
        return False
    return all(
        is_uniform(child, same, local)
        for child in ast.iter_child_nodes(node)
        if isinstance(child, ast.expr)
    )


def is_native(loop, same, local):
    """Whether all threads of a block run a loop that waits in step."""
    test = loop.iter if isinstance(loop, ast.For) else loop.test
    return is_uniform(test, same, local) and _uniform_exits(
        loop.body, same, local
    )


def _uniform_exits(body, same, local):
    for node in body:
        if isinstance(node, ast.If) and has_exit(node):
            if not is_uniform(node.test, same, local):
                return False
            if not (
                _uniform_exits(node.body, same, local)
                and _uniform_exits(node.orelse, same, local)
            ):
                return False
    return True


def uniform_names(body, parameters):
    """Return the variables that are stored once for the whole block.

    All assignments to them run once for the whole block, and the assigned
    value is the same for each thread.
    """
    local = assigned(*body)
    same = set(local)
    while True:
        wrong = set()
        _walk(body, same, local, True, wrong)
        wrong &= same
        if not wrong:
            return same | (set(parameters) - local)
        same -= wrong


def _walk(body, same, local, together, wrong):
    for node in body:
        joint = waits(node) or has_exit(node)
        if isinstance(node, ast.If) and joint:
            inner = together and is_uniform(node.test, same, local)
            _walk(node.body, same, local, inner, wrong)
            _walk(node.orelse, same, local, inner, wrong)
        elif isinstance(node, ast.For | ast.While) and joint:
            inner = together and is_native(node, same, local)
            if isinstance(node, ast.For) and not inner:
                wrong |= assigned(node.target)
            _walk(node.body, same, local, inner, wrong)
        elif isinstance(node, ast.Assign) and together:
            simple = all(isinstance(t, ast.Name) for t in node.targets)
            if not (simple and is_uniform(node.value, same, local)):
                wrong |= assigned(node)
        else:
            wrong |= assigned(node)
