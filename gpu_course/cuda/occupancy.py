"""Theoretical occupancy: how many warps of a kernel a multiprocessor holds.

A streaming multiprocessor (SM) takes on whole blocks while it has warp slots,
block slots, registers and shared memory for them. The resource that runs out
first is the limit.
"""

import math
import re
from dataclasses import dataclass

WARP_SIZE = 32
MAX_THREADS_PER_BLOCK = 1024
REGISTERS_PER_SM = 64 << 10  # of 32 bits; also the most per block
# Each warp gets registers in whole units. Each of the SM's four partitions has
# a quarter of the registers.
REGISTER_UNIT = 256
PARTITIONS = 4
SYSTEM_SHARED = 1024  # bytes per block that the system reserves, from 8.0


@dataclass(frozen=True)
class Limits:
    """The limits of one SM; shared memory in KiB."""

    warps: int
    blocks: int
    shared_kib: int


# CUDA C++ Programming Guide 13, "Technical Specifications per Compute
# Capability". REGISTER_UNIT, PARTITIONS and the sums and rounding in `_shared`
# follow NVIDIA's occupancy calculator, cuda_occupancy.h of CUDA 13.
LIMITS = {
    (7, 5): Limits(warps=32, blocks=16, shared_kib=64),
    (8, 0): Limits(warps=64, blocks=32, shared_kib=164),
    (8, 6): Limits(warps=48, blocks=16, shared_kib=100),
    (8, 7): Limits(warps=48, blocks=16, shared_kib=164),
    (8, 9): Limits(warps=48, blocks=24, shared_kib=100),
    (9, 0): Limits(warps=64, blocks=32, shared_kib=228),
    (10, 0): Limits(warps=64, blocks=32, shared_kib=228),
    (10, 3): Limits(warps=64, blocks=32, shared_kib=228),
    (12, 0): Limits(warps=48, blocks=24, shared_kib=100),
    (12, 1): Limits(warps=48, blocks=24, shared_kib=100),
}


@dataclass(frozen=True)
class Occupancy:
    """How full a multiprocessor can be.

    Attributes
    ----------
    occupancy : float
        Active warps over the maximum, from 0 to 1. It is 0 if a block needs
        more than an SM has, and can't be launched.
    active_blocks, active_warps : int
        On one SM at once.
    limit : {"warps", "blocks", "registers", "shared memory"}
        The resource that runs out first; on a tie, the first of these.
    blocks_by : dict
        The number of blocks that each of the four resources allows.
    """

    occupancy: float
    active_blocks: int
    active_warps: int
    limit: str
    blocks_by: dict


def occupancy(kernel_or_resources, block, cc, dynamic_shared=0):
    """Return the theoretical occupancy of a kernel, with no GPU.

    Parameters
    ----------
    kernel_or_resources : Kernel or Resources
        A kernel is compiled for ``cc`` and for the types that
        ``kernel.resources(cc)`` uses.
    block : int or tuple of int
        Threads in a block.
    cc : int, str or tuple
        Compute capability: 80, "8.0", "sm_80" or (8, 0).
    dynamic_shared : int
        Bytes of dynamic shared memory: a launch's fourth configuration value.

    Returns
    -------
    Occupancy

    Raises
    ------
    ValueError
        If the table has no such ``cc``, or ``block`` isn't 1 to 1024 threads.
    """
    capability = compute_capability(cc)
    if capability not in LIMITS:
        known = ", ".join(f"{major}.{minor}" for major, minor in LIMITS)
        raise ValueError(
            "occupancy needs the limits of a compute capability, known for "
            f"{known}, got {cc!r}"
        )
    threads = math.prod(block) if isinstance(block, tuple) else block
    if not 1 <= threads <= MAX_THREADS_PER_BLOCK:
        raise ValueError(
            f"a block has 1 to {MAX_THREADS_PER_BLOCK} threads, got {block!r}"
        )
    used = kernel_or_resources
    if hasattr(used, "py_func"):
        used = used.resources(cc)
    limits = LIMITS[capability]
    warps = -(-threads // WARP_SIZE)
    blocks_by = {
        "warps": limits.warps // warps,
        "blocks": limits.blocks,
        "registers": _registers(used.registers, warps),
        "shared memory": _shared(
            used.shared_bytes + dynamic_shared, capability, limits
        ),
    }
    limit = min(blocks_by, key=blocks_by.get)
    blocks = blocks_by[limit]
    return Occupancy(
        occupancy=blocks * warps / limits.warps,
        active_blocks=blocks,
        active_warps=blocks * warps,
        limit=limit,
        blocks_by=blocks_by,
    )


def _registers(per_thread, warps):
    """Return how many blocks of that many warps have enough registers."""
    per_warp = _round_up(max(per_thread, 1) * WARP_SIZE, REGISTER_UNIT)
    if per_warp * _round_up(warps, PARTITIONS) > REGISTERS_PER_SM:
        return 0  # launches check this, as if all partitions were used
    per_partition = REGISTERS_PER_SM // PARTITIONS // per_warp
    return per_partition * PARTITIONS // warps


def _shared(per_block, capability, limits):
    """Return how many blocks have enough shared memory."""
    if capability >= (8, 0):
        per_block += SYSTEM_SHARED
    unit = 128 if capability >= (8, 0) else 256
    return limits.shared_kib * 1024 // max(_round_up(per_block, unit), 1)


def _round_up(number, unit):
    return -(-number // unit) * unit


def compute_capability(cc):
    """Return a compute capability as (major, minor).

    Parameters
    ----------
    cc : int, float, str or tuple of int
        80, 8.0, "80", "8.0", "sm_80" or (8, 0).

    Raises
    ------
    ValueError
        If ``cc`` has another form; the message shows it.
    """
    text = str(cc)
    if isinstance(cc, tuple):
        text = ".".join(map(str, cc))
    found = re.fullmatch(r"(?:sm_)?(\d+)\.?(\d)", text.strip().lower())
    # The last digit is the minor number: 120 is (12, 0).
    if found is None or isinstance(cc, bool):
        raise ValueError(
            "a compute capability is written 80, '8.0', 'sm_80' or (8, 0), "
            f"got {cc!r}"
        )
    return int(found[1]), int(found[2])
