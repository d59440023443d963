"""Solutions pass; starters and known-wrong answers fail, each as it should."""

import ast
import functools
import time

import numpy as np
import pytest

from gpu_course import cuda
from gpu_course.exercises import catalogue, check, hint, solution
from gpu_course.exercises.check import find

IDS = [e.name for e in catalogue()]
every_exercise = pytest.mark.parametrize("exercise", catalogue(), ids=IDS)


@pytest.fixture(autouse=True)
def own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path))


@every_exercise
def test_the_solution_passes(exercise):
    result = check(exercise.name, exercise.load(exercise.solution))
    assert result.passed, result
    assert result.diagnosis is None


@every_exercise
def test_the_starter_runs_and_fails(exercise):
    result = check(exercise.name, exercise.load(exercise.starter))
    assert not result.passed
    assert result.kind not in ("raises", "unsupported", "check_failed")


WRONG = [
    pytest.param(exercise, answer, id=f"{exercise.name}-{n}-{answer.kind}")
    for exercise in catalogue()
    for n, answer in enumerate(exercise.wrong)
]


@functools.cache
def checked(name, answer):
    return check(name, find(name).load(answer))


@pytest.mark.parametrize(("exercise", "answer"), WRONG)
def test_a_wrong_answer_gets_its_own_diagnosis(exercise, answer):
    result = checked(exercise.name, answer)
    assert not result.passed
    assert result.kind == answer.kind, result
    assert result.diagnosis


@every_exercise
def test_what_each_ships_with(exercise):
    assert len(exercise.wrong) >= 3
    assert len(exercise.hints) == 3
    diagnoses = {checked(exercise.name, w).diagnosis for w in exercise.wrong}
    assert len(diagnoses) == len(exercise.wrong)
    assert exercise.solution != exercise.starter
    for source in (exercise.starter, exercise.solution):
        ast.parse(source)
        assert max(map(len, source.splitlines())) <= 79


@every_exercise
def test_a_check_is_quick(exercise):
    answer = exercise.load(exercise.solution)
    check(exercise.name, answer)
    start = time.perf_counter()
    check(exercise.name, answer)
    assert time.perf_counter() - start < 3  # 1 s on a machine that is free


def test_names_are_unique_and_chapters_in_order():
    assert len(set(IDS)) == len(IDS)
    chapters = [e.chapter for e in catalogue()]
    assert chapters == sorted(chapters)


# What learners also do. The first exercise stands for all kernels.

AXPY = next(e for e in catalogue() if e.name == "axpy")


def axpy_of(*changes):
    source = AXPY.solution
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    return AXPY.load(source)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, "not_a_kernel"),
        (lambda a, x, y: None, "not_a_kernel"),
        (cuda.jit(device=True)(lambda a, x, y: a), "not_a_kernel"),
        (AXPY.load(AXPY.solution)[1, 32], "not_a_kernel"),
        (
            axpy_of(("def axpy(a, x, y)", "def axpy(a, x, y, n)")),
            "wrong_parameters",
        ),
        (axpy_of(("if i <", "while i <")), "too_slow"),
        (axpy_of(("y[i] = a * x[i] + y[i]", "print(a.shape)")), "unsupported"),
        (axpy_of(("y[i] = a * x[i] + y[i]", "pass")), "nothing_written"),
        (axpy_of(("y[i] = ", "x[i] = ")), "changes_input"),
        (axpy_of(("+ y[i]", "+ y[i] + z")), "raises"),
        (axpy_of(("x.size", "32")), "out_of_bounds"),
    ],
)
def test_what_else_an_answer_may_be(answer, kind):
    result = check("axpy", answer)
    assert not result.passed
    assert result.kind == kind, result


def test_a_size_that_is_hard_coded_shows():
    answer = axpy_of(("i < x.size", "i < min(x.size, 100)"))
    result = check("axpy", answer)
    assert result.kind == "not_all_written"
    assert "y[100]" in str(result)


@cuda.jit
def blur_adding(image, out):
    column, row = cuda.grid(2)
    height, width = image.shape
    if row < height and column < width:
        total = np.float32(0)
        count = 0
        for r in range(max(row - 1, 0), min(row + 2, height)):
            for c in range(max(column - 1, 0), min(column + 2, width)):
                total += image[r, c]
                count += 1
        out[row, column] += total / np.float32(count)


@cuda.jit
def planes_added(a, b, out):
    column, row = cuda.grid(2)
    if row < out.shape[0] and column < out.shape[1]:
        out[row, column] += a[row, column] + b[row, column]


def test_adding_to_what_was_there_is_no_storing_of_nothing():
    assert check("blur", blur_adding).kind == "adds_to_the_old"
    assert check("add_planes", planes_added).kind == "adds_to_the_old"


@cuda.jit
def stores_nothing(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        a += x[i]


def test_storing_nothing():
    assert check("axpy", stores_nothing).kind == "nothing_written"


@cuda.jit
def two_columns_a_thread(a, b, out):
    column, row = cuda.grid(2)
    if row < out.shape[0]:
        for c in range(2 * column, min(2 * column + 2, out.shape[1])):
            out[row, c] = a[row, c] + b[row, c]


def test_a_column_is_blamed_only_where_one_is_walked_down():
    (planes,) = (e for e in catalogue() if e.name == "add_planes")
    down = check("add_planes", planes.load(planes.starter))
    beside = check("add_planes", two_columns_a_thread)
    assert down.kind == beside.kind == "uncoalesced"
    assert "down a column" in down.diagnosis
    assert "column" not in beside.diagnosis


def test_a_limit_says_shapes_and_no_random_values():
    result = check("add_planes", two_columns_a_thread)
    assert dict(result.details)["arguments"] == (
        "a = float32 32×32, b = float32 32×32, out = float32 32×32"
    )


def test_a_count_is_an_integer():
    result = check("blocks_for", lambda n, t: max(1.0, np.ceil(n / t)))
    assert result.kind == "not_an_integer"
    assert check(
        "blocks_for", lambda n, t: np.int64(max(1, -(-n // t)))
    ).passed


@cuda.jit
def returns_it(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        return a * x[i] + y[i]


@cuda.jit
def returns_the_array(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = a * x[i] + y[i]
    return y


@pytest.mark.parametrize("kernel", [returns_it, returns_the_array])
def test_a_kernel_returns_nothing(kernel):
    result = check("axpy", kernel)
    assert "a kernel returns nothing" in result.diagnosis


@pytest.mark.parametrize(
    ("call", "kind", "parts"),
    [
        (
            lambda: check("axpi", axpy_of()),
            "unknown_exercise",
            ["no exercise 'axpi'", "'axpy'", "show_progress()"],
        ),
        (
            lambda: check("Blocks_For ", axpy_of()),
            "unknown_exercise",
            ["'blocks_for'"],
        ),
        (lambda: check("qqqq", None), "unknown_exercise", ["show_progress()"]),
        (lambda: hint("axpi"), "unknown_exercise", ["'axpy'"]),
        (lambda: solution("axpi"), "unknown_exercise", ["'axpy'"]),
        (
            lambda: check(axpy_of(), "axpy"),
            "name_first",
            ["The name comes first", 'check("axpy", axpy)'],
        ),
        (
            lambda: check(axpy_of(), "axpi"),
            "name_first",
            ['check("NAME", NAME)', "show_progress()"],
        ),
        (lambda: check(axpy_of()), "not_a_name", ['check("axpy", axpy)']),
        (lambda: check(None, None), "not_a_name", ["got None"]),
        (lambda: check(["axpy"], axpy_of()), "not_a_name", ["got ['axpy']"]),
        (lambda: hint(axpy_of()), "not_a_name", ['hint("axpy")']),
        (lambda: solution(axpy_of()), "not_a_name", ['solution("axpy")']),
        (lambda: check("axpy"), "no_answer", ['check("axpy", axpy)']),
        (lambda: check(), "not_a_name", ['check("NAME", NAME)']),
        (lambda: hint(), "not_a_name", ['hint("NAME")']),
    ],
)
def test_a_call_that_is_not_understood_shows_the_right_one(call, kind, parts):
    result = call()
    assert not result.passed
    assert result.kind == kind, result
    for part in parts:
        assert part in result.diagnosis
    assert len(str(result)) < 250  # and not all the exercises
    assert " object at 0x" not in str(result)


def test_the_nearest_names_are_three_at_most():
    text = check("loss_gradients", None).diagnosis
    assert text.count("'") <= 2 * 4
    assert "'loss_gradient'" in text


class AsAnswer:
    def __call__(self, n, threads):
        return 1


@pytest.mark.parametrize("name", ["axpy", "blocks_for"])
@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (None, "is None. Was {name} called"),
        (4, "is 4. Was {name} called"),
        (np.arange(3.0), "is [0., 1., 2.] float64. Was {name} called"),
        ("{name}", "since it stands in quotes"),
        (AsAnswer, "the class AsAnswer"),
        (AsAnswer(), "got AsAnswer"),
        (len, "got builtin_function_or_method"),
        (AXPY.load(AXPY.solution)[1, 32], "This is {name}[blocks, threads]"),
    ],
)
def test_an_answer_of_the_wrong_kind(name, answer, part):
    if isinstance(answer, str):
        answer = answer.format(name=name)
    result = check(name, answer)
    assert result.kind in ("not_a_kernel", "not_a_function")
    assert part.format(name=name) in result.diagnosis
    if "got" not in part and "This is" not in part:
        assert f'check("{name}", {name})' in result.diagnosis


def test_a_kernel_where_a_function_is_asked():
    for answer in (axpy_of(), cuda.jit(device=True)(lambda n, t: n)):
        result = check("blocks_for", answer)
        assert result.kind == "not_a_function"
        assert "take @cuda.jit away" in result.diagnosis


# Long values, and errors


class Hostile:
    def __repr__(self):
        raise ZeroDivisionError


class HostileError(Exception):
    def __str__(self):
        raise ZeroDivisionError


@pytest.mark.parametrize(
    "value",
    [
        list(range(10**5)),
        tuple([[0] * 100] * 10**4),
        "x" * 10**6,
        10**5000,
        [10**5000],
        {i: i for i in range(10**5)},
        Hostile(),
        [Hostile()],
        np.full(5, "x" * 10**6),
        np.array([Hostile(), "x"]),
        np.array(["x" * 10**6], object),
        np.str_("x" * 10**6),
        b"x" * 10**6,
        [np.zeros(10**6)],
        set(range(10**5)),
        range(10**9),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_long_value_is_cut(value):
    result = check("blocks_for", lambda n, threads: value)
    assert result.kind == "wrong_result", result
    assert len(str(result)) < 800
    assert not check("blocks_for", value).passed


def raising(error):
    raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("x" * 10**6), "ValueError: xxxx"),
        (ValueError("so."), "It raises ValueError: so."),
        (HostileError(), "It raises HostileError."),
        (SystemExit(), "It raises SystemExit."),
        (RecursionError(), "It raises RecursionError."),
    ],
)
def test_what_an_answer_raises(error, said):
    result = check("blocks_for", lambda n, threads: raising(error))
    assert result.kind == "raises"
    assert said in result.diagnosis
    assert ".." not in result.diagnosis
    assert len(str(result)) < 800
    assert "raise error" in result.source


FUNCTION = next(e for e in catalogue() if e.name == "blocks_for")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("return undefined", "raises"),
        ("while True: pass", "too_slow"),
        ("n = [][n + 1]", "raises"),
    ],
)
def test_a_function_that_does_not_return_has_its_line_quoted(line, kind):
    source = f"def blocks_for(n, threads):\n    n += 1\n    {line}\n"
    result = check("blocks_for", FUNCTION.load(source))
    assert result.kind == kind
    assert result.source == f"line 3:  {line}"


def test_a_kernel_without_end_has_its_line_quoted():
    result = check("axpy", axpy_of(("if i <", "while i <")))
    assert result.kind == "too_slow"
    number = AXPY.solution[: AXPY.solution.index("if i <")].count("\n") + 1
    assert result.source.startswith(f"line {number}:  while i <")


def test_hints_come_one_by_one_and_the_last_again():
    texts = [hint("axpy").body for _ in range(4)]
    assert texts[:3] == list(AXPY.hints)
    assert texts[3] == texts[2]


def test_solution_is_the_source():
    assert "cuda.grid(1)" in repr(solution("axpy"))
    assert "<pre>" in solution("axpy")._repr_html_()


def test_results_show_as_text_and_html():
    good = check("axpy", AXPY.load(AXPY.solution))
    bad = check("axpy", AXPY.load(AXPY.starter))
    assert "passed" in good._repr_html_()
    assert "line 8" in repr(bad)
    assert "y[i]" in bad._repr_html_()


def test_a_check_says_the_same_each_time():
    answer = AXPY.load(AXPY.wrong[2])
    assert repr(check("axpy", answer)) == repr(check("axpy", answer))
