"""Build the course's environment in ``.venv``; the Makefile runs this.

Usage: python3 gpu_course/bootstrap.py

It runs before anything is installed, so it needs only the standard library. It
parses on any Python (no f-strings), so that an old one prints a clear sentence
instead of a SyntaxError. The file ``.venv/ready.json`` is written last.
Without it the environment in ``.venv`` is unfinished, and the installation
continues.

The environment variable ``TORCH_INDEX`` names another index for torch.
"""

import os
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 14)
# Measured on Linux with the CUDA build. The small size leaves out the packages
# that only a GPU needs.
SIZE_CUDA = (
    "about 3 GB to download, 6.5 GB on disk and 3 GB in pip's cache, "
    "3 to 20 minutes"
)
SIZE_CPU = (
    "about 0.7 GB to download, 2 GB on disk and 0.7 GB in pip's cache, "
    "1 to 10 minutes"
)
NEEDED_GB = {SIZE_CUDA: 10, SIZE_CPU: 3}  # installing takes more
TORCH_FAMILY = ("torch", "triton", "nvidia-", "cuda-")
KNOWN_FAILURES = (
    (
        ("No space left on device", "Errno 28", "not enough space"),
        "The disk is full: free some space (the course needs %(gb)d GB) and "
        "run the command again; it goes on where it stopped.",
    ),
    (
        (
            "Failed to establish a new connection",
            "Temporary failure in name resolution",
            "NameResolutionError",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "ConnectionResetError",
            "Max retries exceeded",
            "ProxyError",
        ),
        "The package index could not be reached: check the network (or the "
        "proxy) and run the command again; it goes on where it stopped.",
    ),
)


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    venv = os.path.join(root, ".venv")
    inputs = describe_inputs(root)
    if is_ready(venv, inputs):  # whichever Python runs this
        return 0
    python = suitable_python()
    if python != sys.executable:
        return subprocess.call([python, os.path.abspath(__file__)])
    with alone(venv + ".lock"):
        if not is_ready(venv, inputs):
            install(root, venv)
            write_ready(venv, inputs)
    return 0


def alone(path):
    """Wait for a file's lock, which one process at a time can hold."""
    lock = open(path, "w")
    try:
        import fcntl
    except ImportError:  # Windows, where readers use conda
        return lock
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def is_ready(venv, inputs):
    works = [venv_python(venv), "-c", ""]
    return read_ready(venv) == inputs and quiet_call(works) == 0


def fail(sentence):
    sys.stderr.write("\n%s\n" % sentence)
    sys.exit(1)


def suitable_python():
    """Return a suitable Python, this one or another on the PATH, or fail."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return sys.executable
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        name = "python3.%d" % minor
        # Run it: the PATH may have a launcher whose Python is missing.
        if quiet_call([name, "-c", "import venv, ensurepip"]) == 0:
            return name
    fail(
        "The course needs Python 3.11 to 3.14 and this is Python %d.%d: "
        "install one of those, or name it: "
        "'make lab PYTHON=/path/to/python3.12'." % tuple(sys.version_info[:2])
    )


def quiet_call(command):
    with open(os.devnull, "w") as null:
        try:
            return subprocess.call(command, stdout=null, stderr=null)
        except OSError:
            return 127


def describe_inputs(root):
    """Return what the environment depends on; a change means a new install.

    The folder is part of it, since the course is installed in place.
    """
    import hashlib

    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(root, name), "rb") as file:
            digest.update(file.read())
    return {"lists": digest.hexdigest(), "folder": root}


def ready_file(venv):
    return os.path.join(venv, "ready.json")


def read_ready(venv):
    import json

    try:
        with open(ready_file(venv)) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def write_ready(venv, inputs):
    import json

    part = ready_file(venv) + ".part"
    with open(part, "w") as file:
        json.dump(inputs, file)
    os.replace(part, ready_file(venv))


def venv_python(venv):
    if os.name == "nt":
        return os.path.join(venv, "Scripts", "python.exe")
    return os.path.join(venv, "bin", "python")


def install(root, venv):
    if os.path.exists(ready_file(venv)):
        os.remove(ready_file(venv))
    torch_index = os.environ.get("TORCH_INDEX", "")
    try:
        make_venv(venv)
        kept = installed_torch(venv_python(venv))
        announce(root, venv, kept, torch_index)
        constraints = os.path.join(root, "constraints.txt")
        course = ["--no-build-isolation", "-e", root + "[test,cuda]"]
        run_pip(venv, ["setuptools"], constraints)
        if torch_index and not kept:
            # That index has torch. The usual one has all that torch needs.
            torch = ["--no-deps", "torch", "torchvision"]
            torch += ["--index-url", torch_index]
            if not run_pip(venv, torch, constraints, may_fail=True):
                run_pip(venv, torch, free_torch(constraints, venv, None))
            kept = installed_torch(venv_python(venv), work=False)
            course += ["--extra-index-url", torch_index]
        if not kept:
            run_pip(venv, course, constraints)
            return
        constraints = free_torch(constraints, venv, kept)
        if not run_pip(venv, course, constraints, may_fail=True):
            # The CUDA of that torch may be older than the compiler's.
            sys.stdout.write(
                "Trying again without the compiler for CUDA kernels.\n"
            )
            course[2] = root + "[test]"
            run_pip(venv, course, constraints)
    except OSError as error:
        fail(explain(str(error)) or "The installation failed: %s." % error)


def make_venv(venv):
    """Make `.venv` unless it exists with a suitable Python."""
    check = "import pip, sys; sys.exit(not %r <= sys.version_info[:2] <= %r)"
    check %= (OLDEST, NEWEST)
    if quiet_call([venv_python(venv), "-c", check]) == 0:
        return
    if quiet_call([sys.executable, "-c", "import venv, ensurepip"]) != 0:
        fail(
            "This Python has no venv module: install it (on Debian and "
            "Ubuntu 'apt install python%d.%d-venv') and run the command "
            "again." % tuple(sys.version_info[:2])
        )
    command = [sys.executable, "-m", "venv", "--clear", venv]
    if installed_torch(sys.executable):
        # A container or a board may bring its own torch: use it.
        command.insert(3, "--system-site-packages")
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode != 0:
        said = (made.stderr + made.stdout).strip()
        last = said.splitlines()[-1] if said else "it said nothing"
        fail(explain(said) or "The folder .venv could not be made: %s." % last)


def installed_torch(python, work=True):
    """Return pip's names for a working torch and torchvision, or None.

    With ``work=False``, don't check that they work.
    """
    # Take the versions that pip knows; torch's own may be longer.
    code = (
        "from importlib.metadata import version; "
        "assert tuple(map(int, version('torch').split('.')[:2])) >= (2, 7); "
        "print('torch==' + version('torch')); "
        "print('torchvision==' + version('torchvision'))"
    )
    if work:
        code = "import torch, torchvision; " + code
    command = [python, "-c", code]
    asked = subprocess.run(command, capture_output=True, text=True)
    return asked.stdout.split() if asked.returncode == 0 else None


def announce(root, venv, kept, torch_index):
    import shutil

    linux = sys.platform.startswith("linux")
    small = kept or "/cpu" in torch_index or not linux
    size = SIZE_CPU if small else SIZE_CUDA
    free_gb = shutil.disk_usage(root).free / 1e9
    sys.stdout.write("Installing the course into .venv: %s.\n" % size)
    if kept:
        sys.stdout.write("Keeping %s, which is already there.\n" % kept[0])
    sys.stdout.flush()
    begun = os.path.exists(os.path.join(venv, "install.log"))
    if free_gb < NEEDED_GB[size] and not begun:
        fail(
            "The disk is too full: the course needs %d GB and %.1f GB are "
            "free where it is." % (NEEDED_GB[size], free_gb)
        )


def free_torch(constraints, venv, kept):
    """Write constraints that leave torch unpinned, or pin the one kept."""
    path = os.path.join(venv, "constraints-torch.txt")
    with open(constraints) as file:
        lines = [x for x in file if not x.startswith(TORCH_FAMILY)]
    with open(path, "w") as file:
        file.writelines(lines)
        file.writelines(line + "\n" for line in kept or [])
    return path


def run_pip(venv, arguments, constraints, may_fail=False):
    """Run pip, show a line for each package, and explain a failure.

    Return whether pip succeeded. Without ``may_fail``, exit on a failure.
    """
    command = [venv_python(venv), "-m", "pip", "install", "--retries", "3"]
    command += ["--disable-pip-version-check", "-c", constraints]
    command += arguments
    log = os.path.join(venv, "install.log")
    pip = subprocess.Popen(
        command,
        env=dict(os.environ, TMPDIR=venv),  # the usual one may be small
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    said = []
    try:
        with open(log, "a") as file:
            for line in pip.stdout:
                file.write(line)
                said.append(line)
                word = line.split(" ", 1)[0]
                if word in ("Collecting", "Installing"):
                    sys.stdout.write(line.rstrip()[:78] + "\n")
                    sys.stdout.flush()
    except BaseException:  # interrupted, or no room for the log
        pip.terminate()
        raise
    succeeded = pip.wait() == 0
    if not succeeded and not may_fail:
        errors = [x.strip() for x in said if x.lower().startswith("error:")]
        fail(
            explain("".join(said))
            or "pip could not install the course (%s); %s has all it said."
            % (errors[0] if errors else "no reason given", log)
        )
    return succeeded


def explain(said):
    """Return the sentence for a known failure in some output, or None."""
    for signs, sentence in KNOWN_FAILURES:
        if any(sign in said for sign in signs):
            return sentence % {"gb": NEEDED_GB[SIZE_CUDA]}
    return None


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.stderr.write(
            "\nInterrupted: run the command again and it goes on where it "
            "stopped.\n"
        )
        sys.exit(130)
