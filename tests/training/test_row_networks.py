"""The networks that read rows: sizes, order, and PyTorch's own encoder."""

import pytest
import torch
from torch import nn

from gpu_course.training.row_networks import (
    Block,
    RecurrentRows,
    TransformerRows,
    positions,
)

MAKERS = {
    "rnn": lambda: RecurrentRows("rnn"),
    "gru": lambda: RecurrentRows("gru"),
    "transformer": TransformerRows,
}
each = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def test_all_have_about_as_many_weights():
    sizes = [
        sum(p.numel() for p in make().parameters()) for make in MAKERS.values()
    ]
    assert max(sizes) < 1.01 * min(sizes)


@each
@pytest.mark.parametrize("rows", [1, 28, 40])
def test_any_number_of_rows(make, rows):
    assert make()(torch.randn(3, 1, rows, 28)).shape == (3, 10)


@each
def test_images_of_a_batch_do_not_mix(make):
    torch.manual_seed(0)
    model, images = make(), torch.randn(4, 1, 28, 28)
    alone = torch.cat([model(image[None]) for image in images])
    torch.testing.assert_close(model(images), alone)


@each
def test_the_order_of_the_rows_counts(make):
    torch.manual_seed(0)
    model, images = make(), torch.randn(4, 1, 28, 28)
    assert (model(images) - model(images.flip(2))).abs().max() > 1e-3


@each
def test_the_last_logit_depends_on_every_row(make):
    torch.manual_seed(0)
    images = torch.randn(1, 1, 28, 28, requires_grad=True)
    make()(images).sum().backward()
    assert (images.grad.abs().sum((0, 1, 3)) > 0).all()


def test_a_block_is_pytorchs_encoder_layer():
    torch.manual_seed(0)
    ours = Block(width=12, heads=3, inner=20)
    theirs = nn.TransformerEncoderLayer(
        12, 3, 20, dropout=0, batch_first=True, norm_first=True
    )
    pairs = {
        "self_attn.in_proj_weight": ours.qkv.weight,
        "self_attn.in_proj_bias": ours.qkv.bias,
        "self_attn.out_proj.weight": ours.out.weight,
        "self_attn.out_proj.bias": ours.out.bias,
    }
    for name, layer in (
        ("linear1", ours.up),
        ("linear2", ours.down),
        ("norm1", ours.norm1),
        ("norm2", ours.norm2),
    ):
        pairs |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
    theirs.load_state_dict(pairs)
    x = torch.randn(2, 7, 12)
    torch.testing.assert_close(ours(x), theirs(x))


def test_positions_are_those_of_the_paper():
    # PE(pos, 2i) = sin(pos / 10000^(2i / width)), and the cosine beside it
    code = positions(50, 8)
    for step in (0, 1, 49):
        for i in range(4):
            angle = torch.tensor(step / 10_000 ** (2 * i / 8))
            torch.testing.assert_close(code[step, i], angle.sin())
            torch.testing.assert_close(code[step, 4 + i], angle.cos())


def test_an_unknown_kind():
    with pytest.raises(ValueError, match="one of rnn, gru, got 'lstm'"):
        RecurrentRows("lstm")
