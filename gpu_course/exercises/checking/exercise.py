"""What an exercise is: its texts, its specification, its hidden inputs."""

import hashlib
import linecache
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any


class WrongAnswer(str):
    """The source of a wrong answer, and the diagnosis that it must get.

    Attributes
    ----------
    kind : str
        The kind of that diagnosis.
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
        Arrays and numbers in the order of the kernel's parameters. Output
        arrays start with other values, so missing writes show.
    traced : bool
        False if a trace would take too long; then it only runs compiled.
    """

    grid: object
    block: object
    arguments: tuple
    traced: bool = True


@dataclass(frozen=True)
class Mistake:
    """A known mistake and the evidence for it.

    Give either ``gives`` or ``when``.

    Attributes
    ----------
    kind : str
        Its name, such as ``off_by_one``.
    message : str
        For the learner: the mistake and its effect.
    gives : callable, optional
        The specification with the mistake in it. The mistake is named only
        if the answer gives exactly this on every hidden input and no other
        known mistake does.
    when : callable, optional
        Takes the traced launches, each a `diagnosis.Seen`; returns whether
        it is this mistake.
    """

    kind: str
    message: str
    gives: Callable | None = None
    when: Callable | None = None


@dataclass(frozen=True)
class Limit:
    """A limit that the trace of a right answer must also keep.

    Attributes
    ----------
    kind : str
        Name of the diagnosis, such as ``uncoalesced``.
    holds : callable
        Takes the `cuda.report.Report` of the last traced launch; returns
        whether the limit is kept.
    message : callable
        Takes the same report; returns the message if it is not kept.
    of_kernel : bool
        Whether both functions take the kernel instead of the report.
    """

    kind: str
    holds: Callable
    message: Callable
    of_kernel: bool = False


@dataclass(frozen=True)
class Exercise:
    """An exercise: the task, the right answer and known wrong answers.

    Attributes
    ----------
    name : str
        The exercise's name and that of the function that readers write.
    chapter : str
        The notebook's name without its ending.
    title, task : str
        The statement; ``task`` is Markdown.
    starter, solution : str
        Complete source texts, with their imports.
    wrong : tuple of WrongAnswer
        Source texts too.
    hints : tuple of str
        A nudge, a direction, then almost the solution.
    specification : callable
        The right result in NumPy. For a kernel, it changes the arrays as
        the kernel should. For a function, it returns the result.
    cases : callable
        Returns the hidden inputs, the smallest first: `Launch` for a
        kernel, tuples of arguments for a function.
    is_kernel : bool
    tolerance : float
        Relative to the largest expected value; 0 if the bits must be
        equal.
    mistakes : tuple of Mistake
    limits : tuple of Limit
    equivalent : dict of str to str
        Mutants of the solution that are still right, with the proof.
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

        The text is registered like that of a notebook cell, so that messages
        can quote its lines.
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
        The kind of diagnosis that it must get.
    *pairs : str
        Old and new texts in turn. Each old text occurs exactly once.

    Raises
    ------
    ValueError
        If an old text doesn't occur exactly once.
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
        The module's name is that of the exercise, and its folder
        ``chNN_topic`` that of the chapter. It defines ``TITLE``, ``TASK``,
        ``STARTER``, ``SOLUTION``, ``WRONG``, ``HINTS``, ``specification``,
        and either ``CASES`` or a function ``cases``. It may define
        ``TOLERANCE``, ``MISTAKES``, ``LIMITS`` and ``EQUIVALENT``. All mean
        the same as the attributes of `Exercise`. An item of ``WRONG`` may
        also be a tuple: the arguments of `edited` after the solution.

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
