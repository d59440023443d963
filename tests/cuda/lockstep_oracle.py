"""A kernel's result, computed independently of the course's executors.

It interprets a kernel's source once for all threads of a block: each variable
is a NumPy array with one value per thread, and a mask says which threads are
active. It supports only what the kernels of `generated_lives` use: 64-bit
integers and one axis of threads. Anything that they must not do, such as a
barrier that a thread misses, raises AssertionError.
"""

import ast
import operator

import numpy as np

WARP = 32
BINARY = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
COMPARE = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class Frame:
    """The variables of a function, and the masks of threads that left."""

    def __init__(self, names, threads):
        self.names = names
        self.returned = np.zeros(threads, bool)
        self.result = None
        self.loops = []  # (those that broke out, those that go on)


class Oracle:
    """Runs the functions of a module's source, all threads at once."""

    def __init__(self, source, constants):
        tree = ast.parse(source)
        self.functions = {
            node.name: node
            for node in tree.body
            if isinstance(node, ast.FunctionDef)
        }
        self.constants = constants

    def launch(self, name, blocks, threads, arguments):
        """Run a kernel; change its arrays."""
        function = self.functions[name]
        self.threads = threads
        parameters = [a.arg for a in function.args.args]
        for self.block in range(blocks):
            self.blocks = blocks
            names = dict(zip(parameters, arguments, strict=True))
            self.frame = self.kernel = Frame(names, threads)
            self.run(function.body, np.ones(threads, bool))

    # Statements: each takes and returns the mask of active threads.

    def run(self, body, mask):
        for node in body:
            if not mask.any():
                break
            mask = getattr(self, f"run_{type(node).__name__.lower()}")(
                node, mask
            )
        return mask

    def run_pass(self, node, mask):
        return mask

    def run_expr(self, node, mask):
        self.value(node.value, mask)
        return mask

    def run_assign(self, node, mask):
        value = self.value(node.value, mask)
        for target in node.targets:
            self.assign(target, value, mask)
        return mask

    def run_augassign(self, node, mask):
        operation = BINARY[type(node.op)]
        if isinstance(node.target, ast.Name):
            old = self.value(ast.Name(node.target.id, ast.Load()), mask)
            new = operation(old, self.value(node.value, mask))
            self.assign(node.target, new, mask)
            return mask
        array, place = self.place(node.target, mask)
        old = array[place].copy()
        new = operation(old, self.value(node.value, mask)[mask])
        array[place] = new
        return mask

    def run_if(self, node, mask):
        test = self.truth(node.test, mask)
        yes = self.run(node.body, mask & test)
        return yes | self.run(node.orelse, mask & ~test)

    def run_while(self, node, mask):
        return self.loop(node, mask, lambda on: on & self.truth(node.test, on))

    def run_for(self, node, mask):
        items = self.items(node.iter, mask)

        def go_on(on):
            has, item = next(items)
            on = on & has
            if on.any():
                self.assign(node.target, item, on)
            return on

        return self.loop(node, mask, go_on)

    def items(self, node, mask):
        """Yield which threads have another loop value, and that value."""
        if isinstance(node, ast.Tuple):
            values = [self.value(v, mask) for v in node.elts]
            for value in values:
                yield np.ones(self.threads, bool), value
            yield np.zeros(self.threads, bool), None
        given = [self.value(a, mask) for a in node.args]
        start, stop, step = np.zeros_like(given[0]), given[0], 1
        if len(given) > 1:
            start, stop = given[:2]
        if len(given) > 2:
            step = given[2]
            assert (step != 0)[mask].all()
        while True:
            yield np.where(step > 0, start < stop, start > stop), start
            start = start + step

    def loop(self, node, mask, go_on):
        broken = np.zeros(self.threads, bool)
        on, ended = mask, np.zeros(self.threads, bool)
        while on.any():
            still = go_on(on)
            ended |= on & ~still
            on = still
            if not on.any():
                break
            resumed = np.zeros(self.threads, bool)
            self.frame.loops.append((broken, resumed))
            on = self.run(node.body, on) | resumed
            self.frame.loops.pop()
        return broken | self.run(node.orelse, ended)

    def run_break(self, node, mask):
        self.frame.loops[-1][0][mask] = True
        return np.zeros_like(mask)

    def run_continue(self, node, mask):
        self.frame.loops[-1][1][mask] = True
        return np.zeros_like(mask)

    def run_return(self, node, mask):
        frame = self.frame
        if node.value is not None:
            value = self.value(node.value, mask)
            old = (
                np.zeros_like(value)
                if frame.result is None
                else (frame.result)
            )
            frame.result = np.where(mask, value, old)
        frame.returned |= mask
        return np.zeros_like(mask)

    def assign(self, target, value, mask):
        if isinstance(target, ast.Tuple):
            for one, part in zip(target.elts, value, strict=True):
                self.assign(one, part, mask)
        elif isinstance(target, ast.Name):
            names = self.frame.names
            if isinstance(value, np.ndarray) and value.shape == mask.shape:
                old = names.get(target.id, np.zeros_like(value))
                value = np.where(mask, value, old)
            names[target.id] = value
        else:
            array, place = self.place(target, mask)
            array[place] = np.broadcast_to(value, mask.shape)[mask]

    def place(self, node, mask):
        """Return an array and the index of each thread of a mask."""
        array = self.value(node.value, mask)
        parts = node.slice
        parts = parts.elts if isinstance(parts, ast.Tuple) else [parts]
        where = tuple(self.value(p, mask)[mask] for p in parts)
        if isinstance(array, Local):
            where = (np.flatnonzero(mask), *where)
            array = array.data
        for index, size in zip(where, array.shape, strict=True):
            assert ((index >= 0) & (index < size)).all()
        return array, where

    # Expressions: an array with a value for each thread.

    def value(self, node, mask):
        return getattr(self, f"value_{type(node).__name__.lower()}")(
            node, mask
        )

    def truth(self, node, mask):
        return self.value(node, mask) != 0

    def every(self, number):
        return np.full(self.threads, number, np.int64)

    def value_constant(self, node, mask):
        return self.every(int(node.value))

    def value_name(self, node, mask):
        found = self.frame.names.get(node.id)
        if found is None:
            found = self.constants[node.id]
        if isinstance(found, tuple) and not isinstance(found[0], np.ndarray):
            return tuple(map(self.every, found))
        return self.every(found) if isinstance(found, int) else found

    def value_tuple(self, node, mask):
        return tuple(self.value(e, mask) for e in node.elts)

    def value_attribute(self, node, mask):
        text = ast.unparse(node)
        if text == "cuda.threadIdx.x":
            return np.arange(self.threads)
        if text == "cuda.blockIdx.x":
            return self.every(self.block)
        if text == "cuda.laneid":
            return np.arange(self.threads) % WARP
        array = self.value(node.value, mask)
        assert node.attr in ("shape", "size"), text
        if node.attr == "size":
            return self.every(array.size)
        return tuple(map(self.every, array.shape))

    def value_binop(self, node, mask):
        left, right = (self.value(n, mask) for n in (node.left, node.right))
        if isinstance(node.op, ast.FloorDiv | ast.Mod):
            assert (right[mask] != 0).all()
            right = np.where(mask, right, 1)
        return BINARY[type(node.op)](left, right)

    def value_unaryop(self, node, mask):
        value = self.value(node.operand, mask)
        if isinstance(node.op, ast.Not):
            return (value == 0).astype(np.int64)
        return {ast.USub: operator.neg, ast.Invert: operator.invert}[
            type(node.op)
        ](value)

    def value_compare(self, node, mask):
        left = self.value(node.left, mask)
        holds = mask
        for op, other in zip(node.ops, node.comparators, strict=True):
            right = self.value(other, holds)
            holds = holds & COMPARE[type(op)](left, right)
            left = right
        return holds.astype(np.int64)

    def value_boolop(self, node, mask):
        is_and = isinstance(node.op, ast.And)
        result, open_ = None, mask
        for part in node.values:
            value = self.value(part, open_)
            result = (
                value if result is None else np.where(open_, value, result)
            )
            open_ = open_ & ((value != 0) == is_and)
            if not open_.any():
                break
        return result

    def value_ifexp(self, node, mask):
        test = self.truth(node.test, mask)
        parts = []
        for body, part in (
            (node.body, mask & test),
            (node.orelse, mask & ~test),
        ):
            parts.append(self.value(body, part) if part.any() else 0)
        return np.where(test, *parts)

    def value_subscript(self, node, mask):
        owner = self.value(node.value, mask)
        if isinstance(owner, tuple):
            index = self.value(node.slice, mask)
            assert ((index >= 0) & (index < len(owner)))[mask].all()
            return np.choose(np.where(mask, index, 0), owner)
        array, place = self.place(node, mask)
        result = np.zeros(self.threads, np.int64)
        result[mask] = array[place]
        return result

    def value_call(self, node, mask):
        name = ast.unparse(node.func)
        if name in self.functions:
            return self.called(self.functions[name], node, mask)
        if name in ("cuda.shared.array", "cuda.local.array"):
            size = self.constants[ast.unparse(node.args[0])]
            if "shared" in name:
                return np.zeros(size, np.int64)
            return Local(np.zeros((self.threads, size), np.int64))
        values = [self.value(a, mask) for a in node.args]
        method = name.removeprefix("cuda.").replace(".", "_")
        return getattr(self, f"call_{method}")(values, mask)

    def called(self, function, node, mask):
        names = [a.arg for a in function.args.args]
        values = [self.value(a, mask) for a in node.args]
        outer = self.frame
        given = dict(zip(names, values, strict=True))
        self.frame = Frame(given, self.threads)
        left = self.run(function.body, mask)
        result = self.frame.result
        self.frame = outer
        assert result is None or not left.any()
        return result

    def call_grid(self, values, mask):
        return self.block * self.threads + np.arange(self.threads)

    def call_min(self, values, mask):
        return np.minimum(*values)

    def call_max(self, values, mask):
        return np.maximum(*values)

    def call_abs(self, values, mask):
        return np.abs(values[0])

    def call_int(self, values, mask):
        return values[0]

    def call_popc(self, values, mask):
        return np.bitwise_count(values[0] & 0xFFFFFFFF).astype(np.int64)

    def call_atomic_add(self, values, mask):
        array, index, amount = values
        np.add.at(array, index[mask], amount[mask])

    # Where threads wait for each other

    def call_syncthreads(self, values, mask):
        assert (mask == ~self.kernel.returned).all()

    def over_block(self, values, mask, combine):
        self.call_syncthreads(values, mask)
        return self.every(int(combine(values[0][mask] != 0)))

    def call_syncthreads_count(self, values, mask):
        return self.over_block(values, mask, np.sum)

    def call_syncthreads_and(self, values, mask):
        return self.over_block(values, mask, np.all)

    def call_syncthreads_or(self, values, mask):
        return self.over_block(values, mask, np.any)

    def call_syncwarp(self, values, mask):
        self.full_warps(mask)

    def full_warps(self, mask):
        """Return the warps of a mask, each as a slice."""
        here = []
        for first in range(0, self.threads, WARP):
            part = mask[first : first + WARP]
            assert part.all() or not part.any()
            if part.all():
                here.append(slice(first, first + WARP))
        return here

    def over_warps(self, mask, answer):
        result = np.zeros(self.threads, np.int64)
        for warp in self.full_warps(mask):
            result[warp] = answer(warp)
        return result

    def call_ballot_sync(self, values, mask):
        return self.over_warps(
            mask, lambda warp: as_int32(values[1][warp] != 0)
        )

    def call_any_sync(self, values, mask):
        return self.over_warps(mask, lambda warp: (values[1][warp] != 0).any())

    def call_all_sync(self, values, mask):
        return self.over_warps(mask, lambda warp: (values[1][warp] != 0).all())

    def call_eq_sync(self, values, mask):
        bits = values[1] != 0
        return self.over_warps(mask, lambda w: (bits[w] == bits[w][0]).all())

    def call_match_any_sync(self, values, mask):
        value = values[1]
        return self.over_warps(
            mask, lambda w: [as_int32(value[w] == one) for one in value[w]]
        )

    def shuffled(self, values, mask, source):
        _, value, amount = values
        lane = np.arange(self.threads) % WARP
        wanted = source(lane, amount)
        wanted = np.where((wanted >= 0) & (wanted < WARP), wanted, lane)
        return self.over_warps(mask, lambda warp: value[warp][wanted[warp]])

    def call_shfl_sync(self, values, mask):
        return self.shuffled(values, mask, lambda lane, n: n & (WARP - 1))

    def call_shfl_up_sync(self, values, mask):
        return self.shuffled(values, mask, operator.sub)

    def call_shfl_down_sync(self, values, mask):
        return self.shuffled(values, mask, operator.add)

    def call_shfl_xor_sync(self, values, mask):
        return self.shuffled(values, mask, operator.xor)


class Local:
    """A local array of each thread, stored as (threads, size)."""

    def __init__(self, data):
        self.data = data


def as_int32(bits):
    """Return a warp's flags as the signed number that Numba makes of them."""
    number = sum(1 << k for k, bit in enumerate(bits) if bit)
    return number - (1 << 32) if number >> 31 else number
