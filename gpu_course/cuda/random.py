"""Random numbers inside kernels: one xoroshiro128+ generator per thread.

The names, and the numbers, are those of ``numba.cuda.random``. The algorithm
is David Blackman's and Sebastiano Vigna's (public domain,
https://prng.di.unimi.it, xoroshiro128+ of 2016 with rotations 55, 14, 36);
seeds are spread by their splitmix64.
"""

import math

import numpy as np
from numba import from_dtype
from numba.core.types import float32, float64, uint64

from gpu_course.cuda.allocation import device_array
from gpu_course.cuda.kernel import jit

xoroshiro128p_dtype = np.dtype(
    [("s0", np.uint64), ("s1", np.uint64)], align=True
)
xoroshiro128p_type = from_dtype(xoroshiro128p_dtype)

# xoroshiro128plus.c, JUMP: the powers of the step whose sum is 2**64 steps.
JUMP = 0xD86B048B86AA9922_BEAC0467EBA5FACB
JUMP_LOW, JUMP_HIGH = np.uint64(JUMP & 2**64 - 1), np.uint64(JUMP >> 64)
# splitmix64.c
GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1, MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
UNIT = 2.0**-53  # the step between float64 numbers just below 1
TWO_PI = 2 * math.pi
TWO_PI_FLOAT32 = np.float32(TWO_PI)


# Inside kernels


@jit(device=True)
def rotl(x, k):
    """Return the bits of ``x`` rotated left by ``k``, from 1 to 63."""
    return (x << uint64(k)) | (x >> uint64(64 - k))


@jit(device=True)
def init_xoroshiro128p_state(states, index, seed):
    """Set ``states[index]`` from a seed."""
    z = uint64(seed) + GAMMA
    z = (z ^ (z >> uint64(30))) * MIX_1
    z = (z ^ (z >> uint64(27))) * MIX_2
    z = z ^ (z >> uint64(31))
    states[index]["s0"] = z
    states[index]["s1"] = z


@jit(device=True)
def xoroshiro128p_next(states, index):
    """Return 64 random bits and advance ``states[index]``."""
    s0 = states[index]["s0"]
    s1 = states[index]["s1"]
    result = s0 + s1
    mixed = s0 ^ s1
    states[index]["s0"] = rotl(s0, 55) ^ mixed ^ (mixed << uint64(14))
    states[index]["s1"] = rotl(mixed, 36)
    return result


@jit(device=True)
def xoroshiro128p_jump(states, index):
    """Advance ``states[index]`` by 2**64 steps."""
    s0 = uint64(0)
    s1 = uint64(0)
    for bit in range(128):
        word = JUMP_LOW if bit < 64 else JUMP_HIGH
        if (word >> uint64(bit % 64)) & uint64(1):
            s0 ^= states[index]["s0"]
            s1 ^= states[index]["s1"]
        xoroshiro128p_next(states, index)
    states[index]["s0"] = s0
    states[index]["s1"] = s1


@jit(device=True)
def uint64_to_unit_float64(x):
    """Return a float64 in [0, 1) from 64 random bits."""
    return float64(uint64(x) >> uint64(11)) * UNIT


@jit(device=True)
def uint64_to_unit_float32(x):
    """Return a float32 in [0, 1] from 64 random bits; 1 comes by rounding."""
    return float32(uint64_to_unit_float64(x))


@jit(device=True)
def xoroshiro128p_uniform_float32(states, index):
    """Return a float32 from 0 to 1 and advance ``states[index]``."""
    return uint64_to_unit_float32(xoroshiro128p_next(states, index))


@jit(device=True)
def xoroshiro128p_uniform_float64(states, index):
    """Return a float64 in [0, 1) and advance ``states[index]``."""
    return uint64_to_unit_float64(xoroshiro128p_next(states, index))


@jit(device=True)
def xoroshiro128p_normal_float32(states, index):
    """Return a float32 of the normal distribution; takes two steps.

    This is the Box-Muller method; its second number is not used.
    """
    u1 = xoroshiro128p_uniform_float32(states, index)
    u2 = xoroshiro128p_uniform_float32(states, index)
    radius = math.sqrt(-float32(2) * math.log(u1))
    return radius * math.cos(TWO_PI_FLOAT32 * u2)


@jit(device=True)
def xoroshiro128p_normal_float64(states, index):
    """Return a float64 of the normal distribution; takes two steps.

    This is the Box-Muller method; its second number is not used.
    """
    u1 = xoroshiro128p_uniform_float64(states, index)
    u2 = xoroshiro128p_uniform_float64(states, index)
    return math.sqrt(-2.0 * math.log(u1)) * math.cos(TWO_PI * u2)


# On the host. A step is linear over single bits, so a jump is determined by
# its images of the 128 single bits. NumPy then makes many jumps at once: the
# first n states, jumped n times, are the next n.


def create_xoroshiro128p_states(n, seed, subsequence_start=0, stream=0):
    """Return ``n`` generators on the device, 2**64 steps apart.

    Parameters
    ----------
    n, seed : int
    subsequence_start : int
        The number of jumps of 2**64 steps to skip first.
    """
    states = device_array(n, dtype=xoroshiro128p_dtype, stream=stream)
    init_xoroshiro128p_states(states, seed, subsequence_start, stream)
    return states


def init_xoroshiro128p_states(states, seed, subsequence_start=0, stream=0):
    """Set the generators of a device array, 2**64 steps apart."""
    on_host = np.empty(states.shape, xoroshiro128p_dtype)
    init_xoroshiro128p_states_cpu(on_host, seed, subsequence_start)
    states.copy_to_device(on_host, stream=stream)


def init_xoroshiro128p_states_cpu(states, seed, subsequence_start):
    """Set the generators of a host array, 2**64 steps apart."""
    count = len(states)
    words = np.empty((max(count, 1), 2), np.uint64)
    words[0] = _spread(int(seed))
    images = _jump_images()
    for bit in reversed(f"{int(subsequence_start):b}"):
        if bit == "1":
            words[:1] = _apply(images, words[:1])
        images = _apply(images, images)
    images = _jump_images()
    done = 1
    while done < count:
        more = min(done, count - done)
        words[done : done + more] = _apply(images, words[:more])
        images = _apply(images, images)
        done += more
    states["s0"], states["s1"] = words[:count].T


def _spread(seed):
    with np.errstate(over="ignore"):
        z = np.uint64(seed % 2**64) + GAMMA
        z = (z ^ (z >> np.uint64(30))) * MIX_1
        z = (z ^ (z >> np.uint64(27))) * MIX_2
        return z ^ (z >> np.uint64(31))


def _step(words):
    """Advance many states, an array of shape (n, 2), by one step each."""
    s0, mixed = words[:, 0], words[:, 0] ^ words[:, 1]

    def rotated(x, k):
        return (x << np.uint64(k)) | (x >> np.uint64(64 - k))

    first = rotated(s0, 55) ^ mixed ^ (mixed << np.uint64(14))
    return np.stack([first, rotated(mixed, 36)], axis=1)


def _jump_images():
    """Return a jump's images of the 128 single bits."""
    bits = np.zeros((128, 2), np.uint64)
    position = np.arange(64, dtype=np.uint64)
    bits[:64, 0] = bits[64:, 1] = np.uint64(1) << position
    images = np.zeros_like(bits)
    for power in range(128):
        if JUMP >> power & 1:
            images ^= bits
        bits = _step(bits)
    return images


def _apply(images, words):
    """Apply a linear map, given by its images of single bits, to states."""
    # A table for each of the 16 bytes avoids a loop over 128 bits.
    of_byte = images.reshape(16, 8, 1, 2)
    tables = np.zeros((16, 256, 2), np.uint64)
    for bit in range(8):
        below = 1 << bit
        tables[:, below : 2 * below] = tables[:, :below] ^ of_byte[:, bit]
    result = np.zeros_like(words)
    numbers = np.ascontiguousarray(words).view(np.uint8)
    for table, number in zip(tables, numbers.T, strict=True):
        result ^= table[number]
    return result
