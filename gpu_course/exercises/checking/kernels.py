"""Check a kernel: hidden launches in two thread orders, then compiled.

Every small launch is traced in both thread orders. So a race, a missing
barrier or an index out of bounds shows even if the result happens to be right.
Then every launch runs compiled too, and on the GPU if there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpu_course.cuda import backend
from gpu_course.cuda.errors import LaunchError, TooSlow
from gpu_course.cuda.frontend import UnsupportedKernel
from gpu_course.exercises.checking.diagnosis import Diagnosis, Run
from gpu_course.exercises.checking.equality import copied
from gpu_course.exercises.checking.limited import TimeIsUp, run_limited
from gpu_course.exercises.checking.limits import work_shared
from gpu_course.exercises.checking.quoted import line_of, quoted
from gpu_course.exercises.checking.result import Result, said, shape

if TYPE_CHECKING:
    from gpu_course.cuda.kernel import Kernel
    from gpu_course.exercises.checking.exercise import Exercise, Launch, Limit


TRACE_S = 3.0  # limit of a traced launch; a right one takes 0.1 s
LAUNCH_S = 30.0  # limit of a compiled launch, including compilation


def check_kernel(exercise: Exercise, kernel: Kernel) -> Result:
    """Check an answer that is a kernel.

    Parameters
    ----------
    exercise : Exercise
    kernel : cuda.Kernel

    Returns
    -------
    Result
    """
    cases = exercise.cases()
    problem = misfit(exercise, kernel, cases[0])
    if problem:
        return Result(exercise.name, False, *problem)
    return _Check(exercise, kernel, cases).result()


def misfit(
    exercise: Exercise, kernel: Kernel, case: Launch
) -> tuple[str, str] | None:
    """Return diagnosis and kind if the number of parameters is wrong."""
    name = exercise.name
    takes, given = kernel.py_func.__code__.co_argcount, len(case.arguments)
    if takes != given:
        return (
            f"{name} takes {takes} parameters, and the task names {given}.",
            "wrong_parameters",
        )
    return None


_SHARES: dict[str, Limit] = {}  # a solution's source -> its limit


class _Check:
    def __init__(self, exercise, kernel, cases):
        self.exercise, self.kernel, self.cases = exercise, kernel, cases
        self.diagnosis = Diagnosis(exercise, kernel)

    def result(self):
        """Trace, check the limits, then run compiled; return the result."""
        for stage in (self.traced, self.limits, self.launched):
            wrong = stage()
            if wrong is not None:
                return wrong
        return Result(self.exercise.name, True)

    def traced(self):
        for case in self.cases:
            runs = []
            for reverse in (False, True) if case.traced else ():
                try:
                    report, arrays = self.kernel.observe(
                        (case.grid, case.block),
                        copied(case.arguments),
                        reverse,
                        TRACE_S,
                    )
                except Exception as error:
                    return self.stopped(case, error, TRACE_S)
                how = "last thread first" if reverse else "first thread first"
                runs.append(Run(how, arrays, report))
            if runs:
                self.diagnosis.add(case, runs)
        return self.diagnosis.result()

    def limits(self):
        last = self.diagnosis.seen[-1]
        report = last.runs[0].report
        for limit in (self.work_shared(last.case), *self.exercise.limits):
            seen = self.kernel if limit.of_kernel else report
            if not limit.holds(seen):
                return Result(
                    self.exercise.name,
                    False,
                    limit.message(seen),
                    limit.kind,
                    self.diagnosis.launch_details(last.case, shape),
                )
        return None

    def work_shared(self, case):
        """Return the limit on one thread's work, from the solution's trace."""
        known = self.exercise.solution
        if known not in _SHARES:
            solution = self.exercise.load(known)
            report, _ = solution.observe(
                (case.grid, case.block), copied(case.arguments)
            )
            _SHARES[known] = work_shared(report)
        return _SHARES[known]

    def launched(self):
        executors = ["compiled", *(["gpu"] if backend.uses_gpu() else [])]
        for case in self.cases:
            runs = []
            for executor in executors:
                arguments = copied(case.arguments)

                def launch(case=case, executor=executor, given=arguments):
                    with backend.forced(executor):
                        self.kernel[case.grid, case.block](*given)

                try:
                    run_limited(launch, LAUNCH_S)
                except (Exception, TimeIsUp) as error:
                    return self.stopped(case, error, LAUNCH_S)
                runs.append(Run(executor, arguments))
            self.diagnosis.add(case, runs)
        return self.diagnosis.result()

    def stopped(self, case, error, seconds):
        """Return the result for a launch that raised or didn't end."""
        name = self.exercise.name
        details = self.diagnosis.launch_details(case)
        if isinstance(error, TooSlow | TimeIsUp):
            kind, text = (
                "too_slow",
                (
                    f"A launch didn't finish within {seconds:g} s; it should "
                    "take a fraction of a second. Look for a loop whose "
                    "condition never becomes false."
                ),
            )
        elif isinstance(error, UnsupportedKernel):
            kind, text = "unsupported", str(error)
        elif getattr(error, "finding", None):
            kind, text = error.finding.kind, str(error)
        elif isinstance(error, LaunchError):
            kind, text = "raises", str(error)
        else:
            kind, text = "raises", said(error)
        line = quoted(self.kernel.py_func, line_of(self.kernel.py_func, error))
        return Result(name, False, text, kind, details, line)
