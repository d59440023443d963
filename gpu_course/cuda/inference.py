"""The type that Numba's compiler gives to every expression of a kernel.

Each expression is wrapped in a probe, ``_probe(17, a + b)``, and Numba's own
type inference is run over the result. The probe's typing rule notes the type
of number 17 and returns it unchanged. So the types are Numba's, not ours, for
whatever Numba can type.
"""

import ast
import copy
from dataclasses import dataclass

from numba.core import errors, typed_passes, types
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags
from numba.core.compiler_machinery import PassManager
from numba.core.registry import cpu_target
from numba.core.typing.templates import (
    AbstractTemplate,
    infer_global,
    signature,
)

NOTES = []  # a stack: the notes of the function that is being typed


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
def _second(*args): ...


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


_rule(_index)(lambda: types.int32)
_rule(_nothing)(lambda *args: types.none)
_rule(_element)(lambda array, *args: array.dtype)
_rule(_int32)(lambda *args: types.int32)
_rule(_uint32)(lambda *args: types.uint32)
_rule(_flag)(lambda *args: types.boolean)
_rule(_first)(lambda *args: args[0])
_rule(_second)(lambda *args: args[1])

STUBS = {
    "grid": _grid, "gridsize": _grid, "laneid": _index, "warpsize": _index,
    "syncthreads": _nothing, "syncwarp": _nothing,
    "threadfence": _nothing, "threadfence_block": _nothing,
    "threadfence_system": _nothing, "syncthreads_count": _int32,
    "syncthreads_and": _int32, "syncthreads_or": _int32,
    "activemask": _uint32, "ballot_sync": _uint32, "any_sync": _flag,
    "all_sync": _flag, "eq_sync": _flag, "match_any_sync": _uint32,
    "shfl_sync": _second, "shfl_up_sync": _second,
    "shfl_down_sync": _second, "shfl_xor_sync": _second,
    "popc": _int32, "clz": _int32, "ffs": _int32, "brev": _first,
    "cbrt": _first, "fma": _first, "selp": _second,
}  # fmt: skip


class _TypingOnly(CompilerBase):
    def define_pipelines(self):
        manager = PassManager("typing only")
        untyped = DefaultPassBuilder.define_untyped_pipeline(self.state)
        manager.passes.extend(untyped.passes)
        manager.add_pass(typed_passes.NopythonTypeInference, "types")
        manager.finalize()
        return [manager]


class _Instrument(ast.NodeTransformer):
    """Wrap expressions in probes and put stubs for the kernel API."""

    def __init__(self, source):
        self.source = source

    def visit(self, node):
        plan = getattr(node, "plan", None)
        if plan is not None:
            new = self.planned(node, plan)
        else:
            new = self.generic_visit(node)
        number = getattr(node, "number", None)
        if number is None or not isinstance(new, ast.expr):
            return new
        return _called("_probe", ast.Constant(number), new, at=node)

    def planned(self, node, plan):
        kind, detail = plan
        arguments = [self.visit(a) for a in getattr(node, "args", ())]
        if kind == "index":
            return _called("_index", at=node)
        if kind == "array":
            return _called("_array", ast.Constant(node.number), at=node)
        if kind == "device":
            key = ast.Constant(node.number)
            return _called("_call", key, *arguments, at=node)
        if kind == "atomic":
            return _called("_element", *arguments, at=node)
        return _called(f"_i_{detail}", *arguments, at=node)


def _called(name, *arguments, at):
    call = ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
    return ast.fix_missing_locations(ast.copy_location(call, at))


def infer(source, argument_types, arrays, calls):
    """Return the types of a function's expressions, and its return type.

    Parameters
    ----------
    source : frontend.Source
        Its tree carries ``number`` on the expressions to type and ``plan``
        on the calls of the kernel API.
    argument_types : tuple of numba types
    arrays : dict
        Number of a call of ``shared.array`` and the like to its array type.
    calls : dict
        Number of a call of a device function to a function from argument
        types to the return type.

    Raises
    ------
    numba.core.errors.TypingError
        As Numba's compiler says it.
    """
    tree = _Instrument(source).visit(copy.deepcopy(source.tree))
    names = {f"_i_{name}": stub for name, stub in STUBS.items()}
    own = (_probe, _index, _array, _call, _element)
    names |= {stub.__name__: stub for stub in own}
    module = ast.fix_missing_locations(ast.Module([tree], []))
    space = {**source.names, **names}
    exec(compile(module, source.filename, "exec"), space)
    notes = Notes({}, arrays, calls)
    typing, target = cpu_target.typing_context, cpu_target.target_context
    typing.refresh()
    target.refresh()
    flags = Flags()
    pipeline = _TypingOnly(
        typing, target, None, tuple(argument_types), None, flags, {}
    )
    pipeline.state.cr = "typed"  # nothing is compiled: it ends here
    NOTES.append(notes)
    try:
        pipeline.compile_extra(space[source.name])
    finally:
        NOTES.pop()
    return notes.types, pipeline.state.return_type
