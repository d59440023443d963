"""What an exercise is: its texts, its specification, its hidden inputs."""

import hashlib
import linecache
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any


class WrongAnswer(str):
    """The source of an answer that is wrong, and what a check says of it.

    Attributes
    ----------
    kind : str
        The kind of diagnosis that it must get.
    """

    __slots__ = ("kind",)

    def __new__(cls, source, kind):
        made = super().__new__(cls, source)
        made.kind = kind
        return made


@dataclass(frozen=True)
class Launch:
    """One hidden launch of a kernel.

    Attributes
    ----------
    grid, block : int or tuple of int
    arguments : tuple
        Arrays and numbers in the order of the kernel's parameters. Arrays to
        be written hold something else before, so that what isn't written
        shows.
    traced : bool
        False where a trace would take too long: it only runs compiled.
    """

    grid: object
    block: object
    arguments: tuple
    traced: bool = True


@dataclass(frozen=True)
class Mistake:
    """A known mistake, and the evidence that it is this one.

    Give one of ``gives`` and ``when``.

    Attributes
    ----------
    kind : str
        Its name, as in ``off_by_one``.
    message : str
        What was done and what it leads to, for the learner.
    gives : callable, optional
        The specification with the mistake in it. It is named only where the
        answer gives just that on every hidden input, and no other known
        mistake does.
    when : callable, optional
        From the traced launches, each a `diagnosis.Seen`, to whether it is
        this mistake.
    """

    kind: str
    message: str
    gives: Callable | None = None
    when: Callable | None = None


@dataclass(frozen=True)
class Limit:
    """What the trace of a right answer must also hold to.

    Attributes
    ----------
    kind : str
        Name of the diagnosis, as in ``uncoalesced``.
    holds : callable
        From the `cuda.report.Report` of the last traced launch to whether
        it is kept.
    message : callable
        From the same report to what to say if not.
    of_kernel : bool
        Both get the kernel instead of the report.
    """

    kind: str
    holds: Callable
    message: Callable
    of_kernel: bool = False


@dataclass(frozen=True)
class Exercise:
    """An exercise: what is asked, what is right, what is known to be wrong.

    Attributes
    ----------
    name : str
        Also the name of the function that the reader writes.
    chapter : str
        The notebook's name without its ending.
    title, task : str
        The statement; ``task`` is Markdown.
    starter, solution : str
        Source texts that stand for themselves, imports included.
    wrong : tuple of WrongAnswer
        Sources too.
    hints : tuple of str
        A nudge, a direction, and nearly the solution.
    specification : callable
        In NumPy. For a kernel it changes the arrays as the kernel should;
        for a function it returns the result.
    cases : callable
        Returns the hidden inputs, the smallest first: `Launch` for a
        kernel, tuples of arguments for a function.
    is_kernel : bool
    tolerance : float
        Relative to the largest expected value; 0 where the bits must be
        equal.
    mistakes : tuple of Mistake
    limits : tuple of Limit
    equivalent : dict of str to str
        Mutants of the solution that are right, with the proof.
    """

    name: str
    chapter: str
    title: str
    task: str
    starter: str
    solution: str
    wrong: tuple
    hints: tuple
    specification: Callable
    cases: Callable
    is_kernel: bool = True
    tolerance: float = 0.0
    mistakes: tuple = ()
    limits: tuple = ()
    equivalent: dict = field(default_factory=dict)

    def load(self, source: str) -> Any:
        """Execute a source text and return the answer that it defines.

        Python's tools find the text as that of a file, as for a notebook's
        cell, so that a message can quote its lines.
        """
        digest = hashlib.sha256(source.encode()).hexdigest()[:8]
        filename = f"<{self.name} {digest}>"
        lines = source.splitlines(keepends=True)
        linecache.cache[filename] = (len(source), None, lines, filename)
        space = {"__name__": f"answer_{self.name}"}
        exec(compile(source, filename, "exec"), space)
        return space[self.name]


def edited(source: str, kind: str, *pairs: str) -> WrongAnswer:
    """Return a wrong answer: a source with some texts replaced.

    Parameters
    ----------
    source : str
    kind : str
        Of the diagnosis that it must get.
    *pairs : str
        Old and new text in turn; each old one stands there exactly once.

    Raises
    ------
    ValueError
        If it doesn't.
    """
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        if source.count(old) != 1:
            raise ValueError(
                f"{old!r} is {source.count(old)} times in the solution"
            )
        source = source.replace(old, new)
    return WrongAnswer(source, kind)


def exercise_of(module: ModuleType) -> Exercise:
    """Return the exercise that a module of the collection describes.

    Parameters
    ----------
    module : module
        Its own name is the exercise's, its folder ``chNN_topic`` the
        chapter's. It has ``TITLE``, ``TASK``, ``STARTER``, ``SOLUTION``,
        ``WRONG``, ``HINTS``, ``specification`` and ``cases`` (a function) or
        ``CASES``; where needed ``TOLERANCE``, ``MISTAKES``, ``LIMITS`` and
        ``EQUIVALENT``: all as the attributes of `Exercise`. An item of
        ``WRONG`` may also be a tuple, what `edited` takes after the solution.

    Raises
    ------
    AttributeError
        If one of them is missing.
    """
    folder, name = module.__name__.split(".")[-2:]
    optional = {
        field: getattr(module, field.upper())
        for field in ("tolerance", "mistakes", "limits", "equivalent")
        if hasattr(module, field.upper())
    }
    return Exercise(
        name=name,
        chapter=folder.removeprefix("ch"),
        title=module.TITLE,
        task=module.TASK,
        starter=module.STARTER,
        solution=module.SOLUTION,
        wrong=tuple(
            wrong
            if isinstance(wrong, WrongAnswer)
            else edited(module.SOLUTION, *wrong)
            for wrong in module.WRONG
        ),
        hints=module.HINTS,
        specification=module.specification,
        cases=module.cases if hasattr(module, "cases") else _given(module),
        is_kernel="@cuda.jit" in module.SOLUTION,
        **optional,
    )


def _given(module):
    cases = module.CASES
    return lambda: cases
