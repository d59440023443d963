"""Check an answer that is a plain Python function."""

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gpu_course.exercises.checking.equality import (
    copied,
    equal,
    wrong_elements,
)
from gpu_course.exercises.checking.limited import TimeIsUp, run_limited
from gpu_course.exercises.checking.quoted import line_of, quoted
from gpu_course.exercises.checking.result import Result, said, shown

if TYPE_CHECKING:
    from gpu_course.exercises.checking.exercise import Exercise


CALL_S = 2.0
MEASURED = 1e-3  # tolerances from here on are for measured values


def check_function(exercise: Exercise, function: Callable[..., Any]) -> Result:
    """Check an answer that is a function and return the `Result`."""
    cases, got = exercise.cases(), []
    for case in cases:
        arguments = copied(case)
        try:
            value = run_limited(
                functools.partial(function, *arguments), CALL_S
            )
        except TimeIsUp as error:
            return _stopped(
                exercise,
                function,
                case,
                error,
                "too_slow",
                (
                    "Its imports took too long."
                    if error.importing
                    else f"It wasn't done after {CALL_S:g} s. Look for a "
                    "loop whose condition never becomes false."
                ),
            )
        except (Exception, SystemExit) as error:
            text = f"It raises {said(error)}."
            return _stopped(exercise, function, case, error, "raises", text)
        if not all(map(equal, case, arguments)):
            text = "It changes an array that it was given."
            return _result(exercise, case, "changes_input", text)
        got.append(value)
    expected = [exercise.specification(*copied(case)) for case in cases]
    wrong = [
        number
        for number, pair in enumerate(zip(expected, got, strict=True))
        if not _same(*pair, exercise.tolerance) or _no_integer(*pair)
    ]
    if not wrong:
        return Result(exercise.name, True)
    first = wrong[0]
    kind, text = _kind(exercise, cases, expected, got, first)
    return _result(
        exercise,
        cases[first],
        kind,
        text,
        ("expected", _digits(expected[first], exercise.tolerance)),
        ("got", _digits(got[first], exercise.tolerance)),
    )


def _kind(exercise, cases, expected, got, first):
    """Return kind and message, of the only known mistake if there is one."""
    found = []
    for mistake in exercise.mistakes:
        try:
            given = [mistake.gives(*copied(case)) for case in cases]
        except Exception:  # the mistake can't be made with these arguments
            continue
        if all(
            _same(a, b, exercise.tolerance)
            for a, b in zip(given, got, strict=True)
        ):
            found.append(mistake)
    if len(found) == 1:
        return found[0].kind, found[0].message
    if _no_integer(expected[first], got[first]) and all(
        _same(a, b, exercise.tolerance)
        for a, b in zip(expected, got, strict=True)
    ):
        return "not_an_integer", (
            f"The value is right, but its type is {type(got[first]).__name__}"
            ": a count is a whole number, as //, math.ceil and int give it."
        )
    if got[first] is None:
        return "returns_nothing", "It returns None: is there a return?"
    return "wrong_result", "It returns something else than it should."


def _digits(value, tolerance):
    """Return a value as text; measured values get five digits."""
    if type(value) is not float or tolerance < MEASURED:
        return shown(value)
    return f"{value:.5g}"


def _result(exercise, case, kind, text, *details):
    given = ", ".join(map(shown, case))
    call = ("call", f"{exercise.name}({given})")
    return Result(exercise.name, False, text, kind, (call, *details))


def _stopped(exercise, function, case, error, kind, text):
    """Return the result, with the line, for a call that didn't return."""
    line = quoted(function, line_of(function, error))
    return replace(_result(exercise, case, kind, text), source=line)


def _no_integer(expected, got):
    """Return whether an integer was expected but not returned."""
    return isinstance(expected, int) and not isinstance(got, numbers.Integral)


def _same(expected, got, tolerance):
    """Return whether a returned value is the expected one."""
    try:
        one = np.asarray(expected)
        if one.dtype.kind in "biufc" and _length(got) > max(one.size, 1):
            return False  # a huge range is cheap, but its array is not
        two = np.asarray(got)
        if one.shape != two.shape or two.dtype.kind not in "biufc":
            return one.dtype.kind not in "biufc" and expected == got
        return not wrong_elements(one, two, tolerance).any()
    except (TypeError, ValueError):
        return False


def _length(value):
    try:
        return len(value)
    except TypeError:  # numbers and 0-d arrays have no length
        return 0
