"""Open the course's JupyterLab in a headless browser and look for faults.

JupyterLab starts with ``gpu-course lab``, on a copy of the notebooks in a
temporary folder, with a reader's number of threads. No request of the page
leaves the machine: it is recorded and refused.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from gpu_course.course.notebooks import reader_environment

ROOT = Path(__file__).parents[2]
NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
PLACES = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "%ProgramFiles%/Google/Chrome/Application/chrome.exe",
    "%ProgramFiles(x86)%/Google/Chrome/Application/chrome.exe",
    "%LocalAppData%/Google/Chrome/Application/chrome.exe",
    "%ProgramFiles(x86)%/Microsoft/Edge/Application/msedge.exe",
)
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    # Requests that miss the routes below (prefetch, worker) find no host.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
LAPTOP = {"width": 1024, "height": 700}
ZOOM = 1.5
LEAST_SLIDER_PX = 60
START_MS, RUN_MS, ANSWER_MS = 120_000, 900_000, 20_000
AWAY = r"(?!(127\.0\.0\.1|localhost|\[::1\])[:/])"

FAIL, OUT = "cells that fail", "requests out"
PAGE, CONSOLE = "page errors", "console errors"
FORMULA = "formulas in error"
NARROW = f"sliders under {LEAST_SLIDER_PX} px"
STUCK, STILL = "controls that don't move", "pictures that don't follow"
AXE = "axe serious or critical"
KINDS = (FAIL, OUT, PAGE, CONSOLE, FORMULA, NARROW, STUCK, STILL, AXE)

OUTPUT = ".jp-OutputArea-output"
SLIDERS = f"{OUTPUT} input[type=range]"
CONTROLS = "input[type=range], select, input[type=radio]"
PROMPTS = ".jp-CodeCell .jp-InputArea-prompt"
FAILED = f"{OUTPUT}[data-mime-type='application/vnd.jupyter.stderr']"
BAD_FORMULAS = "mjx-merror, mjx-container [style*='color: red']"
# Keys that move to the next value, or from the last value to the one before.
# JupyterLab itself would take all four arrow keys, so two are tested on a
# slider, which ends one step away.
KEYS = {
    "range": {
        True: ("ArrowRight", "ArrowDown", "ArrowRight"),
        False: ("ArrowLeft", "ArrowUp", "ArrowLeft"),
    },
    "select-one": {True: ("ArrowDown",), False: ("ArrowUp",)},
    "radio": {True: ("ArrowDown",), False: ("ArrowUp",)},
}

# JupyterLab's own console messages that are accepted, with the reason.
KNOWN_IN_CONSOLE = ()

RUNNING = """[...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
  .some((prompt) => prompt.textContent.includes("*"))"""
RENDERED = """[...document.querySelectorAll(
  ".jp-OutputArea-output[data-mime-type*='widget-view']"
)].every((view) => view.querySelector(".jupyter-widgets"))"""
HTML = "(element) => element.outerHTML"
# A slider's visible width: its width minus what its parents cut off.
SEEN = """(element) => {
  let { left, right } = element.getBoundingClientRect();
  for (let up = element.parentElement; up; up = up.parentElement) {
    if (getComputedStyle(up).overflowX === "visible") continue;
    const box = up.getBoundingClientRect();
    left = Math.max(left, box.left);
    right = Math.min(right, box.right);
  }
  return Math.max(0, right - left);
}"""
# Radio buttons with one name are one control; the first stands for all.
STATE = """(element) => {
  const radios = element.type === "radio"
    ? [...document.getElementsByName(element.name)] : [];
  const cells = [...document.querySelectorAll(".jp-Notebook-cell")];
  const value = radios.length
    ? radios.findIndex((radio) => radio.checked)
    : element.selectedIndex ?? element.value;
  const last = radios.length ? radios.length - 1
    : element.options ? element.options.length - 1 : element.max;
  return {
    value, forward: value !== last, kind: element.type,
    first: (radios[0] ?? element) === element,
    focus: [element, ...radios].includes(document.activeElement),
    cell: cells.findIndex((cell) => cell.matches(".jp-mod-active")),
  };
}"""
PICTURES = """(output) => [...output.querySelectorAll("img")]
  .map((image) => image.src + image.alt).join()"""
RAW_FORMULAS = """[...document.querySelectorAll(".jp-RenderedMarkdown")]
  .flatMap((text) => text.innerText.match(/\\$[^$\\n]+\\$/g) ?? [])"""
DARK = "JupyterLab Dark"
# While JupyterLab loads a theme, its splash screen covers the page.
THEMED = """(theme) => document.body.dataset.jpThemeName === theme
  && !document.getElementById("jupyterlab-splash")"""
INACCESSIBLE = """async (outputs) => (
  await axe.run(outputs, { resultTypes: ["violations"] })
).violations
  .filter((rule) => ["serious", "critical"].includes(rule.impact))
  .flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html}`))"""

START_LAB = """
import sys
from pathlib import Path
from gpu_course.course import workspace
workspace.course_root = lambda: Path(sys.argv[1])
sys.exit(workspace.open_lab(int(sys.argv[2]), browser=False))
"""


def find_browser():
    """Return the path of a Chromium or Chrome, or None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    for place in PLACES:
        if Path(path := os.path.expandvars(place)).is_file():
            return path
    return None


def required_browser():
    """Return the path of a browser; without one, skip the test.

    If ``GPU_COURSE_BROWSER`` is ``required``, as in CI, the test fails.
    """
    if path := find_browser():
        return path
    reason = f"no Chromium or Chrome here: looked for {', '.join(NAMES)}"
    if os.environ.get("GPU_COURSE_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def lab_environment(folder):
    """Return a reader's environment that writes only to this folder."""
    kept = {
        name: value
        for name, value in reader_environment(folder / "data", 2).items()
        if not name.startswith("JUPYTER")
    }
    own = {
        "IPYTHONDIR": "ipython",
        "JUPYTER_DATA_DIR": "jupyter",
        "JUPYTER_RUNTIME_DIR": "runtime",
    }
    return {**kept, **{name: str(folder / own[name]) for name in own}}


@contextlib.contextmanager
def lab(folder):
    """Run JupyterLab on a copy of the course; yield its address and token.

    Parameters
    ----------
    folder : Path
        Has ``notebooks/``; the copy ``work/`` and the data go here.
    """
    settings = folder / "work/.jupyter/lab/user-settings/@jupyterlab"
    (settings / "notebook-extension").mkdir(parents=True)
    # Lay out all cells, even those out of view, so that the counts do not
    # depend on scrolling.
    (settings / "notebook-extension/tracker.jupyterlab-settings").write_text(
        '{"windowingMode": "none"}'
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", START_LAB, str(folder), str(port)],
            env=lab_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _address(server, folder / "server.log")
    finally:
        _end(server)


def _address(server, log):
    end = time.monotonic() + START_MS / 1000
    while time.monotonic() < end and server.poll() is None:
        found = re.search(r"(http://\S+)/lab/\S+token=(\w+)", log.read_text())
        if found:
            return found.groups()
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


def _end(server):
    """End the server and its kernels, by force if needed."""
    family = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(server.pid).children(recursive=True)
    server.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(30)
    server.kill()
    for process in psutil.wait_procs(family, 10)[1]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


class Visit:
    """Open, run and try out a chapter; keep a list for each kind of fault.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
    chapter : str
        The notebook's name without its ending.
    pictures : Path
        The folder for a picture of the first fault of each kind.
    """

    def __init__(self, browser, chapter, pictures):
        self.chapter, self.pictures = chapter, pictures
        self.faults = {kind: [] for kind in KINDS}
        self.counts = {}
        self.context = browser.new_context(
            viewport=LAPTOP, service_workers="block"
        )
        self.context.route(re.compile(f"^https?://{AWAY}"), self._refuse)
        self.context.route_web_socket(
            re.compile(f"^wss?://{AWAY}"), self._refuse_socket
        )
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self._note(PAGE, error))
        self.page.on("console", self._hear)

    def make(self, address, token):
        """Make the whole visit."""
        started = time.perf_counter()
        try:
            self._run(address, token)
            self._formulas()
            self._widths()
            self._keys()
            self._accessibility("light")
            self._choose("Settings", "Theme", DARK)
            self.page.wait_for_function(THEMED, arg=DARK, timeout=ANSWER_MS)
            self._accessibility("dark")
            self._zoom()
            self._widths()
        except Exception:
            self._picture("left here")
            raise
        finally:
            self.context.close()
        self.counts["seconds"] = round(time.perf_counter() - started)

    def line(self):
        """Return the counts in one line."""
        found = {kind: len(faults) for kind, faults in self.faults.items()}
        counts = [f"{n} {what}" for what, n in (self.counts | found).items()]
        return f"{self.chapter}: {', '.join(counts)}"

    def message(self, most=5):
        """Return the faults, at most ``most`` of each kind, or ""."""
        lines = []
        for kind, faults in self.faults.items():
            lines += [f"{kind}: {fault}" for fault in faults[:most]]
            if faults[most:]:
                lines.append(f"{kind}: and {len(faults) - most} more")
        if lines:
            lines.append(f"pictures are in {self.pictures}")
        return "\n".join(lines)

    def _note(self, kind, text, element=None):
        self.faults[kind].append(" ".join(str(text).split())[:300])
        if element and len(self.faults[kind]) == 1:
            element.scroll_into_view_if_needed()
            self._picture(kind)

    def _picture(self, name):
        name = re.sub(r"\W+", "_", f"{self.chapter} {name}")
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def _hear(self, message):
        known = any(known in message.text for known in KNOWN_IN_CONSOLE)
        if message.type == "error" and not known:
            self._note(CONSOLE, message.text)

    def _refuse(self, route):
        self._note(OUT, route.request.url)
        route.abort()

    def _refuse_socket(self, socket):
        self._note(OUT, socket.url)
        socket.close()

    def _run(self, address, token):
        """Open the chapter, choose "Run All Cells" and wait for the end."""
        page = self.page
        path = f"lab/tree/notebooks/{self.chapter}.ipynb"
        page.goto(f"{address}/{path}?token={token}&reset", timeout=START_MS)
        idle = page.get_by_text("Python 3 (ipykernel) | Idle")
        idle.wait_for(timeout=START_MS)
        page.locator(".jp-FileBrowser").wait_for()
        self._choose("Run", "Run All Cells")
        page.wait_for_function(RUNNING, timeout=START_MS)
        page.wait_for_function(f"!{RUNNING}", timeout=RUN_MS)
        page.wait_for_function(RENDERED, timeout=ANSWER_MS)
        for output in page.locator(FAILED).all():
            if "Traceback" in (text := output.inner_text()):
                self._note(FAIL, text.strip().splitlines()[-1], output)
        prompts = page.locator(PROMPTS).all_inner_texts()
        self.counts["cells"] = len(prompts)
        for place, prompt in enumerate(prompts, 1):
            if not re.fullmatch(r"\[\d+\]:", prompt.strip()):
                self._note(FAIL, f"code cell {place} did not run: {prompt}")

    def _choose(self, *names):
        """Click through the menus."""
        for name in names:
            label = self.page.locator(
                ".lm-MenuBar-itemLabel, .lm-Menu-itemLabel"
            )
            label.filter(has_text=re.compile(f"^{name}$")).click()

    def _formulas(self):
        self.counts["formulas"] = self.page.locator("mjx-container").count()
        for formula in self.page.locator(BAD_FORMULAS).all():
            self._note(FORMULA, formula.evaluate(HTML), formula)
        for formula in self.page.evaluate(RAW_FORMULAS):
            self._note(FORMULA, f"not set: {formula}")

    def _widths(self):
        """Measure the visible width of each slider."""
        sliders = self.page.locator(SLIDERS).all()
        self.counts["sliders"] = len(sliders)
        window = self.page.evaluate("innerWidth")
        for slider in sliders:
            if (seen := slider.evaluate(SEEN)) < LEAST_SLIDER_PX:
                text = f"{seen:.0f} px in a window of {window}: "
                self._note(NARROW, text + slider.evaluate(HTML), slider)

    def _zoom(self):
        """Zoom the page as a reader does, with the same window size."""
        size = {side: round(pixels / ZOOM) for side, pixels in LAPTOP.items()}
        self.page.set_viewport_size(size)
        self.context.new_cdp_session(self.page).send(
            "Emulation.setDeviceMetricsOverride",
            {**size, "deviceScaleFactor": ZOOM, "mobile": False},
        )
        self.page.wait_for_timeout(1000)  # for JupyterLab's own layout

    def _keys(self):
        """Move each control with arrow keys; check that pictures change."""
        self.counts["controls"] = 0
        for output in self.page.locator(OUTPUT).all():
            controls = output.locator(CONTROLS).all()
            before = controls and output.evaluate(PICTURES)
            moved = [self._press(control) for control in controls]
            if before and any(moved) and not self._changes(output, before):
                self._note(STILL, output.evaluate(HTML), output)

    def _press(self, control):
        before = control.evaluate(STATE)
        if not before["first"]:
            return False
        self.counts["controls"] += 1
        control.scroll_into_view_if_needed()
        control.focus()
        cell = control.evaluate(STATE)["cell"]
        faults = set()
        for key in KEYS[before["kind"]][before["forward"]]:
            value = control.evaluate(STATE)["value"]
            self.page.keyboard.press(key)
            after = control.evaluate(STATE)
            if after["value"] == value:
                faults.add(f"its value stays at {key}")
            if not after["focus"]:
                faults.add("the focus leaves it")
            if after["cell"] != cell:
                faults.add("the active cell changes")
        if faults:
            text = f"{', '.join(sorted(faults))}: {control.evaluate(HTML)}"
            self._note(STUCK, text, control)
        return not faults

    def _changes(self, output, before):
        end = time.monotonic() + ANSWER_MS / 1000
        while (same := output.evaluate(PICTURES) == before) and (
            time.monotonic() < end
        ):
            self.page.wait_for_timeout(100)
        return not same

    def _accessibility(self, theme):
        """Check the outputs with axe-core."""
        import axe_playwright_python

        script = Path(axe_playwright_python.__file__).with_name("axe.min.js")
        self.page.evaluate(script.read_text(encoding="utf-8"))
        for fault in self.page.evaluate(INACCESSIBLE, OUTPUT):
            self._note(AXE, f"{theme}: {fault}")
