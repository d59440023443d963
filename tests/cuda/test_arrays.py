"""Arrays on the device behave as Numba's do; NumPy's are the oracle."""

import inspect

import numpy as np
import pytest

from gpu_course import cuda

RECORD = np.dtype([("x", np.int32), ("y", np.float64, 3)], align=True)


@pytest.fixture(autouse=True)
def _teaching_gpu(monkeypatch):
    monkeypatch.setenv("GPU_COURSE_CUDA", "compiled")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0),
        np.arange(24, dtype=np.int16).reshape(2, 3, 4),
        np.asfortranarray(np.arange(12, dtype=np.float16).reshape(3, 4)),
        np.arange(4) * (1 + 2j),
        np.array(1.5),
        np.zeros((0, 3)),
        np.arange(8) % 3 == 0,
        np.ones(3, RECORD),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_a_copy_there_and_back(array):
    there = cuda.to_device(array)
    for name in ("shape", "dtype", "strides", "size", "ndim", "nbytes"):
        assert getattr(there, name) == getattr(array, name)
    back = there.copy_to_host()
    assert np.array_equal(back, array)
    assert back.flags["F_CONTIGUOUS"] == array.flags["F_CONTIGUOUS"]
    filled = np.empty_like(array)
    assert there.copy_to_host(filled) is filled
    assert np.array_equal(filled, array)
    assert not np.shares_memory(there.array, array)


@pytest.mark.parametrize(
    "value", [[1, 2, 3], (1.5, 2), 7, np.float32(3), True, [[1j], [2]]]
)
def test_lists_and_numbers_become_arrays(value):
    there, wanted = cuda.to_device(value), np.asarray(value)
    assert there.dtype == wanted.dtype
    assert np.array_equal(there.copy_to_host(), wanted)


def test_what_is_on_the_device_stays_there():
    there = cuda.to_device(np.arange(4))
    assert cuda.to_device(there) is there
    assert cuda.is_cuda_array(there)
    assert cuda.as_cuda_array(there) is there
    assert not cuda.is_cuda_array(np.arange(4))


def test_to_device_fills_a_given_array():
    there = cuda.device_array(4, np.int64)
    assert cuda.to_device(np.arange(4), to=there) is there
    assert there.copy_to_host().tolist() == [0, 1, 2, 3]


def test_what_holds_no_numbers_is_refused():
    with pytest.raises(TypeError, match="numbers and records, got list"):
        cuda.to_device([1, "a", None])
    with pytest.raises(TypeError, match="dtype object"):
        cuda.device_array(3, object)


@pytest.mark.parametrize(
    "index",
    [
        np.s_[1],
        np.s_[-1, 2],
        np.s_[1:3],
        np.s_[::2],
        np.s_[:, 1],
        np.s_[1:, 2:5:2],
        np.s_[5:],
        np.s_[np.int64(2), 3],
    ],
)
def test_slices_are_views(index):
    host = np.arange(24.0).reshape(4, 6)
    there = cuda.to_device(host)
    part = there[index]
    assert np.array_equal(part, host[index])
    there[index] = host[index] = -1
    assert np.array_equal(there.copy_to_host(), host)
    if host[index].ndim:
        assert np.array_equal(part, host[index])


def test_elements_are_numpy_numbers():
    assert type(cuda.to_device(np.arange(3, dtype=np.int8))[1]) is np.int8
    assert cuda.to_device(2.5)[()] == 2.5
    assert list(cuda.to_device(np.arange(3))) == [0, 1, 2]


@pytest.mark.parametrize("index", [[0, 1], np.arange(2), ..., None, True, "x"])
def test_other_indices_are_refused(index):
    with pytest.raises(TypeError, match="whole numbers and slices"):
        cuda.to_device(np.arange(3))[index]


def test_assignment_broadcasts_and_casts():
    host = np.zeros((3, 4), np.int32)
    there = cuda.to_device(host)
    there[:] = host[:] = np.array([1.7, 2.2, 3.9, 4.0])
    there[1:] = host[1:] = np.array([[7], [8]])
    there[0, :2] = host[0, :2] = [5, 6]
    there[:, 3] = host[:, 3] = there[:, 0].copy_to_host()
    assert np.array_equal(there.copy_to_host(), host)
    other = cuda.to_device(host * 2)
    there[:] = other
    assert np.array_equal(there.copy_to_host(), host * 2)
    with pytest.raises(ValueError, match="3 axes to 1"):
        there[0] = np.zeros((1, 1, 4))
    with pytest.raises(ValueError, match="broadcast"):
        there[0] = np.zeros(3)
    with pytest.raises(IndexError):
        there[0, 0, 0]
    with pytest.raises(IndexError):
        there[3]


def test_records():
    host = np.zeros(4, RECORD)
    host["x"] = np.arange(4)
    there = cuda.to_device(host)
    record = there[2]
    assert record["x"] == 2
    record["x"] = 9
    record["y"][1] = 0.5
    back = there.copy_to_host()
    assert back["x"].tolist() == [0, 1, 9, 3]
    assert back[2]["y"].tolist() == [0, 0.5, 0]
    assert cuda.to_device(host[1])["x"] == 1


def test_copies_need_what_a_gpu_needs():
    there = cuda.to_device(np.zeros((3, 4), np.float32))
    with pytest.raises(TypeError, match=r"float32 vs\. float64"):
        there.copy_to_device(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="incompatible shape"):
        there.copy_to_host(np.zeros((4, 3), np.float32))
    with pytest.raises(ValueError, match="incompatible strides"):
        there.copy_to_host(np.zeros((3, 4), np.float32, "F"))
    with pytest.raises(ValueError, match="ascontiguousarray"):
        cuda.to_device(np.arange(10)[::2])
    with pytest.raises(ValueError, match="ascontiguousarray"):
        there[:, 1].copy_to_device(np.zeros(3, np.float32))
    with pytest.raises(NotImplementedError, match="negative step"):
        there[::-1].copy_to_host()
    host = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    there.copy_to_device(host)
    assert np.array_equal(there.copy_to_host(), host)
    there.copy_to_device(host[:, ::-1])
    assert np.array_equal(there.copy_to_host(), host[:, ::-1])


def test_shapes():
    host = np.arange(24, dtype=np.int32).reshape(4, 6)
    there = cuda.to_device(host)
    assert np.array_equal(there.reshape(2, 12), host.reshape(2, 12))
    assert np.array_equal(there.reshape((3, -1)), host.reshape(3, -1))
    assert np.array_equal(there.ravel(), host.ravel())
    assert np.array_equal(there.view(np.int16), host.view(np.int16))
    assert np.array_equal(there.reshape(4, 6, 1).squeeze(), host)
    there.ravel()[5] = 50
    assert there[0, 5] == 50
    assert there.is_c_contiguous()
    assert not there.is_f_contiguous()
    for refused in (there[:, ::2].ravel, lambda: there[:, 1:].reshape(20)):
        with pytest.raises(NotImplementedError, match="requires copying"):
            refused()


def test_a_transpose_is_a_copy_of_two_axes():
    host = np.arange(6.0).reshape(2, 3)
    there = cuda.to_device(host)
    assert np.array_equal(there.T, host.T)
    assert np.array_equal(np.transpose(there), host.T)
    assert there.T.is_c_contiguous()
    there.T[0, 0] = 7
    assert there[0, 0] == 0
    assert there.transpose((0, 1)) is there
    with pytest.raises(NotImplementedError, match="non-2D"):
        _ = cuda.device_array((2, 2, 2)).T


def test_split():
    there = cuda.to_device(np.arange(10))
    parts = list(there.split(4))
    assert [len(p) for p in parts] == [4, 4, 2]
    parts[2][1] = -1
    assert there[9] == -1


@pytest.mark.parametrize(
    "compute",
    [
        lambda d: d + 1,
        lambda d: 2 * d,
        lambda d: -d,
        lambda d: d @ d,
        lambda d: d > 0,
        lambda d: d**2,
        lambda d: d.__iadd__(1) if hasattr(d, "__iadd__") else d + d,
    ],
)
def test_the_host_does_no_arithmetic_on_them(compute):
    with pytest.raises(TypeError, match="Write a kernel"):
        compute(cuda.to_device(np.arange(3.0)))


def test_numpy_gets_a_copy():
    there = cuda.to_device(np.arange(3.0))
    assert np.sum(there) == 3
    assert np.array_equal(there + np.ones(3), [1, 2, 3])
    assert np.array_equal(np.ones(3) + there, [1, 2, 3])
    np.asarray(there)[0] = 9
    assert there[0] == 0
    assert np.asarray(there, np.int8).dtype == np.int8
    with pytest.raises(ValueError, match="copy"):
        np.asarray(there, copy=False)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_uninitialised_floats_are_nan(dtype):
    assert np.isnan(cuda.device_array((3, 5), dtype).copy_to_host()).all()


@pytest.mark.parametrize(
    "dtype", [np.int8, np.int32, np.uint64, bool, "i4,f4"]
)
def test_uninitialised_memory_is_the_same_each_time(dtype):
    first, second = (cuda.device_array(9, dtype) for _ in range(2))
    assert first.copy_to_host().tobytes() == second.copy_to_host().tobytes()
    assert first.copy_to_host().tobytes() != bytes(first.nbytes)
    untouched = cuda.to_device(np.zeros(9, dtype), copy=False)
    assert untouched.copy_to_host().tobytes() == first.copy_to_host().tobytes()


def test_order_and_strides_of_new_arrays():
    assert cuda.device_array((3, 4), order="F").is_f_contiguous()
    assert cuda.device_array((3, 2), np.int8, strides=(5, 1)).strides == (5, 1)
    assert cuda.device_array(()).shape == ()
    assert cuda.device_array(0).nbytes == 0
    assert cuda.device_array(np.int64(3)).shape == (3,)
    with pytest.raises(ValueError, match="must not be negative"):
        cuda.device_array((3, -1))
    for like in (
        np.zeros((3, 4), np.int8, "F"),
        np.zeros((3, 4, 5)).transpose(1, 0, 2),
        np.zeros((4, 4))[:, ::2],
        cuda.device_array((2, 3), np.float16),
    ):
        wanted = np.empty_like(np.asarray(like))
        if isinstance(like, np.ndarray):
            wanted = np.empty_like(like)
        for make in (
            cuda.device_array_like,
            cuda.pinned_array_like,
            cuda.mapped_array_like,
        ):
            made = make(like)
            assert made.shape == wanted.shape
            assert made.dtype == wanted.dtype
            assert made.strides == wanted.strides


def test_host_memory_of_every_kind_is_numpy_s():
    for make in (cuda.pinned_array, cuda.mapped_array, cuda.managed_array):
        made = make((2, 3), np.float32)
        assert isinstance(made, np.ndarray)
        made[:] = 1
        assert made.sum() == 6
    host = np.arange(3)
    with cuda.pinned(host, host):
        pass
    with cuda.mapped(host) as there:
        there[1] = 7
    assert host[1] == 7


def test_a_foreign_gpu_array_is_refused():
    class Foreign:
        __cuda_array_interface__ = {}  # noqa: RUF012

    assert cuda.is_cuda_array(Foreign())
    with pytest.raises(RuntimeError, match="Foreign is in a GPU's memory"):
        cuda.as_cuda_array(Foreign())
    with pytest.raises(TypeError, match="doesn't implement"):
        cuda.as_cuda_array(np.arange(3))


def test_argument_hints():
    host = np.arange(3)
    assert not np.shares_memory(cuda.In(host).memory(), host)
    assert np.shares_memory(cuda.Out(host).memory(), host)
    assert np.shares_memory(cuda.InOut(host).memory(), host)
    there = cuda.to_device(host)
    assert np.shares_memory(cuda.In(there).memory(), there.array)


def test_methods_take_numba_s_arguments():
    numba = pytest.importorskip("numba.cuda.cudadrv.devicearray")
    for name in (
        "copy_to_host",
        "copy_to_device",
        "transpose",
        "ravel",
        "squeeze",
        "view",
        "split",
        "bind",
        "getitem",
        "setitem",
        "is_c_contiguous",
    ):
        ours = inspect.signature(getattr(cuda.DeviceArray, name))
        theirs = inspect.signature(getattr(numba.DeviceNDArray, name))
        assert ours == theirs, name
