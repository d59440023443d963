"""Kernels whose names have several lives, and whose threads wait anywhere.

A few names serve for everything: loops, nested loops, assignments between and
inside them. Waits (barriers, shuffles, votes, matches, device functions that
wait) occur wherever Python allows an expression. Expressions that may fail,
such as an index, are behind a guard. The kernels have no races and use only
64-bit integers, so their results are unique and exact.
"""

from dataclasses import dataclass

import numpy as np

FULL = "0xFFFFFFFF"
NAMES = ("i", "k", "d", "n", "w")  # each is used for loops, counts and values
CONSTANTS = {"TABLE": (5, 2, 7), "OWN": 4}
DEVICES = {  # name -> (source, whether it has barriers)
    "late": (
        "def late(k):\n"
        "    for i in range(3):\n"
        "        k += i\n"
        "    i = k % 7\n"
        "    return k + i",
        None,
    ),
    "total": (
        "def total(i):\n"
        "    for d in (16, 8, 4, 2, 1):\n"
        "        i += cuda.shfl_xor_sync(FULL, i, d)\n"
        "    return i",
        False,
    ),
    "next_lane": (
        "def next_lane(k):\n    return cuda.shfl_down_sync(FULL, k, 1) - k",
        False,
    ),
    "either": (
        "def either(i, k):\n"
        "    d = cuda.shfl_xor_sync(FULL, i, 3)\n"
        "    if d > k:\n"
        "        return d - k\n"
        "    return d + k",
        False,
    ),
    "steps": (
        "def steps(n):\n"
        "    k = n % 5\n"
        "    while cuda.any_sync(FULL, k > 0):\n"
        "        k -= 1\n"
        "        n += cuda.popc(cuda.ballot_sync(FULL, k == 2))\n"
        "    return n",
        False,
    ),
    "swap": (
        "def swap(s, i, k):\n"
        "    s[i] = k\n"
        "    cuda.syncthreads()\n"
        "    k = s[SIZE - 1 - i]\n"
        "    cuda.syncthreads()\n"
        "    return k",
        True,
    ),
    "tree": (
        "def tree(s, i, k):\n"
        "    s[i] = k\n"
        "    d = SIZE // 2\n"
        "    while d > 0:\n"
        "        cuda.syncthreads()\n"
        "        if i < d:\n"
        "            s[i] += s[i + d]\n"
        "        d //= 2\n"
        "    cuda.syncthreads()\n"
        "    k += s[0]\n"
        "    cuda.syncthreads()\n"
        "    return k",
        True,
    ),
}


@dataclass
class Case:
    """A generated kernel, how to launch it, and its arguments.

    Attributes
    ----------
    source : str
    blocks, threads : int
    constants : dict
        Names that the source uses but doesn't define.
    seed : int
        Seed of the values that it reads.
    """

    source: str
    blocks: int
    threads: int
    constants: dict
    rows: int
    seed: int

    @property
    def configuration(self):
        return self.blocks, self.threads

    def arguments(self):
        """Return values to read and arrays of zeros to write."""
        total = self.blocks * self.threads
        drawn = np.random.default_rng(self.seed)
        x = drawn.integers(-50, 50, total + 3)
        return [
            x.astype(np.int64),
            np.zeros(total, np.int64),
            np.zeros((self.rows, total), np.int64),
            np.zeros(8, np.int64),
        ]


class Lives:
    """Writes one kernel.

    *who* says which threads run a statement together: "block" (all threads
    that haven't returned), "warp" (whole warps) or "thread" (any threads).
    The statement may contain waits of these threads.
    """

    def __init__(self, random):
        self.random = random
        self.threads = random.choice((32, 64, 64, 96))
        self.lines = []
        self.known = {"t", "g"}  # names that are sure to have a value
        self.fixed = 0  # names assigned once
        self.rows = 0
        self.devices = {}
        self.whole = True  # no thread of a warp has returned on its own
        self.lane_exits = False
        self.loops = 0

    def draw(self):
        """Return the `Case`."""
        size = self.threads
        for _ in range(self.random.randint(1, 4)):
            self.statement("block", 1, 2)
        for name in sorted(self.known - {"t", "g"}):
            if self.chance(6):
                self.put(1, f"out[g] += {name}")
        constants = {**CONSTANTS, "SIZE": size, "FULL": int(FULL, 16)}
        head = ["from gpu_course import cuda", ""]
        head += [f"{name} = {value}" for name, value in constants.items()]
        for name in self.devices:
            head += ["", "", "@cuda.jit(device=True)", DEVICES[name][0]]
        head += ["", "", "@cuda.jit", "def kernel(x, out, moved, tally):"]
        start = ["    t = cuda.threadIdx.x", "    g = cuda.grid(1)"]
        text = "\n".join(self.lines)
        if "(s," in text:
            start.append("    s = cuda.shared.array(SIZE, np.int64)")
        if "own[" in text:
            start.append("    own = cuda.local.array(OWN, np.int64)")
            start.append("    for j in range(OWN):")
            start.append("        own[j] = j")
        source = "\n".join(["import numpy as np", *head, *start, text, ""])
        return Case(
            source,
            self.random.choice((1, 2, 3)),
            size,
            constants,
            max(1, self.rows),
            self.random.randrange(1000),
        )

    def put(self, level, text):
        self.lines.append("    " * level + text)

    def chance(self, of_ten):
        return self.random.randrange(10) < of_ten

    # Expressions

    def name(self):
        """Return a name that has a value."""
        return self.random.choice(sorted(self.known))

    def value(self, who, depth=2):
        """Return an expression that may contain waits."""
        kinds = [
            "name",
            "name",
            "number",
            "load",
            "sum",
            "sum",
            "choice",
            "guarded",
            "table",
            "least",
            "own",
            "logic",
        ]
        if who != "thread" and self.can_wait(who):
            kinds += ["wait"] * 5
        kind = self.random.choice(kinds if depth else kinds[:3])
        return getattr(self, f"value_{kind}")(who, depth)

    def plain(self, depth=1):
        """Return an expression without waits."""
        return self.value("thread", depth)

    def value_name(self, who, depth):
        return self.name()

    def value_number(self, who, depth):
        return str(self.random.choice((0, 1, 2, 3, 7, -1, -4)))

    def value_load(self, who, depth):
        inner = self.value(who, depth - 1) if depth > 0 else self.name()
        return f"x[({inner}) % x.size]"

    def value_own(self, who, depth):
        return f"own[({self.value(who, depth - 1)}) % OWN]"

    def value_sum(self, who, depth):
        sign = self.random.choice(("+", "-", "*", "&", "|", "^"))
        left, right = (self.value(who, depth - 1) for _ in range(2))
        return f"(({left}) {sign} ({right}))"

    def value_choice(self, who, depth):
        inner, test = self.same_way(who)
        yes, no = (self.value(inner, depth - 1) for _ in range(2))
        return f"(({yes}) if {test} else ({no}))"

    def value_logic(self, who, depth):
        """Return ``and`` or ``or``; its second part may wait."""
        inner, test = self.same_way(who)
        second = f"({self.value(inner, depth - 1)}) > {self.plain(0)}"
        both = self.random.choice(("and", "or"))
        if self.chance(5):
            return f"(1 if {test} {both} {second} else 0)"
        return f"int({test} {both} {second})"

    def value_guarded(self, who, depth):
        over, by = self.plain(depth - 1), self.name()
        sign = self.random.choice(("//", "%"))
        return f"(({over}) {sign} {by} if {by} > 0 else {self.plain(0)})"

    def value_table(self, who, depth):
        if self.chance(3):
            return "moved.shape[1]"
        return f"TABLE[({self.value(who, depth - 1)}) % 3]"

    def value_least(self, who, depth):
        function = self.random.choice(("min", "max"))
        first, second = (self.value(who, depth - 1) for _ in range(2))
        return f"{function}({first}, {second})"

    def value_wait(self, who, depth):
        """Return a call that waits; its arguments may wait too."""
        inner = self.value(who, depth - 1)
        if who == "block" and (self.chance(4) or not self.whole):
            kind = self.random.choice(("count", "and", "or", "swap", "tree"))
            if kind == "swap" or (kind == "tree" and self.threads != 96):
                if self.lane_exits:
                    return inner
                return f"{self.device(kind)}(s, t, {inner})"
            if kind == "tree":
                kind = "count"
            return f"cuda.syncthreads_{kind}(({inner}) > 0)"
        kind = self.random.randrange(9)
        amount = self.random.choice(("1", "2", "t % 8", "16"))
        if kind < 4:
            which = ("", "_up", "_down", "_xor")[kind]
            if self.chance(2):
                amount = f"({self.value(who, depth - 1)}) & 15"
            return f"cuda.shfl{which}_sync(FULL, {inner}, {amount})"
        if kind == 4:
            vote = self.random.choice(("any", "all", "eq"))
            return f"int(cuda.{vote}_sync(FULL, ({inner}) > 0))"
        if kind == 5:
            return f"cuda.ballot_sync(FULL, ({inner}) > 0)"
        if kind == 6:
            return f"cuda.match_any_sync(FULL, ({inner}) & 3)"
        function = self.random.choice(
            ("total", "next_lane", "either", "steps", "late")
        )
        more = f", {self.value(who, 0)}" if function == "either" else ""
        return f"{self.device(function)}({inner}{more})"

    def device(self, name):
        self.devices[name] = True
        return name

    def can_wait(self, who):
        return self.whole or who == "block"

    # Conditions

    def same_way(self, who):
        """Return a condition, and which threads enter its body together."""
        kinds = {"thread": 0, "warp": 1, "block": 2}[who]
        pick = self.random.randint(0, kinds)
        if pick == 0:
            sign = self.random.choice(("<", ">", "==", "!="))
            return "thread", f"{self.plain(0)} {sign} {self.plain(0)}"
        if pick == 1:
            first = self.random.choice(
                ("t // 32 == 0", "t < 32", "t // 32 != 1", "t < 64")
            )
            return "warp", first
        return "block", self.random.choice(
            (
                "x.size > 3",
                "t < SIZE",
                "g >= 0",
                "cuda.blockIdx.x < 1",
                "cuda.blockIdx.x % 2 == 0",
                "t < 2 * SIZE",
            )
        )

    # Statements

    def statement(self, who, level, depth):
        """Write a statement, or a few that belong together."""
        kinds = [
            "give",
            "give",
            "more",
            "store",
            "kept",
            "pair",
            "chain",
            "item",
        ]
        if depth:
            kinds += ["branch", "range", "range", "tuple", "single"]
            kinds += ["again"]
        if who == "block":
            kinds += ["barrier"]
        if who != "thread":
            kinds += ["moved", "moved", "while_"] if depth else ["moved"]
        if level == 1:
            kinds += ["leave"]
        getattr(self, self.random.choice(kinds))(who, level, depth)

    def block(self, who, level, depth, most=3):
        """Write the body of a branch or loop; its names may stay unset."""
        before = set(self.known)
        for _ in range(self.random.randint(1, most)):
            self.statement(who, level, depth - 1)
        self.known = before

    def give(self, who, level, depth):
        name = self.random.choice(NAMES)
        self.put(level, f"{name} = {self.value(who)}")
        self.known.add(name)

    def more(self, who, level, depth):
        name = self.random.choice(sorted(self.known - {"t", "g"}) or ["i"])
        if name not in self.known:
            self.give(who, level, depth)
            return
        sign = self.random.choice(("+", "-", "^"))
        self.put(level, f"{name} {sign}= {self.value(who)}")

    def store(self, who, level, depth):
        sign = self.random.choice(("+", "^", "-"))
        self.put(level, f"out[g] {sign}= {self.value(who)}")

    def item(self, who, level, depth):
        """Change the thread's own element; the index may wait."""
        index = f"({self.value(who, 1)}) % OWN"
        sign = self.random.choice(("=", "+=", "^="))
        self.put(level, f"own[{index}] {sign} {self.value(who, 1)}")

    def pair(self, who, level, depth):
        one, two = self.random.sample(NAMES, 2)
        first, second = (self.value(who, 1) for _ in range(2))
        if self.chance(4):
            second = f"{first} - 1"
        self.put(level, f"{one}, {two} = {first}, {second}")
        self.known |= {one, two}

    def chain(self, who, level, depth):
        one, two = self.random.sample(NAMES, 2)
        self.put(level, f"{one} = {two} = {self.value(who)}")
        self.known |= {one, two}

    def barrier(self, who, level, depth):
        self.put(level, "cuda.syncthreads()")

    def moved(self, who, level, depth):
        """Store at an index from a wait, a different one in each thread."""
        if not self.whole:
            self.store(who, level, depth)
            return
        row = self.rows
        self.rows += 1
        way = self.random.choice(
            (
                "cuda.shfl_xor_sync(FULL, g, 1)",
                "g - t + cuda.shfl_xor_sync(FULL, t, t // 32 + 1)",
                "cuda.shfl_sync(FULL, g, 31 - t % 32)",
            )
        )
        place = f"moved[{row}, {way}]"
        style = self.random.randrange(4)
        value = self.value(who, 1)
        if style == 0:
            self.put(level, f"{place} = {value}")
        elif style == 1:
            name = self.random.choice(NAMES)
            self.put(level, f"{name}, {place} = {value}, {self.value(who, 1)}")
            self.known.add(name)
        elif style == 2:
            name = self.random.choice(NAMES)
            self.put(level, f"{name} = {place} = {value}")
            self.known.add(name)
        else:
            self.put(level, f"{place} += {value}")

    def kept(self, who, level, depth):
        """Assign a name once, with a guarded expression, and use it."""
        self.fixed += 1
        at, got = f"c{self.fixed}", f"v{self.fixed}"
        self.put(level, f"{at} = ({self.plain()}) % 6")
        guard, read = self.random.choice(
            (
                (f"{at} < 3", f"TABLE[{at}]"),
                (f"{at} < 2", f"moved.shape[{at}]"),
                (f"{at} > 0", f"g // {at}"),
                (f"{at} > 0", f"7 % {at}"),
                (f"{at} < OWN", f"own[{at}]"),
                (f"{at} > 3", f"x[g] // ({at} - 3)"),
            )
        )
        self.put(level, f"if {guard}:")
        self.put(level + 1, f"{got} = {read}")
        if who != "thread":
            self.statement(who, level, max(depth - 1, 0))
        if who == "block":
            self.put(level, "cuda.syncthreads()")
        self.put(level, f"if {guard}:")
        self.put(level + 1, f"out[g] += {got}")

    def branch(self, who, level, depth):
        inner, test = self.same_way(who)
        if self.chance(3) and who != "thread" and self.can_wait(who):
            inner, test = "thread", f"({self.value(who)}) > {self.plain(0)}"
        self.put(level, f"if {test}:")
        self.block(inner, level + 1, depth)
        if self.chance(4):
            self.put(level, "else:")
            self.block(inner, level + 1, depth)

    def looped(self, who, level, depth, name):
        """Write the body of a loop that uses its variable like any other."""
        self.known.add(name)
        self.loops += 1
        self.block(who, level + 1, depth, 2)
        self.put(level + 1, f"out[g] += {name}")
        if self.chance(3):
            self.put(level + 1, f"{name} += {self.plain(0)}")
        if self.chance(2):
            ends, test = self.same_way(who)
            if ends == who or (who == "block" and ends == "block"):
                self.put(level + 1, f"if {test}:")
                self.put(level + 2, self.random.choice(("break", "continue")))
        self.loops -= 1

    def range(self, who, level, depth):
        """Write a loop over a range; its bounds decide which threads loop."""
        name = self.random.choice(NAMES)
        inner = who
        ends = self.random.choice(
            (
                "3",
                "1, 4",
                "4, 0, -2",
                "0, 5, 2",
                "x.size % 3 + 1",
                "0",
                "2, -1, -1",
            )
        )
        if self.chance(3):
            inner = "thread"
            ends = f"({self.value(who, 1)}) % 4"
        elif self.chance(2) and who != "thread":
            inner = "warp" if self.whole else "thread"
            ends = "t // 32 + 1"
            if self.whole and self.chance(5):
                ends = f"cuda.shfl_sync(FULL, {self.plain()}, 0) % 3"
        before = set(self.known)
        if self.chance(3) and name in before:
            self.put(level, f"out[g] += {name}")
        self.put(level, f"for {name} in range({ends}):")
        self.looped(inner, level, depth, name)
        self.known = set(before)
        if self.chance(2):
            self.put(level, "else:")
            self.put(level + 1, f"out[g] += {self.plain()}")

    def tuple(self, who, level, depth):
        """Write a loop over some values, possibly in a branch."""
        name = self.random.choice(NAMES)
        if self.chance(6):
            inner, test = self.same_way(who)
            self.put(level, f"if {test}:")
            who, level = inner, level + 1
        items = self.random.choice(("(16, 8, 4, 2, 1)", "(2, 1)"))
        if self.chance(4):
            one, two = self.value(who, 1), self.value(who, 1)
            items = f"({one} + 0, {two} + 0, {self.plain(0)} + 0)"
        before = set(self.known)
        self.put(level, f"for {name} in {items}:")
        self.known.add(name)
        if who != "thread" and self.whole and self.chance(5):
            self.put(
                level + 1,
                f"out[g] += cuda.shfl_down_sync(FULL, out[g], {name} & 15)",
            )
        self.looped(who, level, depth, name)
        self.known = before

    def single(self, who, level, depth):
        """Write a loop that only one thread runs."""
        name = self.random.choice(NAMES)
        at = self.random.choice(("0", "1", "SIZE - 1"))
        self.put(level, f"if t == {at}:")
        self.put(level + 1, f"for {name} in range(3):")
        before = set(self.known)
        self.known.add(name)
        self.put(level + 2, f"out[g] += {name}")
        self.put(level + 2, f"cuda.atomic.add(tally, {name} % 8, {name} + 1)")
        self.known = before

    def again(self, who, level, depth):
        """Write two loops in sequence with the same variable."""
        name = self.random.choice(NAMES)
        before = set(self.known)
        self.put(level, f"for {name} in range({self.random.randint(1, 3)}):")
        self.looped(who, level, depth, name)
        self.known = before | {name}
        if self.chance(5):
            self.put(level, f"out[g] += {name}")
        self.put(level, f"for {name} in range({self.random.randint(1, 3)}):")
        self.looped(who, level, depth, name)
        self.known = before

    def while_(self, who, level, depth):
        """Write a while loop whose test waits."""
        name = self.random.choice(NAMES)
        self.put(level, f"{name} = t % 3 + 1")
        self.known.add(name)
        vote = "cuda.syncthreads_or"
        inner = who
        if who == "warp" or (self.whole and self.chance(5)):
            if not self.whole:
                return
            vote, inner = "cuda.any_sync", "warp"
            test = f"{vote}(FULL, {name} > 0)"
        else:
            test = f"{vote}({name} > 0)"
        others = set(self.known)
        self.known = others - {name}
        self.put(level, f"while {test}:")
        self.put(level + 1, f"{name} -= 1")
        start = len(self.lines)
        self.put(level + 1, f"out[g] += {self.value(inner)}")
        if self.chance(5):
            count = f"m{start}"
            self.put(level + 1, f"for {count} in range(2):")
            self.put(level + 2, f"out[g] += {self.value(inner)}")
        self.known = others

    def leave(self, who, level, depth):
        """Let some threads return: a whole warp or any threads."""
        if not self.chance(3):
            self.give(who, level, depth)
            return
        if self.chance(5):
            self.put(level, "if t // 32 == 1:")
        else:
            self.put(level, f"if {self.plain()} > {self.plain()}:")
            self.whole = False
        self.put(level + 1, "return")
        self.lane_exits = True
