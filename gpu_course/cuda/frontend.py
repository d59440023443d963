"""Parse a kernel's source into a syntax tree, and resolve its names.

The tree keeps the line numbers of the file or notebook cell, so that later
messages about a kernel point at the reader's own line.
"""

import ast
import builtins
import contextlib
import difflib
import inspect
import linecache
import re
from dataclasses import dataclass, field

import numpy as np

from gpu_course.common.reader import place
from gpu_course.cuda.intrinsics import Intrinsic


class UnsupportedKernel(TypeError):
    """A kernel uses something unsupported; says what to write instead."""


@dataclass
class Source:
    """A function of the course's Python subset, parsed."""

    function: object
    name: str
    filename: str
    text: str
    first_line: int
    tree: ast.FunctionDef
    names: dict = field(default_factory=dict)

    def __post_init__(self):
        closure = inspect.getclosurevars(self.function)
        self.names = {
            **vars(builtins),
            **self.function.__globals__,
            **closure.nonlocals,
        }
        self.frozen = {}
        self.parameters = [a.arg for a in self.tree.args.args]
        self.locals = set(self.parameters) | {
            node.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }

    def resolve(self, node):
        """Return the object that an expression outside the kernel names.

        An array is frozen when the kernel is first seen, as in Numba.

        Parameters
        ----------
        node : ast.expr

        Returns
        -------
        object or None
            None where the expression begins with a local variable.
        """
        found = self._resolve(node)
        if isinstance(found, np.ndarray):
            key = ast.unparse(node)
            if key not in self.frozen:
                self.frozen[key] = found.copy(order="K")
            return self.frozen[key]
        return found

    def _resolve(self, node):
        if isinstance(node, ast.Name):
            return None if node.id in self.locals else self._global(node)
        if isinstance(node, ast.Attribute):
            owner = self._resolve(node.value)
            if owner is None:
                return None
            if isinstance(owner, Intrinsic):
                return getattr(owner, node.attr, None)
            try:
                return getattr(owner, node.attr)
            except AttributeError:
                raise UnsupportedKernel(self.missing(node, owner)) from None
        return None

    def missing(self, node, owner):
        """Return the message for an attribute that isn't there."""
        near = difflib.get_close_matches(node.attr, dir(owner), 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return (
            f"{self.name}: there is no {ast.unparse(node)} here "
            f"({place(self.filename, node.lineno)}).{hint}"
        )

    def _global(self, node):
        try:
            return self.names[node.id]
        except KeyError:
            raise NameError(
                f"{self.name}: the name {node.id!r} is not defined "
                f"({place(self.filename, node.lineno)})"
            ) from None

    def unsupported(self, node, what, instead):
        """Return the error for a construct, with its file and line."""
        return UnsupportedKernel(
            f"{self.name}: {what} is not supported in a kernel "
            f"({place(self.filename, node.lineno)}). Write {instead} instead."
        )


INSTEAD = {
    ast.Try: ("try", "an if that tests for the case"),
    ast.With: ("with", "the statements themselves"),
    ast.Raise: ("raise", "a value that marks the failure in an array"),
    ast.ClassDef: ("class", "separate arrays"),
    ast.FunctionDef: ("def inside a kernel", "a @cuda.jit(device=True)"),
    ast.AsyncFunctionDef: ("async def", "a plain def"),
    ast.Lambda: ("lambda", "a @cuda.jit(device=True) function"),
    ast.ListComp: ("a list comprehension", "a for loop"),
    ast.SetComp: ("a set comprehension", "a for loop"),
    ast.DictComp: ("a dict comprehension", "a for loop"),
    ast.GeneratorExp: ("a generator expression", "a for loop"),
    ast.Yield: ("yield", "a store into an array"),
    ast.YieldFrom: ("yield from", "a loop of stores"),
    ast.Await: ("await", "cuda.syncthreads()"),
    ast.NamedExpr: (":=", "the assignment, on a line before"),
    ast.List: ("a list", "cuda.local.array"),
    ast.Dict: ("a dict", "an array"),
    ast.Set: ("a set", "an array"),
    ast.JoinedStr: ("an f-string", "a store into an array"),
    ast.Global: ("global", "an argument"),
    ast.Nonlocal: ("nonlocal", "an argument"),
    ast.Delete: ("del", "nothing"),
    ast.Import: ("import", "the import at the top of the file"),
    ast.ImportFrom: ("import", "the import at the top of the file"),
    ast.Match: ("match", "if and elif"),
    ast.Starred: ("*", "each item by its index"),
}


# Names in the code that is generated from a kernel
OURS = re.compile(
    "_([tbwmv]|[tbg][xyz]|bd[xyz]|note|value|alive|all|pool|gone|test|first|"
    "last|launch|arrays)$|_(path|turns|tuple|index|wait|call|kept|array|mask|"
    "slot|result|next|stop|step|each|whole|value|given|in|to|scalar|device|"
    "const|math)"
)


def as_def(text, function):
    """Return the lambda in some lines of source as a function definition.

    If the lines hold several lambdas, parameters and bytecode identify it.
    """
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    found = [n for n in lambdas_in(text) if parameters(n) == names]
    if len(found) > 1:
        found = [n for n in found if bytecode(n) == code.co_code]
    if len(found) != 1:
        raise UnsupportedKernel(
            f"the lambda in {text.strip()!r} can't be told from others. "
            "Write def."
        )
    (node,) = found
    body = ast.Return(node.body)
    made = ast.FunctionDef("lambda_", node.args, [body], [])
    return ast.fix_missing_locations(ast.copy_location(made, node))


def lambdas_in(text):
    """Yield the lambdas in some lines, which may be part of a statement."""
    for match in re.finditer(r"\blambda\b", text):
        for end in range(len(text), match.start(), -1):
            with contextlib.suppress(SyntaxError):
                node = ast.parse(text[match.start() : end], mode="eval").body
                if isinstance(node, ast.Lambda):
                    yield node
                break


def parameters(node):
    return tuple(a.arg for a in node.args.args)


def bytecode(node):
    expression = ast.fix_missing_locations(ast.Expression(node))
    (code,) = (
        c
        for c in compile(expression, "", "eval").co_consts
        if hasattr(c, "co_code")
    )
    return code.co_code


def parse(function):
    """Parse a function and refuse what is outside the subset.

    Parameters
    ----------
    function : callable
        A Python function with source, from a file or a notebook cell.

    Raises
    ------
    UnsupportedKernel
        If it uses something outside the subset. The message names the
        construct, its file and line, and what to write instead.
    """
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError) as error:
        raise UnsupportedKernel(
            f"{getattr(function, '__name__', function)}: its source can't be "
            "found. Define the kernel in a file or a notebook cell."
        ) from error
    text = "".join(lines)
    if function.__name__ == "<lambda>":
        tree = as_def(text, function)
    else:
        # Not dedented: a comment may be indented less than the code.
        nested = text[0].isspace()
        tree = ast.parse(f"if True:\n{text}" if nested else text).body[0]
        if nested:
            tree = ast.increment_lineno(tree, -1).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise UnsupportedKernel(
            f"a kernel is a def, got {type(tree).__name__}. Write def."
        )
    ast.increment_lineno(tree, first - 1)
    filename = function.__code__.co_filename
    linecache.checkcache(filename)
    source = Source(function, tree.name, filename, text, first, tree)
    arguments = tree.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs:
        raise source.unsupported(tree, "*args or keywords", "named arguments")
    tree.decorator_list = []
    tree.returns = None
    for argument in arguments.args:
        argument.annotation = None
    for name in sorted(source.locals):
        if OURS.match(name):
            raise source.unsupported(tree, f"the name {name}", "another name")
    for statement in tree.body:
        for node in ast.walk(statement):
            if type(node) in INSTEAD:
                raise source.unsupported(node, *INSTEAD[type(node)])
    return source
