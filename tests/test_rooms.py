"""The rooms of the package: what each may import, and that none is a circle.

A room says it in the docstring of its ``__init__``: "Imports: common, cuda."
"""

import ast
import functools
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "gpu_course"
# From the ground up: a room imports only rooms that stand before it.
ROOMS = (
    "common",
    "widgets",
    "cuda",
    "data",
    "timing",
    "hardware",
    "training",
    "tasks",
    "layers",
    "scaling",
    "explorers",
    "exercises",
    "bench",
    "course",
    "cli",
)
# Names that a room offers as its own.
OFFERED = ("gpu_course.cuda", "gpu_course.exercises")


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in PACKAGE.rglob("*.py")}


def imports_of(source):
    """Yield what a source imports from us: (module, name or None, line)."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: a relative import"
            if (node.module or "").split(".")[0] == "gpu_course":
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    if whole in MODULES:
                        yield whole, None, node.lineno
                    else:
                        yield node.module, alias.name, node.lineno
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in MODULES:
                    yield alias.name, None, node.lineno


@functools.cache
def graph():
    """Return {module: the modules that it imports anywhere}."""
    return {
        name: {
            module
            for module, _, _ in imports_of(path.read_text("utf-8"))
            if module != "gpu_course"
        }
        for name, path in MODULES.items()
    }


def room_of(module):
    return module.split(".")[1] if "." in module else None


def rooms_used(room):
    """Return the other rooms that the modules of a room import."""
    return {
        room_of(module)
        for name, modules in graph().items()
        if room_of(name) == room
        for module in modules
    } - {room, None}


def circle(arrows):
    """Return a list of nodes that lead back to the first, or None."""
    done = set()

    def walk(node, path):
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return None
        for following in sorted(arrows.get(node, ())):
            found = walk(following, [*path, node])
            if found:
                return found
        done.add(node)
        return None

    for node in sorted(arrows):
        found = walk(node, [])
        if found:
            return found
    return None


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) is None
    arrows = {"a": {"b"}, "b": {"c"}, "c": {"b"}}
    assert circle(arrows) == ["b", "c", "b"]


def test_no_module_imports_itself_by_a_detour():
    assert circle(graph()) is None


def test_these_are_all_the_rooms():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ROOMS)
    alone = {path.stem for path in PACKAGE.glob("*.py")}
    assert alone == {"__init__", "__main__", "bootstrap"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_what_it_says_and_nothing_above(room):
    lower, used = ROOMS[: ROOMS.index(room)], rooms_used(room)
    assert used <= set(lower), f"{room} imports {used - set(lower)}, above it"
    docstring = ast.get_docstring(
        ast.parse((PACKAGE / room / "__init__.py").read_text("utf-8"))
    )
    says = re.search(r"Imports:?\s([^.]*)\.", docstring)
    assert says, f"{room}/__init__.py doesn't say what it imports"
    said = set(re.split(r",\s+", says[1]))
    assert said == (used or {"no other room"})


def sources():
    """Yield (where, source) of each module, test and notebook cell."""
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]:
        yield str(path.relative_to(ROOT)), path.read_text("utf-8")
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and "gpu_course" in source:
                yield f"{path.name}, cell {cell['id']}", source


def defined_in(path):
    """Return the names that a module makes itself."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def test_a_name_is_imported_from_where_it_is_made():
    made = {name: defined_in(path) for name, path in MODULES.items()}
    for where, source in sources():
        for module, name, line in imports_of(source):
            assert module in MODULES, f"{where}:{line}: there is no {module}"
            if name is not None and module not in OFFERED:
                assert name in made[module], (
                    f"{where}:{line}: {name} isn't made in {module}"
                )


def test_the_map_in_contributing_is_true():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", text, re.MULTILINE)
    assert tuple(room for room, _ in rows) == ROOMS
    for room, imports in rows:
        said = set(imports.split(", ")) - {"–"}
        assert said == rooms_used(room), room


def test_each_room_has_its_tests():
    for room in ROOMS:
        assert list((ROOT / "tests" / room).glob("test_*.py")), room
