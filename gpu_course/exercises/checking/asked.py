"""Messages for wrong arguments of ``check``, ``hint`` and ``solution``.

Each message says what was passed and shows the correct call.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gpu_course.cuda.kernel import DeviceFunction, Kernel, Launcher
from gpu_course.exercises.checking.result import Result, cut, shown

if TYPE_CHECKING:
    from gpu_course.exercises.checking.exercise import Exercise


NEAREST = 3  # how many exercise names to suggest
MISSING = object()  # the default of a required argument
ALL = "show_progress() lists them all."


def not_a_name(
    call: str, name: Any, answer: Any, names: Sequence[str]
) -> Result:
    """Return the result for an argument that is not an exercise's name.

    Parameters
    ----------
    call : str
        ``check``, ``hint`` or ``solution``.
    name, answer : object
        The call's arguments; `MISSING` if there is no answer.
    names : list of str
        The names of all exercises.
    """
    if isinstance(name, str):
        return _unknown(name, names)
    found = answer if isinstance(answer, str) else _own_name(name)
    right = _call(call, found if found in names else "NAME")
    end = "" if found in names else f" {ALL}"
    if isinstance(answer, str):
        kind = "name_first"
        text = f"The name comes first, then the answer: {right}."
    else:
        kind, got = "not_a_name", shown(name)
        text = (
            "Pass the exercise's name first, in quotes; got "
            f"{'nothing' if name is MISSING else got}: {right}."
        )
    return Result(found or call, False, text + end, kind)


def _unknown(name, names):
    lower = name.strip().lower()
    near = difflib.get_close_matches(lower, names, NEAREST)
    start = f"There is no exercise {shown(name)}."
    if near:
        *others, last = map(repr, near)
        meant = f"{', '.join(others)} or {last}" if others else last
        start += f" Did you mean {meant}?"
    return Result(cut(name), False, f"{start} {ALL}", "unknown_exercise")


def _own_name(thing):
    return getattr(thing, "__name__", "")


def _call(call, name):
    return (
        f'{call}("{name}", {name})'
        if call == "check"
        else (f'{call}("{name}")')
    )


def unfit(exercise: Exercise, answer: Any) -> tuple[str, str] | None:
    """Return diagnosis and kind if the answer has a wrong type, or None."""
    name = exercise.name
    what = "kernel" if exercise.is_kernel else "function"
    itself = f"Pass the {what} itself: {_call('check', name)}."
    text = None
    if answer is MISSING:
        return f"There is no answer to check. {itself}", "no_answer"
    if isinstance(answer, str):
        text = (
            f"The answer is a text, {shown(answer)}, since it stands in "
            f"quotes. {itself}"
        )
    elif isinstance(answer, type):
        text = f"The answer is the class {answer.__name__}. {itself}"
    elif isinstance(answer, Launcher):
        text = (
            f"This is {name}[blocks, threads]: pass {name} itself, the "
            "check chooses how to launch it."
        )
    elif not callable(answer):
        text = (
            f"The answer is {shown(answer)}. Was {name} called, or "
            f"launched, and this is what came back? {itself}"
        )
    elif exercise.is_kernel:
        text = _no_kernel(name, answer)
    elif not isinstance(answer, types.FunctionType):
        text = _no_function(name, answer)
    return (text, f"not_a_{what}") if text else None


def _no_kernel(name, answer):
    if isinstance(answer, DeviceFunction):
        return (
            f"{name} is a device function: take device=True away, so "
            "that it is a kernel."
        )
    if isinstance(answer, types.FunctionType):
        return (
            f"{name} is a plain Python function: put @cuda.jit above its def."
        )
    if not isinstance(answer, Kernel):
        return (
            f"The answer must be the kernel {name}, made by cuda.jit of "
            f"gpu_course, got {type(answer).__name__}."
        )
    return None


def _no_function(name, answer):
    if isinstance(answer, Kernel | DeviceFunction):
        return (
            f"{name} is a kernel: take @cuda.jit away. The exercise "
            "asks for a plain function of Python."
        )
    return (
        f"The answer must be the function {name}, made by def, got "
        f"{type(answer).__name__}."
    )
