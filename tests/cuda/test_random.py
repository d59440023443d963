"""The random numbers are those of the algorithms as published, and Numba's.

The published ones are written out here on Python's integers.
"""

import math

import numpy as np
import pytest

from gpu_course import cuda
from gpu_course.cuda import random

MASK = 2**64 - 1
SEEDS = (0, 1, 42, 2**63 + 5, -3)


@pytest.fixture(autouse=True)
def _teaching_gpu(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")


class Published:
    """splitmix64.c, then xoroshiro128plus.c of 2016."""

    def __init__(self, seed):
        z = (seed + 0x9E3779B97F4A7C15) & MASK
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        self.s = [z ^ (z >> 31)] * 2

    def next(self):
        def rotl(x, k):
            return (x << k | x >> (64 - k)) & MASK

        s0, s1 = self.s
        mixed = s0 ^ s1
        self.s = [rotl(s0, 55) ^ mixed ^ (mixed << 14 & MASK), rotl(mixed, 36)]
        return (s0 + s1) & MASK

    def jump(self):
        s0 = s1 = 0
        for word in (0xBEAC0467EBA5FACB, 0xD86B048B86AA9922):
            for bit in range(64):
                if word >> bit & 1:
                    s0 ^= self.s[0]
                    s1 ^= self.s[1]
                self.next()
        self.s = [s0, s1]


def published_states(seed, count, start=0):
    generator = Published(seed)
    for _ in range(start):
        generator.jump()
    states = []
    for _ in range(count):
        states.append(tuple(generator.s))
        generator.jump()
    return states


@pytest.mark.parametrize("seed", SEEDS)
def test_states_are_as_published(seed):
    states = cuda.random.create_xoroshiro128p_states(9, seed)
    assert states.dtype == random.xoroshiro128p_dtype
    assert states.copy_to_host().tolist() == published_states(seed, 9)


@pytest.mark.parametrize("start", [1, 2, 5])
def test_a_later_subsequence(start):
    states = random.create_xoroshiro128p_states(3, 42, start)
    assert states.copy_to_host().tolist() == published_states(42, 3, start)
    far = random.create_xoroshiro128p_states(2, 42, 2**40).copy_to_host()
    again = random.create_xoroshiro128p_states(1, 42, 2**40 + 1)
    assert far[1] == again.copy_to_host()[0]


def test_states_are_numba_s():
    numba = pytest.importorskip("numba.cuda.random")
    theirs = np.zeros(100, numba.xoroshiro128p_dtype)
    numba.init_xoroshiro128p_states_cpu(theirs, 2024, 3)
    ours = cuda.device_array(100, random.xoroshiro128p_dtype)
    random.init_xoroshiro128p_states(ours, 2024, 3)
    assert np.array_equal(ours.copy_to_host(), theirs)
    assert random.xoroshiro128p_dtype == numba.xoroshiro128p_dtype
    assert {n for n in dir(numba) if "xoroshiro" in n} == {
        n for n in dir(random) if "xoroshiro" in n
    }


@cuda.jit
def draw(states, bits, uniform32, uniform64, normal32, normal64):
    i = cuda.grid(1)
    for k in range(bits.shape[1]):
        bits[i, k] = random.xoroshiro128p_next(states, i)
        uniform32[i, k] = random.xoroshiro128p_uniform_float32(states, i)
        uniform64[i, k] = random.xoroshiro128p_uniform_float64(states, i)
        normal32[i, k] = random.xoroshiro128p_normal_float32(states, i)
        normal64[i, k] = random.xoroshiro128p_normal_float64(states, i)


@pytest.mark.parametrize("executor", ["compiled", "python", "traced"])
def test_numbers_in_kernels(executor, monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", executor)
    threads, steps = 8, 4
    states = random.create_xoroshiro128p_states(threads, 7)
    got = [
        np.zeros((threads, steps), dtype)
        for dtype in (np.uint64, np.float32, np.float64) * 2
    ]
    bits, uniform32, uniform64, _, normal32, normal64 = got
    draw[2, 4](states, bits, uniform32, uniform64, normal32, normal64)
    for i, state in enumerate(published_states(7, threads)):
        generator = Published(0)
        generator.s = list(state)

        def unit():
            return (generator.next() >> 11) * 2.0**-53  # noqa: B023

        def normal(u1, u2):
            return math.sqrt(-2 * math.log(u1)) * math.cos(2 * math.pi * u2)

        for k in range(steps):
            assert bits[i, k] == generator.next()
            assert uniform32[i, k] == np.float32(unit())
            assert uniform64[i, k] == unit()
            assert normal32[i, k] == pytest.approx(
                normal(unit(), unit()), rel=1e-4, abs=1e-5
            )
            assert normal64[i, k] == pytest.approx(normal(unit(), unit()))


@cuda.jit
def seed_and_jump(states, seed):
    i = cuda.grid(1)
    random.init_xoroshiro128p_state(states, i, seed)
    for _ in range(i):
        random.xoroshiro128p_jump(states, i)


def test_states_made_in_a_kernel():
    states = cuda.device_array(4, random.xoroshiro128p_dtype)
    seed_and_jump[1, 4](states, 42)
    assert states.copy_to_host().tolist() == published_states(42, 4)


@cuda.jit
def normal(states, out):
    i = cuda.grid(1)
    out[i] = random.xoroshiro128p_normal_float64(states, i)


def test_normal_numbers_are_normal():
    states = random.create_xoroshiro128p_states(4096, 1)
    out = np.zeros(4096)
    normal[32, 128](states, out)
    # Within five standard errors of the mean and of the variance.
    assert abs(out.mean()) < 5 / 64
    assert abs(out.var() - 1) < 5 * math.sqrt(2) / 64
