"""Streams and graphs for the fake CUDA device.

Inside ``with fake_streams():``, itself inside `fake_cuda`, each device tensor
remembers which stream wrote it last, and when. If another stream uses it
without waiting for that write, the operation raises an error; a GPU would
compute with whatever is in memory. A graph records operations. Their effects
are undone at the end of the recording, because a GPU only records them, and
reading a number during the recording raises an error. Not modelled: whether
host memory is pinned.
"""

import contextlib
from unittest import mock

import torch
from fake_cuda import CudaTensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

aten = torch.ops.aten


class FakeStream:
    """A queue: its progress, and the progress of others that it waited for."""

    def __init__(self):
        self.time = 0
        self.seen = {}

    def wait_stream(self, other):
        for stream, time in {**other.seen, other: other.time}.items():
            self.seen[stream] = max(time, self.seen.get(stream, 0))

    def knows(self, stream, time):
        return stream is self or self.seen.get(stream, 0) >= time

    def is_capturing(self):
        return False


class FakeGraph:
    def __init__(self):
        self.operations = []
        self.replays = 0

    def replay(self):
        self.replays += 1
        for function, args, kwargs, results in self.operations:
            with torch._C.DisableTorchFunction():
                again = function(*args, **kwargs)
            pairs = zip(_device(results), _device(again), strict=True)
            for old, new in pairs:
                if old.host.data_ptr() != new.host.data_ptr():
                    old.host.copy_(new.host)


class _Watching(TorchDispatchMode):
    def __init__(self, state):
        super().__init__()
        self.state = state

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        state, inputs = self.state, _device((args, kwargs))
        if not inputs:
            return function(*args, **kwargs)
        for tensor in inputs:
            if not state.current.knows(*tensor.written):
                raise RuntimeError(
                    f"{function} reads a tensor of a stream that the current "
                    "one has not waited for"
                )
        to_host = function is aten.copy_.default and not isinstance(
            args[0], CudaTensor
        )
        if function is aten._local_scalar_dense.default or to_host:
            if state.graph is not None:
                raise RuntimeError(
                    "operation not permitted when stream is capturing"
                )
            return function(*args, **kwargs)
        written = [
            value
            for value, argument in zip(
                args, function._schema.arguments, strict=False
            )
            if argument.alias_info is not None and argument.alias_info.is_write
        ]
        written = _device(written)
        if state.graph is not None:
            state.undo += [(t.host, t.host.clone()) for t in written]
        result = function(*args, **kwargs)
        state.current.time += 1
        for tensor in [*written, *_device(result)]:
            tensor.written = (state.current, state.current.time)
        if state.graph is not None:
            state.graph.operations.append((function, args, kwargs, result))
        return result


def _device(tree):
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, CudaTensor)]


class FakeStreams:
    """The events on the fake streams.

    Attributes
    ----------
    current : FakeStream
    graph : FakeGraph or None
        The graph that is being recorded.
    copied_in : list of FakeStream
        The stream of each copy to the device.
    recorded : int
        Calls of ``record_stream``.
    """

    def __init__(self):
        self.current = self.default = FakeStream()
        self.graph, self.undo = None, []
        self.copied_in, self.recorded = [], 0

    @contextlib.contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextlib.contextmanager
    def capture(self, graph):
        stream = FakeStream()
        stream.wait_stream(self.current)
        self.graph, self.undo = graph, []
        try:
            with self.stream(stream):
                yield
        finally:
            self.graph = None
            for host, before in reversed(self.undo):
                host.copy_(before)
        self.current.wait_stream(stream)


@contextlib.contextmanager
def fake_streams():
    """Give the fake device streams and graphs; yield a `FakeStreams`."""
    state = FakeStreams()
    make = CudaTensor.__init__

    def made(tensor, host):
        make(tensor, host)
        state.current.time += 1
        tensor.written = (state.current, state.current.time)

    def record_stream(tensor, stream):
        state.recorded += 1

    replaced = {
        "torch.cuda.Stream": FakeStream,
        "torch.cuda.stream": state.stream,
        "torch.cuda.current_stream": lambda *_: state.current,
        "torch.cuda.CUDAGraph": FakeGraph,
        "torch.cuda.graph": state.capture,
        "torch.cuda.is_current_stream_capturing": lambda: (
            state.graph is not None
        ),
    }
    with contextlib.ExitStack() as stack:
        for name, replacement in replaced.items():
            stack.enter_context(mock.patch(name, replacement))
        stack.enter_context(mock.patch.object(CudaTensor, "__init__", made))
        stack.enter_context(
            mock.patch.object(
                CudaTensor, "record_stream", record_stream, create=True
            )
        )
        stack.enter_context(_Watching(state))
        yield state
