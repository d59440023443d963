"""What compiled kernels call: checks, atomics, barriers, warp operations."""

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

helper = numba.njit(error_model="numpy", nogil=True)


def _raise(context, builder, error, message, words, *values):
    """Emit code that stores numbers in ``words[1:]`` and raises."""
    for place, value in enumerate(values, 1):
        offset = ir.Constant(ir.IntType(64), place)
        builder.store(value, builder.gep(words, [offset]))
    context.call_conv.return_user_exc(builder, error, (message,))


def _pointer(context, builder, kind, words):
    return context.make_array(kind)(context, builder, words).data


@intrinsic
def _poll(typing, words, site, thread, block):
    """Raise if the stop flag, words[0], is set; read it anew each time."""

    def build(context, builder, signature, arguments):
        pointer = _pointer(context, builder, words, arguments[0])
        flag = builder.load_atomic(pointer, "monotonic", 8)
        zero = ir.Constant(ir.IntType(64), 0)
        with builder.if_then(
            builder.icmp_signed("!=", flag, zero), likely=False
        ):
            _raise(
                context,
                builder,
                RuntimeError,
                "stopped",
                pointer,
                *arguments[1:],
            )

    return types.none(words, types.int64, types.int64, types.int64), build


@intrinsic(prefer_literal=True)
def _at(typing, array, axis, index, site, thread, block, words):
    """Return an index, wrapped once if negative; raise if outside its axis."""
    number = axis.literal_value
    unsigned = isinstance(index, types.Integer) and not index.signed

    def build(context, builder, signature, arguments):
        view = context.make_array(array)(context, builder, arguments[0])
        size = builder.extract_value(view.shape, number)
        given = arguments[2]
        inside = builder.icmp_unsigned("<", given, size)
        start = builder.block
        with builder.if_then(builder.not_(inside), likely=False):
            wrapped = given if unsigned else builder.add(given, size)
            outside = builder.icmp_unsigned(">=", wrapped, size)
            with builder.if_then(outside, likely=False):
                pointer = _pointer(context, builder, words, arguments[6])
                flag = ir.Constant(ir.IntType(64), int(unsigned))
                _raise(
                    context,
                    builder,
                    IndexError,
                    "outside",
                    pointer,
                    *arguments[3:6],
                    given,
                    size,
                    flag,
                )
            end = builder.block
        index = builder.phi(given.type)
        index.add_incoming(given, start)
        index.add_incoming(wrapped, end)
        return index

    # The axis stays literal: Numba keeps one ``build`` for each signature.
    # The result is unsigned, so that Numba doesn't wrap it again.
    kind = types.uint64 if unsigned else types.int64
    whole = [types.int64] * 3
    return types.uint64(array, axis, kind, *whole, words), build


def _filling(byte):
    """Return an intrinsic that sets each byte of a contiguous array."""

    def fill(typing, array):
        def build(context, builder, signature, arguments):
            view = context.make_array(array)(context, builder, arguments[0])
            nbytes = builder.mul(view.nitems, view.itemsize)
            cgutils.memset(builder, view.data, nbytes, byte)

        return types.none(array), build

    return intrinsic(fill)


# These and `_copy` set and copy memory: slice assignments compile slowly.
_clear, _set = _filling(0), _filling(1)


@intrinsic
def _copy(typing, to, source):
    """Copy a contiguous array into another of the same size."""

    def build(context, builder, signature, arguments):
        one = context.make_array(to)(context, builder, arguments[0])
        two = context.make_array(source)(context, builder, arguments[1])
        cgutils.raw_memcpy(
            builder, one.data, two.data, one.nitems, one.itemsize
        )

    return types.none(to, source), build


@helper
def _any(mask):
    for t in range(mask.size):  # noqa: SIM110, Numba has no any()
        if mask[t]:
            return True
    return False


@helper
def _less(mask, gone):
    """Remove the threads of one mask from another."""
    for t in range(mask.size):
        if gone[t]:
            mask[t] = False


@helper
def _all_here(mask, alive, site, block, words):
    """Fail if only some of the living threads have reached a barrier."""
    if not _any(mask):
        return
    for t in range(mask.size):
        if alive[t] and not mask[t]:
            words[1] = site
            words[2] = t
            words[3] = block
            raise RuntimeError("barrier")


@helper
def _together(here, alive, masks, missed, site):
    """Note the living lanes that a mask names but that haven't arrived.

    They may still end, like lanes that leave a loop first. If they reach
    another wait instead, `_came` fails.
    """
    for first in range(0, here.size, 32):
        last = min(first + 32, here.size)
        named = 0
        for t in range(first, last):
            if here[t]:
                named |= masks[t]
        for t in range(first, last):
            if alive[t] and not here[t] and (named >> (t - first)) & 1:
                missed[t] = site + 1


@helper
def _named(mask, thread, site, block, words):
    """Fail if a lane isn't in the mask that it gives."""
    if not (mask >> (thread % 32)) & 1:
        words[1] = site
        words[2] = thread
        words[3] = block
        raise RuntimeError("mask")


@helper
def _came(here, missed, block, words):
    """Fail if an earlier warp operation misses a thread that waits here."""
    for t in range(here.size):
        if here[t] and missed[t]:
            words[1] = missed[t] - 1
            words[2] = t
            words[3] = block
            raise RuntimeError("warp")


@helper
def _atomic_add(a, i, v):
    old = a[i]
    a[i] = old + v
    return old


@helper
def _atomic_sub(a, i, v):
    old = a[i]
    a[i] = old - v
    return old


@helper
def _atomic_max(a, i, v):
    old = a[i]
    if v > old:  # like Numba's, also with NaN
        a[i] = v
    return old


@helper
def _atomic_min(a, i, v):
    old = a[i]
    if v < old:
        a[i] = v
    return old


@helper
def _atomic_nanmax(a, i, v):
    old = a[i]
    if v > old or old != old:
        a[i] = v
    return old


@helper
def _atomic_nanmin(a, i, v):
    old = a[i]
    if v < old or old != old:
        a[i] = v
    return old


@helper
def _atomic_and_(a, i, v):
    old = a[i]
    a[i] = old & v
    return old


@helper
def _atomic_or_(a, i, v):
    old = a[i]
    a[i] = old | v
    return old


@helper
def _atomic_xor(a, i, v):
    old = a[i]
    a[i] = old ^ v
    return old


@helper
def _atomic_exch(a, i, v):
    old = a[i]
    a[i] = v
    return old


@helper
def _atomic_inc(a, i, v):
    old = a[i]
    a[i] = 0 if old >= v else old + 1
    return old


@helper
def _atomic_dec(a, i, v):
    old = a[i]
    a[i] = v if old == 0 or old > v else old - 1
    return old


@helper
def _atomic_cas(a, i, expected, v):
    old = a[i]
    if old == expected:
        a[i] = v
    return old


@helper
def _atomic_compare_and_swap(a, i, expected, v):
    old = a[i]
    if old == expected:
        a[i] = v
    return old


@helper
def _syncthreads_count(here, flags):
    count = 0
    for t in range(here.size):
        if here[t] and flags[t] != 0:
            count += 1
    return count


@helper
def _syncthreads_and(here, flags):
    for t in range(here.size):
        if here[t] and flags[t] == 0:
            return 0
    return 1


@helper
def _syncthreads_or(here, flags):
    for t in range(here.size):
        if here[t] and flags[t] != 0:
            return 1
    return 0


@helper
def _member(here, masks, t, other):
    """Whether ``other`` takes part in the warp operation of ``t``."""
    return other < here.size and here[other] and (masks[t] >> (other % 32)) & 1


@intrinsic
def _lane(typing, here, t, source):
    """Return the thread that a lane reads, or its own if that is absent."""

    def build(context, builder, signature, arguments):
        view = context.make_array(here)(context, builder, arguments[0])
        me, wanted = arguments[1:]
        whole = me.type
        first = builder.and_(me, ir.Constant(whole, ~31))
        inside = builder.icmp_unsigned("<", wanted, ir.Constant(whole, 32))
        other = builder.add(first, wanted)
        inside = builder.and_(
            inside, builder.icmp_unsigned("<", other, view.nitems)
        )
        other = builder.select(inside, other, me)
        flag = builder.load(builder.gep(view.data, [other]))
        there = builder.icmp_unsigned("!=", flag, ir.Constant(flag.type, 0))
        return builder.select(there, other, me)

    return types.uint64(here, types.int64, types.int64), build


@helper
def _ballot_sync(here, result, masks, flags):
    for t in range(here.size):
        if here[t]:
            bits = 0
            first = t // 32 * 32
            for other in range(first, first + 32):
                if _member(here, masks, t, other) and flags[other] != 0:
                    bits |= 1 << (other - first)
            result[t] = bits


@helper
def _any_sync(here, result, masks, flags):
    for t in range(here.size):
        if here[t]:
            found = False
            first = t // 32 * 32
            for other in range(first, first + 32):
                if _member(here, masks, t, other) and flags[other] != 0:
                    found = True
            result[t] = found


@helper
def _all_sync(here, result, masks, flags):
    for t in range(here.size):
        if here[t]:
            found = True
            first = t // 32 * 32
            for other in range(first, first + 32):
                if _member(here, masks, t, other) and flags[other] == 0:
                    found = False
            result[t] = found


@helper
def _eq_sync(here, result, masks, values):
    for t in range(here.size):
        if here[t]:
            found = True
            first = t // 32 * 32
            for other in range(first, first + 32):
                if _member(here, masks, t, other):
                    found = found and (values[other] != 0) == (values[t] != 0)
            result[t] = found


@helper
def _match_any_sync(here, result, masks, values):
    for t in range(here.size):
        if here[t]:
            bits = 0
            first = t // 32 * 32
            for other in range(first, first + 32):
                if (
                    _member(here, masks, t, other)
                    and values[other] == values[t]
                ):
                    bits |= 1 << (other - first)
            result[t] = bits


@helper
def _activemask(here, result):
    for t in range(here.size):
        if here[t]:
            bits = 0
            first = t // 32 * 32
            for other in range(first, first + 32):
                if other < here.size and here[other]:
                    bits |= 1 << (other - first)
            result[t] = bits


@helper
def _whole(value):
    """Return a float as an int64; the least int64 if it doesn't fit."""
    if value >= -9223372036854775808.0 and value < 9223372036854775808.0:
        return np.int64(value)
    return np.int64(-9223372036854775808)


@helper
def _whole_unsigned(value):
    """Return a float as a uint64; 0 if it doesn't fit."""
    if value >= -9223372036854775808.0 and value < 9223372036854775808.0:
        return np.uint64(np.int64(value))
    if value >= 0.0 and value < 18446744073709551616.0:
        return np.uint64(value)
    return np.uint64(0)


@helper
def _popc(value, bits):
    count = 0
    for place in range(bits):
        count += (np.uint64(value) >> np.uint64(place)) & np.uint64(1) != 0
    return count


@helper
def _clz(value, bits):
    for place in range(bits):
        shift = np.uint64(bits - 1 - place)
        if (np.uint64(value) >> shift) & np.uint64(1) != 0:
            return place
    return bits


@helper
def _ffs(value, bits):
    for place in range(bits):
        if (np.uint64(value) >> np.uint64(place)) & np.uint64(1) != 0:
            return place + 1
    return 0


@helper
def _brev(value, bits):
    result = np.uint64(0)
    for place in range(bits):
        bit = (np.uint64(value) >> np.uint64(place)) & np.uint64(1)
        result |= bit << np.uint64(bits - 1 - place)
    return result


@intrinsic
def _hidden(typing, value):
    """Return a number whose value LLVM can't know, even if it is a constant.

    LLVM would replace a power of 2 by another function. Its last digits
    differ from those of the runs that get the number as an argument.
    """

    def build(context, builder, signature, arguments):
        (number,) = arguments
        bits = ir.IntType(value.bitwidth)
        same = ir.InlineAsm(ir.FunctionType(bits, [bits]), "", "=r,0")
        unknown = builder.call(same, [builder.bitcast(number, bits)])
        return builder.bitcast(unknown, number.type)

    return value(value), build


@intrinsic
def _fused(typing, a, b, c):
    """Return a*b + c rounded once."""

    def build(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return a(a, b, c), build


@helper
def _fma(a, b, c):
    return _fused(a, b, c)


@helper
def _cbrt(value):
    return np.cbrt(value)


@helper
def _selp(condition, a, b):
    return a if condition else b


def names():
    """Return the names that the generated source refers to."""
    found = {n: v for n, v in globals().items() if n.startswith("_")}
    kinds = (
        types.int8,
        types.int16,
        types.int32,
        types.int64,
        types.uint8,
        types.uint16,
        types.uint32,
        types.uint64,
        types.float32,
        types.float64,
        types.complex64,
        types.complex128,
    )
    found |= {f"_{kind}": kind for kind in kinds}
    found["_njit"] = helper
    return {n: v for n, v in found.items() if not n.startswith("__")}
