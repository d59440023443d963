"""Arrays as a kernel run in Python sees them.

Each axis of each index is checked. The traced classes record every access as
one whole number: the site in the high bits, the byte address in the low ones.
"""

import numpy as np

from gpu_course.cuda.arithmetic import wrapper

SITE_SHIFT = 44  # bits of an event's address or other value
DIRECT = "?bBhHiIlLqQd"  # a memoryview gives these as Python's own numbers
BOXED = "fFe"  # NumPy's scalars, whose arithmetic keeps their type


class Memory:
    """An array of any number of axes, not traced.

    Parameters
    ----------
    array : numpy.ndarray
    address : int
        Virtual byte address of its first element.
    name, space : str
    machine : Machine
    """

    def __init__(self, array, address, name, space, machine):
        self.array, self.address = array, address
        self.name, self.space, self.machine = name, space, machine
        self.shape, self.strides = array.shape, array.strides
        self.ndim, self.size, self.dtype = array.ndim, array.size, array.dtype
        self.itemsize, self.nbytes = array.itemsize, array.nbytes
        self.items = array
        if array.ndim and array.dtype.char in DIRECT:
            direct = memoryview(array)
            if direct.format in DIRECT:  # not if packed or byte-swapped
                self.items = direct
        self.plain = self.items is not array or array.dtype.char in BOXED
        if array.ndim:
            self.length, self.step = array.shape[0], array.strides[0]
            self.width, self.column = array.shape[-1], array.strides[-1]
        self.note = machine.note

    def __len__(self):
        return self.shape[0]

    def part(self, array):
        """Return a view of the same memory."""
        offset = 0
        if array.size:
            offset = _address(array) - _address(self.array)
        return make(
            array, self.address + offset, self.name, self.space, self.machine
        )

    def pick(self, thread, site, *index):
        """Return the part that an index with slices or fewer axes selects."""
        if ... in index:
            at = index.index(...)
            whole = [slice(None)] * (self.ndim - len(index) + 1)
            index = (*index[:at], *whole, *index[at + 1 :])
        checked = list(index)
        for axis, (i, n) in enumerate(zip(index, self.shape, strict=False)):
            if isinstance(i, int) and not 0 <= i < n:
                checked[axis] = self.wrapped(thread, site, index, axis)
        return self.part(self.array[(*checked, ...)])  # also with no axes

    @property
    def T(self):  # noqa: N802
        return self.part(self.array.T)

    @property
    def flat(self):
        return self.ravel()

    def transpose(self):
        return self.T

    def reshape(self, *shape):
        return self.part(self.array.reshape(*shape))

    def ravel(self):
        return self.part(self.array.reshape(-1))

    flatten = ravel

    def view(self, dtype):
        """Return the same bytes as numbers of another dtype."""
        if not isinstance(dtype, type):
            dtype = str(dtype)  # of a Numba type
        return self.part(self.array.view(dtype))

    @property
    def real(self):
        return self.part(self.array.real)

    @property
    def imag(self):
        return self.part(self.array.imag)

    def field(self, name):
        """Return one field of an array of records."""
        return self.part(self.array[name])

    def wrapped(self, thread, site, index, axis):
        """Wrap an index outside its axis once and return it; or raise."""
        i, n = index[axis], self.shape[axis]
        kind = "negative_index" if -n <= i < 0 else "out_of_bounds"
        self.machine.found_index(kind, self, thread, site, index)
        return i + n

    def check(self, thread, site, index):
        """Return the index with each axis checked and wrapped."""
        done = index
        for axis, (i, n) in enumerate(zip(index, self.shape, strict=True)):
            if not 0 <= i < n:
                wrapped = self.wrapped(thread, site, index, axis)
                done = (*done[:axis], wrapped, *done[axis + 1 :])
        return done

    def load(self, thread, site, *index):
        value = self.items[self.check(thread, site, index)]
        return value if self.plain else value.item()

    def store(self, thread, site, value, *index):
        self.items[self.check(thread, site, index)] = value

    def atomic(self, thread, site, operation, index, *values):
        index = self.check(thread, site, index)
        old = self.items[index]
        if not self.plain:
            old = old.item()
        self.items[index] = ATOMIC[operation](old, *values)
        return old

    def fill(self, thread, site, value, *index):
        """Store one value, or an array, into the part an index selects."""
        part = self.pick(thread, site, *index)
        whole = isinstance(value, Memory)
        other = value.array if whole else value
        if whole and other.shape != part.shape:
            self.machine.refuse(
                thread,
                site,
                f"the shape {other.shape} doesn't fit into {part.shape}",
            )
        for place in np.ndindex(part.shape):
            one = value.load(thread, site, *place) if whole else value
            part.store(thread, site, one, *place)


class Line(Memory):
    """An array of one axis, not traced."""

    def load(self, thread, site, i):
        if not 0 <= i < self.length:
            i = self.wrapped(thread, site, (i,), 0)
        return self.items[i]

    def store(self, thread, site, value, i):
        if not 0 <= i < self.length:
            i = self.wrapped(thread, site, (i,), 0)
        self.items[i] = value


class Traced(Memory):
    """An array of any number of axes whose accesses are noted."""

    def noted(self, thread, site, index):
        index = self.check(thread, site, index)
        event = site + self.address
        for i, step in zip(index, self.strides, strict=True):
            event += i * step
        self.note(event)
        return index

    def load(self, thread, site, *index):
        value = self.items[self.noted(thread, site, index)]
        return value if self.plain else value.item()

    def store(self, thread, site, value, *index):
        self.items[self.noted(thread, site, index)] = value

    def atomic(self, thread, site, operation, index, *values):
        index = self.noted(thread, site, index)
        return super().atomic(thread, site, operation, index, *values)


class TracedLine(Traced):
    """An array of one axis whose accesses are noted."""

    def load(self, thread, site, i):
        if not 0 <= i < self.length:
            i = self.wrapped(thread, site, (i,), 0)
        self.note(site + self.address + i * self.step)
        return self.items[i]

    def store(self, thread, site, value, i):
        if not 0 <= i < self.length:
            i = self.wrapped(thread, site, (i,), 0)
        self.note(site + self.address + i * self.step)
        self.items[i] = value


class TracedPlane(Traced):
    """An array of two axes whose accesses are noted."""

    def load(self, thread, site, i, j):
        if not (0 <= i < self.length and 0 <= j < self.width):
            i, j = self.check(thread, site, (i, j))
        self.note(site + self.address + i * self.step + j * self.column)
        return self.items[i, j]

    def store(self, thread, site, value, i, j):
        if not (0 <= i < self.length and 0 <= j < self.width):
            i, j = self.check(thread, site, (i, j))
        self.note(site + self.address + i * self.step + j * self.column)
        self.items[i, j] = value


class TracedSolid(Traced):
    """An array of three axes whose accesses are noted."""

    def noted(self, thread, site, index):
        i, j, k = index
        deep, high, wide = self.shape
        if not (0 <= i < deep and 0 <= j < high and 0 <= k < wide):
            i, j, k = index = self.check(thread, site, index)
        a, b, c = self.strides
        self.note(site + self.address + i * a + j * b + k * c)
        return index


QUICK = {
    (False, 1): Line,
    (True, 1): TracedLine,
    (True, 2): TracedPlane,
    (True, 3): TracedSolid,
}


def make(array, address, name, space, machine):
    """Return the `Memory` that suits an array and its machine."""
    kind = Traced if machine.trace else Memory
    if array.dtype.char in DIRECT + BOXED and array.dtype.isnative:
        kind = QUICK.get((machine.trace, array.ndim), kind)
    return kind(array, address, name, space, machine)


def _address(array):
    return array.__array_interface__["data"][0]


def _ignoring_nan(pick):
    def operation(old, value):
        if value != value:
            return old
        return value if old != old else pick(old, value)

    return operation


def _larger(old, value):
    return value if value > old else old  # like Numba's, also with NaN


def _smaller(old, value):
    return value if value < old else old


def _swapped(old, expected, value):
    return value if old == expected else old


ATOMIC = {
    "add": lambda old, v: old + v,
    "sub": lambda old, v: old - v,
    "max": _larger,
    "min": _smaller,
    "nanmax": _ignoring_nan(max),
    "nanmin": _ignoring_nan(min),
    "and_": lambda old, v: old & v,
    "or_": lambda old, v: old | v,
    "xor": lambda old, v: old ^ v,
    "inc": lambda old, v: 0 if old >= v else old + 1,
    "dec": lambda old, v: v if old == 0 or old > v else old - 1,
    "exch": lambda old, v: v,
    "cas": _swapped,
    "compare_and_swap": _swapped,
}


def _wrapping(kind, bits):
    wrap = wrapper(bits, kind == "int")
    return {
        f"add_{kind}{bits}": lambda old, v: wrap(old + v),
        f"sub_{kind}{bits}": lambda old, v: wrap(old - v),
    }


for _kind in ("int", "uint"):
    for _bits in (8, 16, 32, 64):
        ATOMIC |= _wrapping(_kind, _bits)
