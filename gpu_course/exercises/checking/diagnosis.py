"""Diagnose a wrong kernel from the results of its hidden launches.

A known mistake is named only if the evidence fits it and no other mistake.
Otherwise the message says what was observed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gpu_course.cuda.messages import name_thread
from gpu_course.exercises.checking.equality import (
    copied,
    equal,
    wrong_elements,
)
from gpu_course.exercises.checking.events import global_events
from gpu_course.exercises.checking.exercise import Mistake
from gpu_course.exercises.checking.quoted import quoted
from gpu_course.exercises.checking.result import Result, shown

if TYPE_CHECKING:
    from gpu_course.cuda.record import Finding
    from gpu_course.cuda.report import Report
    from gpu_course.exercises.checking.exercise import Launch


@dataclass
class Run:
    """One run of a launch: how it ran, its arrays, its report if traced."""

    how: str
    arrays: list
    report: Report | None = None


@dataclass
class Seen:
    """One hidden launch and its runs: evidence about an answer.

    Attributes
    ----------
    case : Launch
    expected : list
        The right arguments after the launch.
    runs : list of Run
        Traced in both thread orders, or compiled without a report.
    wrong : list of Run
        The runs whose arrays are not as expected.
    finding, last : Finding or None
        The first finding in each of the two thread orders.
    """

    case: Launch
    expected: list
    runs: list
    wrong: list

    @property
    def finding(self) -> Finding | None:
        return _first_finding(self.runs[0])

    @property
    def last(self) -> Finding | None:
        return _first_finding(self.runs[-1])

    @property
    def fails(self) -> bool:
        return bool(self.wrong or self.finding or self.last)


def _first_finding(run):
    findings = run.report.findings if run.report else ()
    return findings[0] if findings else None


class Diagnosis:
    """The runs of an answer so far, and the conclusions from them.

    Parameters
    ----------
    exercise : Exercise
    kernel : cuda.Kernel
    """

    def __init__(self, exercise, kernel):
        self.exercise, self.kernel = exercise, kernel
        code = kernel.py_func.__code__
        self.names = code.co_varnames[: code.co_argcount]
        self.seen = []  # one `Seen` per launch, the smallest first

    def add(self, case: Launch, runs: list[Run]) -> bool:
        """Record the runs of a launch; return whether all are right.

        Parameters
        ----------
        case : Launch
        runs : list of Run
        """
        expected = copied(case.arguments)
        with np.errstate(all="ignore"):
            self.exercise.specification(*expected)
        wrong = [r for r in runs if not self.same(expected, r.arrays)]
        self.seen.append(Seen(case, expected, runs, wrong))
        return not self.seen[-1].fails

    def same(self, expected: Sequence[Any], got: Sequence[Any]) -> bool:
        """Return whether the arguments after a launch are as expected."""
        return all(
            not wrong_elements(e, g, self.exercise.tolerance).any()
            for e, g in zip(expected, got, strict=True)
            if isinstance(e, np.ndarray)
        )

    def result(self) -> Result | None:
        """Return the result for the smallest launch that fails, or None."""
        failing = next((seen for seen in self.seen if seen.fails), None)
        if failing is None:
            return None
        mistake = self.known_mistake()
        if failing.finding or failing.last:
            return self.of_finding(failing, mistake)
        return self.of_result(failing, mistake)

    def known_mistake(self) -> Mistake | None:
        """Return the only known mistake that fits the evidence, or None."""
        adds = Mistake(
            "adds_to_the_old",
            "It adds to what was in the array before: the result must not "
            "depend on that.",
            gives=self.added,
        )
        found = [
            mistake
            for mistake in (*self.exercise.mistakes, adds)
            if (mistake.when or self.gives_just)(
                self.seen if mistake.when else mistake
            )
        ]
        return found[0] if len(found) == 1 else None

    def added(self, *arguments: Any) -> None:
        """Add the specification's result to each array's old content."""
        before = copied(arguments)
        self.exercise.specification(*arguments)
        for old, new in zip(before, arguments, strict=True):
            if isinstance(old, np.ndarray) and not equal(old, new):
                new += old

    def gives_just(self, mistake: Mistake) -> bool:
        """Return whether each run matches the mistake's specification."""
        gives: Any = mistake.gives
        for seen in self.seen:
            if seen.finding or seen.last:
                return False
            arguments = copied(seen.case.arguments)
            try:
                with np.errstate(all="ignore"):
                    gives(*arguments)
            except Exception:  # the mistake can't be made with these arguments
                return False
            if not all(self.same(arguments, r.arrays) for r in seen.runs):
                return False
        return True

    def of_finding(self, failure: Seen, mistake: Mistake | None) -> Result:
        finding = failure.finding or failure.last
        assert finding is not None
        kind = mistake.kind if mistake else finding.kind
        text = finding.message
        if mistake:
            text = f"{mistake.message} {finding.message}"
        if failure.finding is None:
            text += " It shows when the last thread runs first."
        return Result(
            self.exercise.name,
            False,
            text,
            kind,
            self.launch_details(failure.case),
            self.line(finding.line),
        )

    def of_result(self, failure: Seen, mistake: Mistake | None) -> Result:
        case, expected, run = failure.case, failure.expected, failure.wrong[0]
        number, index = self.first_wrong(expected, run.arrays)
        name = self.names[number]
        element = f"{name}[{', '.join(map(str, index))}]"
        before = case.arguments[number][index]
        writer, line = self.writer(run.report, name, index)
        kind, text = self.kind_of(failure, number, element, mistake, line)
        details = [
            *self.launch_details(case),
            (
                element,
                f"expected {shown(expected[number][index])}, got "
                f"{shown(run.arrays[number][index])}",
            ),
        ]
        if not equal(before, run.arrays[number][index]):
            details.append(("before", shown(before)))
        if writer:
            details.append(("written by", writer))
        if run.report is None:
            details.append(
                (
                    "run",
                    f"{run.how}; too big to trace"
                    if not case.traced
                    else run.how,
                )
            )
        return Result(
            self.exercise.name,
            False,
            text,
            kind,
            tuple(details),
            self.line(line) if line else "",
        )

    def kind_of(
        self,
        failure: Seen,
        number: int,
        element: str,
        mistake: Mistake | None,
        line: int | None,
    ) -> tuple[str, str]:
        """Return kind and message for a wrong result."""
        if mistake:
            return mistake.kind, mistake.message
        if self.nothing_written():
            return "nothing_written", (
                "The kernel changes no array. Its result must be stored into "
                f"{self.names[number]}."
            )
        if self.is_input(number):
            return "changes_input", (
                f"The kernel must not change {self.names[number]}, but it "
                f"does, first at {element}."
            )
        if line is None and self.is_untouched(failure):
            return "not_all_written", (
                f"{element} is as it was before the launch, and so is every "
                "element that isn't right: no thread writes it."
            )
        return "wrong_result", f"{element} is wrong."

    def nothing_written(self) -> bool:
        """Return whether no traced launch stored to global memory."""
        return not any(
            len(global_events(run.report.record, ("store", "atomic")))
            for seen in self.seen
            for run in seen.runs
            if run.report
        )

    def is_input(self, number: int) -> bool:
        """Return whether the specification never changes this array."""
        return all(
            equal(seen.case.arguments[number], seen.expected[number])
            for seen in self.seen
        )

    def is_untouched(self, failure: Seen) -> bool:
        """Return whether the launch left every wrong element unchanged."""
        for before, expected, got in zip(
            failure.case.arguments,
            failure.expected,
            failure.wrong[0].arrays,
            strict=True,
        ):
            if isinstance(expected, np.ndarray):
                wrong = wrong_elements(expected, got, self.exercise.tolerance)
                if not equal(before[wrong], got[wrong]):
                    return False
        return True

    def first_wrong(
        self, expected: Sequence[Any], got: Sequence[Any]
    ) -> tuple[int, tuple[int, ...]]:
        """Return argument number and index of the first wrong element."""
        for number, (e, g) in enumerate(zip(expected, got, strict=True)):
            if isinstance(e, np.ndarray):
                wrong = wrong_elements(e, g, self.exercise.tolerance)
                if wrong.any():
                    index = np.unravel_index(np.argmax(wrong), wrong.shape)
                    return number, tuple(map(int, index))
        raise AssertionError("nothing is wrong")

    def writer(
        self, report: Report | None, name: str, index: tuple[int, ...]
    ) -> tuple[str, int | None]:
        """Return the last thread that wrote an element, and the line."""
        if report is None:
            return "", None
        record = report.record
        rows = global_events(record, ("store", "atomic"))
        for place in record.allocations:
            if place.name != name or place.space != "global":
                continue
            address = place.address + sum(
                i * s for i, s in zip(index, place.strides, strict=True)
            )
            hit = rows[record.value[rows] == address]
            if len(hit):
                block, thread = name_thread(record, record.thread[hit[-1]])
                line = record.sites[record.site[hit[-1]]].line
                return f"thread {thread} of block {block}, line {line}", line
        return "no thread", None

    def launch_details(
        self, case: Launch, show: Callable[[Any], str] = shown
    ) -> tuple[tuple[str, str], ...]:
        parts = ", ".join(
            f"{name} = {show(value)}"
            for name, value in zip(self.names, case.arguments, strict=True)
        )
        return (
            ("launch", f"{self.exercise.name}[{case.grid}, {case.block}]"),
            ("arguments", parts),
        )

    def line(self, number: int | None) -> str:
        return quoted(self.kernel.py_func, number)
