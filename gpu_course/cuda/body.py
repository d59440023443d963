"""The statements of one thread, as Numba compiles them for the CPU.

Indices become the variables of the work-item loops, each axis of each access
is checked, and atomics become calls of `primitives`.
"""

import ast
import builtins
import math
from dataclasses import dataclass, field

from numba.core import types
from numba.np.numpy_support import as_dtype

from gpu_course.cuda.expressions import call, converted
from gpu_course.cuda.intrinsics import FENCES, SHUFFLES
from gpu_course.cuda.liveness import copied
from gpu_course.cuda.ranges import key
from gpu_course.cuda.regions import NotCompilable, annotate

AXES = {
    "threadIdx": "_t{}",
    "blockIdx": "_b{}",
    "blockDim": "_bd{}",
    "gridDim": "_g{}",
}
PASSED = (
    "_tx, _ty, _tz, _bx, _by, _bz, _bdx, _bdy, _bdz, _gx, _gy, _gz, _t, _b, _w"
)
SHORT = 4096  # loops up to this many iterations don't check the stop flag


@dataclass
class Program:
    """A kernel's source for Numba, and the arrays that it needs.

    Attributes
    ----------
    text : str
    space : dict
        Globals that the text refers to.
    scratch : dict of str to (str, tuple, numpy.dtype)
        Arrays allocated once per launch: for the ``"block"``, with an element
        for each ``"thread"``, or the ``"dynamic"`` shared memory.
    sites : list of (int, str, int, int)
        Line, array name, axis and number of axes of each place that can fail
        or be interrupted.
    waits : bool
        Whether threads wait for each other.
    proven : frozenset
        Indices that need no check, as `ranges.proven` returns them.
    together : bool
        Whether all blocks wait for each other. Scratch arrays then have
        elements for the threads and blocks of the whole grid.
    """

    text: str = ""
    space: dict = field(default_factory=dict)
    scratch: dict = field(default_factory=dict)
    sites: list = field(default_factory=list)
    waits: bool = False
    proven: frozenset = frozenset()
    together: bool = False
    devices: dict = field(default_factory=dict)
    arrays: dict = field(default_factory=dict)

    @property
    def me(self):
        """The name of a thread's index into the scratch arrays."""
        return "_m" if self.together else "_t"

    def site(self, node, array="", axis=0, axes=0):
        """Return the number of a place in the source."""
        self.sites.append((node.lineno, array, axis, axes))
        return len(self.sites) - 1

    def constant(self, name, value):
        """Return the name under which the text refers to a global."""
        if vars(builtins).get(name, self) is value:
            return name
        free = name
        while self.space.setdefault(free, value) is not value:
            free += "_"
        return free

    def array(self, key, kind, shape, dtype):
        """Return the name of the scratch array for one place in the source."""
        if key not in self.arrays:
            name = f"_array{len(self.arrays)}"
            self.arrays[key] = name
            where = {"local": "thread"}.get(kind, "block")
            if kind == "shared" and 0 in shape:
                where = "dynamic"
            self.scratch[name] = (where, shape, dtype)
        return self.arrays[key]


class Body(ast.NodeTransformer):
    """Rewrite the statements of one thread with the loops' variables.

    Parameters
    ----------
    program : Program
    casts : dict of str to Numba type
        Variables that are stored with a wider type than some uses have.
    """

    def __init__(self, program, casts=(), in_kernel=True):
        self.program, self.casts = program, casts
        self.in_kernel = in_kernel  # else in a device function
        self.result = None  # type that a device function returns
        self.used = []  # scratch arrays

    def text(self, node):
        """Return an expression, rewritten, as source."""
        new = self.visit(copied(node))
        return ast.unparse(ast.fix_missing_locations(new))

    def lines(self, statements):
        """Return statements, rewritten, as lines of source."""
        lines = []
        for node in statements:
            new = self.visit(copied(node))
            lines += ast.unparse(ast.fix_missing_locations(new)).splitlines()
        return lines

    def visit(self, node):
        plan = getattr(node, "plan", None)
        new = self.planned(node, *plan) if plan else super().visit(node)
        if isinstance(new, ast.expr) and hasattr(node, "type"):
            new.type = node.type
        return ast.copy_location(new, node)

    def planned(self, node, kind, detail):
        if kind in ("index", "name"):
            return expression(index_text(detail))
        if kind == "array":
            return self.array(node, detail)
        if kind == "const":
            name = self.program.constant(f"const{node.lineno}", node.data)
            return ast.Name(name, ast.Load())
        if kind == "device":
            return self.device(node)
        if kind == "atomic":
            return self.atomic(node, detail)
        if detail in ("grid", "gridsize"):
            return expression(grid_text(detail, node.args[0].value))
        if detail in SHUFFLES:
            return self.taken(node, detail)
        if detail == "lanemask_lt":
            return expression("_uint32((1 << (_t & 31)) - 1)")
        if detail == "this_grid":
            return ast.Constant(0)
        if detail in FENCES or detail == "nanosleep":
            return ast.Constant(None)
        arguments = [self.visit(a) for a in node.args]
        if detail in ("popc", "clz", "ffs", "brev"):
            kind = node.args[0].type
            arguments.append(ast.Constant(kind.bitwidth))
        elif detail == "fma":
            arguments = [converted(a, node.type) for a in arguments]
        result = call(f"_{detail}", *arguments)
        if detail in ("popc", "clz", "ffs", "brev", "cbrt", "fma"):
            return converted(result, node.type)
        return result

    def taken(self, node, operation):
        """Return the value that a lane gets from another in a shuffle."""
        amount = self.visit(node.args[2])
        lane = expression("_t & 31")
        sources = {
            "shfl_sync": ast.BinOp(amount, ast.BitAnd(), ast.Constant(31)),
            "shfl_up_sync": ast.BinOp(lane, ast.Sub(), amount),
            "shfl_down_sync": ast.BinOp(lane, ast.Add(), amount),
            "shfl_xor_sync": ast.BinOp(lane, ast.BitXor(), amount),
        }
        here, me = expression(node.here), expression("_t")
        source = call("_lane", here, me, sources[operation])
        return ast.Subscript(expression(node.offered), source, ast.Load())

    def array(self, node, kind):
        dtype = as_dtype(node.type.dtype)
        name = self.program.array(node.key, kind, node.shape, dtype)
        self.used.append(name)
        if kind == "local":
            return expression(f"{name}[{self.program.me}]")
        return expression(f"{name}[_b]" if self.program.together else name)

    def device(self, node):
        if node.device is None:
            return ast.Constant(None)  # on a path that is never taken
        if node.device.yields:
            raise NotCompilable("a device function that waits, in place")
        name, arrays = device_function(node.device, self.program)
        if arrays and self.program.together:
            raise NotCompilable("arrays of device functions, and grid waits")
        self.used += arrays
        extra = [expression(n) for n in (*PASSED.split(", "), *arrays)]
        arguments = [
            self.visit(a) if a.type == kind else converted(self.visit(a), kind)
            for a, kind in zip(
                node.args, node.device.argument_types, strict=True
            )
        ]
        return call(name, *extra, *arguments)

    def visit_Name(self, node):
        if hasattr(node, "constant"):
            node.id = self.program.constant(node.id, node.constant)
        kind = getattr(node, "type", None)
        if (
            isinstance(node.ctx, ast.Load)
            and node.id in self.casts
            and isinstance(kind, types.Number | types.Boolean)
        ):
            return converted(node, kind)
        return node

    def index(self, array, node, at):
        """Return the index with each axis checked."""
        root = array
        while isinstance(root, ast.Subscript | ast.Attribute):
            root = root.value
        name = getattr(root, "shown", ast.unparse(root))
        parts = node.elts if isinstance(node, ast.Tuple) else [node]
        kind = getattr(node, "type", None)
        if not isinstance(node, ast.Tuple) and isinstance(
            kind, types.BaseTuple
        ):
            parts = [
                ast.Subscript(node, ast.Constant(k), ast.Load())
                for k in range(len(kind))
            ]
        extra = [expression(n) for n in ("_t", "_b", "_w")]
        new = []
        for axis, part in enumerate(parts):
            if isinstance(part, ast.Constant) and part.value is ...:
                raise NotCompilable("an ellipsis in an index")
            if isinstance(part, ast.Slice):
                new.append(self.visit(part))
                continue
            if self.is_proven(at, axis):
                new.append(call("_uint64", self.visit(part)))
                continue
            site = self.program.site(at, name, axis, array.type.ndim)
            site = ast.Constant(site)
            place = [self.visit(copied(array)), ast.Constant(axis)]
            new.append(call("_at", *place, self.visit(part), site, *extra))
        return new[0] if len(new) == 1 else ast.Tuple(new, ast.Load())

    def is_proven(self, node, axis=None):
        """Whether an index needs no check, or a comparison is true."""
        return (
            self.in_kernel
            and isinstance(node, ast.Subscript | ast.Compare)
            and not hasattr(node, "inlined")
            and key(node, axis) in self.program.proven
        )

    def visit_BinOp(self, node):
        if isinstance(node.op, ast.Pow) and isinstance(
            getattr(node, "type", None), types.Float
        ):
            node.left = self.hidden(node.left)
            if not isinstance(node.right, ast.Constant):  # else a product
                node.right = self.hidden(node.right)
            return node
        self.generic_visit(node)
        if isinstance(node.op, ast.LShift | ast.RShift):
            # LLVM leaves shifts by 64 or more undefined and may drop guards.
            node.right = ast.BinOp(node.right, ast.BitAnd(), ast.Constant(63))
        return node

    def visit_Call(self, node):
        function = getattr(node.func, "type", None)
        name = getattr(function, "typing_key", None)
        if name in (math.pow, pow):
            node.args = [self.hidden(argument) for argument in node.args]
            return node
        kind = getattr(node, "type", None)
        of_float = (
            len(node.args) == 1
            and isinstance(kind, types.Integer)
            and isinstance(getattr(node.args[0], "type", None), types.Float)
        )
        self.generic_visit(node)
        if of_float and (
            name is int or isinstance(function, types.NumberClass)
        ):
            whole = "_whole_unsigned" if kind == types.uint64 else "_whole"
            return converted(call(whole, node.args[0]), kind)
        return node

    def hidden(self, operand):
        """Return an operand of a power, with its value hidden from LLVM."""
        kind = getattr(operand, "type", None)
        new = self.visit(operand)
        if isinstance(kind, types.Integer | types.Float):
            return call("_hidden", new)
        return new

    def visit_Return(self, node):
        self.generic_visit(node)
        if node.value is not None and self.result is not None:
            node.value = converted(node.value, self.result)
        return node

    def visit_Compare(self, node):
        if self.is_proven(node):
            return ast.Constant(True)
        return self.generic_visit(node)

    def visit_Subscript(self, node):
        owner = getattr(node.value, "type", None)
        if isinstance(owner, types.NumpyFlatType):
            raise NotCompilable("flat, whose index nothing checks")
        is_field = isinstance(node.slice, ast.Constant) and isinstance(
            node.slice.value, str
        )
        if is_field or not isinstance(owner, types.Array):
            return self.generic_visit(node)
        index = self.index(node.value, node.slice, node)
        return ast.Subscript(self.visit(node.value), index, node.ctx)

    def atomic(self, node, operation):
        array, *rest = node.args
        if operation == "compare_and_swap":
            index = ast.Constant(0)
        else:
            index, *rest = rest
        values = [converted(self.visit(v), array.type.dtype) for v in rest]
        place = self.index(array, index, node)
        return call(f"_atomic_{operation}", self.visit(array), place, *values)

    def visit_While(self, node):
        self.generic_visit(node)
        return self.polling(node)

    def visit_For(self, node):
        short = unwatched(node) <= SHORT
        self.generic_visit(node)
        return node if short else self.polling(node)

    def polling(self, node):
        site = self.program.site(node)
        node.body.insert(0, statement(f"_poll(_w, {site}, _t, _b)"))
        return node


def unwatched(node):
    """Return the most iterations between two checks of the stop flag."""
    inner = sum(map(unwatched, ast.iter_child_nodes(node)))
    if isinstance(node, ast.For):
        total = iterations(node.iter) * max(1, inner)
        return total if total <= SHORT else SHORT + 1
    if isinstance(node, ast.While):
        return 1  # it checks the flag itself
    if getattr(node, "device", None):
        body = node.device.source.tree.body
        return inner + SHORT * any(
            isinstance(n, ast.For | ast.While)
            for s in body
            for n in ast.walk(s)
        )
    return inner


def iterations(node):
    """Return the number of iterations of a constant range, else infinity."""
    if not (
        isinstance(node, ast.Call)
        and getattr(node.func, "constant", None) is range
    ):
        return float("inf")
    values = []
    for argument in node.args:
        value = getattr(argument, "constant", None)
        if isinstance(argument, ast.Constant):
            value = argument.value
        if not isinstance(value, int):
            return float("inf")
        values.append(value)
    return len(range(*values))


def expression(text):
    return ast.parse(text, mode="eval").body


def statement(text):
    return ast.parse(text).body[0]


def index_text(detail):
    if detail == "laneid":
        return "_int32(_t % 32)"
    if detail == "warpsize":
        return "_int32(32)"
    owner, axis = detail.split("_")
    return f"_int32({AXES[owner].format(axis)})"


def grid_text(detail, count):
    if detail == "grid":
        parts = [f"_b{a} * _bd{a} + _t{a}" for a in "xyz"[:count]]
    else:
        parts = [f"_g{a} * _bd{a}" for a in "xyz"[:count]]
    return parts[0] if count == 1 else f"({', '.join(parts)})"


def device_function(typed, program):
    """Write a device function without waits; return its name and arrays."""
    key = (typed.source.function, typed.argument_types)
    if key not in program.devices:
        name = f"_device{len(program.devices)}_{typed.source.name}"
        rewriter = Body(program, in_kernel=False)
        rewriter.result = typed.return_type
        body = rewriter.lines(annotate(typed))
        arrays = list(dict.fromkeys(rewriter.used))
        names = ", ".join([PASSED, *arrays, *typed.source.parameters])
        lines = ["@_njit", f"def {name}({names}):"]
        lines += ["    " + line for line in body]
        program.text += "\n".join([*lines, "", ""])
        program.devices[key] = (name, arrays)
    return program.devices[key]
