"""The real compiler, with no GPU and no toolkit."""

import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import cuda_native_kernels as kernels
import numpy as np
import pytest
from numba import float32, types

from gpu_course import cuda
from gpu_course.cuda import compiler

there = pytest.mark.skipif(
    compiler.missing() is not None, reason=str(compiler.missing())
)
MATRICES = (types.float32[:, ::1],) * 3
FLAT = types.float32[::1]
SEVERAL = (75, 90, 120)


@cuda.jit(device=True)
def curve(x):
    square = x * x
    return square * x


@cuda.jit
def uses_a_helper(states, x):
    i = cuda.grid(1)
    x[i] = curve(x[i])
    x[i] += cuda.random.xoroshiro128p_uniform_float32(states, i)


HELPED = (cuda.random.xoroshiro128p_type[::1], FLAT)


@cuda.jit("void(float32[::1], int64)", max_registers=24)
def spills(x, n):
    values = cuda.local.array(64, float32)
    for i in range(64):
        values[i] = x[i]
    for j in range(n):
        for i in range(64):
            values[i] *= values[(7 * i + j) % 64]
    x[cuda.grid(1)] = values[n]


@there
@pytest.mark.parametrize("cc", [80, "80", "8.0", (8, 0), "sm_80"])
def test_ptx_is_for_the_capability_asked_for(cc):
    assert ".target sm_80\n" in kernels.matmul.inspect_ptx(cc, MATRICES)


@there
@pytest.mark.parametrize("cc", SEVERAL)
def test_shared_memory_is_known_by_arithmetic(cc):
    found = kernels.matmul.resources(cc, MATRICES)
    assert found.shared_bytes == 2 * 16 * 16 * 4
    assert found.local_bytes == found.spill_store_bytes == 0
    assert 16 <= found.registers <= 64
    # Without link-time optimisation the number comes from the ELF file.
    plain = cuda.jit(kernels.matmul.py_func, lto=False)
    assert plain.resources(cc, MATRICES).shared_bytes == 2 * 16 * 16 * 4


@there
@pytest.mark.parametrize("cc", [75, 90])
def test_local_and_constant_memory_and_spills(cc):
    found = kernels.whole_grid.resources(cc, (FLAT,))
    assert found.constant_bytes == kernels.TABLE.nbytes
    found = spills.resources(cc)
    assert found.registers == 24
    assert 64 * 4 < found.local_bytes <= 64 * 4 + found.spill_store_bytes
    assert found.spill_store_bytes > 100
    assert found.spill_load_bytes > 100
    free = cuda.jit(spills.py_func)
    assert free.resources(cc, (FLAT, types.int64)).spill_store_bytes == 0


@there
@pytest.mark.parametrize("cc", SEVERAL)
def test_the_machine_code_uses_the_registers_that_are_counted(cc):
    code = kernels.matmul.inspect_sass(cc, MATRICES)
    highest = max(map(int, re.findall(r"\bR(\d+)\b", code)))
    registers = kernels.matmul.resources(cc, MATRICES).registers
    assert highest < registers <= highest + 8


def lines_of(kernel):
    import inspect

    lines, first = inspect.getsourcelines(kernel.py_func)
    return dict(enumerate(map(str.strip, lines), first))


@there
@pytest.mark.parametrize("cc", SEVERAL)
def test_machine_code_stands_under_its_python_line(cc):
    code = kernels.matmul.inspect_sass(cc, MATRICES)
    source = lines_of(kernels.matmul)
    found = {}
    for line, instruction in code.instructions:
        opcode = re.sub(r"^@\S+ ", "", instruction).split()[0]
        found.setdefault(opcode.split(".")[0], set()).add(source.get(line))
    assert found["BAR"] == {"cuda.syncthreads()"}
    # The others are fourth(), which stands elsewhere in the file.
    assert "total += tile_a[ty, k] * tile_b[k, tx]" in found["FFMA"]
    assert found["STG"] == {"c[row, column] = fourth(total)"}
    assert found["LDG"] == {
        "tile_a[ty, tx] = a[row, start + tx]",
        "tile_b[ty, tx] = b[start + ty, column]",
    }
    headings = re.findall(r"^line (\d+): (.*)$", code, re.MULTILINE)
    assert ("cuda.syncthreads()") in dict(headings).values()
    assert len(headings) > 10
    assert "NOP" not in code


@there
def test_a_helper_counts_as_its_line_and_a_library_as_the_callers():
    code = uses_a_helper.inspect_sass(80, HELPED)
    own = lines_of(uses_a_helper) | lines_of(curve)
    texts = {own.get(line) for line, _ in code.instructions}
    assert None not in texts
    assert "square = x * x" in texts
    shifts = [own[n] for n, text in code.instructions if "SHF.L" in text]
    assert shifts
    assert all("xoroshiro128p" in text for text in shifts)


# Which types


def test_types_are_those_of_the_decorator_or_of_the_last_launch():
    @cuda.jit
    def kernel(x, n):
        x[0] = n

    with pytest.raises(ValueError, match="kernel has no argument types"):
        compiler.argument_types(kernel)
    kernel[1, 1](np.zeros(2, np.float32), 1)
    kernel[1, 1](np.zeros(2), np.float32(1))
    last = (types.float64[::1], types.float32)
    assert compiler.argument_types(kernel) == last
    given = "void(float32[::1], int8)"
    assert compiler.argument_types(kernel, given) == (FLAT, types.int8)
    assert compiler.argument_types(spills) == (FLAT, types.int64)
    several = cuda.jit([given, "void(int8[:], int8)"])(kernel.py_func)
    assert compiler.argument_types(several) == (FLAT, types.int8)


@there
def test_a_kernel_that_doesnt_compile_says_what_numba_says():
    from numba.core.errors import TypingError

    with pytest.raises(TypingError, match="setitem"):
        kernels.matmul.resources(80, (types.int64,) * 3)


# What can be missing


@there
@pytest.mark.parametrize("cc", [70, "6.1", 130])
def test_a_capability_that_the_compiler_lacks_is_an_error(cc):
    with pytest.raises(ValueError, match=r"knows .* 7\.5, 8\.0, .*got"):
        spills.resources(cc)


def absent(monkeypatch, package):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == package else real(name),
    )


@pytest.mark.parametrize("call", ["inspect_ptx", "inspect_sass", "resources"])
def test_without_the_package_it_says_what_to_install(monkeypatch, call):
    monkeypatch.setattr(sys, "platform", "linux")
    absent(monkeypatch, "numba_cuda")
    expected = re.escape('pip install "numba-cuda[cu13]"')
    with pytest.raises(RuntimeError, match=expected):
        getattr(spills, call)(80)


def test_without_the_disassembler_it_says_what_to_install(monkeypatch):
    def files(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(compiler, "_there", lambda *modules: True)
    monkeypatch.setattr(importlib.metadata, "files", files)
    with pytest.raises(RuntimeError, match='install "nvidia-cuda-nvdisasm'):
        spills.inspect_sass(80)


def test_on_a_mac_it_says_that_there_is_none(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    absent(monkeypatch, "numba_cuda")
    with pytest.raises(RuntimeError, match="no compiler for macOS"):
        spills.resources(80)


# Where it comes from

WATCH = """
import sys
opened = []
def watch(event, arguments):
    if event in ("open", "ctypes.dlopen", "subprocess.Popen"):
        opened.append(str(arguments[0]))
sys.addaudithook(watch)
sys.path.insert(0, {tests!r})
import cuda_native_kernels as kernels
import test_compiler as test
kernels.matmul.inspect_sass(90, test.MATRICES)
kernels.whole_grid.resources(80, (test.FLAT,))
with open("/proc/self/maps") as file:
    opened += [line.split(maxsplit=5)[-1].strip() for line in file]
print("\\n".join(opened))
"""


@there
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/maps")
def test_it_uses_what_pip_installed_and_no_toolkit():
    """Even where a toolkit is installed, as on the PATH of some machines."""
    hidden = ("CUDA_HOME", "CUDA_PATH", "LD_LIBRARY_PATH", "PATH")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    tests = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", WATCH.format(tests=tests)],
        env={**environment, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    tools = (
        "nvvm",
        "nvrtc",
        "nvjitlink",
        "libdevice",
        "nvdisasm",
        "cudadevrt",
    )
    used = [
        path
        for path in done.stdout.splitlines()
        if "/" in path and any(tool in path.lower() for tool in tools)
    ]
    for tool in ("libnvvm", "libnvJitLink", "nvdisasm", "libcudadevrt"):
        assert any(Path(path).name.startswith(tool) for path in used), tool
    package = Path(importlib.util.find_spec("numba_cuda").origin)
    for path in used:
        assert Path(path).is_relative_to(package.parent.parent), path


@there
def test_numba_believes_in_no_gpu_afterwards():
    from numba.cuda import codegen, dispatcher
    from numba.cuda.api import get_current_device

    spills.resources(80)
    assert dispatcher.get_current_device is get_current_device
    assert codegen.CUDACodeLibrary._ensure_cc.__name__ == "_ensure_cc"
