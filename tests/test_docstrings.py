"""What a public docstring says of parameters and sections is true."""

import ast
import importlib
from pathlib import Path

import pytest
from numpydoc.validate import validate

ROOT = Path(__file__).parents[1]
LEFT_OUT = {"cuda", "collection", "bootstrap.py", "__main__.py"}
# Not asked for: long forms of what one line says, examples, links. Symbols
# such as dy and ŷ begin in small letters.
NOT_ASKED = {
    "ES01",
    "EX01",
    "PR01",
    "PR06",
    "PR07",
    "PR08",
    "RT01",
    "RT03",
    "RT04",
    "SA01",
    "SS02",
    "YD01",
}


MODULES = [
    path
    for path in sorted((ROOT / "gpu_course").rglob("*.py"))
    if not LEFT_OUT & set(path.relative_to(ROOT).parts)
]


@pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_docstrings_are_numpydoc_s(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts).removesuffix(".__init__")
    importlib.import_module(name)
    faults = [
        f"{node.name}: {code} {text}"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        for code, text in validate(f"{name}.{node.name}")["errors"]
        if code not in NOT_ASKED
    ]
    assert faults == []
