"""Whole kernels as source text: they end, stay in bounds and have no race.

Each construct guarantees this by how it is built; see `generated_statements`
and `generated_waits`. All atomics on an array use the same operation, whose
order can't matter.
"""

import importlib.util
from dataclasses import dataclass
from textwrap import indent

import numpy as np
from generated_expressions import Expressions, Tame
from generated_statements import CATEGORIES, Scope
from generated_types import DTYPES, is_real, values
from generated_waits import Waits
from numba.core import types

HEAD = """\
import math

import numpy as np
from gpu_course import cuda
from numba import (  # noqa: F401
    float32, float64, int8, int16, int32, int64,
    uint8, uint16, uint32, uint64,
)

"""
ATOMICS = ("add", "max", "min", "and_", "or_", "xor")
ATOMIC_DTYPES = ("int32", "int64", "uint32", "uint64")
SHARED_DTYPES = ("int8", "int32", "int64", "uint16", "float32", "float64")
BLOCKS = (1, 7, 16, 32, 33, 64, (8, 4), (5, 3), (4, 4, 2), (16, 4), (2, 3, 2))
GRIDS = (1, 2, 3, (2, 2), (1, 3), (2, 1, 2))


@dataclass(frozen=True, repr=False)
class Case:
    """A kernel and its launch.

    Attributes
    ----------
    source : str
        A module with a function ``kernel``.
    inputs : dict of str to ndarray or number
        Arguments, by the kernel's parameters.
    configuration : tuple
        Grid, block, stream, bytes of dynamic shared memory.
    warps : bool
        Whether it uses warp operations.
    """

    source: str
    inputs: dict
    configuration: tuple
    warps: bool

    def __repr__(self):
        return f"{self.source}\n{self.configuration}\n{self.inputs}"

    def arguments(self):
        """Return fresh copies of the arguments."""
        return [
            v.copy() if isinstance(v, np.ndarray) else v
            for v in self.inputs.values()
        ]


def imported(folder, name, source):
    """Write a module to a real file, import it and return it."""
    path = folder / f"{name}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class KernelWriter(Waits):
    """Draws one kernel.

    Parameters
    ----------
    random : random.Random
    tame : bool
        Use only arithmetic that Python, NumPy and Numba do alike, and no warp
        operations. Then Numba's simulator gives the same result.
    steps : int
        Most statements that all threads run.
    depth : int
        Depth of expressions.
    """

    device_lines = ()

    def __init__(self, random, tame=False, steps=5, depth=2):
        self.random, self.tame = random, tame
        self.steps, self.depth = steps, depth
        self.lines, self.inputs, self.constants = [], {}, {}
        self.count = self.loops = 0
        self.full = True  # all threads of the block are still running
        self.warps = False
        self.reading = set()  # shared arrays with an open read window
        self.shared, self.staging, self.devices = {}, {}, []
        self.local = {}
        self.draws = {}

    def write(self):
        """Return the case."""
        pick = self.random.choice
        self.block, self.grid = pick(BLOCKS), pick(GRIDS)
        block = np.prod(self.block)
        self.size = int(block)
        self.total = int(block * np.prod(self.grid))
        self.make_inputs()
        for _ in range(pick((0, 1, 1, 2))):
            self.device_function()
        body = Scope({"t": ("int", 0), "me": ("int", 0)})
        body.variables["b"] = ("int", 0)
        body.uniform.add("b")
        self.indices()
        if pick((True, False, False)):
            self.early_return(body, 1, keep="t == 0")
        self.make_shared()
        for _ in range(pick((1, 2, 3))):
            self.assign(body, 1, new=True)
        for _ in range(pick(range(1, self.steps + 1))):
            self.step(body, 1, 2)
        self.outputs(body)
        return self.case()

    def case(self):
        constants = [f"{k} = {v}" for k, v in self.constants.items()]
        head = HEAD + "\n".join([*constants, "", ""])
        head += "\n".join(self.device_lines)
        names = ", ".join(self.inputs)
        dynamic = getattr(self, "dynamic", 0)
        text = "\n".join(["@cuda.jit", f"def kernel({names}):", *self.lines])
        if self.chance(3):  # constants that the kernel captures
            constants = ", ".join(self.constants)
            text = indent(f"{text}\nreturn kernel", "    ")
            given = ", ".join(self.constants.values())
            text = f"def make({constants}):\n{text}\n\nkernel = make({given})"
        text = f"{head}\n{text}\n"
        configuration = (self.grid, self.block, 0, dynamic)
        return Case(text, self.inputs, configuration, self.warps)

    def make_inputs(self):
        dtypes = DTYPES if not self.tame else ("int64", "float64", "int32")
        for dtype in self.random.sample(dtypes, 3):
            length = self.random.choice((1, 5, 32, 100))
            make = Tame.values if self.tame else values
            self.inputs[f"x_{dtype}"] = make(self.random, dtype, length)
        if self.chance(4):
            dtype = self.random.choice(("float64", "int64"))
            make = Tame.values if self.tame else values
            flat = make(self.random, dtype, 15)
            self.inputs["x2"] = flat.reshape(3, 5)
        self.inputs["limit"] = self.random.randint(0, 5)
        if not self.tame:
            dtype = self.random.choice(("float32", "int64", "float64"))
            number = values(self.random, dtype, 1)[0]
            self.inputs["scale"] = (
                number if dtype[-2:] == "32" else (number.item())
            )
        for _ in range(self.random.choice((0, 1, 2))):
            dtype = self.random.choice(ATOMIC_DTYPES)
            if not self.tame or dtype == "int64":
                name = f"bins_{dtype}"
                self.inputs[name] = np.full(7, 5, dtype)
                operation = self.random.choice(ATOMICS)
                self.staging[name] = (operation, 7, dtype)
        if self.chance(4):
            self.inputs["stage"] = np.zeros(self.total, np.int64)

    def indices(self):
        """Write the indices: in the block, of the block, in the grid."""
        ways = 1
        if isinstance(self.block, tuple):
            ways = max(ways, len(self.block))
        if isinstance(self.grid, tuple):
            ways = max(ways, len(self.grid))
        self.put(1, "t = cuda.threadIdx.x")
        self.put(1, "b = cuda.blockIdx.x")
        if ways > 1:
            self.put(1, "tx, ty = cuda.threadIdx.x, cuda.threadIdx.y")
            self.put(1, "dx, dy = cuda.blockDim.x, cuda.blockDim.y")
            self.put(1, "t = tx + ty * dx + cuda.threadIdx.z * (dx * dy)")
            self.put(1, "b = b + cuda.blockIdx.y * cuda.gridDim.x")
            self.put(
                1, "b += cuda.blockIdx.z * cuda.gridDim.x * cuda.gridDim.y"
            )
            self.constants["SIZE"] = str(self.size)
            self.put(1, "me = b * SIZE + t")
        elif self.chance(7):
            self.constants["SIZE"] = str(self.size)
            self.put(1, "me = cuda.grid(1)")
        else:
            self.constants["SIZE"] = str(self.size)
            self.put(1, "me = t + b * cuda.blockDim.x")

    def make_shared(self):
        """Write the shared and local arrays and fill them."""
        pick = self.random.choice
        kinds = ("int64", "float64") if self.tame else SHARED_DTYPES
        for _ in range(pick((0, 1, 1, 2))):
            dtype, name = pick(kinds), self.name("tile")
            shape = "SIZE"
            where = "shared"
            if pick((True, False, False)) and not hasattr(self, "dynamic"):
                shape = "0"
                self.dynamic = self.size * np.dtype(dtype).itemsize
            elif self.size % 2 == 0 and pick((True, False, False)):
                shape = f"(2, {self.size // 2})"
            self.put(1, f"{name} = cuda.{where}.array({shape}, {dtype})")
            self.shared[name] = (dtype, shape.startswith("("), None)
        for _ in range(pick((0, 0, 1))):
            dtype, name = pick(ATOMIC_DTYPES), self.name("count")
            if self.tame:
                dtype = "int64"
            self.put(1, f"{name} = cuda.shared.array(5, dtype=np.{dtype})")
            self.shared[name] = (dtype, False, pick(ATOMICS))
        for name, (_, wide, operation) in self.shared.items():
            length = "5" if operation else "SIZE"
            index = self.slot(name, "k") if wide else "k"
            if self.full and not operation:
                self.put(1, f"{name}[{self.slot(name, 't')}] = t % 50")
                continue
            self.put(1, "if t == 0:")
            self.put(2, f"for k in range({length}):")
            self.put(3, f"{name}[{index}] = k + 1")
        if self.shared:
            self.put(1, "cuda.syncthreads()")
        if pick((True, False, False)):
            name, dtype = self.name("own"), pick(kinds)
            size = pick((1, 3, 4))
            self.put(1, f"{name} = cuda.local.array({size}, {dtype})")
            self.put(1, f"for k in range({size}):")
            self.put(2, f"{name}[k] = t % 9 + k")
            self.local[name] = (dtype, size)

    def outputs(self, scope):
        """Store every variable and slot at the end, one row for each."""
        rows = {"int64": [], "float64": []}
        for name, (category, _) in scope.variables.items():
            if name not in ("t", "me", "b"):
                dtype = "float64" if category == "float" else "int64"
                rows[dtype].append(name)
        for name, (_, _, operation) in self.shared.items():
            if not operation and self.full:
                rows["float64"].append(f"{name}[{self.slot(name, 't')}]")
        for dtype, texts in rows.items():
            if texts:
                shape = (len(texts), self.total)
                self.inputs[f"r_{dtype}"] = np.zeros(shape, dtype)
            for row, text in enumerate(texts):
                self.put(1, f"r_{dtype}[{row}, me] = {text}")

    def device_function(self):
        """Write a device function of numbers, called in expressions."""
        name = self.name("device")
        kinds = [self.random.choice(("int", "float")) for _ in "12"]
        made = Tame if self.tame else Expressions
        names = {"p": CATEGORIES[kinds[0]], "q": CATEGORIES[kinds[1]]}
        drawn = made(self.random, names)

        def real():
            text, kind = drawn.of(is_real, 2)
            return (
                text
                if isinstance(kind, types.Float)
                else (f"np.float64({text})")
            )

        lines = ["", "@cuda.jit(device=True)", f"def {name}(p, q):"]
        way = self.random.choice(("plain", "return", "loop"))
        if way == "return":
            lines += [f"    if {drawn.flag(1)[0]}:"]
            lines += [f"        return {real()}"]
        if way == "loop":
            lines += ["    total = 0.0", "    for k in range(4):"]
            lines += [f"        if {drawn.flag(1)[0]}:"]
            word = self.random.choice(("break", "continue"))
            lines += [f"            {word}"]
            lines += [f"        total += {real()} + k", "    return total"]
        else:
            lines += [f"    return {real()}"]
        self.device_lines = [*self.device_lines, *lines, ""]
        arguments = [CATEGORIES[k] for k in kinds]
        self.devices.append((name, arguments, types.float64))
