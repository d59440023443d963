"""The bar leaves the same behind on every run: blanks."""

from types import SimpleNamespace

import IPython
import pytest

from gpu_course.common.progress_bar import WIDTH, progress_bar


@pytest.fixture
def notebook(monkeypatch):
    """A process whose IPython knows a kernel."""
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)


def run(count):
    with progress_bar("epoch 1/1", count) as bar:
        for _ in range(count):
            bar.update()


@pytest.mark.parametrize("count", [1, 10, 5000])
def test_a_notebook_keeps_blanks_of_one_width(notebook, capsys, count):
    run(count)
    out, err = capsys.readouterr()
    assert "epoch 1/1" in out
    assert out.rstrip("\r").rpartition("\r")[2] == " " * WIDTH
    assert err == ""


def test_a_pipe_gets_nothing(capsys):
    run(10)
    assert capsys.readouterr() == ("", "")


def test_hidden_is_hidden(notebook, capsys):
    with progress_bar("epoch", 3, show=False) as bar:
        bar.update()
    assert capsys.readouterr() == ("", "")
