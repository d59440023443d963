"""The sizes of gradients drawn on float16's range."""

import matplotlib.pyplot as plt
import torch

from gpu_course.training.half_precision import draw_gradients


def test_picture():
    _, ax = plt.subplots()
    draw_gradients(ax, torch.tensor([1e-3, -1e-5, 1e-9]))
    texts = {text.get_text().strip() for text in ax.texts}
    assert texts == {"zero", "fewer digits", "overflow"}
    assert len(ax.get_legend().get_texts()) == 2
    plt.close()
