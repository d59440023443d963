"""Statements of one thread in a generated kernel: none of them waits.

A thread writes only its own slot of a shared array, so there is no race.
Indices are taken modulo the length, so nothing is out of bounds.
"""

import numpy as np
from generated_expressions import Expressions, Tame
from generated_types import is_real
from numba.core import types
from numba.core.typing.typeof import typeof

CATEGORIES = {
    "int": types.int64,
    "float": types.float64,
    "bool": types.boolean,
}
SMALL = ("t", "b", "me", "limit")  # integers of a few bits


class Scope:
    """The variables that a statement may use, by category."""

    def __init__(self, variables=(), uniform=()):
        self.variables = dict(variables)  # name -> (category, loops around)
        self.uniform = set(uniform)

    def copy(self):
        return Scope(self.variables, self.uniform)

    def join(self, *arms):
        """Set the types that variables have after a branch."""
        for name, (category, depth) in self.variables.items():
            if any(a.variables[name][0] == "float" for a in arms):
                category = "float"
            self.variables[name] = (category, depth)
            if not all(name in a.uniform for a in arms):
                self.uniform.discard(name)


class Statements:
    """Writes statements of one thread.

    It uses the attributes that `generated_kernels.KernelWriter` sets.
    """

    def chance(self, tenths):
        """Return True with a probability of ``tenths`` in ten."""
        return self.random.randrange(10) < tenths

    def put(self, level, text):
        self.lines.append("    " * level + text)

    def name(self, stem):
        self.count += 1
        return f"{stem}{self.count}"

    def slot(self, name, number):
        """Return the index of the slot with this number below SIZE."""
        if self.shared[name][1]:
            half = self.size // 2
            return f"({number}) // {half}, ({number}) % {half}"
        return number

    def integers(self, scope):
        return [n for n, (c, _) in scope.variables.items() if c == "int"]

    def expressions(self, scope, uniform=False):
        """Return an expression generator for the names of a scope."""
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
                    (
                        f"x2[{i} % 3, t % 5]",
                        f"x2[{i} % x2.shape[0]][t % 5]",
                        f"x2[1:][{i} % 2, t % 5]",
                        f"x2[:, {i} % 5][t % 3]",
                    )
                )
                if self.tame and value.dtype == np.int64:
                    text = f"int({text})"
                names[text] = typeof(value).dtype
        if not uniform:
            names |= self.own_memory(scope)
        made = Tame if self.tame else Expressions
        calls = [] if uniform or self.tame else self.devices
        small = [n for n in names if n in SMALL or n[0] in "kcin"]
        return made(self.random, names, calls, small)

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
            text = drawn.flag(depth)[0]
            # + adds booleans in Python, but is a logical or for bool_.
            return f"(True if {text} else False)" if self.tame else text
        if category == "float":
            return drawn.of(
                lambda k: isinstance(k, types.Float) and is_real(k), depth
            )[0]
        text, kind = drawn.of(
            lambda k: isinstance(k, types.Integer | types.Boolean), depth
        )
        signed = isinstance(kind, types.Integer) and kind.signed
        return text if signed else f"np.int64({text})"

    def divergent(self, scope, level, depth):
        """Write a branch or a loop in which threads diverge."""
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
        """Write statements of one thread, without barriers."""
        for _ in range(self.random.choice((1, 1, 2))):
            choices = [self.plain, self.update, self.output_now, self.tally]
            if depth > 0:
                choices += [self.branch, self.loop]
            before = len(self.lines)
            self.random.choice(choices)(scope, level, depth - 1)
            if len(self.lines) == before:
                self.put(level, "pass")

    def loop(self, scope, level, depth):
        """Write a loop whose iteration count differs between threads."""
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

    def plain(self, scope, level, depth):
        self.assign(scope, level, new=self.chance(4))

    def assign(self, scope, level, new=False):
        """Assign to a new or an existing variable."""
        pick = self.random.choice
        mine = [
            n for n in scope.variables if n[0] in "uvfq" and n[1:].isdigit()
        ]
        if new or not mine:
            name, category = self.name("u"), pick(("int", "float", "bool"))
            if self.chance(2):
                self.pair(scope, level)
                return
        else:
            name = pick(mine)
            category, depth = scope.variables[name]
            may_change = category == "int" and depth == self.loops
            if may_change and self.chance(6):
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
        """Write a tuple, and unpack it in one of several ways."""
        one, two = self.name("u"), self.name("u")
        kinds = [self.random.choice(("int", "float")) for _ in "12"]
        a, b = (self.value(scope, kind) for kind in kinds)
        way = self.random.choice(("direct", "kept", "swap", "returned"))
        if way == "returned":
            function = self.name("both")
            self.device_lines = [
                *self.device_lines,
                "@cuda.jit(device=True)",
                f"def {function}(p, q):",
                "    return q, p",
                "",
            ]
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

    def own_store(self, scope, level, name, dtype):
        category = "float" if dtype.startswith("float") else "int"
        index = "me" if name == "stage" else self.slot(name, "t")
        signs = ("=", "=", "+=") if self.full else ("=",)
        change = self.change(scope, category, dtype, signs)
        self.put(level, f"{name}[{index}] {change}")

    def change(self, scope, category, dtype, signs):
        """Return an assignment's operator and value; sums fit in 63 bits."""
        sign = self.random.choice(signs)
        text = self.value(scope, category)
        if self.tame or (category == "int" and dtype == "int64"):
            sign = "="
        elif category == "int" and sign != "=":
            text = f"np.int16({text})"
        return f"{sign} {text}"

    def tally(self, scope, level, depth):
        """Write an atomic on an array that all blocks share."""
        if self.staging:
            name = self.random.choice(sorted(self.staging))
            self.put(level, self.atomic(scope, name, *self.staging[name]))

    def atomic(self, scope, name, operation, size, dtype):
        index = f"{self.random.choice(self.integers(scope))} % {size}"
        if self.chance(3):
            index = f"({index},)"
        value = self.value(scope, "int")
        if not self.tame:
            value = f"np.{dtype}({value})"
        return f"cuda.atomic.{operation}({name}, {index}, {value})"

    def output(self, scope, level):
        """Write a variable to this thread's slot of an output."""
        category = self.random.choice(("int", "float"))
        names = [n for n, (c, _) in scope.variables.items() if c == category]
        dtypes = {
            "int": ("int64", "int32", "uint8"),
            "float": ("float64", "float32"),
        }[category]
        dtype = self.random.choice(dtypes[:1] if self.tame else dtypes)
        self.inputs.setdefault(f"o_{dtype}", np.zeros(self.total, dtype))
        change = self.change(scope, category, dtype, ("=", "=", "+="))
        if names and self.chance(3):
            change = f"= {self.random.choice(names)}"
        self.put(level, f"o_{dtype}[me] {change}")

    def output_now(self, scope, level, depth):
        self.output(scope, level)
