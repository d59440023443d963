"""Make the typed plan of a kernel, which all executors share.

`plan` numbers the expressions whose type matters. `inference` makes Numba's
compiler type them.
"""

import ast
import math
from dataclasses import dataclass, field

from numba import typeof
from numba.core import errors, types
from numba.np.numpy_support import as_dtype

from gpu_course.cuda.expressions import listed
from gpu_course.cuda.frontend import UnsupportedKernel, parse
from gpu_course.cuda.inference import instrumented, is_decided, probed
from gpu_course.cuda.intrinsics import YIELDING
from gpu_course.cuda.plan import Plan
from gpu_course.cuda.refusals import (
    refuse_allocations,
    refuse_atomics,
    refuse_unpacking,
    untypable,
)
from gpu_course.cuda.signatures import signed
from gpu_course.cuda.stored_types import types_of
from gpu_course.cuda.unreached import leave_out


@dataclass
class Typed:
    """A function, typed for one set of argument types."""

    source: object
    argument_types: tuple
    types: dict
    return_type: object
    arrays: dict
    devices: dict = field(default_factory=dict)

    def of(self, node):
        """Return the Numba type of an expression, None in dead code."""
        if isinstance(node, ast.Constant):
            return types.unliteral(typeof(node.value))
        if is_decided(node):
            return types.boolean
        return self.types.get(getattr(node, "number", None))

    @property
    def yields(self):
        """Whether the function waits for other threads anywhere."""
        return self._any(lambda plan: plan[1] in YIELDING) or self.spins

    @property
    def together(self):
        """Whether blocks wait for each other, so that all must run at once."""
        return self._any(lambda plan: plan[1] == "grid_sync") or self.spins

    @property
    def spins(self):
        """Whether a loop waits for memory that another thread changes."""
        own = any(
            isinstance(n, ast.While) and spins(n)
            for n in ast.walk(self.source.tree)
        )
        return own or any(d.spins for d in self._called())

    @property
    def prints(self):
        """Whether the function prints, which can't be undone."""
        own = any(
            isinstance(n, ast.Call) and self.source.resolve(n.func) is print
            for n in ast.walk(self.source.tree)
        )
        return own or any(d.prints for d in self._called())

    def kinds(self):
        """Yield the types of all numbers and array elements."""
        for kind in (*self.types.values(), *self.arrays.values()):
            yield getattr(kind, "dtype", kind)
        for device in self._called():
            yield from device.kinds()

    @property
    def shared_bytes(self):
        """Static shared memory of a block, in bytes."""
        own = sum(
            as_dtype(self.arrays[node.number].dtype).itemsize
            * math.prod(node.shape)
            for node in ast.walk(self.source.tree)
            if getattr(node, "plan", None) == ("array", "shared")
        )
        return own + sum(device.shared_bytes for device in self._called())

    def _any(self, holds):
        plans = (getattr(n, "plan", None) for n in ast.walk(self.source.tree))
        return any(holds(plan) for plan in plans if plan) or any(
            device._any(holds) for device in self._called()
        )

    def _called(self):
        return [d for known in self.devices.values() for d in known.values()]


def spins(node):
    """Whether a while loop only waits for another thread to change memory."""
    body = [n for s in node.body for n in ast.walk(s)]
    changes = any(isinstance(n, ast.Assign | ast.AugAssign) for n in body)
    reads = any(
        isinstance(n, ast.Subscript)
        or (getattr(n, "plan", None) or ("",))[0] == "atomic"
        for n in ast.walk(node.test)
    )
    return reads and not changes


def lower(function, argument_types, callers=()):
    """Parse, plan and type a function for one set of argument types.

    Parameters
    ----------
    function : callable
    argument_types : tuple of numba types
    callers : tuple of callable
        The chain of calling functions, to detect one that calls itself.

    Returns
    -------
    Typed

    Raises
    ------
    UnsupportedKernel, numba.core.errors.TypingError
    """
    source = parse(function)
    if function in callers:
        raise source.unsupported(
            source.tree, "a function that calls itself", "a loop"
        )
    plan = Plan(source, argument_types)
    source.tree.body = [
        new
        for statement in source.tree.body
        for new in listed(plan.visit(statement))
    ]
    devices = {number: {} for number in plan.functions}

    def typer(number):
        def return_type(arguments):
            known = devices[number]
            if arguments not in known:
                signature = plan.signatures[number]
                given, result = signed(signature, arguments)
                known[arguments] = lower(
                    plan.functions[number], given, (*callers, function)
                )
                if result is not None:
                    known[arguments].return_type = result
            return known[arguments].return_type

        return return_type

    calls = {number: typer(number) for number in plan.functions}
    try:
        tree = instrumented(source, argument_types, plan.arrays)
        found, result = types_of(
            source, tree, argument_types, plan.arrays, calls
        )
    except (errors.NumbaError, ImportError) as error:  # SciPy is missing
        raise UnsupportedKernel(untypable(source, error)) from None
    leave_out(source.tree, probed(tree) - set(found), set(found))
    typed = Typed(source, argument_types, found, result, plan.arrays, devices)
    refuse_allocations(typed)
    refuse_unpacking(typed)
    refuse_atomics(typed)
    return typed
