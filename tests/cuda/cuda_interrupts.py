"""Interrupt endless launches with Ctrl-C; `test_cuda_interrupt` starts it.

For each kernel it prints as JSON: the time from the signal to the end, the
message of the KeyboardInterrupt, and the result of another kernel afterwards.
"""

import ctypes
import json
import os
import signal
import sys
import threading
import time

import numpy as np

from gpu_course import cuda

MOST_S = 20


@cuda.jit
def endless_while(x):
    while x[0] == 0:
        x[1] += 1


@cuda.jit
def endless_for(x):
    for i in range(x[2]):
        x[1] += i


@cuda.jit(device=True)
def forever(x):
    n = 1
    while x[0] == 0:
        n = n * 5 % 1001
        x[1] += n
    return n


@cuda.jit
def endless_device_function(x):
    x[3] = forever(x)


@cuda.jit
def endless_with_barriers(x):
    t = cuda.threadIdx.x
    while x[0] == 0:
        if t == 0:
            x[1] += 1
        cuda.syncthreads()


@cuda.jit
def endless_nest(x):
    for i in range(4000):
        for j in range(4000):
            for k in range(4000):
                x[1] = (x[1] * 5 + i + j + k) % 1000003


@cuda.jit
def endless_grid(x):
    i = cuda.grid(1)
    for k in range(4000):
        x[1] = (x[1] * 5 + i + k) % 1000003


@cuda.jit
def double(x):
    x[cuda.grid(1)] *= 2


def doubled():
    x = np.arange(8)
    double[2, 4](x)
    return x.tolist()


class Signal(threading.Thread):
    """Sends this process Ctrl-C as soon as a kernel runs."""

    def __init__(self, x):
        super().__init__(daemon=True)
        self.x, self.sent, self.over = x, None, False

    def run(self):
        start = time.perf_counter()
        while self.x[1] == 0 and time.perf_counter() < start + MOST_S:
            time.sleep(0.01)
        time.sleep(0.2)
        if not self.over:
            self.sent = time.perf_counter()
            self.send()

    def send(self):
        os.kill(os.getpid(), signal.SIGINT)


def watch(kernel, grid=1):
    """Launch a kernel and interrupt it; return what happened."""
    x = np.zeros(8, np.int64)
    x[2] = 10**15
    sender = Signal(x)
    sender.start()
    try:
        kernel[grid, 4](x)
        sender.over = True
        return {"ended": True}
    except KeyboardInterrupt as interrupt:
        took = time.perf_counter() - sender.sent
        counted = int(x[1])
        time.sleep(0.05)
        return {
            "seconds": took,
            "said": str(interrupt),
            "doubled": doubled(),
            "stopped": counted == int(x[1]),
        }


def kernels():
    for kernel, grid in (
        (endless_while, 1),
        (endless_for, 1),
        (endless_device_function, 1),
        (endless_with_barriers, 1),
        (endless_nest, 1),
        (endless_grid, 10**6),
    ):
        found = {kernel.__name__: watch(kernel, grid)}
        print(json.dumps(found), flush=True)


class Launching(threading.Thread):
    """A user thread that launches an endless kernel."""

    def __init__(self):
        super().__init__(daemon=True)
        self.x, self.said = np.zeros(8, np.int64), None

    def run(self):
        try:
            endless_while[1, 1](self.x)
        except KeyboardInterrupt as interrupt:
            self.said = str(interrupt)

    def begin(self):
        self.start()
        limit = time.perf_counter() + MOST_S
        while self.x[1] == 0 and time.perf_counter() < limit:
            time.sleep(0.01)


def beside():
    """Launch and interrupt in the main thread, beside another launch."""
    Launching().begin()
    print(json.dumps({"doubled": doubled()}), flush=True)
    print(json.dumps({"main": watch(endless_for)}), flush=True)
    # The end of the process must not wait for the thread.


def elsewhere():
    """Raise KeyboardInterrupt in the thread that launches."""
    thread = Launching()
    thread.begin()
    start = time.perf_counter()
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt)
    )
    thread.join(5)
    took = time.perf_counter() - start
    found = {"seconds": took, "said": thread.said, "doubled": doubled()}
    print(json.dumps(found), flush=True)


def forked():
    """Launch in a process that was forked after a launch."""
    doubled()
    child = os.fork()
    if not child:
        print(json.dumps({"doubled": doubled()}), flush=True)
        os._exit(0)
    limit = time.perf_counter() + 10
    while time.perf_counter() < limit:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    # A background shell makes its children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    {
        "kernels": kernels,
        "beside": beside,
        "elsewhere": elsewhere,
        "forked": forked,
    }[sys.argv[1]]()
