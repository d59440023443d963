"""Occupancy as NVIDIA's own calculator has it."""

import pytest

from gpu_course import cuda
from gpu_course.cuda import compiler
from gpu_course.cuda.occupancy import LIMITS, compute_capability

# What cudaOccMaxActiveBlocksPerMultiprocessor of cuda_occupancy.h (CUDA 13,
# in the package nvidia-cuda-runtime) returns, compiled with gcc, for random
# cases; 20,000 were compared when this was written.
# (cc, threads, registers, static, dynamic shared bytes, active blocks)
CALCULATOR = [
    (90, 512, 73, 7296, 0, 1),
    (87, 224, 194, 7168, 0, 1),
    (87, 125, 87, 0, 61633, 2),
    (90, 183, 111, 22752, 0, 2),
    (80, 928, 46, 3712, 0, 1),
    (80, 320, 63, 0, 63335, 2),
    (90, 30, 66, 15841, 0, 13),
    (90, 640, 61, 0, 0, 1),
    (87, 160, 34, 0, 0, 9),
    (120, 512, 25, 4608, 0, 3),
    (87, 288, 123, 6400, 0, 1),
    (100, 185, 97, 0, 49065, 2),
    (75, 832, 175, 1792, 0, 0),
    (80, 832, 71, 0, 0, 1),
    (86, 888, 226, 7936, 30720, 0),
    (75, 320, 29, 6272, 41473, 1),
    (86, 74, 24, 18913, 19740, 2),
    (120, 637, 110, 0, 0, 0),
    (100, 735, 73, 4705, 0, 1),
    (86, 704, 27, 4736, 86775, 1),
    (87, 512, 46, 42939, 0, 2),
    (80, 1024, 56, 0, 0, 1),
    (86, 645, 13, 0, 0, 2),
    (89, 731, 41, 0, 0, 1),
    (86, 974, 41, 6144, 0, 1),
    (90, 728, 53, 0, 191518, 1),
    (120, 686, 62, 1792, 0, 1),
    (86, 992, 220, 4100, 0, 0),
    (75, 1024, 20, 27389, 37271, 1),
    (89, 69, 74, 0, 0, 8),
    (86, 802, 71, 42412, 0, 1),
    (75, 245, 74, 5248, 0, 3),
    (100, 608, 80, 1792, 0, 1),
    (90, 224, 32, 6656, 43100, 4),
    (89, 800, 68, 0, 0, 1),
    (90, 160, 90, 2304, 0, 4),
    # Each capability, where blocks or warps are the limit.
    (75, 32, 16, 0, 0, 16),
    (75, 64, 16, 0, 0, 16),
    (75, 96, 16, 0, 0, 10),
    (75, 256, 16, 0, 0, 4),
    (75, 1024, 16, 0, 0, 1),
    (80, 32, 16, 0, 0, 32),
    (80, 64, 16, 0, 0, 32),
    (80, 96, 16, 0, 0, 21),
    (80, 256, 16, 0, 0, 8),
    (80, 1024, 16, 0, 0, 2),
    (86, 32, 16, 0, 0, 16),
    (86, 64, 16, 0, 0, 16),
    (86, 96, 16, 0, 0, 16),
    (86, 256, 16, 0, 0, 6),
    (86, 1024, 16, 0, 0, 1),
    (87, 32, 16, 0, 0, 16),
    (87, 64, 16, 0, 0, 16),
    (87, 96, 16, 0, 0, 16),
    (87, 256, 16, 0, 0, 6),
    (87, 1024, 16, 0, 0, 1),
    (89, 32, 16, 0, 0, 24),
    (89, 64, 16, 0, 0, 24),
    (89, 96, 16, 0, 0, 16),
    (89, 256, 16, 0, 0, 6),
    (89, 1024, 16, 0, 0, 1),
    (90, 32, 16, 0, 0, 32),
    (90, 64, 16, 0, 0, 32),
    (90, 96, 16, 0, 0, 21),
    (90, 256, 16, 0, 0, 8),
    (90, 1024, 16, 0, 0, 2),
    (100, 32, 16, 0, 0, 32),
    (100, 64, 16, 0, 0, 32),
    (100, 96, 16, 0, 0, 21),
    (100, 256, 16, 0, 0, 8),
    (100, 1024, 16, 0, 0, 2),
    (103, 32, 16, 0, 0, 32),
    (103, 64, 16, 0, 0, 32),
    (103, 96, 16, 0, 0, 21),
    (103, 256, 16, 0, 0, 8),
    (103, 1024, 16, 0, 0, 2),
    (120, 32, 16, 0, 0, 24),
    (120, 64, 16, 0, 0, 24),
    (120, 96, 16, 0, 0, 16),
    (120, 256, 16, 0, 0, 6),
    (120, 1024, 16, 0, 0, 1),
    (121, 32, 16, 0, 0, 24),
    (121, 64, 16, 0, 0, 24),
    (121, 96, 16, 0, 0, 16),
    (121, 256, 16, 0, 0, 6),
    (121, 1024, 16, 0, 0, 1),
]


def resources(registers=16, shared=0):
    return compiler.Resources(registers, shared, 0, 0, 0, 0)


@pytest.mark.parametrize("case", CALCULATOR, ids=str)
def test_nvidias_calculator_agrees(case):
    cc, threads, registers, static, dynamic, blocks = case
    found = cuda.occupancy(resources(registers, static), threads, cc, dynamic)
    assert found.active_blocks == blocks


@pytest.mark.parametrize(
    ("cc", "threads", "registers", "shared", "percent", "limit"),
    [
        # An A100 is full with 32 registers, and half full with 64.
        (80, 256, 32, 0, 100, "warps"),
        (80, 256, 64, 0, 50, "registers"),
        # 32 blocks of one warp are half of its 64 warps.
        (80, 32, 16, 0, 50, "blocks"),
        # A block of 48 KiB takes 49: three of them fit into 164.
        (80, 128, 16, 48 << 10, 18.75, "shared memory"),
        # A T4 has 32 warps and no system's share: one block of 64 KiB.
        (75, 1024, 64, 0, 100, "warps"),
        (75, 128, 16, 64 << 10, 12.5, "shared memory"),
        # 48 warps don't hold two blocks of 32.
        (86, 1024, 32, 0, 100 * 32 / 48, "warps"),
        # 255 registers are 8,160 a warp, so 8,192: two a partition, but a
        # block of 12 warps needs three.
        (90, 384, 255, 0, 0, "registers"),
    ],
)
def test_known_examples(cc, threads, registers, shared, percent, limit):
    found = cuda.occupancy(resources(registers, shared), threads, cc)
    assert 100 * found.occupancy == pytest.approx(percent)
    assert found.limit == limit
    assert found.blocks_by[limit] == found.active_blocks
    assert min(found.blocks_by.values()) == found.active_blocks


def test_dynamic_shared_memory_counts_as_static_does():
    static = cuda.occupancy(resources(shared=20000), 64, 86)
    dynamic = cuda.occupancy(resources(), 64, 86, dynamic_shared=20000)
    assert static == dynamic
    assert dynamic.limit == "shared memory"


def test_a_block_of_two_axes_is_its_product():
    flat = cuda.occupancy(resources(), 256, "9.0")
    assert cuda.occupancy(resources(), (16, 16), (9, 0)) == flat
    assert flat.active_warps == 8 * flat.active_blocks


@pytest.mark.parametrize("block", [0, 1025, (32, 33), -32])
def test_an_impossible_block_is_an_error(block):
    with pytest.raises(ValueError, match="1 to 1024 threads, got"):
        cuda.occupancy(resources(), block, 80)


def test_an_unknown_capability_is_an_error():
    with pytest.raises(ValueError, match=r"7\.5, 8\.0, .*got 70"):
        cuda.occupancy(resources(), 32, 70)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (80, (8, 0)),
        ("80", (8, 0)),
        ("8.0", (8, 0)),
        (8.6, (8, 6)),
        ("sm_80", (8, 0)),
        ("SM_120", (12, 0)),
        ((9, 0), (9, 0)),
        (100, (10, 0)),
        ("10.3", (10, 3)),
    ],
)
def test_a_capability_is_written_in_many_ways(written, meant):
    assert compute_capability(written) == meant
    assert meant in LIMITS


@pytest.mark.parametrize(
    "written", [8, "", "x", None, True, (8,), (8, 0, 0), "sm_90a", "-80"]
)
def test_what_is_no_capability_is_an_error(written):
    with pytest.raises(ValueError, match=r"is written 80, .*, got "):
        compute_capability(written)


def test_each_capability_is_compared_with_the_calculator():
    compared = {compute_capability(case[0]) for case in CALCULATOR}
    assert compared == set(LIMITS)
