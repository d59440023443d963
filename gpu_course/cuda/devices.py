"""The devices that can run kernels: a GPU or the teaching GPU.

With a GPU, each function calls the one of the same name in ``numba.cuda``.
"""

import collections
import contextlib

from gpu_course.cuda import backend
from gpu_course.cuda.host import forwarded


class Device:
    """The teaching GPU, with the attributes of Numba's devices.

    The limits are those of compute capability 8.0 (CUDA C++ Programming
    Guide, "Technical Specifications per Compute Capability"). The number of
    multiprocessors is our choice. It is small because kernels size their
    grids by it and a CPU runs them.
    """

    id = 0
    name = "teaching GPU (emulated on the CPU)"
    uuid = "GPU-00000000-0000-0000-0000-000000000000"
    compute_capability = (8, 0)
    COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = compute_capability
    MULTIPROCESSOR_COUNT = 8
    WARP_SIZE = 32
    MAX_THREADS_PER_BLOCK = 1024
    MAX_BLOCK_DIM_X, MAX_BLOCK_DIM_Y, MAX_BLOCK_DIM_Z = 1024, 1024, 64
    MAX_GRID_DIM_X, MAX_GRID_DIM_Y, MAX_GRID_DIM_Z = 2**31 - 1, 65535, 65535
    # Numba's name and that of its successor.
    MAX_THREADS_PER_MULTI_PROCESSOR = MAX_THREADS_PER_MULTIPROCESSOR = 2048
    MAX_BLOCKS_PER_MULTIPROCESSOR = 32
    MAX_REGISTERS_PER_BLOCK = MAX_REGISTERS_PER_MULTIPROCESSOR = 65536
    MAX_SHARED_MEMORY_PER_BLOCK = 48 << 10
    MAX_SHARED_MEMORY_PER_BLOCK_OPTIN = 163 << 10
    MAX_SHARED_MEMORY_PER_MULTIPROCESSOR = 164 << 10
    TOTAL_CONSTANT_MEMORY = 64 << 10
    COOPERATIVE_LAUNCH = CONCURRENT_KERNELS = 1

    def __repr__(self):
        return f"<CUDA device {self.id} '{self.name}'>"

    def __getattr__(self, name):
        raise AttributeError(
            f"the teaching GPU has no {name}: it runs on the CPU. Ask "
            "a GPU for it, or use a published number."
        )

    # ``with cuda.gpus[0]:`` chooses a device; there is only one.
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def reset(self):
        """Free the device's memory; does nothing here."""


MemoryInfo = collections.namedtuple("MemoryInfo", "free total")


class Context:
    """Numba's current context: a device and its memory."""

    device = Device()

    def get_memory_info(self):
        """Return ``(free, total)`` bytes of memory; here, the host's."""
        import psutil

        memory = psutil.virtual_memory()
        return MemoryInfo(memory.available, memory.total)

    def synchronize(self):
        """Wait until the device is done."""

    def reset(self):
        """Free the device's memory; does nothing here."""


CONTEXT = Context()


class DeviceList:
    """The devices; choose one with ``with cuda.gpus[0]:``."""

    def __getitem__(self, number):
        return _devices()[number]

    def __len__(self):
        return len(_devices())

    def __iter__(self):
        return iter(_devices())

    def __str__(self):
        return ", ".join(map(str, _devices()))

    @property
    def current(self):
        """The device that is in use."""
        native = backend.gpu()
        return native.gpus.current if native else CONTEXT.device


gpus = DeviceList()


def _devices():
    native = backend.gpu()
    return native.gpus if native else [CONTEXT.device]


@forwarded
def is_available():
    """Whether kernels can be launched: always, on one executor or another.

    Programs call this to decide whether to go on, and here they can. To learn
    whether there is a GPU, use `detect` or ``get_current_device().name``.
    """
    return True


@forwarded
def detect():
    """Print what runs kernels here; return whether it is a GPU."""
    asked = backend.choice()
    problem = f"GPU_COURSE_CUDA is {asked!r}" if asked else None
    problem = problem or backend.count_gpus()[1] or "the GPU's test failed"
    print(f"Found 0 CUDA devices to use: {problem}.")
    print(f"Kernels run on the {CONTEXT.device.name}.")
    return False


@forwarded
def list_devices():
    """Return the devices that kernels can run on."""
    return gpus


@forwarded
def select_device(device_id):
    """Choose a device by its number, and return it."""
    if device_id != 0:
        raise ValueError(f"the teaching GPU is device 0, got {device_id!r}")
    return CONTEXT.device


@forwarded
def get_current_device():
    """Return the device in use."""
    return CONTEXT.device


@forwarded
def current_context(devnum=None):
    """Return the context in use."""
    return CONTEXT


@forwarded
def close():
    """Free all of the device's memory; does nothing here."""


@forwarded
@contextlib.contextmanager
def defer_cleanup():
    """Free no device memory in the ``with`` block; does nothing here."""
    yield


@forwarded
def cuda_error():
    """Return why the driver couldn't start; None here, without a driver."""


@forwarded
def is_supported_version():
    """Whether Numba supports the CUDA runtime; none is needed here."""
    return True


@forwarded
def is_float16_supported():
    """Whether arrays of float16 can be used."""
    return True
