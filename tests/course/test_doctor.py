"""The doctor says what is wrong and what to do about it."""

import builtins
import importlib
import json
import shutil
import sys
from collections import namedtuple
from types import SimpleNamespace

import pytest
import torch

from gpu_course import cli
from gpu_course.common import device
from gpu_course.common import machine as machine_module
from gpu_course.course import doctor
from gpu_course.data import carried, mnist

for name in doctor.NEEDED:  # before parts of torch are replaced
    importlib.import_module(doctor.IMPORT_NAMES.get(name, name))
OLD_GPU = "CUDA error: no kernel image is available for execution"


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A Linux machine with no GPU and an empty cache of its own."""
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.delenv("GPU_COURSE_DEVICE", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(doctor, "nvidia_smi", lambda field: None)
    monkeypatch.setattr(machine_module, "nvidia_smi", lambda field: None)


def has_driver(monkeypatch):
    answers = {"driver_version": "550.54", "name": "Tesla T4"}
    monkeypatch.setattr(doctor, "nvidia_smi", answers.get)


def has_gpu(monkeypatch, problem):
    has_driver(monkeypatch)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        torch.cuda, "get_device_name", lambda index: "Tesla T4"
    )
    monkeypatch.setattr(
        torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90"]
    )
    properties = SimpleNamespace(name="Tesla T4", total_memory=2**34)
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda index: properties
    )
    answers = {"cpu": None, "cuda": problem}
    monkeypatch.setattr(doctor, "try_device", answers.get)
    monkeypatch.setattr(device, "try_device", answers.get)


def does_not_import(monkeypatch, name, error):
    real = builtins.__import__

    def without(wanted, *arguments, **options):
        if wanted.partition(".")[0] == name:
            raise error
        return real(wanted, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)


def finding(name):
    (found,) = [each for each in doctor.diagnose() if each.name == name]
    return found


def assert_problem(name, *parts):
    found = finding(name)
    assert found.status == "problem"
    for part in parts:
        assert part in found.message
    assert "\n" not in found.message


def test_a_machine_without_a_gpu_is_well(capsys):
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "Everything that the course needs works here." in said
    assert "problem" not in said
    for each in doctor.diagnose():
        assert f"{each.status:<8} {each.name:<17} {each.message}\n" in said
    absent = {x.name for x in doctor.diagnose() if x.status == "absent"}
    assert absent == {"CUDA", "MPS"}


def test_json_parses(capsys):
    assert cli.main(["doctor", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ok"] is True
    names = [each["name"] for each in result["findings"]]
    assert {"python", "torch", "MNIST", "CPU", "CUDA", "disk"} <= set(names)
    assert len(names) == len(set(names))
    assert result["machine"]["device"] == "cpu"


def test_a_problem_is_exit_code_1(monkeypatch, capsys):
    has_driver(monkeypatch)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert cli.main(["doctor"]) == 1
    assert "Fix what is marked 'problem'" in capsys.readouterr().out
    assert cli.main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_a_gpu_that_works(monkeypatch):
    has_gpu(monkeypatch, problem=None)
    assert finding("CUDA") == doctor.Finding(
        "CUDA", "ok", "Tesla T4 computed a matrix product"
    )


def test_a_hidden_gpu_is_no_problem(monkeypatch):
    has_driver(monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    found = {finding.name: finding for finding in doctor.diagnose()}["CUDA"]
    assert found.status == "absent"
    assert "CUDA_VISIBLE_DEVICES" in found.message


def test_a_gpu_with_a_cpu_only_torch(monkeypatch):
    has_driver(monkeypatch)
    monkeypatch.setattr(torch.version, "cuda", None)
    assert_problem("CUDA", "Tesla T4", "550.54", "CPU-only", "README")


def test_a_driver_too_old_for_torch(monkeypatch):
    has_driver(monkeypatch)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert_problem("CUDA", "550.54", "CUDA 13.0", "update the driver")


def test_a_gpu_too_old_for_torch(monkeypatch, capsys, recwarn):
    has_gpu(monkeypatch, problem=OLD_GPU)
    assert_problem("CUDA", OLD_GPU, "sm_75 sm_90", doctor.GPU_BUILDS)
    assert cli.main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["machine"]["device"] == "cpu"
    assert not recwarn.list


@pytest.mark.parametrize(
    "error",
    [
        ImportError("No module named 'torch'"),
        OSError("[WinError 126] c10.dll was not found"),
    ],
    ids=["missing", "broken"],
)
def test_torch_that_does_not_import(monkeypatch, capsys, error):
    does_not_import(monkeypatch, "torch", error)
    assert cli.main(["doctor", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    found = {each["name"]: each for each in result["findings"]}
    assert found["torch"]["status"] == "problem"
    assert str(error) in found["torch"]["message"]
    assert "delete the folder .venv" in found["torch"]["message"]
    assert found["CPU"]["status"] == "problem"
    assert found["CUDA"]["status"] == "absent"
    assert result["machine"] is None


def test_apple_without_torch(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    does_not_import(monkeypatch, "torch", ImportError("No module named"))
    assert doctor._mps().status == "absent"


@pytest.mark.parametrize("name", ["jupyterlab", "matplotlib", "numba"])
def test_another_package_that_is_missing(monkeypatch, name):
    does_not_import(monkeypatch, name, ImportError(f"No module named {name}"))
    assert_problem(name, f"No module named {name}", "make lab")
    assert finding("numpy").status == "ok"


def test_a_package_that_breaks_without_a_word(monkeypatch):
    does_not_import(monkeypatch, "numba", SystemError())
    assert_problem("numba", "SystemError: no reason given")


def test_damaged_data(monkeypatch, capsys):
    def damaged(folder, name):
        raise carried.DataError(f"{name} is damaged: run 'git checkout'")

    monkeypatch.setattr(mnist, "carried", damaged)
    assert_problem("MNIST", "is damaged", "git checkout")
    assert cli.main(["doctor"]) == 1


def test_a_full_disk(monkeypatch, tmp_path):
    usage = namedtuple("usage", "total used free")
    asked = []

    def disk_usage(folder):
        asked.append(folder)
        return usage(10**9, 10**9 - 5 * 10**6, 5 * 10**6)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path / "not" / "there"))
    assert doctor._disk().status == "problem"
    assert doctor._disk().message.startswith("5 MB free")
    assert "GPU_COURSE_DATA" in doctor._disk().message
    assert set(asked) == {tmp_path / "not" / "there"}


def test_a_folder_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path / "file" / "under"))
    assert doctor._disk().status == "problem"
    assert "cannot be written" in doctor._disk().message


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ((3, 10, 9), "problem"),
        ((3, 11, 0), "ok"),
        ((3, 14, 2), "ok"),
        ((3, 15, 0), "problem"),
    ],
)
def test_the_version_of_python(monkeypatch, version, status):
    monkeypatch.setattr(sys, "version_info", version)
    found = doctor._python()
    assert found.status == status
    assert found.message.startswith(".".join(map(str, version)))


def test_a_compiler_that_computes_nonsense(monkeypatch):
    numba = pytest.importorskip("numba")
    monkeypatch.setattr(numba, "njit", lambda function: lambda n: 44)
    assert_problem("Numba's compiler", "gave 44")


def test_a_cpu_that_computes_nonsense(monkeypatch):
    monkeypatch.setattr(doctor, "try_device", lambda device: "a wrong product")
    assert_problem("CPU", "a wrong product; install torch again")


def test_a_device_asked_for_that_does_not_work(monkeypatch, capsys):
    monkeypatch.setenv("GPU_COURSE_DEVICE", "cuda")
    assert cli.main(["doctor", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    (found,) = [x for x in result["findings"] if x["status"] == "problem"]
    assert found["name"] == "device"
    assert "GPU_COURSE_DEVICE" in found["message"]


# What runs kernels, and what compiles them for a GPU


@pytest.fixture
def tried(monkeypatch):
    """Let the backend have found what the test says."""
    from gpu_course.cuda import backend

    monkeypatch.delenv("GPU_COURSE_CUDA", raising=False)

    def found(count, native, problem):
        monkeypatch.setattr(backend, "count_gpus", lambda: (count, problem))
        monkeypatch.setattr(backend, "try_gpu", lambda: (native, problem))

    return found


def test_the_teaching_gpu_is_no_fault(tried, monkeypatch):
    tried(0, None, "no NVIDIA driver is installed")
    found = finding("kernels")
    assert found.status == "ok"
    assert "the teaching GPU runs them: no NVIDIA driver" in found.message
    monkeypatch.setenv("GPU_COURSE_CUDA", "traced")
    assert "GPU_COURSE_CUDA is traced" in finding("kernels").message


def test_a_gpu_that_runs_kernels_is_said(tried):
    tried(1, object(), None)
    assert finding("kernels").message == "the GPU ran one with numba-cuda"


@pytest.mark.parametrize("count", [1, None])
def test_a_gpu_that_fails_kernels_is_a_problem(tried, count):
    tried(count, None, "an old driver")
    assert_problem("kernels", "the GPU fails: an old driver")


def test_a_choice_that_cant_be_is_a_problem(tried, monkeypatch):
    tried(0, None, "no driver")
    monkeypatch.setenv("GPU_COURSE_CUDA", "gpu")
    assert_problem("kernels", "no driver", "Unset it")
    monkeypatch.setenv("GPU_COURSE_CUDA", "fast")
    assert_problem("kernels", "got 'fast'")


def test_no_compiler_for_gpus_is_no_fault(monkeypatch):
    from gpu_course.cuda import compiler

    monkeypatch.setattr(compiler, "missing", lambda: "there is none")
    found = finding("CUDA compiler")
    assert (found.status, found.message) == ("absent", "there is none")


def test_a_compiler_that_fails_is_a_problem(monkeypatch):
    from gpu_course.cuda import compiler

    def resources(*given):
        raise OSError("libnvvm is broken\nand so on")

    monkeypatch.setattr(compiler, "missing", lambda: None)
    monkeypatch.setattr(compiler, "resources", resources)
    assert_problem("CUDA compiler", "libnvvm is broken")
