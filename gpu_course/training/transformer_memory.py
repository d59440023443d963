"""What a transformer takes: memory to train and to serve, FLOPs to train.

Formulas for networks that are too large to be counted here by `memory_budget`:

- Training in mixed precision with Adam holds 16 bytes for each parameter: 2
  for the weight, 2 for its gradient, and in float32 a copy of the weight and
  Adam's two means. S. Rajbhandari et al., "ZeRO: Memory Optimizations Toward
  Training Trillion Parameter Models", 2019, arXiv:1910.02054.
- The activations of a layer take s b h (34 + 5 a s / h) bytes, for s tokens in
  each of b sequences, width h and a heads. V. Korthikanti et al., "Reducing
  Activation Recomputation in Large Transformer Models", 2022,
  arXiv:2205.05198. It is for layers as in GPT, in 16 bits; others differ by
  some tens of per cent.
- Training takes 6 FLOPs for each parameter and token, 2 forward and 4
  backward. J. Kaplan et al., "Scaling Laws for Neural Language Models", 2020,
  arXiv:2001.08361. Attention's products are left out.
"""

from __future__ import annotations

from dataclasses import dataclass

from gpu_course.training.memory_budget import Budget

# Bytes of a number.
BYTES = {"fp32": 4, "tf32": 4, "fp16": 2, "bf16": 2, "fp8": 1}
# Adam in mixed precision, for each parameter.
WEIGHT, GRADIENT, OPTIMIZER = 2, 2, 12
# What the forward pass keeps; the rest is computed again.
KEEP = ("all", "all but attention", "inputs of layers")


@dataclass(frozen=True)
class Transformer:
    """The shape of a transformer.

    Attributes
    ----------
    name : str
    parameters : float
    layers, width, heads : int
    kv_heads : int
        Heads that have keys and values of their own; the others share.
    source : str
    """

    name: str
    parameters: float
    layers: int
    width: int
    heads: int
    kv_heads: int
    source: str

    @property
    def head_width(self) -> int:
        """The numbers of one head's key."""
        return self.width // self.heads


_GPT = "A. Radford et al., Language Models are Unsupervised Multitask Learners"
_LLAMA = "A. Grattafiori et al., The Llama 3 Herd of Models, 2024, Table 3"
TRANSFORMERS = {
    made.name: made
    for made in (
        Transformer("GPT-2 124M", 124e6, 12, 768, 12, 12, _GPT),
        Transformer("Llama 3.1 8B", 8e9, 32, 4096, 32, 8, _LLAMA),
        Transformer("Llama 3.1 70B", 70e9, 80, 8192, 64, 8, _LLAMA),
        Transformer("Llama 3.1 405B", 405e9, 126, 16_384, 128, 8, _LLAMA),
    )
}


def training_flops(parameters: float, tokens: float) -> float:
    """Return the FLOPs of training: 6 for each parameter and token."""
    return 6 * parameters * tokens


def states_bytes(parameters: float) -> float:
    """Return the bytes of weights, gradients and optimizer: 16 each."""
    return (WEIGHT + GRADIENT + OPTIMIZER) * parameters


def activation_bytes(
    model: Transformer, tokens: int, sequences: int = 1, keep: str = "all"
) -> int:
    """Return the bytes that a forward pass keeps for the backward pass.

    Parameters
    ----------
    model : Transformer
    tokens : int
        Of each sequence.
    sequences : int
        The batch.
    keep : {"all", "all but attention", "inputs of layers"}
        What isn't kept is computed again: checkpointing, chapter 42.

    Raises
    ------
    ValueError
        If `keep` is something else.
    """
    if keep not in KEEP:
        raise ValueError(f"keep must be one of {KEEP}, got {keep!r}")
    square = 5 * model.heads * tokens  # × s b: scores, softmax and its mask
    each = {
        "all": 34 * model.width + square,
        "all but attention": 34 * model.width,
        "inputs of layers": 2 * model.width,
    }[keep]
    return model.layers * sequences * tokens * each


def training_budget(
    model: Transformer, tokens: int, sequences: int = 1, keep: str = "all"
) -> Budget:
    """Return what a step holds, with Adam in mixed precision.

    Parameters
    ----------
    model : Transformer
    tokens, sequences : int
    keep : str
        All three as for `activation_bytes`.
    """
    return Budget(
        parameters=int(WEIGHT * model.parameters),
        gradients=int(GRADIENT * model.parameters),
        optimizer=int(OPTIMIZER * model.parameters),
        activations=activation_bytes(model, tokens, sequences, keep),
    )


@dataclass(frozen=True)
class Served:
    """Bytes that serving a transformer holds."""

    weights: float
    kv_cache: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.weights + self.kv_cache


def serving_budget(
    model: Transformer,
    tokens: int,
    sequences: int = 1,
    precision: str = "bf16",
    cache_precision: str = "bf16",
) -> Served:
    """Return what serving holds: the weights, and the KV cache.

    The KV cache keeps a key and a value for each token, layer and KV head, so
    that a new token needs no old one to be computed again.

    Parameters
    ----------
    model : Transformer
    tokens : int
        Of each sequence, asked and answered.
    sequences : int
        Answered at the same time.
    precision, cache_precision : {"fp32", "tf32", "fp16", "bf16", "fp8"}
        Of the weights and of the cache.
    """
    row = 2 * model.layers * model.kv_heads * model.head_width
    return Served(
        weights=BYTES[precision] * model.parameters,
        kv_cache=BYTES[cache_precision] * row * tokens * sequences,
    )
