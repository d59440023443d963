"""A fake CUDA device in the CPU's memory, for machines without a GPU.

Inside ``with fake_cuda():`` tensors can be put on "cuda". They hold real
numbers and gradients flow. As with CUDA, an operation that mixes host and
device tensors raises an error. The exceptions are the same as CUDA's:

- copies: ``copy_``, ``x[2:5] = y``, ``load_state_dict``;
- a host tensor without dimensions in an elementwise operation, unless it is
  the output;
- host tensors that index a device tensor, but not the reverse.

Like CUDA, the device has its own random generator. It counts the kernels that
were launched since the host last waited for it.

How it works: a `CudaTensor` wraps a CPU tensor and tells Python that it is on
"cuda". For torch's C++ code, above all the autograd engine, it is on the CPU.
So no driver and no CUDA build of torch is needed. Not modelled: streams,
memory, ``torch.Generator("cuda")``, and torch functions in Python that move
tensors internally.
"""

import contextlib
from unittest import mock

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE = torch.device("cuda", 0)
aten = torch.ops.aten

# Copies work between devices.
COPIES = {aten.copy_.default, aten._copy_from.default}
# The indices of a device tensor may be on the host.
INDEXING = {
    aten.index.Tensor,
    aten._unsafe_index.Tensor,
    aten.index_put.default,
    aten.index_put_.default,
    aten._index_put_impl_.default,
}
# The value has no dimensions, so it may be on either side.
FILLING = {aten.masked_fill.Tensor, aten.masked_fill_.Tensor}


class FakeGPU:
    """The state of the device, except its tensors.

    Attributes
    ----------
    running : int
        Kernels launched since the host last waited.
    waits : int
        How often the host waited, for numbers or in ``synchronize``.
    launches, copies_to_host, copies_to_device : int
    """

    def __init__(self):
        self.running = self.waits = self.launches = 0
        self.copies_to_host = self.copies_to_device = 0
        self.seed(0)

    def launch(self):
        self.running += 1
        self.launches += 1

    def synchronize(self, device=None):
        self.running = 0
        self.waits += 1

    def seed(self, seed):
        self.random_state = torch.Generator().manual_seed(seed).get_state()

    def get_rng_state(self, device="cuda"):
        return self.random_state.clone()

    def set_rng_state(self, state, device="cuda"):
        self.random_state = state.clone()

    @contextlib.contextmanager
    def random(self):
        """Use the host's generator with the device's state."""
        host = torch.get_rng_state()
        torch.set_rng_state(self.random_state)
        try:
            yield
        finally:
            self.random_state = torch.get_rng_state()
            torch.set_rng_state(host)


_gpu = None


class CudaTensor(torch.Tensor):
    """A tensor on the fake device; its numbers are in ``host``."""

    @staticmethod
    def __new__(cls, host):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            host.size(),
            strides=host.stride(),
            storage_offset=host.storage_offset(),
            dtype=host.dtype,
        )

    def __init__(self, host):
        self.host = host

    device = property(lambda self: DEVICE)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    def get_device(self):
        return DEVICE.index

    def numpy(self, *, force=False):
        if force:
            return self.cpu().detach().numpy()
        raise TypeError(
            "can't convert cuda:0 device type tensor to numpy. Use "
            "Tensor.cpu() to copy the tensor to host memory first."
        )

    def __array__(self, dtype=None, copy=None):
        return self.numpy()

    def tolist(self):
        return self.detach().cpu().tolist()

    def __repr__(self):
        return f"CudaTensor({self.host!r})"

    def __tensor_flatten__(self):  # then Module.to keeps its parameters
        return ["host"], None

    @staticmethod
    def __tensor_unflatten__(tensors, context, size, stride):
        return CudaTensor(tensors["host"])

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func, types, args, kwargs=None):
        kwargs = kwargs or {}
        _check_devices(func, args, kwargs)
        if torch.Tag.inplace_view in func.tags:
            raise NotImplementedError(f"{func} on the fake CUDA device")
        wrappers = {
            id(tensor.host): tensor
            for tensor in _tensors(args, kwargs)
            if isinstance(tensor, CudaTensor)
        }
        args, kwargs = tree_map_only(
            CudaTensor, lambda tensor: tensor.host, (args, kwargs)
        )
        if func is aten._local_scalar_dense.default:
            _gpu.synchronize()
            return func(*args, **kwargs)
        _gpu.launch()
        seeded = torch.Tag.nondeterministic_seeded in func.tags
        with _gpu.random() if seeded else contextlib.nullcontext():
            result = func(*args, **kwargs)
        if func is aten.copy_.default and id(args[0]) not in wrappers:
            _gpu.synchronize()  # the host waits for what it copies
            _gpu.copies_to_host += 1
            return result

        def wrap(tensor):
            known = wrappers.get(id(tensor))  # from an in-place operation
            return CudaTensor(tensor) if known is None else known

        return tree_map_only(torch.Tensor, wrap, result)


def _check_devices(func, args, kwargs):
    """Raise as CUDA would if host and device tensors meet."""
    if func in COPIES:
        return
    scalars_mix = torch.Tag.pointwise in func.tags
    if func in INDEXING:
        target, indices, *rest = args
        if not isinstance(target, CudaTensor) and any(
            isinstance(index, CudaTensor) for index in indices
        ):
            raise RuntimeError(
                "indices should be either on cpu or on the same device as "
                "the indexed tensor (cpu)"
            )
        args, scalars_mix = (target, *rest), True
        if all(tensor.dim() == 0 for tensor in _tensors(rest, None)):
            return  # a 0-d value is copied to the destination
    if func in FILLING:
        args = args[:-1]
    written = {
        id(value)
        for value, argument in zip(args, func._schema.arguments, strict=False)
        if argument.alias_info is not None and argument.alias_info.is_write
    }
    for tensor in _tensors(args, kwargs):
        if isinstance(tensor, CudaTensor):
            continue
        scalar = tensor.dim() == 0 and id(tensor) not in written
        if not (scalars_mix and scalar):
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at "
                f"least two devices, cuda:0 and cpu! (in {func})"
            )


class _Transfer(torch.autograd.Function):
    """A copy to the other side; its gradient goes the other way."""

    @staticmethod
    def forward(ctx, tensor):
        if isinstance(tensor, CudaTensor):
            _gpu.synchronize()
            _gpu.copies_to_host += 1
            return tensor.host.clone()
        _gpu.copies_to_device += 1
        return CudaTensor(tensor.detach().clone())

    @staticmethod
    def backward(ctx, gradient):
        return _Transfer.apply(gradient)


def _is_cuda(device):
    return torch.device(device).type == "cuda"


def _place(tensor, device):
    """Return the tensor on the device asked for: itself, or a copy."""
    if _is_cuda(device) == isinstance(tensor, CudaTensor):
        return tensor
    return _Transfer.apply(tensor)


def _to(tensor, *args, copy=False, **kwargs):
    """Do the work of ``Tensor.to``, ``cpu`` and ``cuda``."""
    other = args[0] if args else kwargs.pop("other", None)
    if isinstance(other, torch.Tensor):
        args = (other.device, other.dtype, *args[1:])
    device, dtype, _, memory_format = torch._C._nn._parse_to(*args, **kwargs)
    placed = tensor if device is None else _place(tensor, device)
    return placed.to(
        dtype=dtype or tensor.dtype,
        copy=copy and placed is tensor,
        memory_format=memory_format or torch.preserve_format,
    )


class _Inside(TorchDispatchMode):
    """Puts the temporary tensors of device operations on the device too.

    The C++ code asks for memory on the argument's device, which it believes
    to be the CPU.
    """

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if _tensors(args, kwargs):
            return result
        return tree_map_only(torch.Tensor, CudaTensor, result)


def _tensors(args, kwargs):
    """Return the tensors among the arguments, including those in lists."""
    leaves = tree_flatten((args, kwargs))[0]
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def _create(func, args, kwargs):
    """Call a function that takes ``device=``."""
    device = kwargs.pop("device")
    gradient = kwargs.pop("requires_grad", False)
    kwargs.pop("pin_memory", None)
    generator = kwargs.get("generator")
    if _is_cuda(device) and generator is not None:
        raise RuntimeError(
            "Expected a 'cuda' device type for generator but found 'cpu'"
        )
    with _gpu.random() if _is_cuda(device) else contextlib.nullcontext():
        result = _place(func(*args, **kwargs), device)
    return result.requires_grad_() if gradient else result


class _Devices(TorchFunctionMode):
    """Handles calls that name a device, which the C++ code must not see."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.to:
            return _to(*args, **kwargs)
        if func is torch.Tensor.cpu:
            return _to(args[0], "cpu")
        if func is torch.Tensor.cuda:
            return _to(args[0], "cuda")
        if func is torch.Tensor.pin_memory:
            return args[0].clone()
        if kwargs.get("device") is not None:
            return _create(func, args, kwargs)
        if any(isinstance(t, CudaTensor) for t in _tensors(args, kwargs)):
            with _Inside():
                return func(*args, **kwargs)
        return func(*args, **kwargs)


class _Stream:
    """A stream with the one method that an optimizer calls."""

    is_capturing = staticmethod(lambda: False)


@contextlib.contextmanager
def fake_cuda():
    """Give torch a CUDA device; yield a `FakeGPU`.

    ``torch.cuda.is_available`` and similar functions report it, and
    `pick_device` picks it. The device's tensors can't be used after the block.
    """
    global _gpu
    gpu = FakeGPU()
    replaced = {
        "torch.cuda.is_available": lambda: True,
        "torch.cuda.device_count": lambda: 1,
        "torch.cuda.current_device": lambda: 0,
        "torch.cuda.is_current_stream_capturing": lambda: False,
        "torch.cuda.synchronize": gpu.synchronize,
        "torch.cuda.manual_seed_all": gpu.seed,
        "torch.cuda.get_rng_state": gpu.get_rng_state,
        "torch.cuda.set_rng_state": gpu.set_rng_state,
        "torch.accelerator.is_available": lambda: True,
        "torch.accelerator.current_accelerator": lambda **_: DEVICE,
        "torch.accelerator.current_stream": lambda *_: _Stream,
        "torch.accelerator.synchronize": gpu.synchronize,
    }
    with contextlib.ExitStack() as stack:
        for name, replacement in replaced.items():
            stack.enter_context(mock.patch(name, replacement))
        stack.enter_context(
            mock.patch.dict("os.environ", {"GPU_COURSE_DEVICE": ""})
        )
        before, _gpu = _gpu, gpu
        try:
            with _Devices():
                yield gpu
        finally:
            _gpu = before
