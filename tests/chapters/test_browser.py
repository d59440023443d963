"""Chapters in a reader's browser: all works, by keyboard, in a small window.

Three chapters are part of each run; ``make test-browser`` visits all.
"""

import shutil

import browser
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from gpu_course.course.notebooks import canonical

CHAPTERS = sorted((browser.ROOT / "notebooks").glob("*.ipynb"))
# Between them they have a quiz, explorers with sliders and menus, reports of
# the teaching GPU, checks, formulas, the pad and an upload. No others that do
# need less time: 11 and 22 take half as long again as 12 and 20.
ALWAYS = ("12", "20", "32")
WRONG = "99_all_is_wrong"
PICTURE = (
    "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="
)


def chapters():
    """Return a parameter for each chapter; most are visited on demand."""
    return [
        pytest.param(
            path.stem,
            id=path.name[:2],
            marks=[pytest.mark.long] * (path.name[:2] not in ALWAYS),
        )
        for path in CHAPTERS
    ]


def html(text):
    return new_code_cell(
        f"from IPython.display import HTML, Javascript, display\n{text}"
    )


def all_is_wrong():
    """Return a notebook with each kind of fault."""
    still = f"""<div data-lm-suppress-shortcuts=true
onkeydown=event.stopPropagation()>
<input type=range aria-label=still><img alt=still src={PICTURE}></div>"""
    return new_notebook(
        cells=[
            new_markdown_cell(r"$\frac{1}$"),
            new_markdown_cell(r"$\nosuchthing$"),
            new_code_cell("import time\ntime.sleep(1)"),
            html("HTML('<input type=range aria-label=a style=width:59px>')"),
            html("HTML('<select aria-label=b><option>1<option>2</select>')"),
            html(f"HTML({still!r})"),
            html("HTML('<button></button>')"),
            html("HTML('<img alt=c src=https://example.org/asked.png>')"),
            html("Javascript('new WebSocket(\"wss://example.org/socket\")')"),
            html("Javascript('setTimeout(() => { throw Error(\"page\") })')"),
            html("Javascript('console.error(\"console\")')"),
            new_code_cell("1 / 0"),
            new_code_cell("print('not reached')"),
        ]
    )


@pytest.fixture(scope="module")
def chromium():
    path = browser.required_browser()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=list(browser.FLAGS)
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def lab(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(browser.ROOT / "notebooks", folder / "notebooks")
    path = folder / "notebooks" / f"{WRONG}.ipynb"
    path.write_text(canonical(all_is_wrong()), encoding="utf-8")
    with browser.lab(folder) as address:
        yield address


def test_without_a_browser_the_reason_is_said(monkeypatch):
    monkeypatch.setattr(browser, "NAMES", ())
    monkeypatch.setattr(browser, "PLACES", ())
    monkeypatch.delenv("GPU_COURSE_BROWSER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium or Chrome"):
        browser.required_browser()
    monkeypatch.setenv("GPU_COURSE_BROWSER", "required")
    with pytest.raises(pytest.fail.Exception, match="no Chromium or Chrome"):
        browser.required_browser()


@pytest.mark.timeout(1200)
def test_each_kind_of_fault_is_found(lab, chromium, tmp_path, monkeypatch):
    monkeypatch.setattr(browser, "ANSWER_MS", 3000)
    visit = browser.Visit(chromium, WRONG, tmp_path)
    visit.make(*lab)
    narrow = "59 px in a window of {}: <input"
    stuck = "its value stays"
    expected = {
        browser.FAIL: ["ZeroDivisionError", "code cell 11 did not run"],
        browser.OUT: ["https://example.org", "wss://example.org/socket"],
        browser.PAGE: ["page"],
        browser.CONSOLE: ["Failed to load resource", "console"],
        browser.FORMULA: ["Missing argument", "color: red"],
        browser.NARROW: [narrow.format(1024), narrow.format(683)],
        browser.STUCK: [stuck, stuck],
        browser.STILL: ["still"],
        browser.AXE: ["light: button-name", "dark: button-name"],
    }
    # JupyterLab asks twice for a picture.
    found = {kind: sorted(set(f)) for kind, f in visit.faults.items()}
    assert found.keys() == expected.keys()
    for kind, texts in expected.items():
        assert len(found[kind]) == len(texts), found[kind]
        for text in texts:
            assert any(text in fault for fault in found[kind]), text
    assert visit.counts["cells"] == 11
    assert visit.counts["controls"] == 3
    assert f"pictures are in {tmp_path}" in visit.message()
    assert len(list(tmp_path.glob("*.png"))) > 3


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("chapter", chapters())
def test_a_chapter(lab, chromium, chapter, tmp_path, record_property):
    visit = browser.Visit(chromium, chapter, tmp_path)
    try:
        visit.make(*lab)
    finally:
        record_property("browser", visit.line())
    assert not visit.message(), visit.message()
