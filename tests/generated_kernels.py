"""Whole kernels as source text: they end, stay in bounds and have no race.

Every construct is written so that this holds by how it is built. A thread
writes only its own slot of a shared array, and the slots of others are read
only between two barriers. Atomics of one array are all of one operation whose
order can't matter. Barriers stand where all running threads of a block come,
so loops around them have a count that is the same for the block. Indices are
taken modulo the length.
"""

import importlib.util
from dataclasses import dataclass
from textwrap import indent

import numpy as np
from generated_expressions import DTYPES, Expressions, Tame, is_real, values
from numba.core import types
from numba.core.typing.typeof import typeof

HEAD = """\
import math

import numpy as np
from gpu_course import cuda
from numba import (  # noqa: F401
    float32, float64, int8, int16, int32, int64,
    uint8, uint16, uint32, uint64,
)

"""
FULL = "0xFFFFFFFF"
ATOMICS = ("add", "max", "min", "and_", "or_", "xor")
ATOMIC_DTYPES = ("int32", "int64", "uint32", "uint64")
SHARED_DTYPES = ("int8", "int32", "int64", "uint16", "float32", "float64")
BLOCKS = (1, 7, 16, 32, 33, 64, (8, 4), (5, 3), (4, 4, 2), (16, 4), (2, 3, 2))
GRIDS = (1, 2, 3, (2, 2), (1, 3), (2, 1, 2))
CATEGORIES = {"int": types.int64, "float": types.float64,
              "bool": types.boolean}  # fmt: skip
SMALL = ("t", "b", "me", "limit")


@dataclass(frozen=True, repr=False)
class Case:
    """A kernel with its launch.

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


class Scope:
    """The variables that a statement may use, by category."""

    def __init__(self, variables=(), uniform=()):
        self.variables = dict(variables)  # name -> (category, loops around)
        self.uniform = set(uniform)

    def copy(self):
        return Scope(self.variables, self.uniform)

    def join(self, *arms):
        """Take over the types that variables have after a branch."""
        for name, (category, depth) in self.variables.items():
            if any(a.variables[name][0] == "float" for a in arms):
                category = "float"
            self.variables[name] = (category, depth)
            if not all(name in a.uniform for a in arms):
                self.uniform.discard(name)


class KernelWriter:
    """Draws one kernel.

    Parameters
    ----------
    random : random.Random
    tame : bool
        Only arithmetic that Python and NumPy do as Numba does, and no warp
        operations: what Numba's simulator runs with the same result.
    steps : int
        Statements that all threads meet, at most.
    depth : int
        Of expressions.
    """

    def __init__(self, random, tame=False, steps=5, depth=2):
        self.random, self.tame = random, tame
        self.steps, self.depth = steps, depth
        self.lines, self.inputs, self.constants = [], {}, {}
        self.count = self.loops = 0
        self.full = True  # all threads of the block are still running
        self.warps = False
        self.reading = set()  # shared arrays whose window is open
        self.shared, self.staging, self.devices = {}, {}, []
        self.local = {}
        self.draws = {}

    def chance(self, tenths):
        """Return True so often in ten."""
        return self.random.randrange(10) < tenths

    # The frame

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

    def put(self, level, text):
        self.lines.append("    " * level + text)

    def name(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

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
            self.inputs["scale"] = number if dtype[-2:] == "32" else (
                number.item()
            )  # fmt: skip
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
        """Write the thread's numbers: in its block, the block's, in all."""
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
            self.put(1, "b += cuda.blockIdx.z * cuda.gridDim.x"
                        " * cuda.gridDim.y")  # fmt: skip
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
            self.barrier(1)
        if pick((True, False, False)):
            name, dtype = self.name("own"), pick(kinds)
            size = pick((1, 3, 4))
            self.put(1, f"{name} = cuda.local.array({size}, {dtype})")
            self.put(1, f"for k in range({size}):")
            self.put(2, f"{name}[k] = t % 9 + k")
            self.local[name] = (dtype, size)

    def slot(self, name, number):
        """Return the index of the slot with some number below SIZE."""
        if self.shared[name][1]:
            half = self.size // 2
            return f"({number}) // {half}, ({number}) % {half}"
        return number

    # Expressions

    def expressions(self, scope, uniform=False):
        """Return what draws expressions of the names of a scope."""
        names = {}
        for name, (category, _) in scope.variables.items():
            if not uniform or name in scope.uniform:
                names[name] = CATEGORIES[category]
        for name, value in self.inputs.items():
            if not isinstance(value, np.ndarray):
                names[name] = typeof(value)
            elif name.startswith("x_"):
                index = "b" if uniform else "me"
                if not uniform and self.chance(3):
                    index = self.random.choice(self.integers(scope))
                size = f"{name}.size"
                if self.chance(3):
                    size = f"len({name})"
                text = f"{name}[{index} % {size}]"
                kind = typeof(value).dtype
                if self.tame and name != "x_float64":
                    text, kind = f"int({text})", types.int64
                names[text] = kind
            elif name == "x2" and not uniform:
                i = self.random.choice(self.integers(scope))
                text = self.random.choice(
                    (f"x2[{i} % 3, t % 5]", f"x2[{i} % x2.shape[0]][t % 5]",
                     f"x2[1:][{i} % 2, t % 5]", f"x2[:, {i} % 5][t % 3]")
                )  # fmt: skip
                if self.tame and value.dtype == np.int64:
                    text = f"int({text})"
                names[text] = typeof(value).dtype
        if not uniform:
            names |= self.own_memory(scope)
        made = Tame if self.tame else Expressions
        calls = [] if uniform or self.tame else self.devices
        small = [n for n in names if n in SMALL or n[0] in "kcin"]
        return made(self.random, names, calls, small)

    def integers(self, scope):
        return [n for n, (c, _) in scope.variables.items() if c == "int"]

    def own_memory(self, scope):
        names = {}
        for name, (dtype, _, operation) in self.shared.items():
            if operation or name in self.reading:
                continue
            if self.full:
                text = f"{name}[{self.slot(name, 't')}]"
                if self.tame and dtype == "int64":
                    text = f"int({text})"
                names[text] = getattr(types, dtype)
        for name, (dtype, size) in self.local.items():
            index = self.random.choice(self.integers(scope))
            text = f"{name}[{index} % {size}]"
            if self.tame and dtype == "int64":
                text = f"int({text})"
            names[text] = getattr(types, dtype)
        return names

    def value(self, scope, category, uniform=False):
        """Return the text of an expression of a category."""
        drawn = self.expressions(scope, uniform)
        depth = self.random.choice((1, self.depth, self.depth))
        if category == "bool":
            return drawn.flag(depth)[0]
        if category == "float":
            return drawn.of(
                lambda k: isinstance(k, types.Float) and is_real(k), depth
            )[0]
        text, kind = drawn.of(
            lambda k: isinstance(k, types.Integer | types.Boolean), depth
        )
        signed = isinstance(kind, types.Integer) and kind.signed
        return text if signed else f"np.int64({text})"

    # Statements

    def step(self, scope, level, depth):
        """Write a statement that every running thread of the block meets."""
        choices = [self.plain, self.plain, self.divergent, self.divergent]
        if self.shared or "stage" in self.inputs:
            choices += [self.exchange] * 4
        if depth > 0:
            choices += [self.uniform_loop] * 3 + [self.uniform_branch]
        choices += [self.vote]
        if self.full and self.size % 32 == 0 and not self.tame:
            choices += [self.shuffle] * 2
        if level == 1:
            choices.append(self.leave)
        before = len(self.lines)
        self.random.choice(choices)(scope, level, depth)
        if len(self.lines) == before:
            self.put(level, "pass")

    def plain(self, scope, level, depth):
        self.assign(scope, level, new=self.chance(4))

    def leave(self, scope, level, depth):
        self.early_return(scope, level)

    def early_return(self, scope, level, keep=""):
        """Let some threads end, after they wrote something."""
        condition = self.value(scope, "bool")
        if keep:
            condition = f"t != 0 and {condition}"
        self.put(level, f"if {condition}:")
        if self.chance(5) and not keep:
            self.output(scope, level + 1)
        self.put(level + 1, "return")
        self.full = False

    def barrier(self, level):
        self.put(level, "cuda.syncthreads()")

    def exchange(self, scope, level, depth):
        """Write one's own slot, wait, read the slots of others, wait."""
        names = [*self.shared, *(["stage"] if "stage" in self.inputs else [])]
        name = self.random.choice(names)
        if name == "stage":
            if not self.full:
                return
            dtype, wide, operation = "int64", False, None
        else:
            dtype, wide, operation = self.shared[name]
        if not operation and not wide and name != "stage" and self.chance(2):
            self.waiting_call(scope, level, name, dtype)
            return
        if operation:
            self.put(level, self.atomic(scope, name, operation, 5, dtype))
        elif name == "stage" or self.chance(8):
            self.own_store(scope, level, name, dtype)
        if wide or operation or name == "stage" or not self.full:
            wait = "cuda.syncthreads()"
        elif self.size % 32 == 0 and self.chance(2):
            wait = "cuda.syncwarp()" if not self.tame else "cuda.syncthreads()"
        else:
            wait = "cuda.syncthreads()"
        self.put(level, wait)
        index = self.other(scope, wait)
        if operation:
            index = f"{self.random.choice(self.integers(scope))} % 5"
        elif name == "stage":
            index = f"b * SIZE + {index}"
        elif wide:
            index = self.slot(name, index)
        new = self.name("v")
        text = f"{name}[{index}]"
        category = "float" if dtype.startswith("float") else "int"
        if category == "int" and (self.tame or dtype.startswith("u")):
            text = f"int({text})" if self.tame else f"np.int64({text})"
        self.put(level, f"{new} = {text}")
        scope.variables[new] = (category, self.loops)
        self.reading.add(name)
        if self.chance(4):
            self.divergent(scope, level, 1)
        self.reading.discard(name)
        self.put(level, wait)
        self.warps |= "warp" in wait

    def waiting_call(self, scope, level, name, dtype):
        """Call a device function that exchanges, with barriers in it."""
        function, new = self.name("exchange"), self.name("v")
        early = self.chance(3)
        self.device_lines = [
            *self.device_lines, "@cuda.jit(device=True)",
            f"def {function}(tile, t, value):",
            "    tile[t] = value", "    cuda.syncthreads()",
            "    other = tile[SIZE - 1 - t]", "    cuda.syncthreads()",
            *(["    if other > value:", "        return other"] * early),
            f"    return {'value' if early else 'other'}", "",
        ]  # fmt: skip
        category = "float" if dtype.startswith("float") else "int"
        value = f"np.{dtype}({self.value(scope, category)})"
        self.put(level, f"{new} = {function}({name}, t, {value})")
        if category == "int":
            self.put(level, f"{new} = np.int64({new})")
        scope.variables[new] = (category, self.loops)

    def other(self, scope, wait):
        """Return the number of another thread's slot."""
        if "warp" in wait:
            lane = self.random.choice(("t ^ 1", "t ^ 16", "t - t % 32"))
            return f"({lane})"
        by = self.random.choice(self.integers(scope))
        return self.random.choice(
            ("(SIZE - 1 - t)", "((t + 1) % SIZE)",
             f"(({by} % SIZE + t) % SIZE)",
             f"({by} % SIZE)", "0")
        )  # fmt: skip

    def own_store(self, scope, level, name, dtype):
        category = "float" if dtype.startswith("float") else "int"
        index = "me" if name == "stage" else self.slot(name, "t")
        signs = ("=", "=", "+=") if self.full else ("=",)
        change = self.change(scope, category, dtype, signs)
        self.put(level, f"{name}[{index}] {change}")

    def change(self, scope, category, dtype, signs):
        """Return an assignment's sign and value; no sum passes 63 bits."""
        sign = self.random.choice(signs)
        text = self.value(scope, category)
        if self.tame or (category == "int" and dtype == "int64"):
            sign = "="
        elif category == "int" and sign != "=":
            text = f"np.int16({text})"
        return f"{sign} {text}"

    def atomic(self, scope, name, operation, size, dtype):
        index = f"{self.random.choice(self.integers(scope))} % {size}"
        if self.chance(3):
            index = f"({index},)"
        value = self.value(scope, "int")
        if not self.tame:
            value = f"np.{dtype}({value})"
        return f"cuda.atomic.{operation}({name}, {index}, {value})"

    def vote(self, scope, level, depth):
        """Write a barrier that counts."""
        new = self.name("n")
        kind = self.random.choice(("count", "and", "or"))
        flag = self.value(scope, "bool")
        if self.tame:
            flag = f"int({flag})"
        elif self.chance(5):
            flag = f"np.int32({flag})"
        self.put(level, f"{new} = cuda.syncthreads_{kind}({flag})")
        scope.variables[new] = ("int", self.loops)
        scope.uniform.add(new)

    def shuffle(self, scope, level, depth):
        """Write a warp operation of full warps."""
        self.warps = True
        pick, new = self.random.choice, self.name("w")
        kind = pick(("shfl", "up", "down", "xor", "ballot", "vote", "match"))
        category = "int"
        if kind in ("ballot", "vote"):
            flag = self.value(scope, "bool")
            name = "ballot" if kind == "ballot" else pick(("any", "all"))
            text = f"cuda.{name}_sync({FULL}, {flag})"
            if kind == "ballot":
                text = f"np.int64({text})"
                if pick((True, False)):
                    text = f"cuda.popc(cuda.ballot_sync({FULL}, {flag}))"
            else:
                category = "bool"
        elif kind == "match":
            value = f"np.int32({self.value(scope, 'int')} % 4)"
            text = f"np.int64(cuda.match_any_sync({FULL}, {value}))"
        else:
            category = pick(("int", "float"))
            value = self.value(scope, category)
            dtype = category + pick(("32", "64"))
            amount = pick((1, 2, 7, 16))
            if kind == "shfl":
                amount = pick((0, 5, 31, "(t ^ 3) % 32", "t % 5"))
            name = "shfl_sync" if kind == "shfl" else f"shfl_{kind}_sync"
            text = f"cuda.{name}({FULL}, np.{dtype}({value}), {amount})"
        self.put(level, f"{new} = {text}")
        scope.variables[new] = (category, self.loops)

    def uniform_loop(self, scope, level, depth):
        """Write a loop with a count that is the same for all of a block."""
        bound = self.value(scope, "int", uniform=True)
        bound = self.random.choice(
            ("2", "limit", f"{bound} % 4", f"abs({bound} % 3)")
        )
        inner = scope.copy()
        self.loops += 1
        if self.chance(5):
            k = self.name("k")
            spans = (f"range({bound})", f"range(1, {bound}, 2)",
                     f"range({bound}, 0, -1)")  # fmt: skip
            self.put(level, f"for {k} in {self.random.choice(spans)}:")
        else:
            k = self.name("c")
            self.put(level, f"{k} = 0")
            if not self.stays(bound, scope):
                bound = "3"
            self.put(level, f"while {k} < {bound}:")
            self.put(level + 1, f"{k} += 1")
        inner.variables[k] = ("int", self.loops)
        inner.uniform.add(k)
        # What the body changes is not the same for all in a later round.
        inner.uniform &= {"b", k}
        for _ in range(self.random.choice((1, 2))):
            self.step(inner, level + 1, depth - 1)
        if self.chance(2):
            self.put(level + 1, f"if {k} == limit:")
            self.put(level + 2, self.random.choice(("break", "continue")))
        self.loops -= 1
        scope.uniform &= inner.uniform

    def stays(self, bound, scope):
        """Whether a bound doesn't depend on variables that may change."""
        return not any(
            name in bound for name in scope.variables if name != "b"
        )

    def uniform_branch(self, scope, level, depth):
        self.put(level, f"if {self.value(scope, 'bool', uniform=True)}:")
        arms = [scope.copy()]
        self.step(arms[0], level + 1, depth - 1)
        if self.chance(5):
            self.put(level, "else:")
            arms.append(scope.copy())
            self.step(arms[1], level + 1, depth - 1)
        scope.join(*arms, *([] if len(arms) > 1 else [scope.copy()]))

    def divergent(self, scope, level, depth):
        """Write a branch or a loop that threads take differently."""
        self.random.choice((self.branch, self.branch, self.loop))(
            scope, level, min(depth, 1)
        )

    def branch(self, scope, level, depth):
        arms = self.random.choice((1, 2, 3))
        scopes = []
        for arm in range(arms):
            word = "if" if arm == 0 else "elif"
            if arm == arms - 1 and arm > 0 and self.chance(6):
                self.put(level, "else:")
            else:
                self.put(level, f"{word} {self.value(scope, 'bool')}:")
            inner = scope.copy()
            self.single(inner, level + 1, depth)
            scopes.append(inner)
        scope.join(*scopes, scope.copy())
        self.no_longer_uniform(scope, scopes)

    def no_longer_uniform(self, scope, scopes):
        for inner in scopes:
            scope.uniform &= inner.uniform

    def single(self, scope, level, depth):
        """Write statements of one thread: no barrier in them."""
        for _ in range(self.random.choice((1, 1, 2))):
            choices = [self.plain, self.update, self.output_now, self.tally]
            if depth > 0:
                choices += [self.branch, self.loop]
            before = len(self.lines)
            self.random.choice(choices)(scope, level, depth - 1)
            if len(self.lines) == before:
                self.put(level, "pass")

    def update(self, scope, level, depth):
        """Change memory that only this thread uses."""
        if self.local and self.chance(6):
            name = self.random.choice(sorted(self.local))
            dtype, size = self.local[name]
            index = self.random.choice(self.integers(scope))
            category = "float" if dtype.startswith("float") else "int"
            change = self.change(scope, category, dtype, ("=", "+=", "*="))
            self.put(level, f"{name}[{index} % {size}] {change}")
            return
        free = [
            n
            for n, (_, _, operation) in self.shared.items()
            if not operation and n not in self.reading
        ]
        if free and self.full:
            name = self.random.choice(free)
            self.own_store(scope, level, name, self.shared[name][0])

    def tally(self, scope, level, depth):
        """Write an atomic on an array of all blocks."""
        if self.staging:
            name = self.random.choice(sorted(self.staging))
            self.put(level, self.atomic(scope, name, *self.staging[name]))

    def loop(self, scope, level, depth):
        """Write a loop that threads go through differently often."""
        bound = f"{self.value(scope, 'int')} % 5"
        inner, k = scope.copy(), self.name("i")
        self.loops += 1
        if self.chance(5):
            self.put(level, f"for {k} in range({bound}):")
        else:
            end = self.name("end")
            self.put(level, f"{k}, {end} = 0, {bound}")
            self.put(level, f"while {k} < {end}:")
            self.put(level + 1, f"{k} += 1")
        inner.variables[k] = ("int", self.loops)
        self.single(inner, level + 1, depth)
        leaves = False
        if self.chance(5):
            word = self.random.choice(("break", "continue"))
            leaves = word == "break"
            self.put(level + 1, f"if {self.value(inner, 'bool')}:")
            self.put(level + 2, word)
            self.single(inner, level + 1, 0)
        if leaves and self.chance(6):
            self.put(level, "else:")
            self.single(scope.copy(), level + 1, 0)
        self.loops -= 1
        self.no_longer_uniform(scope, [inner])

    def assign(self, scope, level, new=False):
        """Assign a variable: a new one, or one that is there."""
        pick = self.random.choice
        mine = [
            n for n in scope.variables
            if n[0] in "uvfq" and n[1:].isdigit()
        ]  # fmt: skip
        if new or not mine:
            name, category = self.name("u"), pick(("int", "float", "bool"))
            if self.chance(2):
                self.pair(scope, level)
                return
        else:
            name = pick(mine)
            category, depth = scope.variables[name]
            if category == "int" and depth == self.loops and (
                self.chance(3)
            ):  # fmt: skip
                category = "float"
                scope.variables[name] = ("float", depth)
                one = "1.5" if self.tame else pick(("0.5", "1.5", "np.pi"))
                self.put(level, f"{name} = {name} * {one}")
                scope.uniform.discard(name)
                return
            if category == "float" and pick((True, False)):
                value = self.value(scope, "float")
                sign = pick(("+=", "-=", "*="))
                self.put(level, f"{name} {sign} {value}")
                scope.uniform.discard(name)
                return
        self.put(level, f"{name} = {self.value(scope, category)}")
        depth = scope.variables.get(name, (0, self.loops))[1]
        scope.variables[name] = (category, depth)
        scope.uniform.discard(name)

    def pair(self, scope, level):
        """Write a tuple, taken apart in one of several ways."""
        one, two = self.name("u"), self.name("u")
        kinds = [self.random.choice(("int", "float")) for _ in "12"]
        a, b = (self.value(scope, kind) for kind in kinds)
        way = self.random.choice(("direct", "kept", "swap", "returned"))
        if way == "returned":
            function = self.name("both")
            self.device_lines = [
                *self.device_lines, "@cuda.jit(device=True)",
                f"def {function}(p, q):", "    return q, p", "",
            ]  # fmt: skip
            self.put(level, f"{two}, {one} = {function}({a}, {b})")
        elif way == "kept":
            both = self.name("p")
            self.put(level, f"{both} = ({a}, {b})")
            self.put(level, f"{one} = {both}[0]")
            self.put(level, f"{two} = {both}[1]")
        else:
            self.put(level, f"{one}, {two} = {a}, {b}")
        if way == "swap" and kinds[0] == kinds[1]:
            self.put(level, f"{one}, {two} = {two}, {one}")
        for name, kind in zip((one, two), kinds, strict=True):
            scope.variables[name] = (kind, self.loops)

    # Results

    def output(self, scope, level):
        """Write a variable to this thread's slot of an output."""
        category = self.random.choice(("int", "float"))
        names = [n for n, (c, _) in scope.variables.items() if c == category]
        dtypes = {"int": ("int64", "int32", "uint8"),
                  "float": ("float64", "float32")}[category]  # fmt: skip
        dtype = self.random.choice(dtypes[:1] if self.tame else dtypes)
        self.inputs.setdefault(f"o_{dtype}", np.zeros(self.total, dtype))
        change = self.change(scope, category, dtype, ("=", "=", "+="))
        if names and self.chance(3):
            change = f"= {self.random.choice(names)}"
        self.put(level, f"o_{dtype}[me] {change}")

    def output_now(self, scope, level, depth):
        self.output(scope, level)

    def outputs(self, scope):
        """Write every variable and slot out at the end, a row for each."""
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

    # Device functions

    device_lines = ()

    def device_function(self):
        """Write a device function of numbers, called in expressions."""
        name = self.name("device")
        kinds = [self.random.choice(("int", "float")) for _ in "12"]
        made = Tame if self.tame else Expressions
        names = {"p": CATEGORIES[kinds[0]], "q": CATEGORIES[kinds[1]]}
        drawn = made(self.random, names)

        def real():
            text, kind = drawn.of(is_real, 2)
            return text if isinstance(kind, types.Float) else (
                f"np.float64({text})"
            )  # fmt: skip

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
