"""serving_memory: the weights and the KV cache of a transformer."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 1
TITLE = "What serving holds"
TASK = (
    "A transformer of so many `parameters` has `layers` layers, each with "
    "`kv_heads` heads whose keys and values are `head_width` numbers wide. "
    "It answers `sequences` requests at the same time, of `tokens` tokens "
    "each. Return the bytes of the weights and the KV cache. All numbers "
    "have 16 bits."
)

STARTER = """\
def serving_memory(
    parameters, layers, kv_heads, head_width, tokens, sequences
):
    return 2 * parameters
"""

SOLUTION = """\
def serving_memory(
    parameters, layers, kv_heads, head_width, tokens, sequences
):
    row = layers * kv_heads * head_width
    return 2 * (parameters + 2 * row * tokens * sequences)
"""


def bytes_of(weights, keys_and_values, width=2):
    return sum(width * numbers for numbers in (weights, *keys_and_values))


def specification(parameters, layers, kv_heads, head_width, tokens, sequences):
    keys = layers * kv_heads * head_width * tokens * sequences
    return bytes_of(parameters, (keys, keys))


CASES = (
    (0, 1, 1, 1, 1, 1),
    (100, 1, 2, 3, 5, 1),
    (100, 2, 3, 5, 7, 11),
    (124_000_000, 12, 12, 64, 1024, 4),
    (8_000_000_000, 32, 8, 128, 8192, 1),
    (70_000_000_000, 80, 8, 128, 8192, 32),
)


WRONG = (
    (
        "weights_only",
        "(parameters + 2 * row * tokens * sequences)",
        "parameters",
    ),
    ("keys_only", "2 * row", "row"),
    ("one_request", " * sequences", ""),
    ("one_token", " * tokens", ""),
    ("numbers", "return 2 * (", "return ("),
    ("bits", "return 2 * (", "return 16 * ("),
    ("one_layer", "row = layers * ", "row = "),
)
HINTS = (
    "What is kept for each token, in each layer?",
    "A key and a value for each head, for every token of every request.",
    "2 bytes × (parameters + 2 × layers × kv_heads × head_width × tokens × "
    "sequences)",
)
MISTAKES = (
    Mistake(
        "weights_only",
        "Those are the weights. The keys and values of the tokens so far "
        "take memory too.",
        gives=lambda p, *shape: bytes_of(p, ()),
    ),
    Mistake(
        "keys_only",
        "Each token leaves a key and a value. Here is only one of them.",
        gives=lambda p, n, h, w, t, s: bytes_of(p, (n * h * w * t * s,)),
    ),
    Mistake(
        "one_request",
        "Each of the requests has a cache of its own.",
        gives=lambda p, n, h, w, t, s: specification(p, n, h, w, t, 1),
    ),
    Mistake(
        "one_token",
        "The keys and values of all tokens so far are kept, not of one.",
        gives=lambda p, n, h, w, t, s: specification(p, n, h, w, 1, s),
    ),
    Mistake(
        "one_layer",
        "Every layer has keys and values of its own.",
        gives=lambda p, n, h, w, t, s: specification(p, 1, h, w, t, s),
    ),
    Mistake(
        "numbers",
        "These are numbers. A number of 16 bits has 2 bytes.",
        gives=lambda *a: specification(*a) // 2,
    ),
    Mistake(
        "bits",
        "These are bits. A byte has 8 of them.",
        gives=lambda *a: 8 * specification(*a),
    ),
)
