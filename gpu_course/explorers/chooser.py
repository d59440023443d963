"""Which GPUs train a model of some size, with the money and power at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gpu_course.common.drawing import BLUE, IDLE
from gpu_course.explorers.controls import Explorer, explorer, menu, slider
from gpu_course.hardware.choosing import Workload, choose
from gpu_course.hardware.published import processors
from gpu_course.training.transformer_memory import states_bytes, training_flops

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRECISIONS = ("bf16", "fp16", "fp32", "fp8")
SINCE = 2016  # older GPUs aren't drawn
# Tokens for each parameter that make the best model for a given number of
# FLOPs: J. Hoffmann et al., Training Compute-Optimal Large Language Models,
# 2022, arXiv:2203.15556.
TOKENS = 20


def draw_chooser(
    ax: Axes,
    millions: int = 1000,
    precision: str = "bf16",
    count: int = 1,
    budget: int = 500,
    watts: int = 1000,
) -> Axes:
    """Draw the modelled hours of a training run on each GPU.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    millions : int
        Parameters of the model, in millions. It is trained on 20 tokens for
        each, with Adam in mixed precision; activations are left out.
    precision : {"bf16", "fp16", "fp32", "fp8"}
        Of the products.
    count : int
        Number of GPUs.
    budget : int
        US dollars for the rent.
    watts : int
        The most that all GPUs may draw.
    """
    parameters = 1e6 * millions
    flops = training_flops(parameters, TOKENS * parameters)
    work = Workload("run", precision, states_bytes(parameters), flops)
    shown = [
        one
        for one in processors()
        if one.kind == "gpu"
        and one.announced.year >= SINCE
        and getattr(one, f"{precision}_tflops")
        and one.bandwidth_gb_s
    ]
    choices = choose(
        work,
        budget_usd=budget,
        power_w=watts,
        count=count,
        candidates=shown,
    )
    hours = [one.seconds / 3600 for one in choices if one.seconds]
    for row, (one, time) in enumerate(zip(choices, hours, strict=True)):
        colour = BLUE if one.fits else IDLE
        ax.plot(time, row, "o", color=colour, markeredgecolor="0.4")
        told = "; ".join(one.obstacles)
        if one.fits:
            told = f"${one.usd:,.0f}, {one.kwh():,.0f} kWh"
        ax.annotate(
            told, (time, row), (8, 0), textcoords="offset points", va="center"
        ).set(fontsize=8, in_layout=False)
    ax.set_yticks(range(len(choices)), [one.processor.name for one in choices])
    ax.invert_yaxis()
    ax.set(xscale="log", xlim=(min(hours) / 2, 30 * max(hours)))
    ax.set_xlabel("hours, modelled; filled: fits")
    ax.tick_params(axis="y", labelsize=8)
    ax.set_title(
        f"{parameters / 1e9:g} billion parameters on {count} GPU(s): "
        f"{sum(one.fits for one in choices)} of {len(choices)} kinds fit",
        fontsize=10,
        loc="left",
    )
    return ax


def explore_chooser() -> Explorer:
    """Return the picture with controls."""
    return explorer(
        draw_chooser,
        (8, 4.8),
        millions=slider("millions of parameters", 1000, 100, 10_000, 100),
        precision=menu("precision", PRECISIONS),
        count=slider("GPUs", 1, 1, 8),
        budget=slider("dollars", 500, 100, 5000, 100),
        watts=slider("watts", 1000, 250, 8000, 250),
    )
