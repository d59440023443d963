"""The installation: what goes wrong is one sentence, and is not believed."""

import ast
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

from gpu_course import bootstrap

SOURCE = Path(bootstrap.__file__)
UNREACHABLE = "http://127.0.0.1:9/"
posix = pytest.mark.skipif(os.name == "nt", reason="make is for Unix")


# What it is written in


def test_any_python_parses_it():
    """Old Pythons have been tried by hand: what they lack is not there."""
    text = SOURCE.read_text()
    assert text.isascii()
    tree = ast.parse(text, feature_version=(3, 7))
    new = (
        *(ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef),
        *(ast.Nonlocal, ast.YieldFrom, ast.MatMult, ast.Starred, ast.Match),
    )
    for node in ast.walk(tree):
        assert not isinstance(node, new), ast.dump(node)
        if isinstance(node, ast.arguments):
            assert node.kwonlyargs + node.posonlyargs == []
        if isinstance(node, ast.arg):
            assert node.annotation is None
        if isinstance(node, ast.FunctionDef):
            assert node.returns is None
        if isinstance(node, ast.Raise):
            assert node.cause is None
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", None)
            assert name != "print"
            assert all(keyword.arg for keyword in node.keywords)


def test_it_imports_nothing_that_must_be_installed_or_is_new():
    for node in ast.parse(SOURCE.read_text()).body:
        assert not isinstance(node, ast.ImportFrom)
        if isinstance(node, ast.Import):
            assert node.names[0].name in ("os", "subprocess", "sys")


# What goes wrong, without a real installation


def sentence(capsys, function, *arguments):
    """Return the one line that the function fails with."""
    with pytest.raises(SystemExit) as caught:
        function(*arguments)
    assert caught.value.code == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


@pytest.mark.parametrize("version", [(2, 7), (3, 10), (3, 15), (4, 0)])
def test_the_wrong_python_is_a_sentence(monkeypatch, capsys, version):
    monkeypatch.setattr(sys, "version_info", (*version, 1))
    monkeypatch.setattr(bootstrap, "quiet_call", lambda command: 127)
    said = sentence(capsys, bootstrap.suitable_python)
    assert f"this is Python {version[0]}.{version[1]}" in said
    assert "needs Python 3.11 to 3.14" in said
    assert "PYTHON=" in said


def test_a_suitable_python_on_the_path_is_taken(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    asked = []

    def quiet_call(command):
        asked.append(command[0])
        return 0 if command[0] == "python3.12" else 127

    monkeypatch.setattr(bootstrap, "quiet_call", quiet_call)
    assert bootstrap.suitable_python() == "python3.12"
    assert asked == ["python3.14", "python3.13", "python3.12"]


def test_a_suitable_python_stays(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    assert bootstrap.suitable_python() == sys.executable


def test_the_other_python_does_the_work(monkeypatch):
    commands = []
    monkeypatch.setattr(bootstrap, "is_ready", lambda venv, inputs: False)
    monkeypatch.setattr(bootstrap, "suitable_python", lambda: "python3.12")
    monkeypatch.setattr(
        bootstrap.subprocess, "call", lambda x: commands.append(x) or 5
    )
    assert bootstrap.main() == 5
    assert commands == [["python3.12", str(SOURCE)]]


def test_no_venv_module_is_a_sentence(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(bootstrap, "quiet_call", lambda command: 1)
    said = sentence(capsys, bootstrap.make_venv, str(tmp_path / ".venv"))
    assert "no venv module" in said
    assert "apt install python3." in said
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("[Errno 28] No space left on device", "The disk is full"),
        ("[Errno 13] Permission denied: '.venv'", "Permission denied"),
        ("", "it said nothing"),
    ],
)
def test_a_venv_that_cannot_be_made_is_a_sentence(
    monkeypatch, capsys, tmp_path, error, expected
):
    codes = iter([1, 0])
    monkeypatch.setattr(bootstrap, "quiet_call", lambda command: next(codes))
    monkeypatch.setattr(
        bootstrap.subprocess,
        "run",
        lambda *a, **k: subprocess.CompletedProcess(a, 1, "", error),
    )
    said = sentence(capsys, bootstrap.make_venv, str(tmp_path / ".venv"))
    assert expected in said


@pytest.mark.parametrize("kept", [None, ["torch==2.9.0"]])
def test_a_torch_of_the_system_is_shared(monkeypatch, tmp_path, kept):
    commands = []

    def run(command, **options):
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    codes = iter([1, 0])
    monkeypatch.setattr(bootstrap, "quiet_call", lambda command: next(codes))
    monkeypatch.setattr(bootstrap, "installed_torch", lambda python: kept)
    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    bootstrap.make_venv(str(tmp_path))
    (command,) = commands
    assert ("--system-site-packages" in command) == bool(kept)
    assert command[:3] == [sys.executable, "-m", "venv"]
    assert command[-1] == str(tmp_path)


def test_the_size_is_said_before_and_a_full_disk_is_a_sentence(
    monkeypatch, capsys
):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda root: usage(1.5e9))
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(SystemExit):
        bootstrap.announce(".", ".", None, "")
    said = capsys.readouterr()
    assert bootstrap.SIZE_CUDA in said.out
    assert "needs 10 GB and 1.5 GB are free" in said.err
    said = sentence(
        capsys, bootstrap.announce, ".", ".", None, "https://torch/whl/cpu"
    )
    assert "needs 3 GB and 1.5 GB are free" in said


def test_an_installation_that_has_begun_goes_on_with_less_room(
    monkeypatch, capsys, tmp_path
):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda root: usage(1.5e9))
    (tmp_path / "install.log").touch()
    bootstrap.announce(".", str(tmp_path), None, "")
    assert "Installing the course" in capsys.readouterr().out


def test_where_there_is_room_the_size_is_all_that_is_said(monkeypatch, capsys):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda root: usage(3.5e9))
    bootstrap.announce(".", ".", ["torch==2.9.0", "torchvision==0.24.0"], "")
    said = capsys.readouterr().out
    assert bootstrap.SIZE_CPU in said
    assert "Keeping torch==2.9.0, which is already there." in said


@posix
@pytest.mark.parametrize(
    ("pip_says", "expected"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] "
            "No space left on device",
            "The disk is full: free some space (the course needs 10 GB)",
        ),
        (
            "WARNING: Retrying after connection broken by "
            "'NameResolutionError'",
            "The package index could not be reached",
        ),
        ("ERROR: first\nERROR: second", "(ERROR: first); "),
        ("error: subprocess-exited-with-error", "(error: subprocess-exited"),
        ("nothing", "(no reason given)"),
    ],
)
def test_a_failure_of_pip_is_a_sentence(
    monkeypatch, capsys, tmp_path, pip_says, expected
):
    pip = tmp_path / "python"
    pip.write_text(f'#!/bin/sh\necho "{pip_says}"\nexit 1\n')
    pip.chmod(0o755)
    monkeypatch.setattr(bootstrap, "venv_python", lambda venv: str(pip))
    said = sentence(capsys, bootstrap.run_pip, str(tmp_path), ["x"], "c")
    assert expected in said
    assert (tmp_path / "install.log").read_text() == pip_says + "\n"


def test_a_log_that_cannot_be_written_is_a_sentence(monkeypatch, capsys):
    def full(venv):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bootstrap, "make_venv", full)
    assert "disk is full" in sentence(capsys, bootstrap.install, ".", ".")


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"lists": "old"}'])
def test_an_unfinished_venv_is_not_believed(monkeypatch, tmp_path, content):
    monkeypatch.setattr(bootstrap, "__file__", str(tmp_path / "g" / "b.py"))
    monkeypatch.setattr(bootstrap, "install", lambda *a: installed.append(a))
    installed = []
    venv = tmp_path / ".venv"
    python = Path(bootstrap.venv_python(str(venv)))
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    if content is not None:
        (venv / "ready.json").write_text(content)
    assert bootstrap.main() == 0
    assert installed == [(str(tmp_path), str(venv))]
    assert bootstrap.main() == 0
    assert len(installed) == 1
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("# changed")
        bootstrap.main()
    assert len(installed) == 3
    python.unlink()
    bootstrap.main()
    assert len(installed) == 4


def test_what_is_being_installed_is_not_believed_meanwhile(
    monkeypatch, tmp_path
):
    (tmp_path / "ready.json").write_text("{}")

    def interrupted(venv):
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "make_venv", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bootstrap.install(".", str(tmp_path))
    assert bootstrap.read_ready(str(tmp_path)) is None


@pytest.mark.parametrize("goes_together", [True, False])
def test_a_torch_of_another_cuda_goes_without_our_compiler(
    monkeypatch, capsys, tmp_path, goes_together
):
    """pip refuses the compiler of CUDA 13 beside a torch of CUDA 12."""
    asked = []

    def run_pip(venv, arguments, constraints, may_fail=False):
        asked.append(arguments[2:])
        refused = arguments[2:] == [".[test,cuda]"] and not goes_together
        assert may_fail or not refused
        return not refused

    for name in ("make_venv", "announce"):
        monkeypatch.setattr(bootstrap, name, lambda *arguments: None)
    kept = ["torch==2.9.0+cu126"]
    monkeypatch.setattr(bootstrap, "installed_torch", lambda python: kept)
    monkeypatch.setattr(bootstrap, "free_torch", lambda *arguments: "")
    monkeypatch.setattr(bootstrap, "run_pip", run_pip)
    bootstrap.install(".", str(tmp_path))
    without = [] if goes_together else [[".[test]"]]
    assert asked == [[], [".[test,cuda]"], *without]
    assert ("without the compiler" in capsys.readouterr().out) == bool(without)


# A real installation, of a tiny course from tiny packages

BACKEND = '''
"""Build a wheel that points to this folder: setuptools in eight lines."""
import pathlib, sys, zipfile
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from wheels import write_wheel

def build_editable(folder, config_settings=None, metadata_directory=None):
    here = str(pathlib.Path(__file__).parent)
    needs = ["tiny", "torch", "torchvision", 'extra; extra == "test"']
    return write_wheel(folder, "gpu_course", "1", {"c.pth": here}, needs)
'''


def write_wheel(folder, name, version, files, needs=()):
    """Write a wheel and return the name of its file."""
    import pathlib
    import zipfile

    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "Provides-Extra: test\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in needs)
    kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {
        **files,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": kind,
        f"{info}/RECORD": "",
    }
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / wheel, "w") as file:
        for path, content in files.items():
            file.writestr(path, content)
    return wheel


def write_index(folder, *packages):
    """Write a package index that pip reads from a file:// address."""
    for name, version in packages:
        (folder / name).mkdir(parents=True)
        code = f"__version__ = {version!r}\n"
        files = {f"{name}/__init__.py": code}
        wheel = write_wheel(folder / name, name, version, files)
        page = f'<!DOCTYPE html><a href="{wheel}">{wheel}</a>'
        (folder / name / "index.html").write_text(page)
    return folder.as_uri()


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    """Two indexes: one of everything, and one of torch for a CPU."""
    folder = tmp_path_factory.mktemp("indexes")
    everything = write_index(
        folder / "everything",
        ("setuptools", "99.0"),
        ("tiny", "1.0"),
        ("extra", "1.0"),
        ("torch", "2.9.0"),
        ("torchvision", "0.24.0"),
    )
    for_torch = write_index(
        folder / "torch",
        ("torch", "2.8.0+cpu"),
        ("torchvision", "0.23.0+cpu"),
        ("tiny", "6.6.6"),
    )
    return everything, for_torch


def make_course(root):
    import inspect

    (root / "gpu_course").mkdir(parents=True)
    shutil.copy(SOURCE, root / "gpu_course")
    (root / "gpu_course" / "__init__.py").touch()
    (root / "backend.py").write_text(BACKEND)
    (root / "wheels.py").write_text(inspect.getsource(write_wheel))
    (root / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\n"
        'build-backend = "backend"\nbackend-path = ["."]\n'
    )
    (root / "constraints.txt").write_text(
        "setuptools==99.0\nextra==1.0\ntiny==1.0\n"
        "torch==2.9.0\ntorchvision==0.24.0\n"
    )
    return root


def environment(index, torch_index=""):
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))
    }
    return {
        **kept,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": index,
        "PIP_NO_CACHE_DIR": "1",
        "TORCH_INDEX": torch_index,
    }


def run(root, index, torch_index=""):
    return subprocess.run(
        [sys.executable, root / "gpu_course" / "bootstrap.py"],
        env=environment(index, torch_index),
        capture_output=True,
        text=True,
    )


def ask(root, code):
    python = bootstrap.venv_python(str(root / ".venv"))
    asked = subprocess.run(
        [python, "-c", code], cwd="/", capture_output=True, text=True
    )
    return (asked.stdout + asked.stderr).strip()


VERSIONS = (
    "from importlib.metadata import version as v; "
    "print(v('torch'), v('torchvision'), v('tiny'), v('extra'))"
)


@posix
def test_from_no_network_to_a_course_that_moves(
    tmp_path, indexes, monkeypatch
):
    """One environment goes through all of it: each takes seconds to make."""
    everything, for_torch = indexes
    root = make_course(tmp_path / "a course")
    ready = root / ".venv" / "ready.json"

    # No network: a sentence, and nothing that is believed complete.
    done = run(root, UNREACHABLE)
    assert done.returncode == 1
    (said,) = done.stderr.strip().splitlines()
    assert said.startswith("The package index could not be reached")
    assert not ready.exists()

    # Ctrl-C while pip waits for an index that does not answer.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, root / "gpu_course" / "bootstrap.py"],
            env=environment(f"http://127.0.0.1:{port}/"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        silent.settimeout(60)
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(10)
            assert connection.recv(1000)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
            assert connection.recv(1000) == b"", "pip was left behind"
    assert process.returncode == 130
    assert said.strip().startswith("Interrupted: run the command again")
    assert "Traceback" not in said
    assert not ready.exists()

    # It goes on where it stopped; torch alone is from the other index.
    made = (root / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    done = run(root, everything, for_torch)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (root / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == made
    assert ask(root, VERSIONS) == "2.8.0+cpu 0.23.0+cpu 1.0 1.0"
    assert json.loads(ready.read_text())["folder"] == str(root)

    # Once installed, nothing is done: no network, no time.
    started = time.perf_counter()
    done = run(root, UNREACHABLE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.perf_counter() - started < 2

    # A moved folder is noticed, and a torch already there is kept, though
    # the list has another and nothing answers.
    root = root.rename(tmp_path / "moved")
    done = run(root, UNREACHABLE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Keeping torch==2.8.0+cpu" in done.stdout
    assert ask(root, VERSIONS).startswith("2.8.0+cpu 0.23.0+cpu")
    found = ask(root, "import gpu_course; print(gpu_course.__file__)")
    assert found == str(root / "gpu_course" / "__init__.py")
    ready = root / ".venv" / "ready.json"
    assert json.loads(ready.read_text())["folder"] == str(root)
