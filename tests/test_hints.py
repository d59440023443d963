"""Public functions say the types of what they take and give."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gpu_course"
# The teaching GPU works on other functions' syntax trees; an exercise is data.
# `bootstrap` runs on any Python.
LEFT_OUT = ("cuda", "collection", "bootstrap.py")
FILES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not set(path.relative_to(PACKAGE).parts) & set(LEFT_OUT)
]


def unhinted(body, owner=""):
    """Yield each public function that leaves out a type."""
    for node in body:
        if node.__class__ is ast.ClassDef:
            if not node.name.startswith("_"):
                yield from unhinted(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef):
            public = not node.name.startswith("_")
            if public and not is_hinted(node, bool(owner)):
                yield f"{owner}{node.name}, line {node.lineno}"


def is_hinted(function, is_method):
    given = function.args
    names = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    kinds = {ast.unparse(decorator) for decorator in function.decorator_list}
    # A kernel's types are those of its launch; chapters show `forward`.
    if any("cuda.jit" in kind for kind in kinds) or function.name == "forward":
        return True
    if is_method and "staticmethod" not in kinds:
        names = names[1:]
    names += filter(None, (given.vararg, given.kwarg))
    return function.returns is not None and all(
        name.annotation is not None for name in names
    )


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_public_functions_have_hints(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert list(unhinted(tree.body)) == []
