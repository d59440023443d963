"""kv_cache_bytes: how much memory a key-value cache takes."""

from gpu_course.exercises.checking.exercise import Mistake

PLACE = 4
TITLE = "The bytes of a cache"
TASK = (
    "A transformer has so many `layers`, each with so many `heads` of `size` "
    "numbers. Return the bytes of its key-value cache for `texts` texts of "
    "`length` characters, with `nbytes` bytes for each number."
)

STARTER = """\
def kv_cache_bytes(layers, heads, size, length, texts, nbytes):
    return layers * heads * size * length * nbytes
"""

SOLUTION = """\
def kv_cache_bytes(layers, heads, size, length, texts, nbytes):
    return 2 * layers * heads * size * length * texts * nbytes
"""


def specification(layers, heads, size, length, texts, nbytes):
    each = heads * size * nbytes
    return (each + each) * layers * length * texts


def one_text_of_keys(layers, heads, size, length, texts, nbytes):
    return specification(layers, heads, size, length, 1, nbytes) // 2


def keys_alone(*sizes):
    return specification(*sizes) // 2


def one_text(layers, heads, size, length, texts, nbytes):
    return specification(layers, heads, size, length, 1, nbytes)


def one_layer(layers, *sizes):
    return specification(1, *sizes)


def one_head(layers, heads, *sizes):
    return specification(layers, 1, *sizes)


def numbers(layers, heads, size, length, texts, nbytes):
    return specification(layers, heads, size, length, texts, 1)


def squared(layers, heads, size, length, texts, nbytes):
    return layers * heads * length * length * texts * nbytes


CASES = (
    (1, 1, 1, 1, 1, 4),
    (3, 4, 24, 64, 1, 4),
    (3, 4, 24, 64, 5, 4),
    (32, 32, 128, 4096, 1, 2),
    (32, 32, 128, 4096, 16, 2),
    (7, 3, 5, 11, 13, 1),
)
WRONG = (
    ("keys_alone", "2 * layers", "layers"),
    ("one_text", " * texts", ""),
    ("one_text_of_keys", "2 * layers", "layers", " * texts", ""),
    ("one_layer", "2 * layers", "2"),
    ("one_head", " * heads", ""),
    ("numbers", " * nbytes", ""),
    ("squared", "2 * layers", "layers", "size * length", "length * length"),
)
HINTS = (
    "What does a layer keep of each character, and how many numbers is it?",
    "A key and a value, each heads × size numbers: in each layer, for each "
    "character of each text.",
    "2 × layers × heads × size × length × texts × nbytes",
)
MISTAKES = (
    Mistake(
        "one_text_of_keys",
        "That is for the keys of one text. There are values too, and each "
        "text has its own.",
        gives=one_text_of_keys,
    ),
    Mistake(
        "keys_alone",
        "Half is missing: a layer keeps a key and a value.",
        gives=keys_alone,
    ),
    Mistake(
        "one_text",
        "Texts can't share a cache: each has its own keys and values.",
        gives=one_text,
    ),
    Mistake(
        "one_layer",
        "That is one layer. Each layer has its own keys and values.",
        gives=one_layer,
    ),
    Mistake(
        "one_head",
        "That is one head. Each head has its own keys and values.",
        gives=one_head,
    ),
    Mistake(
        "numbers",
        "These are numbers. Each takes nbytes bytes.",
        gives=numbers,
    ),
    Mistake(
        "squared",
        "Those are the scores of all pairs of characters. They aren't kept: "
        "the cache has a key and a value for each character.",
        gives=squared,
    ),
)
