"""fits: which GPUs have room for a run, and are within the budget."""

from gpu_course.exercises.checking.exercise import Mistake, edited

PLACE = 4
TITLE = "What fits"
TASK = (
    "Each of `gpus` is a tuple: name, memory in GB, hours that the run takes "
    "on it, and dollars an hour, or `None` where no price is known. Return "
    "the list of the names with at least `memory_gb` on which the run costs "
    "at most `budget`, the cheapest run first. A GPU without a price doesn't "
    "fit."
)

STARTER = """\
def fits(gpus, memory_gb, budget):
    return [name for name, memory, hours, usd in gpus if memory >= memory_gb]
"""

SOLUTION = """\
def fits(gpus, memory_gb, budget):
    found = []
    for name, memory, hours, usd in gpus:
        if usd is None:
            continue
        if memory >= memory_gb and hours * usd <= budget:
            found.append((hours * usd, name))
    return [name for cost, name in sorted(found)]
"""


def chosen(
    gpus,
    memory_gb,
    budget,
    unknown=None,
    cost=lambda hours, usd: hours * usd,
    key=None,
):
    """Return the names that fit; the others are ways to be wrong."""
    known = [
        (name, memory, hours, unknown if usd is None else usd)
        for name, memory, hours, usd in gpus
    ]
    kept = [
        one
        for one in known
        if one[3] is not None
        and one[1] >= memory_gb
        and cost(one[2], one[3]) <= budget
    ]
    order = key or (lambda one: cost(one[2], one[3]))
    return [one[0] for one in sorted(kept, key=order)]


def specification(gpus, memory_gb, budget):
    return chosen(gpus, memory_gb, budget)


FOUR = (
    ("slow and cheap", 24, 100.0, 0.25),
    ("fast and dear", 80, 5.0, 4.0),
    ("small", 16, 44.0, 0.5),
    ("no price", 128, 4.0, None),
)
CASES = (
    ((("one", 8, 1.0, 1.0),), 8, 1.0),
    ((("one", 8, 2.0, 1.0),), 8, 1.0),
    ((("one", 8, 1.0, 1.0),), 9, 5.0),
    (FOUR, 20, 30.0),
    (FOUR, 16, 20.0),
    (FOUR, 16, 24.9),
    (FOUR, 100, 1e6),
    ((), 1, 1.0),
    (
        (
            ("b", 40, 3.0, 2.0),
            ("a", 40, 2.0, 3.5),
            ("d", 40, 4.0, 1.25),
            ("c", 40, 8.0, 0.125),
        ),
        40,
        6.5,
    ),
    ((("first", 24, 3.0, 1.0), ("second", 24, 2.0, 1.0)), 1, 3.0),
)


WRONG = (
    edited(STARTER, "memory_only"),
    ("free", "            continue\n", "            usd = 0\n"),
    (
        "unsorted",
        "for cost, name in sorted(found)",
        "for cost, name in found",
    ),
    ("by_the_hour", "(hours * usd, name)", "(usd, name)"),
    ("by_time", "(hours * usd, name)", "(hours, name)"),
    ("price_of_an_hour", "hours * usd <= budget", "usd <= budget"),
    ("memory_ignored", "memory >= memory_gb and ", ""),
    ("dearest_first", "sorted(found)", "sorted(found, reverse=True)"),
)
HINTS = (
    "What does the run cost on a GPU? And where there is no price?",
    "Keep pairs of (cost of the run, name), and sort them.",
    "Skip usd is None; keep (hours * usd, name) where memory >= memory_gb "
    "and hours * usd <= budget; return the names of sorted(found)",
)
MISTAKES = (
    Mistake(
        "memory_only",
        "It looks at the memory only: there is a budget too, and an order.",
        gives=lambda gpus, m, b: [one[0] for one in gpus if one[1] >= m],
    ),
    Mistake(
        "free",
        "A GPU without a price isn't free: it doesn't fit.",
        gives=lambda gpus, m, b: chosen(gpus, m, b, unknown=0),
    ),
    Mistake(
        "unsorted",
        "The right ones, in the order given. The cheapest run comes first.",
        gives=lambda gpus, m, b: chosen(gpus, m, b, key=lambda one: 0),
    ),
    Mistake(
        "by_the_hour",
        "It orders by the price of an hour. A cheap hour can make a dear run.",
        gives=lambda gpus, m, b: chosen(gpus, m, b, key=lambda one: one[3]),
    ),
    Mistake(
        "by_time",
        "It orders by time. The cheapest run comes first, not the fastest.",
        gives=lambda gpus, m, b: chosen(gpus, m, b, key=lambda one: one[2]),
    ),
    Mistake(
        "price_of_an_hour",
        "It compares the price of an hour with the budget. The whole run has "
        "to be paid.",
        gives=lambda gpus, m, b: sorted(
            chosen(gpus, m, b, cost=lambda hours, usd: usd),
            key={one[0]: one[2] * (one[3] or 0) for one in gpus}.get,
        ),
    ),
    Mistake(
        "memory_ignored",
        "What the run holds has to fit into the memory.",
        gives=lambda gpus, m, b: chosen(gpus, 0, b),
    ),
    Mistake(
        "dearest_first",
        "The right ones, the dearest first. The cheapest comes first.",
        gives=lambda gpus, m, b: chosen(gpus, m, b)[::-1],
    ),
)
