"""Random expressions with a known Numba type, from a random generator.

Each is source text with defined behaviour: no float is converted to an integer
that can't hold it, no shift exceeds the width, and no zero has a negative
power. Everything else may happen: overflow, division by zero, NaN, comparisons
of different types.
"""

import ast
import operator
from random import Random

import numpy as np
from generated_types import (
    REAL,
    bits_of,
    is_real,
    named,
    plain,
    resolved,
    size,
    unified,
    width,
)
from numba.core import types
from numba.core.typing.typeof import typeof

ARITHMETIC = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
BITS = {"&": operator.and_, "|": operator.or_, "^": operator.xor}
SHIFTS = {"<<": operator.lshift, ">>": operator.rshift}
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
MATH = (
    "sqrt",
    "exp",
    "sin",
    "cos",
    "log",
    "fabs",
    "tanh",
    "expm1",
    "log1p",
    "atan",
    "erf",
)
MATH_OF_TWO = ("atan2", "pow", "hypot", "copysign", "fmod")
CONSTANTS = (
    "0",
    "1",
    "2",
    "3",
    "7",
    "-1",
    "-5",
    "100",
    "255",
    "0x7FFFFFFF",
    "1 << 40",
    "0.5",
    "1.5",
    "-0.25",
    "0.0",
    "1e30",
    "True",
    "False",
    "0xFFFFFFFF",
)
WIDEST = 6  # most names in an expression that is written twice


class Expressions:
    """Draws expressions.

    Parameters
    ----------
    random : random.Random
        Hypothesis can supply one that it controls.
    names : dict of str to Numba type
        Expressions that may be used as they are.
    calls : sequence of (str, list, type)
        Device functions: name, argument types, result's type.
    small : sequence of str
        Names of integers known to be small.
    """

    def __init__(self, random, names, calls=(), small=()):
        self.random, self.names, self.calls = random, names, list(calls)
        self.known = {plain(name): bits_of(k) for name, k in names.items()}
        self.known |= dict.fromkeys(small, 16)

    def chance(self, tenths):
        """Return True with a probability of ``tenths`` in ten."""
        return self.random.randrange(10) < tenths

    def draw(self, depth=3):
        """Return the text of an expression and its type."""
        if depth <= 0 or self.chance(1):
            return self.leaf()
        made = self.random.choice(
            (
                self.arithmetic,
                self.arithmetic,
                self.arithmetic,
                self.bits,
                self.shift,
                self.power,
                self.compare,
                self.logic,
                self.unary,
                self.choice,
                self.cast,
                self.cast,
                self.extreme,
                self.math,
                self.math_of_two,
                self.round,
                self.complex,
                self.call,
            )
        )(depth - 1)
        return made if made and made[1] is not None else self.leaf()

    def leaf(self):
        """Return a name or a constant."""
        if self.names and self.chance(7):
            name = self.random.choice(sorted(self.names))
            return name, self.names[name]
        text = self.random.choice(CONSTANTS)
        return f"({text})", typeof(eval(text))

    def of(self, accepted, depth):
        """Return an expression of an accepted type, a leaf if needed."""
        text, kind = self.draw(depth)
        for _ in range(20):
            if accepted(kind):
                return text, kind
            text, kind = self.leaf()
        return "(1)", types.int64

    def real(self, depth):
        return self.of(is_real, depth)

    def integer(self, depth):
        return self.of(lambda kind: isinstance(kind, types.Integer), depth)

    def flag(self, depth):
        """Return a condition."""
        made = self.random.choice((self.compare, self.logic))(depth)
        return made or ("True", types.boolean)

    def arithmetic(self, depth):
        (a, left), (b, right) = self.draw(depth), self.draw(depth)
        sign = self.random.choice(list(ARITHMETIC))
        if sign == "/" and not (is_real(left) and is_real(right)):
            sign = "*"  # Numba raises where a complex number is zero
        kind = resolved(ARITHMETIC[sign], left, right)
        if isinstance(kind, types.Integer) and kind.signed:
            a, b = self.narrow(a), self.narrow(b)
        return f"({a} {sign} {b})", kind

    def narrow(self, text):
        """Return an integer so narrow that sums and products fit in 64 bits.

        Numba tells LLVM that signed integers don't overflow (`nsw`), so an
        overflow is undefined.
        """
        few = width(ast.parse(text, mode="eval").body, self.known) < 32
        return text if few else f"np.int32({text})"

    def bits(self, depth):
        (a, left), (b, right) = self.integer(depth), self.integer(depth)
        sign = self.random.choice(list(BITS))
        return f"({a} {sign} {b})", resolved(BITS[sign], left, right)

    def shift(self, depth):
        (a, left), (b, right) = self.integer(depth), self.integer(depth)
        sign = self.random.choice(list(SHIFTS))
        amount = resolved(operator.and_, right, types.int64)
        if not isinstance(amount, types.Integer) or not named(a):
            return None
        return f"({a} {sign} ({b} & 31))", resolved(SHIFTS[sign], left, amount)

    def power(self, depth):
        a, left = self.real(depth)
        if not named(a):
            return None  # Python folds it, with unbounded integers
        if isinstance(left, types.Integer):  # see narrow
            a, left = f"np.int8({a})", types.int8
        if self.chance(6):
            exponent = self.random.choice((0, 1, 2, 3, 5))
            return f"({a} ** {exponent})", resolved(
                operator.pow, left, types.int64
            )
        b, right = self.real(depth - 1)
        if isinstance(right, types.Integer):
            b, right = f"(np.int64({b}) & 7)", types.int64
        return f"({a} ** {b})", resolved(operator.pow, left, right)

    def compare(self, depth):
        count = self.random.choice((2, 2, 2, 3))
        parts = [self.real(depth)[0] for _ in range(count)]
        signs = [self.random.choice(COMPARISONS) for _ in parts]
        text = parts[0] + "".join(
            f" {sign} {part}"
            for sign, part in zip(signs, parts[1:], strict=False)
        )
        return f"({text})", types.boolean

    def logic(self, depth):
        a, _ = self.compare(depth)
        if self.chance(3):
            return f"(not {a})", types.boolean
        b, _ = self.compare(depth)
        sign = self.random.choice(("and", "or"))
        return f"({a} {sign} {b})", types.boolean

    def unary(self, depth):
        if self.chance(4):
            a, kind = self.integer(depth)
            return f"(~{a})", resolved(operator.invert, kind)
        a, kind = self.draw(depth)
        if isinstance(kind, types.Integer) and kind.signed:
            a = self.narrow(a)
        return f"(-{a})", resolved(operator.neg, kind)

    def choice(self, depth):
        """Return a ternary or an and/or expression."""
        (a, one), (b, two) = self.real(depth), self.real(depth)
        kind = unified(one, two)
        if kind is None or not is_real(kind):
            return None
        if self.chance(2):
            return f"({a} {self.random.choice(('and', 'or'))} {b})", kind
        return f"({a} if {self.flag(depth)[0]} else {b})", kind

    def cast(self, depth):
        a, kind = self.real(depth)
        name = self.random.choice((*REAL, "int", "float", "bool"))
        if name == "float" and isinstance(kind, types.Boolean):
            return None  # Numba doesn't have it
        target = {"int": types.int64, "float": types.float64}.get(name)
        target = target or getattr(types, name.replace("bool", "boolean"))
        if isinstance(kind, types.Integer | types.Boolean) and name == "int":
            target = resolved(int, kind)
        call = name if name in ("int", "float", "bool") else f"np.{name}"
        if isinstance(kind, types.Float) and isinstance(target, types.Integer):
            if size(a) > WIDEST:
                return None
            least = "-100" if target.signed else "-0.5"
            return f"({call}({a}) if {least} < {a} < 100 else {call}(3))", (
                target
            )
        return f"{call}({a})", target

    def extreme(self, depth):
        (a, one), (b, two) = self.real(depth), self.real(depth)
        name = self.random.choice(("min", "max", "abs"))
        if name == "abs":
            if isinstance(one, types.Integer) and one.signed:
                a = self.narrow(a)
            return f"abs({a})", resolved(abs, one)
        function = {"min": min, "max": max}[name]
        return f"{name}({a}, {b})", resolved(function, one, two)

    def math(self, depth):
        import math

        a, kind = self.real(depth)
        name = self.random.choice(MATH)
        return f"math.{name}({a})", resolved(getattr(math, name), kind)

    def math_of_two(self, depth):
        import math

        (a, one), (b, two) = self.real(depth), self.real(depth)
        name = self.random.choice(MATH_OF_TWO)
        if name == "pow":
            # With a constant, LLVM replaces Numba's pow by another function.
            if not (named(a) and named(b)):
                return None
            # With an integer exponent, it raises for 0 ** -1.
            b, two = f"np.float64({b})", types.float64
        if name == "copysign":  # a NaN's sign is not specified
            b, two = self.real(0)
            b, two = f"({b} if {b} == {b} else 1)", unified(two, types.int64)
        return f"math.{name}({a}, {b})", resolved(
            getattr(math, name), one, two
        )

    def round(self, depth):
        """Return a float rounded to an integer, or a test of a float."""
        a, kind = self.of(lambda kind: isinstance(kind, types.Float), depth)
        if not isinstance(kind, types.Float) or size(a) > WIDEST:
            return None
        name = self.random.choice(("floor", "ceil", "trunc", "isnan", "isinf"))
        if name.startswith("is"):
            return f"math.{name}({a})", types.boolean
        return f"(math.{name}({a}) if abs({a}) < 1e6 else 3)", types.int64

    def complex(self, depth):
        a, kind = self.of(lambda kind: isinstance(kind, types.Complex), depth)
        if not isinstance(kind, types.Complex):
            (a, one), (b, two) = self.real(depth), self.real(depth)
            return f"complex({a}, {b})", resolved(complex, one, two)
        part = self.random.choice(("real", "imag"))
        return f"{a}.{part}", kind.underlying_float

    def call(self, depth):
        if not self.calls:
            return None
        name, kinds, result = self.random.choice(self.calls)
        parts = [self.convertible(kind, depth) for kind in kinds]
        return f"{name}({', '.join(parts)})", result

    def convertible(self, kind, depth):
        """Return an expression of exactly this type."""
        text, found = self.of(
            lambda k: isinstance(k, types.Integer | types.Boolean), depth
        )
        return text if found == kind else f"np.{kind}({text})"


class Tame(Expressions):
    """Draws expressions that Python, NumPy and Numba compute alike.

    Integers stay so small that none wraps. Floats stay finite, and nothing is
    divided by zero. All integers are Python's, and all floats are float64.
    """

    def draw(self, depth=3):
        if depth <= 0 or self.chance(1):
            return self.leaf()
        made = self.random.choice(
            (self.arithmetic, self.arithmetic, self.bits, self.choice)
        )(depth - 1)
        return made or self.leaf()

    def leaf(self):
        if self.names and self.chance(7):
            name = self.random.choice(sorted(self.names))
            return name, self.names[name]
        text = self.random.choice(("0", "1", "2", "7", "-5", "0.5", "-1.25"))
        return f"({text})", typeof(eval(text))

    def arithmetic(self, depth):
        (a, left), (b, right) = self.real(depth), self.real(depth)
        sign = self.random.choice(("+", "-", "*"))
        kind = resolved(ARITHMETIC[sign], left, right)
        if isinstance(kind, types.Float):
            return f"(({a} {sign} {b}) % 64.0)", kind
        return f"(({a} {sign} {b}) % 1009)", types.int64

    def bits(self, depth):
        (a, left), (b, right) = self.integer(depth), self.integer(depth)
        sign = self.random.choice(list(BITS))
        return f"({a} {sign} {b})", resolved(BITS[sign], left, right)

    def choice(self, depth):
        (a, one), (b, two) = self.real(depth), self.real(depth)
        if isinstance(one, types.Float) != isinstance(two, types.Float):
            return None
        return f"({a} if {self.flag(depth)[0]} else {b})", unified(one, two)

    @staticmethod
    def values(random, dtype, count):
        """Return an array of small numbers."""
        random = Random(random.randrange(1 << 16))
        if np.dtype(dtype).kind == "f":
            chosen = [random.randint(-99, 99) / 8 for _ in range(count)]
        else:
            chosen = [random.randint(-99, 99) for _ in range(count)]
        return np.array(chosen, dtype)
