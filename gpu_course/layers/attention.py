"""Attention as kernels: with the matrix of scores in memory, and without.

For queries q (N, SIZE), keys k (M, SIZE) and values v (M, SIZE), one head:

    out = softmax(q kᵀ / √SIZE) v        the softmax along each row

A block is one warp with a query for each thread. The keys and values come
through shared memory in tiles of TILE rows. Both ways use the same tiles and
differ in one thing only. `launch_stored_attention` writes the M × N scores to
memory between its three kernels. `launch_online_attention` keeps a running
maximum and a running sum instead (Milakov and Gimelshein 2018,
arXiv:1805.02867) and stores no score, which is the idea of FlashAttention
(Dao et al. 2022, arXiv:2205.14135).
"""

import math
from typing import Any

import numpy as np
from numba import float32

from gpu_course import cuda
from gpu_course.layers.checks import check_array

TILE = 32  # queries of a block, and keys of a tile
SIZE = 16  # numbers in a query, a key or a value
PITCH = SIZE + 1  # words per tile row: no bank conflicts down a column


def attention(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return softmax(q kᵀ / √d) v, (N, d), in the arrays' own type.

    Parameters
    ----------
    q : array (N, d)
    k, v : arrays (M, d)

    Raises
    ------
    ValueError
        If the shapes don't fit.
    """
    if q.shape[1] != k.shape[1] or k.shape != v.shape:
        raise ValueError(
            "q (N, d), k (M, d) and v (M, d) must fit, got "
            f"{q.shape}, {k.shape} and {v.shape}"
        )
    scores = q @ k.T / math.sqrt(q.shape[1])
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ v


@cuda.jit(device=True)
def load_tile(tile, x, start):
    """Copy the rows of x from start on to a tile, zeros behind the end."""
    for n in range(cuda.threadIdx.x, TILE * SIZE, TILE):
        row, e = n // SIZE, n % SIZE
        inside = start + row < x.shape[0]
        tile[row, e] = x[start + row, e] if inside else float32(0)


@cuda.jit(device=True)
def store_tile(tile, x, start):
    """Copy a tile to the rows of x from start on."""
    for n in range(cuda.threadIdx.x, TILE * SIZE, TILE):
        row, e = n // SIZE, n % SIZE
        if start + row < x.shape[0]:
            x[start + row, e] = tile[row, e]


@cuda.jit(device=True)
def load_query(query, tile, q):
    """Copy the thread's row of q to its own array, by way of a tile."""
    load_tile(tile, q, cuda.blockIdx.x * TILE)
    cuda.syncthreads()
    for e in range(SIZE):
        query[e] = tile[cuda.threadIdx.x, e]
    cuda.syncthreads()


@cuda.jit(device=True)
def store_result(mixed, total, tile, out):
    """Write mixed / total to the thread's row of out, by way of a tile."""
    for e in range(SIZE):
        tile[cuda.threadIdx.x, e] = mixed[e] / total
    cuda.syncthreads()
    store_tile(tile, out, cuda.blockIdx.x * TILE)


@cuda.jit
def scores_kernel(q, k, scale, scores):
    """Write scores[j, i] = scale q_i · k_j: the first of three kernels.

    The queries lie along the rows of scores, so that neighbouring threads
    write neighbouring numbers.
    """
    keys = cuda.shared.array((TILE, PITCH), float32)
    query = cuda.local.array(SIZE, float32)
    i = cuda.grid(1)
    load_query(query, keys, q)
    for start in range(0, k.shape[0], TILE):
        load_tile(keys, k, start)
        cuda.syncthreads()
        for j in range(min(TILE, k.shape[0] - start)):
            score = float32(0)
            for e in range(SIZE):
                score += query[e] * keys[j, e]
            if i < q.shape[0]:
                scores[start + j, i] = score * scale
        cuda.syncthreads()


@cuda.jit
def softmax_kernel(scores):
    """Replace each column of scores by its softmax: the second kernel."""
    i = cuda.grid(1)
    if i < scores.shape[1]:
        largest, total = scores[0, i], float32(0)
        for j in range(1, scores.shape[0]):
            largest = max(largest, scores[j, i])
        for j in range(scores.shape[0]):
            total += math.exp(scores[j, i] - largest)
        for j in range(scores.shape[0]):
            scores[j, i] = math.exp(scores[j, i] - largest) / total


@cuda.jit
def mix_kernel(weights, v, out):
    """Write out_i = Σ_j weights[j, i] v_j: the third kernel."""
    values = cuda.shared.array((TILE, PITCH), float32)
    mixed = cuda.local.array(SIZE, float32)
    i = cuda.grid(1)
    for e in range(SIZE):
        mixed[e] = float32(0)
    for start in range(0, v.shape[0], TILE):
        load_tile(values, v, start)
        cuda.syncthreads()
        if i < out.shape[0]:
            for j in range(min(TILE, v.shape[0] - start)):
                weight = weights[start + j, i]
                for e in range(SIZE):
                    mixed[e] += weight * values[j, e]
        cuda.syncthreads()
    store_result(mixed, float32(1), values, out)


@cuda.jit
def online_kernel(q, k, v, scale, out):
    """Compute out in one kernel, and store no score."""
    keys = cuda.shared.array((TILE, PITCH), float32)
    values = cuda.shared.array((TILE, PITCH), float32)
    query = cuda.local.array(SIZE, float32)
    mixed = cuda.local.array(SIZE, float32)
    load_query(query, keys, q)
    for e in range(SIZE):
        mixed[e] = float32(0)
    largest, total = float32(-math.inf), float32(0)
    for start in range(0, k.shape[0], TILE):
        load_tile(keys, k, start)
        load_tile(values, v, start)
        cuda.syncthreads()
        for j in range(min(TILE, k.shape[0] - start)):
            score = float32(0)
            for e in range(SIZE):
                score += query[e] * keys[j, e]
            score *= scale
            before, largest = largest, max(largest, score)
            shrink = math.exp(before - largest)  # 1 if the largest stays
            weight = math.exp(score - largest)
            total = total * shrink + weight
            for e in range(SIZE):
                mixed[e] = mixed[e] * shrink + weight * values[j, e]
        cuda.syncthreads()
    store_result(mixed, total, keys, out)


def blocks(queries: int) -> int:
    """Return how many blocks have a thread for each query."""
    return -(-queries // TILE)


def launch_stored_attention(q: Any, k: Any, v: Any, out: Any) -> None:
    """Compute out (N, SIZE) with three kernels and M × N scores in memory.

    Parameters
    ----------
    q : float32 array (N, SIZE)
    k, v : float32 arrays (M, SIZE)
        M must be at least 1.
    out : float32 array (N, SIZE)

    Raises
    ------
    TypeError, ValueError
        If a dtype or a shape doesn't fit.
    """
    scale = _check(q, k, v, out)
    if out.shape[0]:
        grid = blocks(out.shape[0])
        scores = cuda.device_array((k.shape[0], q.shape[0]), np.float32)
        scores_kernel[grid, TILE](q, k, scale, scores)
        softmax_kernel[grid, TILE](scores)
        mix_kernel[grid, TILE](scores, v, out)


def launch_online_attention(q: Any, k: Any, v: Any, out: Any) -> None:
    """Compute the same with one kernel; raises as the other."""
    scale = _check(q, k, v, out)
    if out.shape[0]:
        online_kernel[blocks(out.shape[0]), TILE](q, k, v, scale, out)


def _check(q, k, v, out):
    check_array("q", q, (q.shape[0], SIZE))
    check_array("k", k, (k.shape[0], SIZE))
    check_array("v", v, k.shape)
    check_array("out", out, q.shape)
    if not k.shape[0]:
        raise ValueError("there must be at least one key, got none")
    return np.float32(1 / math.sqrt(SIZE))


def rehearse() -> None:
    """Launch each kernel on a little data, to fix its argument types."""
    x = np.ones((3, SIZE), np.float32)
    launch_stored_attention(x, x.copy(), x.copy(), x.copy())
    launch_online_attention(x, x.copy(), x.copy(), x.copy())
