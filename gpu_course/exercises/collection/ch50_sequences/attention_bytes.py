"""attention_bytes: what attention without a stored matrix moves."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 4
TITLE = "What attention moves"
TASK = (
    "Attention for `n` queries, keys and values of `d` float32 numbers, in "
    "one kernel that stores no scores. Each block has `block` queries, and "
    "the last block may have fewer. It reads its queries once, all keys and "
    "values once, and writes its results. Return the bytes that all blocks "
    "together read and write."
)

STARTER = """\
def attention_bytes(n, d, block):
    return 4 * 4 * n * d
"""

SOLUTION = """\
def attention_bytes(n, d, block):
    blocks = (n + block - 1) // block
    return 4 * (2 * n * d + blocks * 2 * n * d)
"""


def numbers(n, d, blocks, own=2):
    """Return numbers moved: each query's own, and each block's pairs."""
    return d * n * own + d * n * blocks + d * n * blocks


def specification(n, d, block):
    return numbers(n, d, -(-n // block)) << 2


CASES = tuple(
    (n, d, block)
    for n in (1, 31, 64, 1000, 65_536)
    for d in (1, 16, 128)
    for block in (1, 32, 48)
)
WRONG = (
    (
        "keys_once",
        "4 * (2 * n * d + blocks * 2 * n * d)",
        "4 * (2 * n * d + 2 * n * d)",
    ),
    ("each_query", "(n + block - 1) // block", "n"),
    ("rounded_down", "(n + block - 1) // block", "n // block"),
    ("keys_only", "blocks * 2 * n * d", "blocks * n * d"),
    ("no_result", "(2 * n * d +", "(n * d +"),
    ("numbers", "return 4 * (", "return ("),
    (
        "stored_matrix",
        "+ blocks * 2 * n * d)",
        "+ blocks * 2 * n * d + 4 * n * n)",
    ),
)
HINTS = (
    "Which of q, k, v and the result does one block need in full?",
    "There are n / block blocks, rounded up. Each reads all of k and v.",
    "4 × (n d + n d + blocks × (n d + n d))",
)
MISTAKES = (
    Mistake(
        "keys_once",
        "That counts each array once: the distinct bytes. But every block "
        "reads all keys and values again.",
        gives=lambda n, d, block: 4 * numbers(n, d, 1),
    ),
    Mistake(
        "each_query",
        "The queries of a block share what the block reads: keys and values "
        "are read once for each block, not for each query.",
        gives=lambda n, d, block: 4 * numbers(n, d, n),
    ),
    Mistake(
        "rounded_down",
        "The last block is missing where it isn't full: round up.",
        gives=lambda n, d, block: 4 * numbers(n, d, n // block),
    ),
    Mistake(
        "keys_only",
        "Each block reads the values too, not only the keys.",
        gives=lambda n, d, block: 2 * numbers(n, d, -(-n // block), own=4),
    ),
    Mistake(
        "no_result",
        "Queries and results are two arrays: one is read, one is written.",
        gives=lambda n, d, block: 4 * numbers(n, d, -(-n // block), own=1),
    ),
    Mistake(
        "numbers",
        "These are numbers. A float32 has 4 bytes.",
        gives=lambda n, d, block: numbers(n, d, -(-n // block)),
    ),
    Mistake(
        "stored_matrix",
        "There are no n × n scores in memory here: that is what this kernel "
        "avoids.",
        gives=lambda n, d, block: (
            4 * numbers(n, d, -(-n // block)) + 16 * n * n
        ),
    ),
)
