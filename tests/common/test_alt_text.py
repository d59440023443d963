"""Each figure carries a text, from the kernel to the page."""

import matplotlib.pyplot as plt
import pytest
from IPython.core.formatters import DisplayFormatter
from IPython.core.pylabtools import print_figure
from matplotlib.figure import Figure
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output

from gpu_course.common.alt_text import LONGEST, alt_text, attach


@pytest.fixture
def figure():
    fig, axes = plt.subplots(1, 2)
    yield fig, axes
    plt.close(fig)


def test_titles_labels_and_legends_are_told(figure):
    fig, (left, right) = figure
    fig.suptitle("Both")
    left.set_title("loss", loc="left")
    left.set(xlabel="step", ylabel="nats")
    left.plot([1, 2], label="by hand")
    left.legend()
    right.set(title="rate $10^3$\nper second", xlabel="size")
    right.text(0, 0, "told by the title")
    assert alt_text(fig) == (
        "Both; loss; nats over step; by hand; rate 10^3 per second; size"
    )


def test_what_is_written_inside_stands_in_for_titles(figure):
    fig, (left, right) = figure
    left.text(0, 0, "warp 0")
    left.text(0, 1, "warp 1")
    left.text(0, 2, "warp 0")
    right.set_title("not shown")
    right.set_visible(False)
    assert alt_text(fig) == "warp 0; warp 1"


def test_no_text_is_empty_and_none_is_endless(figure):
    fig, (left, _) = figure
    assert alt_text(fig) == "a picture without any text in it"
    left.set_title("word " * 1000)
    assert LONGEST - 10 < len(alt_text(fig)) <= LONGEST + 2
    assert alt_text(fig).endswith("word …")


def test_the_notebooks_style_has_each_figure_carry_it_to_the_page():
    with plt.rc_context(fname="notebooks/matplotlibrc"):
        fig, ax = plt.subplots()
        ax.set_title("a <title>")
        formatter = DisplayFormatter()
        png = formatter.formatters["image/png"]
        png.for_type(Figure, lambda fig: print_figure(fig, base64=True))
        data, metadata = formatter.format(fig)
        plt.close(fig)
    assert set(data) == {"image/png", "text/plain"}
    output = new_output("display_data", data, metadata=metadata)
    notebook = new_notebook(cells=[new_code_cell("", outputs=[output])])
    exporter = HTMLExporter(template_name="classic")
    page, _ = exporter.from_notebook_node(notebook)
    assert 'alt="a &lt;title&gt;"' in page


def test_a_text_is_made_when_the_figure_is_shown(figure):
    fig, (left, _) = figure
    attach(fig)
    left.set_title("later")
    assert fig._repr_mimebundle_() == ({}, {"image/png": {"alt": "later"}})
