"""Memory of transformers, held against published figures and real arrays."""

import numpy as np
import pytest
import torch
from torch import nn

from gpu_course.training.memory_budget import watch_saved
from gpu_course.training.transformer_memory import (
    TRANSFORMERS,
    Transformer,
    activation_bytes,
    serving_budget,
    states_bytes,
    training_budget,
    training_flops,
)

GPT3 = Transformer("GPT-3", 175e9, 96, 12_288, 96, 96, "")
OPT = Transformer("OPT 13B", 13e9, 40, 5120, 40, 40, "")
SMALL = Transformer("small", 1e6, 3, 64, 4, 2, "")


def test_the_states_are_those_of_zero():
    """ZeRO, section 3.1: GPT-2 of 1.5 billion parameters needs 24 GB."""
    assert states_bytes(1.5e9) == 24e9
    budget = training_budget(TRANSFORMERS["Llama 3.1 8B"], 1)
    assert budget.total - budget.activations == states_bytes(8e9)
    assert budget.parameters == budget.gradients == budget.optimizer / 6


def test_the_activations_are_those_of_korthikanti():
    """For GPT-3 and 2,048 tokens 5 a s / h is 80: section 5."""
    kept = {
        keep: activation_bytes(GPT3, 2048, keep=keep)
        for keep in ("all", "all but attention", "inputs of layers")
    }
    rows = 96 * 2048 * 12_288
    assert kept["all"] == rows * (34 + 80)
    assert kept["all but attention"] == 34 * rows
    assert kept["inputs of layers"] == 2 * rows
    assert activation_bytes(GPT3, 2048, 3) == 3 * kept["all"]
    with pytest.raises(ValueError, match=r"keep must be one of .*'nothing'"):
        activation_bytes(GPT3, 1, keep="nothing")


class Layer(nn.Module):
    """A layer as in GPT, with attention written out and dropout."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.qkv, self.out = (
            nn.Linear(width, 3 * width),
            nn.Linear(width, width),
        )
        self.wide, self.back = (
            nn.Linear(width, 4 * width),
            nn.Linear(4 * width, width),
        )
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        b, s, h = x.shape
        q, k, v = self.qkv(self.norms[0](x)).split(h, 2)
        q, k, v = (
            t.reshape(b, s, self.heads, -1).transpose(1, 2) for t in (q, k, v)
        )
        score = q @ k.transpose(2, 3)
        mixed = self.drop(score.softmax(-1)) @ v
        x = x + self.drop(self.out(mixed.transpose(1, 2).reshape(b, s, h)))
        wide = nn.functional.gelu(self.wide(self.norms[1](x)))
        return x + self.drop(self.back(wide))


@pytest.mark.parametrize(("tokens", "width"), [(32, 128), (128, 64)])
def test_the_activations_are_near_what_pytorch_keeps(tokens, width):
    """Within a quarter: PyTorch keeps some copies that the paper doesn't."""
    torch.manual_seed(0)
    layer = Layer(width, 4).to(torch.bfloat16)
    x = torch.randn(2, tokens, width, dtype=torch.bfloat16, requires_grad=True)
    with watch_saved(layer.parameters()) as saved:
        layer(x)
    shape = Transformer("", 0, 1, width, 4, 4, "")
    modelled = activation_bytes(shape, tokens, 2)
    assert 0.75 < modelled / saved.bytes < 1.25


def test_the_kv_cache_is_that_of_the_paged_attention_paper():
    """Section 3: 800 KB a token for OPT 13B in 16 bits."""
    assert serving_budget(OPT, 1).kv_cache == 800 * 1024
    assert serving_budget(OPT, 2048).weights == 26e9


def test_the_kv_cache_is_as_large_as_the_arrays():
    cache = [
        np.zeros((2, 5, 7, SMALL.kv_heads, SMALL.head_width), np.float16)
        for _ in range(SMALL.layers)
    ]  # keys and values, sequences, tokens
    served = serving_budget(SMALL, 7, 5, "fp32", "fp16")
    assert served.kv_cache == sum(array.nbytes for array in cache)
    assert served.total == served.kv_cache + 4e6
    half = serving_budget(SMALL, 7, 5, "fp8", "fp8")
    assert [half.weights, half.kv_cache] == [1e6, served.kv_cache / 2]


def test_the_flops_are_those_that_llama_3_reports():
    """The Llama 3 Herd of Models, section 3.2.1: 3.8e25 for 405B."""
    assert training_flops(405e9, 15.6e12) == pytest.approx(3.8e25, rel=0.01)


def test_the_heads_share_the_width():
    for model in TRANSFORMERS.values():
        assert model.width == model.heads * model.head_width
        assert model.heads % model.kv_heads == 0
        # Attention and feed-forward have at least 12 width² weights a layer,
        # but for shared keys and values; embeddings come on top.
        assert model.parameters > 9 * model.layers * model.width**2
