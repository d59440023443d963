"""Kernels with index arithmetic, some of it wrong, and their types.

`IndexWriter` draws the source of a kernel whose accesses may be out of bounds.
`infer_quickly` gives its expressions the same types as Numba's inference, but
without running that.
"""

import ast
import math

import numpy as np
from numba import typeof, types
from numba.core.registry import cpu_target
from watched_indices import BITS

HEAD = """\
import numpy as np
from numba import int8, int32, int64, uint8, uint64  # noqa: F401
from gpu_course import cuda

SIX = 6
LEAST = np.int8(-128)
SMALL = np.uint8(3)
WIDE = np.int32(40)
YES = True
HALF = 0.5


def kernel(x, z, m, n, p, q, u, b, flag, f):
"""


class IndexWriter:
    """Draws one kernel; ``write`` returns its source.

    Parameters
    ----------
    random : random.Random
    statements : int
        Most statements at the outermost level.
    """

    def __init__(self, random, statements=5):
        self.random, self.statements = random, statements
        self.lines = []
        self.kinds = {}  # variables -> kinds
        self.tuples = {}  # names -> number of items
        self.arrays = {"x": 1, "z": 1, "m": 2}
        self.count = 0
        self.depth = 1
        self.loops = 0

    def chance(self, tenths):
        return self.random.randrange(10) < tenths

    def pick(self, *choices):
        return self.random.choice(choices)

    def add(self, *lines):
        self.lines += ["    " * self.depth + line for line in lines]

    def name(self, kind="int64"):
        self.count += 1
        name = f"v{self.count}"
        self.kinds[name] = kind
        return name

    def write(self):
        self.parameters = {
            "n": "int64",
            "p": "int8",
            "q": "int32",
            "u": "uint64",
            "b": "uint8",
        }
        for text in self.random.sample(
            [
                "cuda.grid(1)",
                "cuda.threadIdx.x",
                "x.shape[0]",
                "0",
                "cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x",
                "len(z) - 1",
                "cuda.threadIdx.y",
                "-1",
                "n",
            ],
            self.random.randrange(1, 4),
        ):
            self.add(f"{self.name()} = {text}")
        for _ in range(self.random.randrange(2, self.statements + 1)):
            self.statement()
        self.add("x[0] = 1" if self.chance(5) else "return")
        return HEAD + "\n".join(self.lines) + "\n"

    # Statements

    def block(self, most=3):
        known = dict(self.kinds), dict(self.tuples), dict(self.arrays)
        self.depth += 1
        if self.chance(7):
            self.probe()  # what is known from the condition
        for _ in range(self.random.randrange(1, most + 1)):
            self.statement()
        self.add("pass")
        self.depth -= 1
        if self.chance(9):  # otherwise they may be read while unset
            self.kinds, self.tuples, self.arrays = known

    def statement(self):
        kinds = ["assign"] * 4 + ["access"] * 8 + ["augmented"] * 3
        kinds += [
            self.pick(
                "chained",
                "unpack",
                "unpack",
                "pair",
                "alias",
                "scratch",
                "parameter",
            )
        ] * 2
        if self.depth < 4:
            kinds += ["branch"] * 4 + ["guard"] + ["for_", "while_"] * 4
        if self.loops:
            kinds += ["leave"] * 2
        getattr(self, self.random.choice(kinds))()
        if self.chance(5):
            self.probe()

    def probe(self):
        """Write comparisons; they test what is known of the left operand."""
        names = self.variables()
        if self.chance(5):
            names = [self.known(), self.index(1)]
        tests = [f"{n} < {self.pick('0', '1', '2', '3')}" for n in names]
        if tests:
            self.add(f"h = {', '.join([*tests, '0'])}")

    def variables(self, kind="int64"):
        return [v for v, k in self.kinds.items() if k == kind]

    def target(self):
        """Return a variable to assign to, usually an existing one."""
        old = self.variables()
        if old and self.chance(7):
            return self.random.choice(old)
        return self.name()

    def assign(self):
        value = self.expression()
        if self.chance(1):
            kind = self.pick("int8", "int32", "uint8", "uint64")
            narrow = self.variables(kind)
            value = f"{kind}({value})"
            name = self.random.choice(narrow) if narrow else self.name(kind)
            self.add(f"{name} = {value}")
            return
        self.add(f"{self.target()} = {value}")

    def access(self):
        array = self.random.choice(list(self.arrays))
        place = self.place(array)
        if self.chance(4):
            self.add(f"{self.target()} = {place}")
        elif self.chance(3):
            self.add(f"{place} += {self.expression(1)}")
        else:
            self.add(f"{place} = {self.expression(1)}")

    def place(self, array, depth=2):
        axes = self.arrays[array]
        if axes == 2 and self.chance(2):
            pairs = [p for p, n in self.tuples.items() if n == 2]
            if pairs:
                return f"{array}[{self.random.choice(pairs)}]"
            return f"{array}[cuda.grid(2)]"
        parts = [self.index(depth) for _ in range(axes)]
        if axes == 2 and self.chance(2):
            return f"{array}[{parts[0]}][{parts[1]}]"
        return f"{array}[{', '.join(parts)}]"

    def index(self, depth=2):
        """Return an index, often a simple one, so that many are proven."""
        names = [
            *self.variables(),
            "cuda.grid(1)",
            "cuda.threadIdx.x",
            "cuda.threadIdx.y",
            "n",
        ]
        if self.chance(4):
            return self.random.choice(names)
        if self.chance(5):
            name = self.random.choice(names)
            less = self.random.randrange(1, 4)
            return self.pick(
                f"{name} {self.pick('+', '-')} {less}",
                f"{name} % {self.pick('x.size', 'z.shape[0]', '3', '4')}",
                f"{name} // {less + 1}",
                f"{name} >> {less}",
                f"min({name}, {self.pick('x.size - 1', 'len(z) - 1', '2')})",
                f"max({name}, 0)",
                f"-{name}",
                f"{name} & {2 * less + 1}",
                f"x.size - 1 - {name}",
                f"{name} * {less}",
            )
        return self.expression(depth)

    def known(self):
        """Return an assigned variable, if there is one."""
        return self.random.choice(self.variables() or ["n"])

    def augmented(self):
        operator = self.pick(
            "+", "-", "+", "-", "*", "//", "%", ">>", "<<", "&", "|"
        )
        value = self.pick(
            "1",
            "2",
            "3",
            "cuda.threadIdx.x",
            "cuda.gridsize(1)",
            self.expression(1),
        )
        self.add(f"{self.known()} {operator}= {value}")

    def chained(self):
        """Assign to several targets, from left to right."""
        one, two = self.known(), self.known()
        value = self.index(1)
        form = self.pick(
            "{0} = {1} = {2}",
            "{0} = x[{0}] = {2}",
            "x[{0}] = {0} = {2}",
            "{1} = {0} = {0} - 1",
            "{0} = {1} = {0} + 1",
            "{0}, x[{0}] = {2}, 5",
            "x[{0}], {0} = 5, {2}",
        )
        self.add(form.format(one, two, value))

    def unpack(self):
        one, two = self.known(), self.known()
        if one == two or self.chance(3):
            one, two = self.name(), self.name()
            self.add(
                f"{one}, {two} = "
                + self.pick(
                    "cuda.grid(2)",
                    "m.shape",
                    "cuda.gridsize(2)",
                )
            )
        self.add(
            f"{one}, {two} = "
            + self.pick(
                "cuda.grid(2)",
                "m.shape",
                f"{two}, {one}",
                f"{two}, {one} + 1",
                f"{self.index(1)}, {self.index(1)}",
            )
        )

    def pair(self):
        self.count += 1
        old = list(self.tuples)
        name = (
            self.random.choice(old)
            if old and self.chance(5)
            else (f"p{self.count}")
        )
        value = self.pick(
            "cuda.grid(2)",
            "m.shape",
            f"(int64({self.index(1)}), int64({self.index(1)}))",
        )
        self.add(f"{name} = {value}")
        self.tuples[name] = 2

    def alias(self):
        """Give an array another name or a name another array."""
        ones = [a for a, n in self.arrays.items() if n == 1 and a[0] in "xzy"]
        name = self.pick("y", *ones)
        self.add(f"{name} = {self.random.choice(ones)}")
        self.arrays[name] = 1

    def scratch(self):
        self.count += 1
        name = f"s{self.count}"
        where = self.pick("shared", "local")
        shape, axes = self.pick(("5", 1), ("(3, 4)", 2), ("SIX", 1))
        self.add(f"{name} = cuda.{where}.array({shape}, int64)")
        self.arrays[name] = axes

    def parameter(self):
        self.add(
            self.pick(
                "n = n - 1",
                "n += 1",
                "n = n // 2",
                f"n = {self.expression(1)}",
                "p = int8(p + 1)",
                "q = int32(q - 1)",
            )
        )

    def branch(self):
        self.add(f"if {self.condition()}:")
        self.block()
        if self.chance(4):
            self.add("else:")
            self.block()
        elif self.chance(2):
            self.add(f"elif {self.condition(1)}:")
            self.block()
        self.probe()

    def guard(self):
        self.add(f"if {self.condition()}:")
        self.add("    " + self.pick("return", "return", "x[0] = 2"))
        self.probe()

    def leave(self):
        self.add(f"if {self.condition(1)}:")
        self.depth += 1
        if self.chance(5):
            self.statement()
        self.add(self.pick("break", "continue"))
        self.depth -= 1

    def body(self):
        self.loops += 1
        self.block()
        self.loops -= 1

    def for_(self):
        name = self.target()
        low, high = self.bound(), self.bound()
        step = self.pick("1", "2", "-1", "-2", "n", "q", "cuda.blockDim.x")
        self.add(
            f"for {name} in "
            + self.pick(
                f"range({high})",
                f"range({low}, {high})",
                f"range({low}, {high}, {step})",
                f"range({high} - 1, -1, -1)",
                "range(cuda.grid(1), x.size, cuda.gridsize(1))",
                "range(x.size)",
                "range(m.shape[1])",
            )
            + ":"
        )
        self.body()
        if self.chance(2):
            self.add("else:")
            self.block(2)
        self.probe()

    def bound(self):
        return self.pick(
            "0",
            "1",
            "3",
            "x.size",
            "len(z)",
            "m.shape[0]",
            "n",
            "cuda.threadIdx.x",
            "q",
            "SIX",
            "cuda.grid(1)",
            self.known(),
            self.known(),
            f"int64({self.expression(1)})",
        )

    def while_(self):
        name = self.target()
        if self.chance(8):
            self.add(
                f"{name} = "
                + self.pick(
                    "x.size // 2",
                    "cuda.grid(1)",
                    "1",
                    "n",
                    "cuda.blockDim.x",
                    "x.size - 1",
                    "0",
                )
            )
        test = self.pick(
            f"{name} > 0",
            f"{name} < x.size",
            f"{name} >= 0",
            f"{name} < n",
            f"{name} != 0",
            f"not {name} <= 0",
            f"0 < {name} < z.size",
            f"{name} < 40 and {self.condition(1)}",
            self.condition(1),
        )
        self.add(f"while {test}:")
        before = self.chance(3)
        change = f"{name} {self.pick('//= 2', '>>= 1', '-= 1', '+= 1', '*= 2', '+= cuda.gridsize(1)', '<<= 1', '-= 3')}"  # noqa: E501
        if before:
            self.add("    " + change)
        self.body()
        if not before or self.chance(3):
            self.add("    " + change)
        if self.chance(2):
            self.add("else:")
            self.block(2)
        self.probe()

    # Expressions

    def condition(self, depth=2):
        if depth and self.chance(3):
            one, two = self.condition(depth - 1), self.condition(depth - 1)
            return f"({one} {self.pick('and', 'or')} {two})"
        if self.chance(1):
            return f"not {self.condition(depth - 1 if depth else 0)}"
        if self.chance(1):
            return self.pick("flag", "YES", "not flag")
        operator = self.pick("<", "<", "<=", "<=", ">", ">=", "==", "!=")
        if self.chance(5):
            number = self.pick(
                "0", "1", "2", "3", "x.size", "z.size", "n", self.known()
            )
            return f"{self.known()} {operator} {number}"
        left = self.index(1)
        right = self.pick(
            "x.size",
            "z.shape[0]",
            "m.shape[0]",
            "m.shape[1]",
            "n",
            "len(x)",
            "0",
            "4",
            "q",
            "u",
            "p",
            "f",
            "2.5",
            "SIX",
            self.expression(1),
        )
        if self.chance(2):
            return f"{self.pick('0', '1', 'p')} <= {left} < {right}"
        if self.chance(2):
            return f"{right} {operator} {left}"
        if self.chance(1):
            return f"{left} {operator} {right} and {self.load(1)} > 0"
        return f"{left} {operator} {right}"

    def load(self, depth):
        return self.place(self.random.choice(list(self.arrays)), depth)

    def expression(self, depth=2):
        """Return the text of an int64 expression."""
        if not depth:
            return self.leaf()
        kind = self.pick(
            "leaf",
            "binary",
            "binary",
            "binary",
            "unary",
            "pick",
            "ternary",
            "cast",
            "load",
            "narrow",
            "real",
        )
        less = depth - 1
        if kind == "leaf":
            return self.leaf()
        if kind == "binary":
            operator = self.pick(
                "+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>", "+", "-"
            )
            one, two = self.expression(less), self.expression(less)
            if operator in ("<<", ">>") and self.chance(7):
                two = self.pick("1", "2", "5", "q", "(n & 3)", "62")
            return f"({one} {operator} {two})"
        if kind == "unary":
            return f"{self.pick('-', '~', '+', '-')}{self.expression(less)}"
        if kind == "pick":
            more = [self.expression(less) for _ in range(self.pick(2, 2, 3))]
            return f"{self.pick('min', 'max')}({', '.join(more)})"
        if kind == "ternary":
            one, two = self.expression(less), self.expression(less)
            test = self.condition(0)
            return f"(int64({one}) if {test} else int64({two}))"
        if kind == "cast":
            to = self.pick("int8", "int32", "uint8", "int64", "np.int32")
            return f"int64({to}({self.expression(less)}))"
        if kind == "load":
            return self.load(less)
        if kind == "narrow":
            return self.narrow()
        return f"int64({self.pick('0.5', 'HALF', 'f')} * {self.leaf()})"

    def narrow(self):
        """Return arithmetic on narrow and unsigned types, as int64."""
        small = [
            "p",
            "b",
            "u",
            "LEAST",
            "SMALL",
            "q",
            "WIDE",
            *self.variables("int8"),
            *self.variables("uint8"),
            *self.variables("uint64"),
            *self.variables("int32"),
        ]
        one, two = self.random.choice(small), self.random.choice(small)
        return (
            "int64("
            + self.pick(
                f"-{one}",
                f"~{one}",
                f"{one} + {two}",
                f"{one} - {two}",
                f"{one} * {two}",
                f"{one} - 1",
                f"uint64({self.leaf()})",
                f"{one} // {two}",
                f"{one} % {two}",
                f"abs({one})",
                f"-{one} - 1",
                f"flag + {self.leaf()}",
                "flag * 3",
                f"int({one})",
                f"-(-{one})",
                f"{one} << 1",
                f"{one} >> 1",
            )
            + ")"
        )

    def leaf(self):
        names = self.variables()
        if names and self.chance(5):
            return self.random.choice(names)
        return self.pick(
            "cuda.threadIdx.x",
            "cuda.threadIdx.y",
            "cuda.blockIdx.x",
            "cuda.blockDim.x",
            "cuda.gridDim.y",
            "cuda.grid(1)",
            "cuda.gridsize(1)",
            "cuda.laneid",
            "x.shape[0]",
            "x.size",
            "len(z)",
            "m.shape[0]",
            "m.shape[1]",
            "m.size",
            "n",
            "q",
            "SIX",
            "WIDE",
            "0",
            "1",
            "2",
            "3",
            "7",
            "(-1)",
            "9223372036854775807",
            "(1 << 40)",
        )


def arguments(random):
    """Return arguments for a drawn kernel."""

    def cells(*shape):
        extremes = [-(2**63), 2**63 - 1, 2**40]
        values = [
            random.choice([random.randrange(-3, 12), *extremes])
            if random.randrange(8) == 0
            else random.randrange(-2, 9)
            for _ in range(math.prod(shape))
        ]
        return np.array(values, np.int64).reshape(shape)

    pick = random.choice
    return [
        cells(pick((0, 1, 4, 7, 16, 130))),
        cells(pick((1, 3, 8, 40))),
        cells(pick((1, 3, 5)), pick((1, 4, 6))),
        pick((0, 1, 3, 5, 16, -1, -4, 2**62, 2**63 - 1, -(2**63))),
        np.int8(pick((0, 1, -1, 5, 127, -128))),
        np.int32(pick((0, 2, -3, 31, 2**31 - 1, -(2**31)))),
        np.uint64(pick((0, 1, 4, 2**63, 2**64 - 1))),
        np.uint8(pick((0, 3, 222, 255))),
        pick((True, False, np.bool_(True))),
        pick((0.0, 2.5, -1.5)),
    ]


class QuickTypes:
    """Types of a drawn kernel's expressions, by Numba's rules.

    It replaces `inference.infer`, which takes a tenth of a second per kernel.
    Here a variable has one type; Numba can give it a narrower type at each
    place.
    """

    def __init__(self, source, argument_types, arrays):
        self.source, self.arrays = source, arrays
        self.found = {}
        self.variables = dict(
            zip(source.parameters, argument_types, strict=True)
        )
        for _ in range(2):  # a loop may read what it assigns later
            for node in ast.walk(source.tree):
                if isinstance(node, ast.Assign):
                    kind = self.of(node.value)
                    for target in node.targets:
                        self.assign(target, kind)
                elif isinstance(node, ast.For):
                    self.assign(node.target, types.int64)
        for node in ast.walk(source.tree):
            if hasattr(node, "number"):
                self.found[node.number] = self.of(node)

    def assign(self, target, kind):
        if isinstance(target, ast.Tuple):
            for k, inner in enumerate(target.elts):
                self.assign(inner, kind and kind[k])
        elif isinstance(target, ast.Name):
            both = {self.variables.get(target.id), kind} - {None}
            if both:
                self.variables[target.id] = unify(both)

    def of(self, node):
        plan = getattr(node, "plan", ("", ""))
        if plan[0] in ("index", "name"):
            return types.int32
        if plan[0] == "array":
            return self.arrays[node.number]
        if plan[1] in ("grid", "gridsize"):
            axes = node.args[0].value
            return (
                types.int64 if axes == 1 else types.UniTuple(types.int64, axes)
            )
        method = getattr(self, type(node).__name__.lower(), None)
        return method(node) if method else None

    def constant(self, node):
        return typeof(node.value)

    def name(self, node):
        if node.id in self.source.locals:
            return self.variables.get(node.id)
        value = self.source.names[node.id]
        return typeof(value) if isinstance(value, NUMBERS) else None

    def attribute(self, node):
        if node.attr == "shape":
            return types.UniTuple(types.int64, self.of(node.value).ndim)
        return types.int64 if node.attr == "size" else None

    def subscript(self, node):
        owner = self.of(node.value)
        if isinstance(owner, types.BaseTuple):
            return owner[node.slice.value]
        if owner is None:
            return None
        index = self.of(node.slice)
        axes = len(index) if isinstance(index, types.BaseTuple) else 1
        if axes == owner.ndim:
            return owner.dtype
        return types.Array(owner.dtype, owner.ndim - axes, "C")

    def tuple(self, node):
        return types.Tuple([self.of(e) or types.int64 for e in node.elts])

    def binop(self, node):
        one, two = self.of(node.left), self.of(node.right)
        if isinstance(node.op, ast.LShift | ast.RShift):
            signed = getattr(one, "signed", True)
            return types.int64 if signed else types.uint64
        if types.float64 in (one, two):
            return types.float64
        both = [getattr(k, "signed", True) for k in (one, two)]
        return types.int64 if any(both) else types.uint64

    def unaryop(self, node):
        kind = self.of(node.operand)
        if isinstance(node.op, ast.Not):
            return types.boolean
        if kind in (types.float64, None):
            return kind
        if isinstance(node.op, ast.Invert) and kind == types.boolean:
            return kind
        return types.int64 if getattr(kind, "signed", True) else types.uint64

    def compare(self, node):
        return types.boolean

    def boolop(self, node):
        return types.boolean

    def ifexp(self, node):
        return unify({self.of(node.body), self.of(node.orelse)} - {None})

    def call(self, node):
        text = ast.unparse(node.func).removeprefix("np.")
        if text in BITS:
            return getattr(types, text)
        kinds = [self.of(a) for a in node.args]
        if text in ("min", "max"):
            return unify(set(kinds) - {None})
        if text in ("int", "abs"):
            whole = isinstance(kinds[0], types.Integer)
            return kinds[0] if whole else types.int64
        return types.int64 if text == "len" else None


NUMBERS = (bool, int, float, np.number)


def unify(kinds):
    kinds = list(kinds)
    if len(kinds) == 1:
        return kinds[0]
    return cpu_target.typing_context.unify_types(*kinds)


def infer_quickly(source, argument_types, arrays, calls):
    """Do what `inference.infer` does, for the drawn kernels only."""
    return QuickTypes(source, argument_types, arrays).found, types.none
