"""Kernels on the disk: found again, never stale, and no harm if damaged."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import pytest
from cuda_correct import CORRECT
from generated_kernels import imported
from numba.core import event

from gpu_course import cuda
from gpu_course.cuda import executor, inference, store
from gpu_course.cuda.lowering import lower

SOURCE = """\
from typing import NamedTuple

import numpy as np
from numba import float32, int64
from gpu_course import cuda

BY = {by}
TABLE = np.array({table})


class Pair(NamedTuple):
    {first}: int
    {second}: int


PAIR = Pair({first}=3, {second}=4)


@cuda.jit(device=True)
def changed(v):
    return v * {factor}


def closure(by):
    @cuda.jit
    def kernel(x):
        i = cuda.grid(1)
        if i < x.size:
            x[i] += by
    return kernel


@cuda.jit
def kernel(x):
    {more}
    i = cuda.grid(1)
    if i < x.size:
        x[i] += {what}
"""
USUAL = {
    "by": 2,
    "table": [1, 2, 3, 4],
    "first": "one",
    "second": "two",
    "factor": 5,
    "more": "pass",
    "what": "BY",
}


class Compilations(event.Listener):
    """Counts what Numba compiles: all that isn't taken from the disk."""

    def __init__(self):
        self.names = []

    def on_start(self, event):
        self.names.append(event.data["dispatcher"].py_func.__name__)

    def on_end(self, event):
        pass


@pytest.fixture
def compiled():
    """Return the names of what is compiled from here on."""
    listener = Compilations()
    with event.install_listener("numba:compile", listener):
        yield listener.names


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def cache(folder, monkeypatch):
    """Compile at once, and keep all of this module's kernels in one place."""
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")
    monkeypatch.setenv("GPU_COURSE_DATA", str(folder))
    monkeypatch.delenv("GPU_COURSE_KERNEL_CACHE", raising=False)
    return folder / "kernels"


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """Keep the kernels of one test in a folder of its own."""
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "kernels"


class Module:
    """Imports the source again and again, as new sessions would."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0

    def __call__(self, **changes):
        self.count += 1
        source = SOURCE.format(**USUAL | changes)
        return imported(self.folder, f"kernels{self.count}", source)


@pytest.fixture
def module(tmp_path):
    return Module(tmp_path)


def launched(kernel, dtype=np.int64):
    """Launch a kernel; return what it added to each number."""
    x = np.arange(10).astype(dtype)
    kernel[1, 16](x)
    return (x - np.arange(10)).tolist()


def launches(compiled):
    return compiled.count("_launch")


def test_what_is_on_the_disk_is_not_compiled_again(module, compiled):
    assert launched(module().kernel) == [2] * 10
    assert launches(compiled) == 1
    del compiled[:]
    assert launched(module().kernel) == [2] * 10
    assert compiled == []


def test_where_a_kernel_stands_doesn_t_matter(module, compiled):
    assert launched(module().kernel) == [2] * 10
    del compiled[:]
    new = module(more="# Two more\n    # lines.\n    pass")
    assert launched(new.kernel) == [2] * 10
    assert compiled == []


def test_a_fault_is_told_with_the_lines_of_today(module, compiled):
    """The numbers of the lines are no part of the machine code."""

    def line(kernel):
        with pytest.raises(IndexError) as raised:
            kernel[1, 16](np.zeros(10, np.int64))
        return raised.value.finding.line

    wrong = {"what": "x[i + 1]"}
    first = line(module(**wrong).kernel)
    del compiled[:]
    assert line(module(**wrong, more="\n\n    pass").kernel) == first + 2
    assert compiled == []


TAKES = {
    "a global": ({"by": 3}, "BY", 2, 3),
    "a global of another type": ({"by": 2.5}, "BY", 2, 2),
    "a global that is true": ({"by": "True"}, "BY", 2, 1),
    "a global that is a NumPy number": (
        {"by": "np.uint8(200)"},
        "BY * 2",
        4,
        400,
    ),
    "zero and minus zero": (
        {"by": "-0.0"},
        "int(1 / (BY + 1e-300) > 0) + int(np.signbit(BY))",
        1,
        2,
    ),
    "an array": ({"table": [1, 7, 3, 4]}, "TABLE[1]", 2, 7),
    "an array of another type": (
        {"table": [1.5, 2.5]},
        "int64(TABLE[1] * 2)",
        4,
        5,
    ),
    "an array of another shape": (
        {"table": [[1, 2], [3, 4]]},
        "TABLE.ndim",
        1,
        2,
    ),
    "a device function": ({"factor": 6}, "changed(2)", 10, 12),
    "the kernel": ({"what": "7"}, "8", 8, 7),
    "a shape": (
        {"more": "s = cuda.local.array(5, int64)"},
        "s.size",
        4,
        5,
    ),
    "the order of a tuple's names": (
        {"first": "two", "second": "one"},
        "PAIR.one",
        3,
        4,
    ),
}


@pytest.mark.parametrize("name", TAKES)
def test_what_has_changed_is_never_served(name, module, compiled):
    changes, what, before, after = TAKES[name]
    usual = {"what": what}
    if name == "a shape":
        usual["more"] = "s = cuda.local.array(4, int64)"
    if name == "zero and minus zero":
        usual["by"] = "0.0"
    old = module(**usual).kernel
    assert launched(old) == [before] * 10
    assert launched(module(**usual | changes).kernel) == [after] * 10
    assert launched(old) == [before] * 10
    del compiled[:]
    assert launched(module(**usual).kernel) == [before] * 10
    if name != "the order of a tuple's names":
        assert launches(compiled) == 0  # the old one is still there


def test_closures_are_told_apart_by_what_they_close_over(module, compiled):
    one = module()
    assert launched(one.closure(3)) == [3] * 10
    assert launched(one.closure(4)) == [4] * 10
    table = np.array([5])
    assert launched(one.closure(table[0])) == [5] * 10
    del compiled[:]
    assert launched(module().closure(4)) == [4] * 10
    assert compiled == []


def test_an_array_that_changes_before_it_is_compiled(module, monkeypatch):
    """What lies under the name of the old contents has the old contents."""
    monkeypatch.delenv("GPU_COURSE_CUDA")
    changing = module(table=[5, 6], what="TABLE[0]")
    assert launched(changing.kernel) == [5] * 10  # in plain Python
    changing.TABLE[0] = 50
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")
    launched(changing.kernel)
    again = module(table=[5, 6], what="TABLE[0]")
    assert launched(again.kernel) == [5] * 10
    now = module(table=[50, 6], what="TABLE[0]")
    assert launched(now.kernel) == [50] * 10


def test_types_of_arguments_are_told_apart(module, compiled):
    kernel = module().kernel
    for dtype in (np.int8, np.float32, np.uint16):
        assert launched(kernel, dtype) == [2] * 10
    strided = np.zeros((10, 2), np.int64)
    kernel[1, 16](strided[:, 0])
    assert strided.tolist() == [[2, 0]] * 10


def change_source(patch, name):
    """Let a module, whose functions are compiled in, have another text."""
    real = store.text_of

    def text_of(module):
        return real(module) + "# more" * module.__name__.endswith(name)

    patch.setattr(store, "text_of", text_of)


@pytest.mark.parametrize(
    "changes",
    [
        lambda patch: patch.setattr(numba, "__version__", "0.0.1"),
        lambda patch: patch.setattr(np, "__version__", "9.9"),
        lambda patch: change_source(patch, "primitives"),
        lambda patch: change_source(patch, "mathematics"),
        lambda patch: patch.setattr(
            store.platform, "python_version", lambda: "9.9.9"
        ),
    ],
    ids=["Numba", "NumPy", "primitives", "mathematics", "Python"],
)
def test_another_version_compiles_anew(changes, module, compiled, monkeypatch):
    launched(module().kernel)
    del compiled[:]
    changes(monkeypatch)
    assert launched(module().kernel) == [2] * 10
    assert launches(compiled) == 1


def test_with_other_instructions_of_the_cpu_it_compiles_anew(
    module, compiled, monkeypatch
):
    """A home folder can be shared by machines."""
    launched(module().kernel)
    del compiled[:]
    from numba.core.codegen import CPUCodegen

    monkeypatch.setattr(
        CPUCodegen, "magic_tuple", lambda self: ("other", "cpu", "none")
    )
    assert launched(module().kernel) == [2] * 10
    assert launches(compiled) == 1


def test_the_cache_can_be_switched_off(module, compiled, fresh, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_KERNEL_CACHE", "0")
    for _ in range(2):
        assert launched(module().kernel) == [2] * 10
    assert launches(compiled) == 2
    assert not fresh.exists()
    monkeypatch.delenv("GPU_COURSE_KERNEL_CACHE")
    launched(module().kernel)
    del compiled[:]
    monkeypatch.setenv("GPU_COURSE_KERNEL_CACHE", "0")
    assert launched(module().kernel) == [2] * 10
    assert launches(compiled) == 1  # what is there isn't used either
    monkeypatch.delenv("GPU_COURSE_CUDA")
    assert launched(module().kernel) == [2] * 10  # as if it weren't there
    assert launches(compiled) == 1


def test_a_folder_that_cannot_be_made_is_no_error(
    module, compiled, tmp_path, monkeypatch
):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    for there in (blocked, blocked / "below"):
        monkeypatch.setenv("GPU_COURSE_DATA", str(there))
        assert launched(module().kernel) == [2] * 10
    assert launches(compiled) == 2
    assert blocked.read_text() == "not a folder"


@pytest.mark.parametrize("name", ["kernels", "kernels/__pycache__"])
def test_a_file_in_a_folder_s_place_is_no_error(name, module, fresh):
    path = fresh.parent / name
    path.parent.mkdir(parents=True)
    path.write_text("not a folder")
    assert launched(module().kernel) == [2] * 10


def test_a_disk_that_is_full_is_no_error(module, compiled, monkeypatch, fresh):
    """The text may still be written, and then Numba's files not."""
    from numba.core.caching import IndexDataCacheFile

    def save(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(IndexDataCacheFile, "save", save)
        kernel = module().kernel
        assert launched(kernel) == [2] * 10
        assert launched(kernel) == [2] * 10
    assert launched(module().kernel) == [2] * 10


DAMAGES = {
    "empty": lambda content: b"",
    "a half": lambda content: content[: len(content) // 2],
    "without the last byte": lambda content: content[:-1],
    "zeros": lambda content: bytes(len(content)),
    "of something else": lambda content: b"not a pickle at all" * 20,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a folder in which one kernel is stored."""
    path = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPU_COURSE_CUDA", "compiled")
        patch.setenv("GPU_COURSE_DATA", str(path / "data"))
        launched(Module(path)().kernel)
    return path / "data"


@pytest.fixture
def stored(whole, fresh):
    """Return a copy of that folder, which is the one in use."""
    shutil.copytree(whole, fresh.parent)
    return fresh


def test_a_copy_of_the_folder_is_as_good(module, stored, compiled):
    assert launched(module().kernel) == [2] * 10
    assert compiled == []


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("ending", ["nbi", "nbc", "py", "pickle"])
def test_a_damaged_file_is_no_error(damage, ending, module, stored):
    (file,) = stored.rglob(f"*.{ending}")
    file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert launched(module().kernel) == [2] * 10
    # And then it has mended itself, or does without.
    assert launched(module().kernel) == [2] * 10


@pytest.mark.parametrize("ending", ["nbi", "nbc", "py", "pickle"])
def test_a_file_that_is_gone_is_no_error(ending, module, stored):
    (file,) = stored.rglob(f"*.{ending}")
    file.unlink()
    assert launched(module().kernel) == [2] * 10


def test_a_kernel_that_depends_on_what_has_no_name_is_not_stored(
    module, fresh
):
    """Such as an object of the reader's own: it could be another tomorrow."""
    path = store.path_of
    assert launched(module().kernel) == [2] * 10
    kept = len(list(fresh.rglob("*.nbc")))

    class Own:
        pass

    class Program:
        text, space, scratch = "", {"own": Own()}, {}

    assert path(Program, ()) is None
    assert not executor.Compiled(Program, ()).is_ready
    assert len(list(fresh.rglob("*.nbc"))) == kept


# Types


@pytest.fixture
def inferred(monkeypatch):
    """Return the names of the functions whose types are inferred."""
    names = []
    real = inference.infer

    def infer(source, *rest):
        names.append(source.name)
        return real(source, *rest)

    monkeypatch.setattr(inference, "infer", infer)
    return names


def all_types(typed):
    """Return a function's types, and those of what it calls."""
    called = {
        (number, kinds): all_types(device)
        for number, known in typed.devices.items()
        for kinds, device in known.items()
    }
    return typed.types, typed.return_type, called


@pytest.mark.parametrize("name", CORRECT)
def test_types_from_the_disk_are_those_inferred(name, fresh, inferred):
    kinds = tuple(map(numba.typeof, CORRECT[name].arguments))
    function = CORRECT[name].kernel.py_func
    afresh = all_types(lower(function, kinds))
    count = len(inferred)
    assert all_types(lower(function, kinds)) == afresh
    if list(fresh.glob("*.pickle")):
        assert len(inferred) < 2 * count


def test_nearly_all_kernels_have_types_that_can_be_stored(fresh, inferred):
    for entry in CORRECT.values():
        kinds = tuple(map(numba.typeof, entry.arguments))
        lower(entry.kernel.py_func, kinds)
    names = set(inferred)
    del inferred[:]
    for entry in CORRECT.values():
        kinds = tuple(map(numba.typeof, entry.arguments))
        lower(entry.kernel.py_func, kinds)
    assert len(set(inferred)) < len(names) / 10


def test_plain_and_traced_launches_take_types_from_the_disk(
    module, fresh, inferred, monkeypatch
):
    launched(module().kernel)
    assert inferred == ["kernel"]
    monkeypatch.setenv("GPU_COURSE_CUDA", "python")
    assert launched(module().kernel) == [2] * 10
    module().kernel.trace[1, 16](np.arange(10))
    assert inferred == ["kernel"]


NEW_TYPES = {
    "a global": ({"by": 3}, "BY"),
    "a global of another type": ({"by": 2.5}, "BY"),
    "a global that is a NumPy number": ({"by": "np.float32(2)"}, "BY"),
    "the dtype of an array": ({"table": [1.5, 2.5]}, "int64(TABLE[1])"),
    "the order of an array": (
        {"table": "[[1, 2], [3, 4]], order='F'"},
        "TABLE[1, 0]",
    ),
    "what a device function returns": ({"factor": 2.5}, "changed(2)"),
    "the kernel": ({"what": "7.5"}, "7"),
    "a local array": ({"more": "s = cuda.local.array(4, float32)"}, "s[0]"),
}


@pytest.mark.parametrize("name", NEW_TYPES)
def test_types_of_what_has_changed_are_inferred_anew(
    name, module, fresh, inferred
):
    changes, what = NEW_TYPES[name]
    usual = {"what": what}
    if name == "a local array":
        usual["more"] = "s = cuda.local.array(4, int64)"
    if name == "the order of an array":
        usual["table"] = "[[1, 2], [3, 4]]"
    kinds = (numba.int64[::1],)
    old = all_types(lower(module(**usual).kernel.py_func, kinds))
    del inferred[:]
    new = module(**usual | changes).kernel.py_func
    found = all_types(lower(new, kinds))
    assert "kernel" in inferred
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPU_COURSE_KERNEL_CACHE", "0")
        assert all_types(lower(new, kinds)) == found
    del inferred[:]
    assert all_types(lower(module(**usual).kernel.py_func, kinds)) == old
    if name != "what a device function returns":  # that takes its place
        assert inferred == []


def test_a_device_function_that_returns_the_same_type_is_asked_alone(
    module, fresh, inferred
):
    launched(module(what="changed(2)").kernel)
    assert sorted(inferred) == ["changed", "kernel"]
    del inferred[:]
    assert launched(module(what="changed(2)", factor=6).kernel) == [12] * 10
    assert inferred == ["changed"]


@pytest.mark.parametrize("module_name", ["inference", "mathematics"])
def test_types_of_other_rules_are_inferred_anew(
    module_name, module, fresh, inferred, monkeypatch
):
    launched(module().kernel)
    change_source(monkeypatch, module_name)
    launched(module().kernel)
    assert inferred == ["kernel", "kernel"]


class Two(NamedTuple):
    one: int
    two: float


@cuda.jit
def with_a_named_tuple(x, two):
    x[0] = two.one * two.two


def test_a_type_with_a_class_of_the_reader_s_is_not_stored(fresh, inferred):
    for _ in range(2):
        x = np.zeros(1)
        with_a_named_tuple.versions.clear()
        with_a_named_tuple[1, 1](x, Two(3, 2.5))
        assert x[0] == 7.5
    assert inferred == ["with_a_named_tuple"] * 2
    assert not list(fresh.glob("*.pickle"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_types_are_inferred_and_stored_again(
    damage, module, stored, inferred
):
    (file,) = stored.glob("*.pickle")
    whole = file.read_bytes()
    file.write_bytes(DAMAGES[damage](whole))
    for _ in range(2):
        assert launched(module().kernel) == [2] * 10
    assert inferred == ["kernel"]
    assert file.read_bytes() == whole


def test_types_are_not_stored_when_that_is_switched_off(
    module, fresh, inferred, monkeypatch
):
    launched(module().kernel)
    monkeypatch.setenv("GPU_COURSE_KERNEL_CACHE", "0")
    launched(module().kernel)
    assert inferred == ["kernel", "kernel"]


def test_types_need_no_folder_that_can_be_written(
    module, tmp_path, inferred, monkeypatch
):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("GPU_COURSE_DATA", str(blocked))
    monkeypatch.setenv("GPU_COURSE_CUDA", "python")
    for _ in range(2):
        assert launched(module().kernel) == [2] * 10
    assert inferred == ["kernel", "kernel"]


# Processes

SCRIPT = """\
import json, sys, time
import numpy as np
from numba.core import event
from generated_kernels import imported
from pathlib import Path


class Listener(event.Listener):
    def on_start(self, event):
        names.append(event.data["dispatcher"].py_func.__name__)

    def on_end(self, event):
        pass


names = []
path = Path(sys.argv[1])
kernel = imported(path.parent, path.stem, path.read_text()).kernel
from gpu_course.cuda import executor
x = np.arange(10)
event.register("numba:compile", Listener())
while time.time() < float(sys.argv[2]):
    time.sleep(0.01)
start = time.perf_counter()
kernel[1, 16](x)
print(json.dumps([names.count("_launch"), (x - np.arange(10)).tolist(),
                  time.perf_counter() - start]))
"""


def process(path, at):
    here = str(Path(__file__).parent)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT, str(path), str(at)],
        env={**os.environ, "PYTHONPATH": here},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_processes_that_compile_at_once_and_one_later(tmp_path, fresh):
    path = tmp_path / "kernels_of_two.py"
    path.write_text(SOURCE.format(**USUAL))
    together = [process(path, time.time() + 6) for _ in range(2)]
    said = [p.communicate(timeout=90) for p in together]
    for out, err in said:
        count, added, _ = json.loads(out)
        assert added == [2] * 10
        assert count <= 1
        assert err == ""
    out, err = process(path, 0).communicate(timeout=60)
    assert json.loads(out)[:2] == [0, [2] * 10], err
    assert err == ""
