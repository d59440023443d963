"""The lists, tables and commands at the top level agree with each other."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from rattler import MatchSpec
from rattler import Version as CondaVersion

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
CONDA_ONLY = {"python", "pip"}
# conda-forge isn't known to have them: pip brings them.
PIP_ONLY = {"axe-playwright-python", "playwright"}


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def requirements():
    """Return {name: Requirement} of what every machine installs."""
    table = project()["project"]
    lines = table["dependencies"] + table["optional-dependencies"]["test"]
    lines += project()["build-system"]["requires"]
    return {Requirement(line).name: Requirement(line) for line in lines}


def compiler_requirements():
    """Return {name: Requirement} of what machines with NVIDIA's wheels do."""
    lines = project()["project"]["optional-dependencies"]["cuda"]
    return {Requirement(line).name: Requirement(line) for line in lines}


def pins():
    """Return {name: exact version} of constraints.txt."""
    found = constraints()
    assert all(str(r.specifier).startswith("==") for r in found)
    return {r.name: str(r.specifier)[2:] for r in found}


def constraints():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines]


def conda_specs():
    """Return {name: spec} of environment.yml."""
    lines = (ROOT / "environment.yml").read_text().splitlines()
    specs = [line[4:] for line in lines if line.startswith("  - ")]
    specs = [
        spec
        for spec in specs
        if spec not in ("conda-forge", "nodefaults", "pip:")
    ]
    return {spec.split()[0]: spec for spec in specs}


def lower_bound(specifier):
    return re.search(r">=([0-9.]+)", str(specifier)).group(1)


def test_conda_lists_the_same_packages():
    ours = {CONDA_NAMES.get(n, n) for n in set(requirements()) - PIP_ONLY}
    assert set(conda_specs()) - CONDA_ONLY == ours


def test_conda_parses_and_has_the_same_lower_bounds():
    specs = conda_specs()
    for name, requirement in requirements().items():
        if name in PIP_ONLY:
            continue
        spec = MatchSpec(specs[CONDA_NAMES.get(name, name)])
        assert lower_bound(spec.version) == lower_bound(requirement.specifier)


def test_conda_has_the_rest_of_the_tests_from_pip():
    lines = project()["project"]["optional-dependencies"]["test"]
    text = (ROOT / "environment.yml").read_text()
    in_pip = set(re.findall(r"^      - ([a-z].*)$", text, re.MULTILINE))
    ours = {line for line in lines if Requirement(line).name in PIP_ONLY}
    assert in_pip == {line.replace(">=", " >=") for line in ours}


def test_conda_has_the_same_pythons():
    python = MatchSpec(conda_specs()["python"])
    assert str(python.version) == project()["project"]["requires-python"]


@pytest.mark.parametrize(
    "name", sorted({**requirements(), **compiler_requirements()})
)
def test_the_exact_version_is_within_the_range(name):
    pin = pins()[name]
    range_ = {**requirements(), **compiler_requirements()}[name].specifier
    assert Version(pin) in range_
    assert CondaVersion(pin) >= CondaVersion(lower_bound(range_))


def test_conda_has_the_compiler_from_pip():
    """A spec of conda can't say "not on macOS", a line for pip can."""
    text = (ROOT / "environment.yml").read_text()
    assert text.endswith("      - --editable .[cuda]\n")
    assert not set(compiler_requirements()) & set(conda_specs())


@pytest.mark.parametrize(
    ("system", "machine", "there"),
    [
        ("linux", "x86_64", True),
        ("linux", "aarch64", True),
        ("win32", "AMD64", True),
        ("win32", "ARM64", False),
        ("darwin", "arm64", False),
        ("darwin", "x86_64", False),
        ("linux", "riscv64", False),
    ],
)
def test_the_compiler_is_asked_for_where_nvidia_has_it(system, machine, there):
    here = {"sys_platform": system, "platform_machine": machine}
    found = {r.name: r.marker for r in constraints() if r.marker}
    for name, requirement in compiler_requirements().items():
        assert requirement.marker.evaluate(here) == there
        assert found[name].evaluate(here) == there


def test_no_file_names_an_index_or_this_machine():
    names = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True
    ).stdout.splitlines()
    hosts = ("pypi" + ".org", "python" + "hosted", "registry" + ".npm")
    for path in (ROOT / name for name in names):
        if path.suffix in (".gz", ".npz", ".png") or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        for word in (*hosts, "/ro" + "ot/", str(ROOT) + "/"):
            assert word not in text, f"{path} names {word}"


def chapter_rows(text):
    """Return the rows of the chapter table, without their links."""
    rows = re.findall(r"^\| (\[?\d\d .*) \|$", text, re.MULTILINE)
    return [re.sub(r"\[(.*?)\]\(.*?\)", r"\1", row) for row in rows]


def test_readme_and_first_chapter_list_the_notebooks():
    import nbformat

    readme = (ROOT / "README.md").read_text()
    first = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", 4)
    start = "\n".join(cell.source for cell in first.cells)
    numbers = [
        p.name[:2] for p in sorted((ROOT / "notebooks").glob("*.ipynb"))
    ]
    assert [row[:2] for row in chapter_rows(readme)] == numbers
    assert chapter_rows(start) == chapter_rows(readme)


def test_readme_minutes_are_those_of_the_chapters():
    import nbformat

    rows = chapter_rows((ROOT / "README.md").read_text())
    for row in rows:
        (path,) = (ROOT / "notebooks").glob(f"{row[:2]}_*.ipynb")
        text = nbformat.read(path, 4).cells[0].source
        assert f"about {row.split('|')[-1].strip()} minutes" in text


def test_readme_links_lead_to_files():
    text = (ROOT / "README.md").read_text()
    links = [x for x in re.findall(r"\]\(([^)]+)\)", text) if "://" not in x]
    assert links
    for link in links:
        assert (ROOT / link).is_file(), link


def test_readme_names_commands_that_exist():
    text = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z-]+)", text):
        assert f"\n{target}:" in makefile, target
    for command in set(re.findall(r"gpu-course ([a-z-]+)", text)):
        arguments = [sys.executable, "-m", "gpu_course", command, "--help"]
        done = subprocess.run(arguments, capture_output=True)
        assert done.returncode == 0, command


def test_ci_gets_a_browser_and_calls_make_test():
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    *_, test, kernels = lines
    assert test == "make test"
    assert kernels == ".venv/bin/python -m gpu_course kernels"
    install = "  apt-get install -y --no-install-recommends"
    assert lines[3:-2] == [
        "export GPU_COURSE_BROWSER=required",
        "command -v chromium google-chrome || {",
        "  apt-get update",
        f"{install} chromium fonts-dejavu-core",
        "}",
    ]


def test_importing_the_package_is_light():
    code = "import gpu_course, sys; print('torch' in sys.modules)"
    command = [sys.executable, "-X", "importtime", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
    (line,) = [
        x for x in done.stderr.splitlines() if x.endswith(" gpu_course")
    ]
    assert int(line.split("|")[1]) < 100_000  # microseconds
