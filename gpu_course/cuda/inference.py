"""The type that Numba's compiler gives to every expression of a kernel.

Each expression is wrapped in a probe, ``_probe(17, a + b)``, and Numba's own
type inference runs over the result. The probe's typing rule notes the type of
number 17 and returns it unchanged. So every type is Numba's, not ours.
"""

import ast
import operator
from dataclasses import dataclass

import numpy as np
from numba import typeof
from numba.core import errors, typed_passes, types
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager
from numba.core.registry import cpu_target
from numba.core.typing.templates import (
    AbstractTemplate,
    infer_global,
    signature,
)

from gpu_course.cuda import mathematics  # noqa: F401 (registers itself)
from gpu_course.cuda.liveness import copied

NOTES: list = []  # a stack: the notes of the function that is being typed


@dataclass
class Notes:
    """What the inference of one function reads and writes."""

    types: dict  # number of an expression -> its Numba type
    arrays: dict  # number of a call of shared.array and so on -> its type
    calls: dict  # number of a call -> function from argument types to type


def _probe(number, value): ...
def _index(): ...
def _grid(dimensions): ...
def _nothing(*args): ...
def _array(number): ...
def _call(number, *args): ...
def _element(array, *args): ...
def _int32(*args): ...
def _uint32(*args): ...
def _flag(*args): ...
def _first(*args): ...
def _pair(*args): ...
def _shuffle(*args): ...
def _multiply_add(*args): ...
def _reverse(*args): ...
def _cube_root(*args): ...
def _select(*args): ...
def _half(number, left, right): ...


def _rule(stub):
    """Register a typing rule: argument types to the result's type."""

    def register(rule):
        @infer_global(stub)
        class Template(AbstractTemplate):
            prefer_literal = True

            def generic(self, args, kws):
                plain = [types.unliteral(a) for a in args]
                return signature(types.unliteral(rule(*args)), *plain)

        return rule

    return register


@_rule(_probe)
def _(number, value):
    NOTES[-1].types[number.literal_value] = types.unliteral(value)
    return value


@_rule(_grid)
def _(dimensions):
    count = getattr(dimensions, "literal_value", dimensions)
    if count not in (1, 2, 3):
        raise errors.TypingError(f"grid takes 1, 2 or 3, got {count}")
    return types.int64 if count == 1 else types.UniTuple(types.int64, count)


@_rule(_array)
def _(number):
    return NOTES[-1].arrays[number.literal_value]


@_rule(_call)
def _(number, *args):
    plain = tuple(types.unliteral(a) for a in args)
    return NOTES[-1].calls[number.literal_value](plain)


def _exchanged(mask, value, lane):
    """Return the type of a shuffle: 32 or 64 bits of the value's kind."""
    if isinstance(value, types.Float):
        return types.float32 if value.bitwidth <= 32 else types.float64
    bits = getattr(value, "bitwidth", 8)
    small = bits < 32 or (bits == 32 and value.signed)
    return types.int32 if small else types.int64


def _fused(a, b, c):
    single = all(k in (types.float32, types.float16) for k in (a, b, c))
    return types.float32 if single else types.float64


def _reversed(value):
    wide = getattr(value, "bitwidth", 8) > 32
    return types.uint64 if wide else types.uint32


def _root(value):
    return types.float32 if value == types.float32 else types.float64


def _selected(test, a, b):
    return cpu_target.typing_context.unify_types(
        types.unliteral(a), types.unliteral(b)
    )


HALF = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _of_halves(number, left, right):
    """Return the type of an operation in a kernel that uses float16."""
    kinds = (types.unliteral(left), types.unliteral(right))
    if set(kinds) == {types.float16}:
        return types.float16
    function = list(HALF.values())[number.literal_value]
    context = cpu_target.typing_context
    return context.resolve_function_type(function, kinds, {}).return_type


_rule(_half)(_of_halves)
_rule(_index)(lambda: types.int32)
_rule(_nothing)(lambda *args: types.none)
_rule(_element)(lambda array, *args: array.dtype)
_rule(_int32)(lambda *args: types.int32)
_rule(_uint32)(lambda *args: types.uint32)
_rule(_flag)(lambda *args: types.boolean)
_rule(_pair)(lambda *args: types.Tuple((types.int32, types.boolean)))
_rule(_first)(lambda *args: args[0])
_rule(_shuffle)(_exchanged)
_rule(_multiply_add)(_fused)
_rule(_reverse)(_reversed)
_rule(_cube_root)(_root)
_rule(_select)(_selected)

# As in numba.cuda's cudadecl.py and intrinsics.py.
STUBS = {
    "grid": _grid,
    "gridsize": _grid,
    "laneid": _index,
    "warpsize": _index,
    "syncthreads": _nothing,
    "syncwarp": _nothing,
    "threadfence": _nothing,
    "threadfence_block": _nothing,
    "threadfence_system": _nothing,
    "nanosleep": _nothing,
    "this_grid": _int32,
    "grid_sync": _nothing,
    "syncthreads_count": _int32,
    "syncthreads_and": _int32,
    "syncthreads_or": _int32,
    "activemask": _uint32,
    "lanemask_lt": _uint32,
    "ballot_sync": _int32,
    "any_sync": _flag,
    "all_sync": _flag,
    "eq_sync": _flag,
    "match_any_sync": _int32,
    "match_all_sync": _pair,
    "shfl_sync": _shuffle,
    "shfl_up_sync": _shuffle,
    "shfl_down_sync": _shuffle,
    "shfl_xor_sync": _shuffle,
    "popc": _first,
    "clz": _first,
    "ffs": _uint32,
    "brev": _reverse,
    "cbrt": _cube_root,
    "fma": _multiply_add,
    "selp": _select,
}
# The names that instrumented functions use.
OURS = {f"_i_{name}": stub for name, stub in STUBS.items()} | {
    stub.__name__: stub
    for stub in (_probe, _index, _array, _call, _element, _half)
}


class _TypingOnly(CompilerBase):
    def define_pipelines(self):
        manager = PassManager("typing only")
        untyped = DefaultPassBuilder.define_untyped_pipeline(self.state)
        manager.passes.extend(untyped.passes)
        manager.add_pass(typed_passes.NopythonTypeInference, "types")
        manager.finalize()
        return [manager]


class _Instrument(ast.NodeTransformer):
    """Wrap expressions in probes, and replace the kernel API by stubs.

    With ``half``, operations on float16 give float16, as on a GPU; Numba's
    CPU target computes them in float32.
    """

    def __init__(self, half):
        self.half = half

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not self.half or type(node.op) not in HALF:
            return node
        number = ast.Constant(list(HALF).index(type(node.op)))
        return _called("_half", number, node.left, node.right, at=node)

    def visit(self, node):
        if is_decided(node):
            return node  # unchanged, so that Numba sees which way is taken
        if isinstance(node, ast.If | ast.While | ast.IfExp):
            self.leave_bare(node.test)
        plan = getattr(node, "plan", None)
        if plan is not None:
            new = self.planned(node, plan)
        else:
            new = super().visit(node)
        number = getattr(node, "number", None)
        if number is None or not isinstance(new, ast.expr):
            return new
        if hasattr(node, "bare"):
            return new
        return _called("_probe", ast.Constant(number), new, at=node)

    def leave_bare(self, test):
        """Mark ``and``, ``or`` and ``not`` that are jumps, not values."""
        if isinstance(test, ast.BoolOp):
            test.bare = True
            for value in test.values:
                self.leave_bare(value)
        elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            test.bare = True
            self.leave_bare(test.operand)

    def planned(self, node, plan):
        kind, detail = plan
        arguments = []
        if kind not in ("array", "const"):
            arguments = [self.visit(a) for a in getattr(node, "args", ())]
        if kind == "index":
            return _called("_index", at=node)
        if kind in ("array", "const"):
            return _called("_array", ast.Constant(node.number), at=node)
        if kind == "device":
            key = ast.Constant(node.number)
            return _called("_call", key, *arguments, at=node)
        if kind == "atomic":
            return _called("_element", *arguments, at=node)
        return _called(f"_i_{detail}", *arguments, at=node)


def is_decided(node):
    """Whether an expression is ``x is None``, or ``x.ndim == 2``.

    Numba decides these at compile time, and drops the branch not taken.
    """
    if not isinstance(node, ast.Compare) or len(node.ops) > 1:
        return False
    left = node.left
    if isinstance(node.ops[0], ast.Is | ast.IsNot):
        fits = isinstance(left, ast.Name)
    else:
        fits = getattr(left, "attr", None) == "ndim" and isinstance(
            left.value, ast.Name
        )
    return fits and isinstance(node.comparators[0], ast.Constant)


def _called(name, *arguments, at):
    call = ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
    return ast.fix_missing_locations(ast.copy_location(call, at))


def instrumented(source, argument_types, arrays):
    """Return a function's tree with probes around its expressions.

    Parameters
    ----------
    source : frontend.Source
        Its tree carries ``number`` on the expressions to type and ``plan``
        on the calls of the kernel API.
    argument_types : tuple of numba types
    arrays : dict
        Maps the number of a ``shared.array`` or similar call to its type.
    """
    half = any(
        getattr(kind, "dtype", kind) == types.float16
        for kind in (*argument_types, *arrays.values())
    )
    return _Instrument(half).visit(copied(source.tree))


def probed(tree):
    """Return the numbers of the expressions with a probe."""
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", None) == _probe.__name__
    }


def infer(source, tree, argument_types, arrays, calls):
    """Return the types of a function's expressions, and its return type.

    Parameters
    ----------
    source : frontend.Source
    tree : ast.FunctionDef
        The result of `instrumented`.
    argument_types, arrays
        As for `instrumented`.
    calls : dict
        Maps the number of a device function's call to a function from
        argument types to the return type.

    Raises
    ------
    numba.core.errors.TypingError
        If Numba's compiler can't type the function.
    """
    module = ast.fix_missing_locations(ast.Module([tree], []))
    space = {**source.names, **OURS}
    exec(compile(module, source.filename, "exec"), space)
    notes = Notes({}, arrays, calls)
    typing, target = cpu_target.typing_context, cpu_target.target_context
    # Numba's own lock keeps other threads from running between its passes,
    # because the rules above write to the last of the notes.
    with global_compiler_lock:
        typing.refresh()
        target.refresh()
        flags = Flags()
        pipeline = _TypingOnly(
            typing, target, None, tuple(argument_types), None, flags, {}
        )
        pipeline.state.cr = "typed"  # no compilation follows
        NOTES.append(notes)
        try:
            pipeline.compile_extra(space[source.name])
        finally:
            NOTES.pop()
    return notes.types, pipeline.state.return_type


# At first use Numba loads its tables of types and NumPy's masked arrays, which
# takes as long as many launches. So do it during the import.
cpu_target.typing_context.refresh()
cpu_target.target_context.refresh()
typeof(np.empty(0))
