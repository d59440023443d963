"""The device that is picked works, and the report tells no secrets."""

import getpass
import html
import platform
import re
import warnings
from pathlib import Path

import psutil
import pytest
import torch

from gpu_course.common import device as device_module
from gpu_course.common import machine as machine_module
from gpu_course.common.device import pick_device, try_device
from gpu_course.common.machine import (
    PACKAGES,
    Machine,
    machine_report,
    nvidia_smi,
)

OLD_GPU = "CUDA error: no kernel image is available\nfor execution here"


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    """A machine without a GPU, whatever runs the tests."""
    monkeypatch.delenv("GPU_COURSE_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(machine_module, "nvidia_smi", lambda field: None)


def problems(monkeypatch, **by_kind):
    """Let these devices be there, with what their first operation says."""
    for kind in by_kind:
        monkeypatch.setattr(getattr(torch, kind), "is_available", lambda: True)
    monkeypatch.setattr(
        device_module,
        "try_device",
        lambda device: by_kind.get(torch.device(device).type),
    )


def test_without_a_gpu_it_is_the_cpu_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pick_device() == torch.device("cpu")


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_a_gpu_that_works_is_taken(monkeypatch, kind):
    problems(monkeypatch, **{kind: None})
    assert pick_device() == torch.device(kind)


def test_cuda_comes_before_mps(monkeypatch):
    problems(monkeypatch, mps=None, cuda=None)
    assert pick_device() == torch.device("cuda")


def test_a_gpu_that_fails_is_left_with_a_warning_that_says_why(monkeypatch):
    problems(monkeypatch, cuda="no kernel image is available")
    with pytest.warns(UserWarning, match="no kernel image is available"):
        assert pick_device() == torch.device("cpu")


def test_the_next_gpu_is_tried_after_one_that_fails(monkeypatch):
    problems(monkeypatch, cuda="no kernel image is available", mps=None)
    with pytest.warns(UserWarning, match="cuda is there but fails"):
        assert pick_device() == torch.device("mps")


def test_the_environment_overrides(monkeypatch):
    problems(monkeypatch, cuda=None)
    monkeypatch.setenv("GPU_COURSE_DEVICE", "cpu")
    assert pick_device() == torch.device("cpu")
    assert pick_device("cuda") == torch.device("cuda")
    monkeypatch.setenv("GPU_COURSE_DEVICE", "")
    assert pick_device() == torch.device("cuda")


def test_a_device_object_is_a_name_too():
    assert pick_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "CUDA", "cuda:x", "meta", "xpu", "é"])
@pytest.mark.parametrize("way", ["argument", "environment"])
def test_a_bad_name_is_repeated(monkeypatch, name, way):
    expected = f"must be 'cpu', 'cuda' or 'mps', got '{name}'"
    monkeypatch.setenv("GPU_COURSE_DEVICE", name)
    with pytest.raises(ValueError, match=expected):
        pick_device(name if way == "argument" else None)


def test_a_device_asked_for_must_work(monkeypatch):
    problems(monkeypatch, cuda="no kernel image is available")
    with pytest.raises(ValueError, match="'cuda' does not work here: no kern"):
        pick_device("cuda")


def test_the_cpu_multiplies_right():
    assert try_device("cpu") is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError(OLD_GPU), OLD_GPU.splitlines()[0]),
        (AssertionError("Torch not compiled with CUDA"), "Torch not compiled"),
        (RuntimeError(), "RuntimeError"),
        (RuntimeError(" \n"), "RuntimeError"),
    ],
)
def test_a_first_operation_that_fails_is_told_in_a_line(
    monkeypatch, error, said
):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(torch.Tensor, "to", fail)
    told = try_device("cuda")
    assert told.startswith(said)
    assert "\n" not in told


def test_a_wrong_product_is_told(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, device: tensor + 1)
    assert try_device("cuda") == "it computes a wrong matrix product"


@pytest.fixture
def machine():
    return Machine(
        cpu="Tom & Jerry <9000>",
        cores=6,
        threads=3,
        memory_gib=31.25,
        system="Linux x86_64",
        python="3.12.1",
        gpu="Tesla T4",
        gpu_memory_gib=14.6,
        driver="550.54",
        cuda="12.8",
        device="cuda",
        packages={"torch": "2.9.0", "numpy": "2.4.0"},
    )


def test_text_and_html_hold_each_row(machine):
    rows = machine.rows()
    assert dict(rows)["GPU"] == "Tesla T4, 15 GiB"
    assert dict(rows)["memory"] == "31 GiB"
    assert dict(rows)["torch"] == "2.9.0"
    lines = str(machine).splitlines()
    cells = re.findall("<t[hd][^>]*>(.*?)</t[hd]>", machine._repr_html_())
    assert len(lines) == len(rows) == len(cells) // 2
    for index, (name, value) in enumerate(rows):
        assert re.fullmatch(
            f"{re.escape(name)} +{re.escape(value)}", lines[index]
        )
        pair = cells[2 * index : 2 * index + 2]
        assert [html.unescape(cell) for cell in pair] == [name, value]


def test_html_is_escaped(machine):
    assert "Tom &amp; Jerry &lt;9000&gt;" in machine._repr_html_()


def test_the_report_is_of_this_machine():
    report = machine_report()
    assert report.cores == psutil.cpu_count(logical=False)
    assert report.threads == torch.get_num_threads()
    assert report.memory_gib == pytest.approx(
        psutil.virtual_memory().total / 2**30
    )
    assert report.system.startswith(platform.system())
    assert report.python == platform.python_version()
    assert report.device == "cpu"
    assert report.gpu is None
    assert report.driver is None
    assert torch.__version__.startswith(report.packages["torch"])
    assert dict(report.rows())["GPU"] == "none"


def test_the_report_names_the_gpu(monkeypatch):
    problems(monkeypatch, cuda=None)

    class Properties:
        name, total_memory = "Tesla T4", 16 * 2**30

    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda index: Properties
    )
    report = machine_report()
    assert dict(report.rows())["GPU"] == "Tesla T4, 16 GiB"
    assert report.device == "cuda"


def test_the_report_holds_no_name_of_a_person_host_or_folder():
    report = machine_report()
    said = f"{report} {report._repr_html_()} {report.to_dict()}"
    assert platform.node() not in said
    assert str(Path.home()) not in said
    assert str(Path.cwd()) not in said
    assert not re.search(rf"\b{getpass.getuser()}\b", said)


def test_a_package_that_is_missing_is_reported(monkeypatch):
    monkeypatch.setattr(machine_module, "PACKAGES", (*PACKAGES, "no-such"))
    rows = dict(machine_report().rows())
    assert rows["no-such"] == "not installed"
    assert rows["numpy"][0].isdigit()


@pytest.mark.parametrize(
    ("script", "answer"),
    [
        ("echo 550.54; echo 550.99", "550.54"),
        ("echo", None),
        ("echo 'has failed to communicate with the driver'; exit 9", None),
    ],
)
def test_the_driver_is_asked(monkeypatch, tmp_path, script, answer):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert nvidia_smi("driver_version") == answer


def test_no_driver_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nvidia_smi("driver_version") is None
