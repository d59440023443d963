"""A notebook shows an error with the reader's own lines, and none of ours."""

import os
import pickle
import queue
import re
import time
import traceback

import numpy as np
import pytest
from jupyter_client.manager import KernelManager

from gpu_course import cuda
from gpu_course.common.reader import place
from gpu_course.exercises import check


class Notebook:
    """A kernel of IPython's, whose cells are executed one by one."""

    def __init__(self, **environment):
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env={**os.environ, **environment})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(60)

    def close(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code, interrupt=False):
        """Execute a cell; return its error and what it printed.

        With ``interrupt`` it is interrupted shortly after it has printed.
        """
        asked, error, printed = self.client.execute(code), None, ""
        end = time.monotonic() + 90
        while time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "error":
                error = content
            elif kind == "stream":
                printed += content["text"]
                if interrupt:
                    time.sleep(0.5)
                    self.manager.interrupt_kernel()
                    interrupt = False
            elif kind == "execute_result":
                printed += content["data"]["text/plain"]
            elif kind == "status" and content["execution_state"] == "idle":
                return error, printed
        raise TimeoutError(code)

    def shown(self, code, interrupt=False):
        """Execute a cell that fails; return name, message and traceback."""
        error, _ = self.run(code, interrupt)
        text = "\n".join(error["traceback"])
        return (
            error["ename"],
            error["evalue"],
            re.sub(r"\x1b\[[0-9;]*m", "", text),
        )


@pytest.fixture(scope="module", params=["python", "compiled", "traced"])
def notebook(request, tmp_path_factory):
    made = Notebook(
        GPU_COURSE_CUDA=request.param,
        GPU_COURSE_DATA=str(tmp_path_factory.mktemp("data")),
    )
    made.run(SETUP)
    yield made
    made.close()


SETUP = """\
import threading, time
import numpy as np
from gpu_course import cuda
from gpu_course.exercises import check, hint
from gpu_course.timing.timer import time_call

@cuda.jit
def endless(x):
    while x[0] == 0:
        x[1] += 1

@cuda.jit
def outside(x):
    x[cuda.grid(1)] = 1

@cuda.jit
def undefined(x):
    x[0] = nowhere

@cuda.jit
def unsupported(x):
    x[0] = sum([1, 2])

@cuda.jit
def racy(x):
    x[0] += 1

x = np.zeros(8)

def tell():
    while x[1] == 0:
        time.sleep(0.01)
    print("it runs")
"""
INSIDE = re.compile(r"gpu_course/|site-packages|threading\.py|lib/python")


def test_an_interrupt_is_one_sentence(notebook):
    name, said, text = notebook.shown(
        "x[:] = 0\nthreading.Thread(target=tell).start()\n"
        "endless[1, 4](x)\nafter = 1",
        interrupt=True,
    )
    assert name == "KeyboardInterrupt"
    lines = SETUP.splitlines()
    found = re.fullmatch(
        r"interrupted in endless \(cell In\[\d+\], line (\d+): (.+)\)", said
    )
    assert found, said
    assert found[2] in ("while x[0] == 0:", "x[1] += 1")
    assert lines[int(found[1]) - 1].strip() == found[2]
    assert "----> 3 endless[1, 4](x)" in text
    assert text.endswith(f"KeyboardInterrupt: {said}")
    assert text.count("Cell In[") == 1
    assert not INSIDE.search(text), text
    # It ends the cell, and so would end Run All.
    assert notebook.shown("after")[0] == "NameError"


ERRORS = [
    ("outside[4, 4](x)", "OutOfBounds", "uses x[8]"),
    (
        "undefined[1, 1](x)",
        "NameError",
        "(cell In[1], line 18: x[0] = nowhere)",
    ),
    (
        "unsupported[1, 1](x)",
        "UnsupportedKernel",
        "(cell In[1], line 22: x[0] = sum([1, 2]))",
    ),
    ("racy.check[1, 32](x)", "CheckFailed", "x[0] is updated"),
    ("racy.trace[1, 32](x, x)", "TypeError", "takes 1 arguments"),
    ("racy[1, 2000](x)", "ValueError", "at most"),
    ("racy.trace[1](x)", "ValueError", "kernel[blocks, threads]"),
    ("racy(x)", "ValueError", "launch configuration"),
    ("racy[1, 1]('text')", "TypeError", "got str"),
    ("cuda.jit(3)", "TypeError", "got int"),
    ("check('axpy', racy, 3)", "TypeError", "positional"),
    ("hint('axpy', 1)", "TypeError", "positional"),
    ("time_call(lambda: outside[4, 4](x))", "OutOfBounds", "uses x[8]"),
]


def test_an_error_shows_the_call_and_the_message(notebook):
    for call, kind, part in ERRORS:
        name, said, text = notebook.shown(f"a = 1\n{call}\nb = 2")
        assert name == kind, said
        assert part in said
        assert f"----> 2 {call}" in text
        assert said in text
        assert not INSIDE.search(text), text
        assert "direct cause" not in text
        assert "During handling" not in text


def test_a_check_that_is_interrupted(notebook):
    name, _, text = notebook.shown(
        "def blocks_for(n, threads):\n    print('it runs')\n"
        "    while True: pass\ncheck('blocks_for', blocks_for)",
        interrupt=True,
    )
    assert name == "KeyboardInterrupt"
    assert "----> 4 check('blocks_for', blocks_for)" in text
    assert not INSIDE.search(text), text


def test_a_name_that_is_missing_in_a_checked_answer(notebook):
    _, said = notebook.run(
        "@cuda.jit\ndef axpy(a, x, y):\n    y[0] = nowhere\n"
        "check('axpy', axpy)"
    )
    assert re.search(
        r"'nowhere' is not defined \(cell In\[\d+\], line 3: y\[0\] = nowh",
        said,
    ), said
    assert "/tmp" not in said


def test_the_whole_traceback_is_to_be_had(notebook):
    notebook.run("%xmode Verbose")
    assert "gpu_course/cuda" in notebook.shown("outside[4, 4](x)")[2]
    notebook.run("%xmode Context")


@cuda.jit
def outside(x):
    x[cuda.grid(1)] = 1


def test_python_s_own_traceback_is_whole():
    with pytest.raises(IndexError) as raised:
        outside[4, 4](np.zeros(8))
    frames = traceback.extract_tb(raised.value.__traceback__)
    assert frames[0].line == "outside[4, 4](np.zeros(8))"
    assert any(frame.filename.endswith("launch.py") for frame in frames)
    assert "uses x[8]" in str(raised.value)


def test_such_an_error_can_be_sent_to_another_process():
    with pytest.raises(TypeError) as raised:
        check("axpy", outside, 3)
    got = pickle.loads(pickle.dumps(raised.value))
    assert str(got) == str(raised.value)


def test_a_place_in_a_file():
    assert place(__file__, 1) == (
        f'{__file__}, line 1: """A notebook shows an error with the '
        'reader\'s own lines, and none of ours."""'
    )
    assert place("gone.py", 3) == "gone.py, line 3"
