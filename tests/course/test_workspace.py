"""What a reader writes is never lost, and JupyterLab opens on it."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import nbformat
import psutil
import pytest
from ipykernel.ipkernel import IPythonKernel

import gpu_course
from gpu_course.course import workspace
from gpu_course.course.notebooks import canonical
from gpu_course.course.workspace import (
    WorkspaceError,
    course_root,
    pick_port,
    reset_chapter,
    update_copy,
)


@pytest.fixture
def root(tmp_path):
    """A course of two chapters and a style file."""
    notebooks = tmp_path / "course" / "notebooks"
    (notebooks / "images").mkdir(parents=True)
    (notebooks / ".ipynb_checkpoints").mkdir()
    for name in ("00_start_here.ipynb", "03_next.ipynb"):
        nbformat.write(nbformat.v4.new_notebook(), notebooks / name)
    (notebooks / "matplotlibrc").write_text("figure.dpi: 100\n")
    (notebooks / "images" / "a.png").write_bytes(b"a")
    (notebooks / ".ipynb_checkpoints" / "b").write_bytes(b"b")
    return notebooks.parent


def copy_of(root, name):
    return root / "work" / "notebooks" / name


def test_the_copy_holds_what_the_course_holds(root):
    assert update_copy(root) == []
    copied = {
        path.relative_to(copy_of(root, "")).as_posix(): path.read_bytes()
        for path in copy_of(root, "").rglob("*")
        if path.is_file() and path.name != ".originals.json"
    }
    assert set(copied) == {
        "00_start_here.ipynb",
        "03_next.ipynb",
        "matplotlibrc",
        "images/a.png",
    }
    for name, content in copied.items():
        assert content == (root / "notebooks" / name).read_bytes()


def test_a_copy_says_of_its_language_all_that_the_kernel_does(root):
    text = canonical(nbformat.v4.new_notebook())
    (root / "notebooks" / "03_next.ipynb").write_text(text)
    update_copy(root)
    copied = nbformat.read(copy_of(root, "03_next.ipynb"), as_version=4)
    language = copied.metadata.pop("language_info")
    assert language == IPythonKernel.language_info
    stored = nbformat.reads(text, as_version=4)
    del stored.metadata["language_info"]
    assert copied == stored
    assert reset_chapter(root, "3")[1] is None
    assert update_copy(root) == []


def test_nothing_is_overwritten_and_what_is_newer_is_reported(root):
    update_copy(root)
    copy_of(root, "03_next.ipynb").write_text("solved")
    assert update_copy(root) == []
    for name in ("00_start_here.ipynb", "03_next.ipynb"):
        (root / "notebooks" / name).write_text("a newer version")
    for _ in range(2):
        changed = update_copy(root)
        assert changed == ["00_start_here.ipynb", "03_next.ipynb"]
    assert copy_of(root, "03_next.ipynb").read_text() == "solved"


def test_what_is_deleted_is_restored_in_its_newest_version(root):
    update_copy(root)
    copy_of(root, "03_next.ipynb").unlink()
    (root / "notebooks" / "03_next.ipynb").write_text("a newer version")
    assert update_copy(root) == []
    assert copy_of(root, "03_next.ipynb").read_text() == "a newer version"


@pytest.mark.parametrize("content", ["", "{", None])
def test_a_lost_register_loses_no_work(root, content):
    update_copy(root)
    copy_of(root, "03_next.ipynb").write_text("solved")
    register = copy_of(root, ".originals.json")
    register.unlink()
    if content is not None:
        register.write_text(content)
    assert update_copy(root) == []
    assert copy_of(root, "03_next.ipynb").read_text() == "solved"
    assert "03_next.ipynb" in json.loads(register.read_text())


@pytest.mark.parametrize("number", ["3", "03"])
def test_reset_restores_and_keeps_every_old_version(root, number):
    update_copy(root)
    for attempt in (1, 2, 3):
        copy_of(root, "03_next.ipynb").write_text(f"attempt {attempt}")
        chapter, kept = reset_chapter(root, number)
        assert chapter == copy_of(root, "03_next.ipynb")
        assert kept == copy_of(root, f"03_next.old-{attempt}.ipynb")
    original = (root / "notebooks" / "03_next.ipynb").read_bytes()
    assert chapter.read_bytes() == original
    for attempt in (1, 2, 3):
        old = copy_of(root, f"03_next.old-{attempt}.ipynb")
        assert old.read_text() == f"attempt {attempt}"


def test_reset_keeps_nothing_where_nothing_was_changed(root):
    chapter, kept = reset_chapter(root, "0")
    assert chapter.is_file()
    assert kept is None
    assert reset_chapter(root, "0") == (chapter, None)


def test_reset_takes_the_newer_version(root):
    update_copy(root)
    (root / "notebooks" / "03_next.ipynb").write_text("a newer version")
    chapter, kept = reset_chapter(root, "03")
    assert chapter.read_text() == "a newer version"
    assert kept.is_file()
    assert update_copy(root) == []


@pytest.mark.parametrize("number", ["4", "99", "x", "*"])
def test_an_unknown_chapter_lists_those_there(root, number):
    with pytest.raises(WorkspaceError, match=r"no chapter .*there are 00, 03"):
        reset_chapter(root, number)


def test_a_package_without_notebooks_says_how_to_get_them(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(gpu_course, "__file__", str(tmp_path / "p" / "i.py"))
    with pytest.raises(WorkspaceError, match="clone the course"):
        course_root()


@pytest.fixture
def taken():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_taken_port_is_named_and_another_proposed(taken):
    expected = f"port {taken} is taken: .*PORT={taken + 1}'"
    with pytest.raises(WorkspaceError, match=expected):
        pick_port(taken)


def test_a_free_port_is_taken(taken):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert pick_port(free) == free


@pytest.mark.parametrize("port", [-1, 0, 65536, 10**9])
def test_a_port_is_a_number_that_exists(port):
    with pytest.raises(WorkspaceError, match=f"and 65535, got {port}"):
        pick_port(port)


def test_the_default_is_the_first_free_port(monkeypatch, taken):
    monkeypatch.setattr(workspace, "DEFAULT_PORT", taken)
    monkeypatch.setattr(workspace, "_free", lambda port: port >= taken + 3)
    assert pick_port() == taken + 3
    monkeypatch.setattr(workspace, "_free", lambda port: False)
    with pytest.raises(WorkspaceError, match=f"{taken} to {taken + 49} are"):
        pick_port()


@pytest.fixture
def quick_lab(monkeypatch, root):
    """Let a program that ends at once stand for JupyterLab."""
    commands = []

    def popen(command, **options):
        commands.append(command)
        return real([sys.executable, "-c", "raise SystemExit(7)"], **options)

    real = subprocess.Popen
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(workspace.subprocess, "Popen", popen)
    monkeypatch.setattr(workspace, "course_root", lambda: root)
    yield commands
    signal.signal(signal.SIGTERM, handler)


def test_the_reader_is_told_how_to_take_what_is_newer(quick_lab, root, capsys):
    update_copy(root)
    for name in ("03_next.ipynb", "matplotlibrc"):
        (root / "notebooks" / name).write_text("a newer version")
    assert workspace.open_lab(browser=False) == 7
    said = capsys.readouterr().out
    assert "03_next.ipynb has a newer version: 'gpu-course reset 03'" in said
    assert "delete work/notebooks/matplotlibrc" in said
    assert "http" not in said


@pytest.mark.parametrize("browser", [True, False])
def test_the_browser_opens_if_wanted(quick_lab, browser):
    workspace.open_lab(browser=browser)
    (command,) = quick_lab
    assert ("--no-browser" in command) != browser


@contextlib.contextmanager
def lab(root, tmp_path):
    """Start the lab in a process of its own; yield it and its address."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from gpu_course.course import workspace\n"
        "workspace.course_root = lambda: Path(sys.argv[1])\n"
        "sys.exit(workspace.open_lab(browser=False))\n"
    )
    jupyter = (f"JUPYTER_{kind}_DIR" for kind in ("CONFIG", "DATA", "RUNTIME"))
    folders = "HOME", "IPYTHONDIR", *jupyter
    environment = {
        **os.environ,
        **{name: str(tmp_path / name) for name in folders},
        "http_proxy": "http://127.0.0.1:9",  # must not be asked
        "no_proxy": "",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(root)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    servers = []
    try:
        for line in process.stdout:
            if line.strip().startswith("http://"):
                break
        servers = psutil.Process(process.pid).children()
        yield process, line.strip(), servers
    finally:
        for each in (process, *servers):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()
        process.stdout.close()


def status(address):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(address, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.skipif(os.name == "nt", reason="Windows has other signals")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_the_lab_answers_to_its_token_on_the_loopback_only(
    root, tmp_path, sign
):
    with lab(root, tmp_path) as (process, address, servers):
        found = re.fullmatch(
            r"(http://127\.0\.0\.1:(\d+))/lab/tree/notebooks/"
            r"00_start_here\.ipynb\?token=([0-9a-f]{48})",
            address,
        )
        base, port, token = found.groups()
        contents = f"{base}/api/contents/notebooks/00_start_here.ipynb"
        assert status(address) == 200
        assert status(f"{contents}?token={token}") == 200
        assert status(contents) == 403
        assert status(f"{contents}?token={'0' * 48}") == 403
        (server,) = servers
        assert token not in " ".join(server.cmdline())
        listening = {
            tuple(connection.laddr)
            for connection in server.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert ("127.0.0.1", int(port)) in listening
        assert {host for host, _ in listening} == {"127.0.0.1"}

        process.send_signal(sign)
        process.wait(timeout=15)
        assert not server.is_running()
        assert pick_port(int(port)) == int(port)
