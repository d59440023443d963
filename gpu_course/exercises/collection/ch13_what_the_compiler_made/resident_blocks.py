"""resident_blocks: how many blocks fit on a multiprocessor."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "How many blocks fit?"
TASK = (
    "A multiprocessor has room for `sm_warps` warps, 65,536 registers "
    "and `sm_shared` bytes of shared memory. A block of `threads` "
    "threads takes whole warps, `registers` for each thread of them, and "
    "`shared` bytes. Return how many blocks fit. (Real hardware also "
    "rounds, and limits the number of blocks.)"
)

STARTER = """\
import math


def resident_blocks(threads, registers, shared, sm_warps, sm_shared):
    warps = math.ceil(threads / 32)
    return sm_warps // warps
"""

SOLUTION = """\
import math


def resident_blocks(threads, registers, shared, sm_warps, sm_shared):
    warps = math.ceil(threads / 32)
    blocks = min(sm_warps // warps, 65536 // (registers * 32 * warps))
    if shared > 0:
        blocks = min(blocks, sm_shared // shared)
    return blocks
"""


def specification(threads, registers, shared, sm_warps, sm_shared):
    warps = -(-threads // 32)
    room = [sm_warps // warps, 65536 // (registers * 32 * warps)]
    if shared:
        room.append(sm_shared // shared)
    return min(room)


CASES = (
    (32, 16, 0, 64, 167_936),
    (256, 32, 0, 64, 167_936),
    (256, 33, 0, 64, 167_936),
    (256, 64, 0, 64, 167_936),
    (100, 16, 0, 32, 65_536),
    (33, 40, 0, 48, 102_400),
    (128, 16, 16_384, 32, 65_536),
    (128, 16, 16_385, 32, 65_536),
    (64, 255, 1, 64, 167_936),
    (32, 16, 1, 64, 7),
    (1024, 65, 0, 64, 167_936),
    (1024, 64, 65_536, 64, 65_536),
    (96, 20, 49_152, 48, 49_151),
)


def without_registers(threads, registers, shared, sm_warps, sm_shared):
    return specification(threads, 1, shared, sm_warps, sm_shared)


def without_shared(threads, registers, shared, sm_warps, sm_shared):
    return specification(threads, registers, 0, sm_warps, sm_shared)


def whole_threads(threads, registers, shared, sm_warps, sm_shared):
    room = [sm_warps * 32 // threads, 65536 // (registers * threads)]
    if shared:
        room.append(sm_shared // shared)
    return min(room)


WRONG = (
    (
        "forgets_registers",
        "min(sm_warps // warps, 65536 // (registers * 32 * warps))",
        "sm_warps // warps",
    ),
    ("forgets_shared_memory", "min(blocks, sm_shared // shared)", "blocks"),
    (
        "parts_of_warps",
        "warps = math.ceil(threads / 32)",
        "warps = threads / 32",
        "    return blocks",
        "    return int(blocks)",
    ),
    ("wrong_result", "sm_shared // shared", "math.ceil(sm_shared / shared)"),
)
HINTS = (
    "The starter knows one of the three resources. What are the others?",
    "For each resource: what there is over what a block takes, rounded "
    "down. The smallest of the three counts.",
    "min(sm_warps // warps, 65536 // (registers * 32 * warps), "
    "sm_shared // shared), the last only if shared isn't zero.",
)
MISTAKES = (
    Mistake(
        "forgets_registers",
        "The registers are never short here.",
        gives=without_registers,
    ),
    Mistake(
        "forgets_shared_memory",
        "Shared memory is never short here.",
        gives=without_shared,
    ),
    Mistake(
        "parts_of_warps",
        "A block of 33 threads takes two whole "
        "warps: round up to warps first.",
        gives=whole_threads,
    ),
)
EQUIVALENT = {
    "65536 -> 65537, line 6": "A warp takes a multiple of 32 registers, "
    "so one register more makes no room for another block: 65,537 is "
    "no multiple of 32.",
}
