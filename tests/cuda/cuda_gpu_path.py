"""Run our kernels on Numba's simulator in place of a GPU; for a test.

Start it with NUMBA_ENABLE_CUDASIM=1 and GPU_COURSE_CUDA=gpu. This runs the
code path of a reader's GPU on a machine without one: `numba.cuda` is a
different module from ours, with its own arrays, streams and kernels.
"""

import numpy as np
from numba import cuda as simulator
from numba import float32, typeof
from numba.cuda.simulator.kernel import FakeCUDAKernel

from gpu_course import cuda
from gpu_course.cuda import backend

WIDTH = 8


@cuda.jit(device=True)
def twice(x):
    return x + x


@cuda.jit
def block_sums(x, out):
    tile = cuda.shared.array(WIDTH, float32)
    t = cuda.threadIdx.x
    tile[t] = twice(x[cuda.grid(1)])
    cuda.syncthreads()
    if t == 0:
        total = float32(0)
        for k in range(WIDTH):
            total += tile[k]
        out[cuda.blockIdx.x] = total
        cuda.atomic.add(out, out.size - 1, 1)


def scaled_by(factor):
    @cuda.jit("void(float32[:])")
    def scale(x):
        i = cuda.grid(1)
        if i < x.size:
            x[i] *= factor

    return scale


def kind_of(value):
    """Return a value's type, which the simulator's kernels don't have."""
    return typeof(value) if isinstance(value, np.ndarray) else type(value)


def main():
    backend.try_gpu = lambda: (simulator, None)
    FakeCUDAKernel.typeof_pyval = lambda kernel, value: kind_of(value)
    assert backend.gpu() is simulator
    assert cuda.is_available()

    # Host arrays are copied to the device and back.
    x = np.arange(32, dtype=np.float32)
    out = np.zeros(5, np.float32)
    block_sums[4, WIDTH](x, out)
    expected = 2 * x.reshape(4, WIDTH).sum(axis=1)
    assert np.array_equal(out, [*expected, 4])
    assert block_sums.recorded == [(typeof(x), typeof(out))]

    # Device arrays, streams and events are Numba's own.
    stream = cuda.stream()
    on_device = cuda.to_device(x, stream=stream)
    assert type(on_device) is type(simulator.to_device(x))
    before, after = cuda.event(), cuda.event()
    before.record(stream)
    scaled_by(3)[1, 32, stream](on_device)
    after.record(stream)
    cuda.synchronize()
    assert np.array_equal(on_device.copy_to_host(), 3 * x)
    assert cuda.device_array(3, np.float32).shape == (3,)
    assert cuda.get_current_device() is not None

    states = cuda.random.create_xoroshiro128p_states(16, seed=5)
    assert len(np.unique(states.copy_to_host())) == 16

    # The teaching GPU still explains the kernels, on copies.
    report = block_sums.trace[4, WIDTH](x, np.zeros(5, np.float32))
    assert report.findings == []
    untouched = x.copy()
    scaled_by(2).check[1, 32](x)
    assert np.array_equal(x, untouched)
    print("the GPU's path works")


if __name__ == "__main__":
    main()
