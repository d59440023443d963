"""What `ranges.proven` claims is true in every thread that comes there.

Compiled code doesn't check an index that is claimed to be inside, so a wrong
claim is a crash. Kernels are drawn and run by an interpreter that shares no
code with the package; traps that no draw would find are written out.
"""

import math
import random
import textwrap

import numba
import numpy as np
import pytest
from generated_indices import HEAD, IndexWriter, arguments, infer_quickly
from generated_kernels import imported
from numba import typeof
from watched_indices import Watched

from gpu_course import cuda
from gpu_course.cuda import inference, launch, lowering, ranges
from gpu_course.cuda.kernel import Launcher
from gpu_course.cuda.regions import annotate

GRIDS = (1, 2, (2, 2))
BLOCKS = (1, 2, 4, 7, (4, 2), (3, 3))
PARAMETERS = [*"xzmnpqub", "flag", "f"]


class Claims:
    """What is claimed of a kernel, and of the numbers that it compares."""

    def __init__(self, patch):
        self.intervals = {}
        noted = self.intervals

        class Walk(ranges.Walk):
            def holds(self, node, state):
                place = ranges.key(node)
                low, high = self.value(node.left, state)
                before = noted.get(place, (math.inf, -math.inf))
                noted[place] = min(before[0], low), max(before[1], high)
                return super().holds(node, state)

        patch.setattr(ranges, "Walk", Walk)

    def of(self, body, launcher, given):
        self.intervals.clear()
        return ranges.proven(body, PARAMETERS, launcher, given)


@pytest.fixture
def claims(monkeypatch):
    return Claims(monkeypatch)


def told(source, launcher, given):
    """Describe a launch, for the message of a test that fails."""
    shown = [g.shape if isinstance(g, np.ndarray) else g for g in given]
    lines = enumerate(source.splitlines(), 1)
    text = "\n".join(f"{n}: {line}" for n, line in lines)
    return f"{text}\n{launcher.configuration} {shown}"


def wrong(claims, body, watched, launcher, given):
    """Return the claims that a launch refutes, and what it met."""
    proven = claims.of(body, launcher, given)
    watched.launch(launcher.grid, launcher.block, given)
    met = {**watched.inside, **watched.held}
    false = [place for place in proven if not met.get(place, True)]
    known = 0
    for place, numbers in watched.compared.items():
        low, high = claims.intervals.get(place, ranges.UNKNOWN)
        known += low > -math.inf
        if min(numbers) < low or max(numbers) > high:
            false.append((place, (low, high), sorted(numbers)))
    return false, {
        "proven": sum(place in proven for place in watched.inside),
        "outside": sum(not inside for inside in watched.inside.values()),
        "intervals": known,
    }


def check(claims, folder, seed, draws=3):
    """Draw a kernel and launch it; return what its launches met."""
    drawn = random.Random(seed)
    source = IndexWriter(drawn).write()
    kernel = imported(folder, f"indices{seed}", source).kernel
    kinds = tuple(map(typeof, arguments(drawn)))
    body = annotate(lowering.lower(kernel, kinds))
    watched, counts = Watched(source), []
    for _ in range(draws):
        given = arguments(drawn)
        launcher = Launcher(None, (drawn.choice(GRIDS), drawn.choice(BLOCKS)))
        false, met = wrong(claims, body, watched, launcher, given)
        assert not false, f"{told(source, launcher, given)}\n{false}"
        counts.append(met)
    return counts


def types_quickly(source, tree, *given):
    """Do what `stored_types.types_of` does; what isn't known is None."""
    found, result = infer_quickly(source, *given)
    return {**dict.fromkeys(inference.probed(tree)), **found}, result


@pytest.mark.parametrize("part", range(4))
def test_claims_about_drawn_kernels_are_true(
    part, claims, tmp_path, monkeypatch
):
    monkeypatch.setattr(lowering, "types_of", types_quickly)
    counts = []
    for seed in range(80 * part, 80 * part + 80):
        counts += check(claims, tmp_path, seed)
    total = {k: sum(c[k] for c in counts) for k in counts[0]}
    # The draws are worth something: much is claimed, and much is wrong.
    assert total["proven"] > 200
    assert total["outside"] > 100
    assert total["intervals"] > 400


@pytest.mark.long
@pytest.mark.parametrize("part", range(20))
def test_claims_about_drawn_kernels_are_true_at_length(
    part, claims, tmp_path, monkeypatch
):
    monkeypatch.setattr(lowering, "types_of", types_quickly)
    for seed in range(1000 * (part + 1), 1000 * (part + 2)):
        check(claims, tmp_path, seed)


def test_the_quick_types_are_numba_s(tmp_path, monkeypatch):
    """What types the drawn kernels above gives what Numba's inference does.

    But for variables, which Numba may give a narrower type at one place.
    """
    real = lowering.types_of
    compared = 0

    def both(source, tree, *given):
        nonlocal compared
        found, result = real(source, tree, *given)
        quick, _ = infer_quickly(source, *given)
        for node in lowering.ast.walk(source.tree):
            number = getattr(node, "number", None)
            if number not in found or quick.get(number) is None:
                continue
            if not isinstance(node, lowering.ast.Name):
                text = lowering.ast.unparse(node)
                assert str(quick[number]) == str(found[number]), text
                compared += 1
        return found, result

    monkeypatch.setattr(lowering, "types_of", both)
    for seed in (1, 3, 4, 12, 20):
        drawn = random.Random(seed)
        source = IndexWriter(drawn, 3).write()
        kernel = imported(tmp_path, f"types{seed}", source).kernel
        lowering.lower(kernel, tuple(map(typeof, arguments(drawn))))
    assert compared > 100


ARITHMETIC = [
    "-p",
    "-(-p)",
    "~b",
    "-b",
    "-q",
    "b - q",
    "b * b",
    "p + p",
    "u + n",
    "u // 3",
    "n // q",
    "n % q",
    "n // 0",
    "n % 0",
    "(n * n) * (n * n)",
    "n << 63",
    "n >> 62",
    "1 << b // 8",
    "b << 60",
    "b >> 1",
    "p >> 1",
    "q & b",
    "p | b",
    "p ^ u",
    "~u",
    "min(p, q)",
    "-min(p, p)",
    "max(b, b)",
    "int8(b)",
    "uint8(p)",
    "int32(u)",
    "int64(u)",
    "int(b)",
    "abs(p)",
    "-int8(n)",
    "int64(n * 0.3)",
    "uint64(q) >> 1",
]


@pytest.mark.parametrize("others", [{}, {"n": -(2**62), "q": np.int32(7)}])
def test_the_watched_numbers_are_numba_s(others):
    """The interpreter that judges the claims computes as Numba does."""
    parts = ", ".join(f"int64({text})" for text in ARITHMETIC)
    space = {
        k: getattr(numba, k)
        for k in ("int8", "int32", "int64", "uint8", "uint64")
    }
    exec(f"def compute(n, p, q, u, b): return ({parts})", space)
    compiled = numba.njit(error_model="numpy")(space["compute"])
    given = [{**TRAP_ARGUMENTS, **others}[name] for name in "npqub"]
    watched = Watched(f"def kernel(n, p, q, u, b): return ({parts})")
    found = dict(zip(ARITHMETIC, watched.value_of(given), strict=True))
    assert found == dict(zip(ARITHMETIC, compiled(*given), strict=True))


# Traps, each with what a proof could get wrong. `x` has 4 elements or 200,
# `m` is 3 by 5, `n` is 2, `p` int8 -128, `q` int32 -1, `u` 2**64 - 1, `b` 222.
TRAPS = {
    "the second of two targets": """
        v = 1
        v = w = v + 1
        x[w - 3] = 1
        h = w < 0""",
    "a target that is the index of the next": """
        v = 1
        v = x[v] = 1000000""",
    "a target that is the index of the one before": """
        v = 1000000
        x[v] = v = 1""",
    "a target within a tuple that is an index": """
        v = 1
        v, x[v] = 1000000, 5""",
    "a swap": """
        v, w = 1, 1000000
        v, w = w, v
        x[v] = x[w]""",
    "a swap in the other order": """
        v, w = 1000000, 1
        w, v = v, w + v
        x[w] = x[v]""",
    "minus the least int8": "x[-p] = 1",
    "minus the least int8, a constant": "x[-LEAST] = 1",
    "minus minus": "x[-(-p) - 1] = x[-(-LEAST)]",
    "minus an unsigned number": "x[int64(-b)] = 1",
    "not an unsigned number": "x[int64(~b)] = 1",
    "a cast that wraps": "x[int64(int8(b))] = x[int64(uint8(p - 1))]",
    "a cast to unsigned": "x[uint64(q)] = x[uint64(n - 3)]",
    "a big unsigned number as signed": "x[int64(u)] = x[u + n]",
    "an unsigned index does not wrap": "x[u] = 1",
    "a sum past 64 bits": """
        v = 9223372036854775807
        v = v + n
        h = v < 0
        if v < 4:
            x[v] = 1""",
    "a product past 64 bits": """
        v = (1 << 62) * (n + 2)
        h = v < 0
        x[v] = 1""",
    "a shift past 64 bits": """
        x[(n << 63) + 1] = x[1 << (n + 62)]
        x[n >> 65] = x[-1 << 63]""",
    "a shift by a negative number": "x[8 >> q] = x[1 << q]",
    "a difference of unsigned numbers": "x[uint64(1) - uint64(n)] = 1",
    "floor of a negative quotient": "x[q // 2] = x[(0 - n) // 3]",
    "remainder of a negative number": "x[(q * 7) % 4] = x[(0 - n) % 3 - 1]",
    "remainder by a negative number": "x[n % -3] = x[q % (0 - n)]",
    "by zero": "x[n // 0] = x[n % 0]\nx[3 // (n - 2)] = x[3 % (n - 2)]",
    "not reached, divided": """
        if n > 2:
            x[3 // n] = x[3 % (n - 2)]
        if q >= 0:
            x[3 >> q] = x[3 << q]
        while q > 4:
            x[3 // q] = 1
            q = int32(q + 1)""",
    "a loop's variable that the body changes": """
        for v in range(4):
            x[v] = 1
            v = v + 100
            x[v] = 2""",
    "a loop's variable after the loop": """
        v = 1
        for v in range(x.size + 2):
            pass
        x[v] = 1""",
    "a variable read before the loop changes it": """
        v = 0
        for w in range(5):
            x[v] = 1
            h = v < 0
            v = v + 3""",
    "a while that goes up": """
        v = 0
        while v < x.size + 1:
            x[v] = 1
            v += 1
        x[v - 2] = 1""",
    "a while that goes down past zero": """
        v = x.size - 1
        while v >= -1:
            x[v] = 1
            v -= 1
        h = v < 0""",
    "a while that halves a negative number": """
        v = 0 - x.size
        for w in range(3):
            h = v < 0
            x[v] = 1
            v //= 2
        while v < 0:
            x[v] = 1
            v >>= 1""",
    "two variables that chase each other": """
        v, w = 0, 0
        while w < 6:
            x[v] = 1
            h = v < 1, w < 1
            v = w
            w = w + 2""",
    "a while left by break": """
        v = 0
        while v < 3:
            if m[0, v] > -5:
                v = 1000
                break
            v += 1
        x[v] = 1""",
    "after a while left by break": """
        v = 0
        while v != 3:
            if n == 2:
                break
            v += 1
        h = v < 3""",
    "a product of what may be negative": """
        v = cuda.threadIdx.x - 1
        h = v * (cuda.threadIdx.x * 2 - 3) < 0""",
    "a shift by what varies": """
        h = 8 >> cuda.threadIdx.x < 0, 1 << cuda.threadIdx.x < 0
        h = -8 >> cuda.threadIdx.x < 0, -1 << cuda.threadIdx.x < 0""",
    "the least and the most of what varies": """
        v = cuda.threadIdx.x
        h = max(v, 2) < 0, min(v, 2) < 0, min(v, 3 - v, 1) < 0""",
    "the negation of a chain": """
        v = cuda.threadIdx.x
        if not n <= v < q:
            h = v < 0
        if not (q >= v > n):
            h = v < 1""",
    "the remainder of what may be negative": """
        v = cuda.threadIdx.x - 2
        h = v % 3 < 0, v % 7 < 0, v % -3 < 0, v // 2 < 0""",
    "what equals a number that varies": """
        v = cuda.grid(1)
        w = cuda.threadIdx.x
        if v == w:
            h = v < 0, w < 0
        if v != w:
            h = v < 1, w < 1
        elif v + 1 == 1:
            h = v < 2, w < 2""",
    "the shape that one branch leaves": """
        s = cuda.shared.array(2, int64)
        if x[0] > 1000:
            s = cuda.shared.array(64, int64)
        s[10] = 1
        if x[0] < 1000:
            pass
        else:
            s = cuda.shared.array(64, int64)
        s[11] = 1""",
    "a remainder by what varies": """
        v = cuda.threadIdx.x % (cuda.threadIdx.x + 1)
        h = v < 1
        x[v + 1] = 1
        v = 7 % (cuda.threadIdx.x + 2)
        h = v < 1""",
    "a while gone on with by continue": """
        v = 0
        while v < x.size:
            v += 1
            if v == x.size:
                x[v] = 3
                continue
            x[v] = 2""",
    "a for left by break": """
        v = 0
        for w in range(3):
            v = 1000
            if w == 1:
                break
            v = 0
        x[v] = 1""",
    "else of a loop": """
        v = 0
        for w in range(3):
            if x[w] > 100:
                break
        else:
            v = 1000
        x[v] = 1""",
    "else of a loop left by break": """
        v = 1000
        for w in range(3):
            if x[w] > -100:
                break
        else:
            v = 0
        x[v] = 1""",
    "break of an inner loop": """
        v = 0
        for w in range(3):
            for k in range(3):
                if k == 1:
                    v += 50
                    break
            x[v] = 1""",
    "a range down": """
        for v in range(x.size, -1, -1):
            x[v] = 1
        for v in range(2, -3, -2):
            x[v] = 1""",
    "a step that is a variable": """
        for v in range(x.size, 0, q):
            x[v] = 1
        for v in range(0, 10, n + q):
            x[v] = 1""",
    "no step": """
        for v in range(0, 3, n - 2):
            x[v + 1000] = 1""",
    "an empty range": """
        v = 1000
        for v in range(n, 0):
            v = 0
        x[v] = 1""",
    "a guard that is an or": """
        v = n + 1000
        if v < 4 or n == 2:
            x[v] = 1""",
    "a guard that is negated": """
        v = n + 1000
        if not (v < 4 and n == 2):
            x[v] = 1
        if not (v >= 4 or n != 2):
            x[v] = 1
        if not v < 4:
            x[v] = 1""",
    "a chain that doesn't hold": """
        v = n + 1000
        if not 0 <= v < 4:
            x[v] = 1
        if not (0 <= n < v):
            x[v] = 1""",
    "the other side of an early return": """
        v = cuda.grid(1)
        if v < x.size:
            return
        x[v] = 1""",
    "a return in one branch of a branch": """
        v = cuda.grid(1)
        if v >= x.size:
            if n == 3:
                return
        x[v] = 1""",
    "a guard of another array": """
        v = cuda.grid(1) + 3
        if v < m.size:
            x[v] = m[v // 5, v % 5]
        if v < m.shape[1]:
            m[v, 0] = 1""",
    "a guard, and then another number": """
        v = cuda.grid(1)
        if v < x.size:
            v = v + 2
            x[v] = 1""",
    "a guard on a float": """
        v = n + 1000
        if v * 0.001 < 2.5 or f < v:
            x[v] = 1""",
    "a guard on a float that is no number": """
        if not f < 1.0:
            x[int64(f)] = 1
        x[int64(f * 1000)] = 2""",
    "equal and not equal": """
        v = cuda.grid(1) - 1
        if v != 0:
            x[v] = 1
        if v == 1000000:
            x[v] = 1
        if not v != 3:
            x[v] = 1""",
    "and with a negative number": "x[(0 - n) & -8] = x[n & -1]",
    "or": "x[n | 8] = x[n ^ 7]",
    "the least of what may be large": """
        x[min(n + 1000, q)] = x[max(n - 1000, q)]
        x[min(q, 3)] = x[max(n * 500, 3)]""",
    "a choice": """
        v = n + 1000
        x[v if v > 3 else 0] = x[0 if v > 3 else v]
        w = v if v < 3 else 2
        x[w] = x[(n if n > 5 else 1000)]""",
    "a choice whose guard is another's": """
        v = cuda.grid(1) + 1
        x[v if n < 4 else 0] = 1""",
    "true and false as numbers": """
        x[flag + 3] = x[flag - 2]
        x[flag * 1000] = x[YES + 3]
        x[int(flag) - 1] = 1
        x[-flag - 4] = 1""",
    "a parameter that changes": """
        x[n] = 1
        n = n + 1000
        x[n] = 1
        for v in range(2):
            x[n - 1000] = 1
            n += 1000""",
    "an array under another's name": """
        if n == 2:
            x = z
        x[3] = 1""",
    "a name for another array": """
        y = x
        for v in range(2):
            y[3] = 1
            y = z""",
    "another array under a shared array's name": """
        s = cuda.shared.array(64, int64)
        if n == 2:
            s = cuda.shared.array(2, int64)
        s[10] = 1""",
    "a shared array in a loop": """
        for v in range(2):
            s = cuda.shared.array(4, int64)
            s[v + 3] = 1
        s[4] = 1""",
    "a row": """
        m[2, 5] = 1
        m[3, 0] = m[0, n + 3]
        m[n][n + 3] = m[n + 1][0]""",
    "a pair as an index": """
        w = (n, n + 3)
        m[w] = 1
        w = (n + 1, n)
        m[w] = 1
        m[cuda.grid(2)] = 1""",
    "a pair that one branch changes": """
        w = (0, 0)
        if n == 2:
            w = (7, 7)
        m[w] = 1
        for v in range(2):
            w = (v, v + 4)
        m[w] = 1""",
    "a shape as an index": """
        m[m.shape] = 1
        h, w = m.shape
        m[w, h] = 1""",
    "the threads of all axes": """
        x[cuda.threadIdx.y + 3] = x[cuda.blockIdx.y + 3]
        m[cuda.grid(2)[1], cuda.grid(2)[0]] = 1
        x[cuda.gridsize(1)] = x[cuda.blockDim.x - 1]""",
    "an element as an index": "x[x[0]] = z[x[1] % 4]",
    "what is added in place is computed once": """
        v = 1
        x[v] += 100
        x[x[v]] += 1
        x[x[v] + 1000] -= 1""",
    "a variable that is set in one branch only": """
        if n > 100:
            v = 0
        else:
            v = 1000
        if n == 2:
            w = v
        else:
            w = 0
        x[w] = 1""",
    "counters of several loops": """
        v = 0
        for w in range(3):
            for k in range(2):
                v += 1
            x[v] = 1
            v -= 1
        x[v] = 1""",
    "a loop that shrinks what bounds it": """
        v = x.size
        while n < v:
            x[v - 1] = 1
            v -= n
            x[v - 3] = 1""",
}
TRAP_ARGUMENTS = {
    "x": 4,
    "z": 3,
    "m": (3, 5),
    "n": 2,
    "p": np.int8(-128),
    "q": np.int32(-1),
    "u": np.uint64(2**64 - 1),
    "b": np.uint8(222),
    "flag": True,
    "f": 0.5,
}
OTHERS = [
    {},
    {"x": 200},
    {"x": 1, "n": 0, "q": np.int32(3)},
    {"f": math.nan, "n": -1, "p": np.int8(3)},
    {"n": 2**63 - 1, "u": np.uint64(2**63)},
    {"n": -(2**63), "x": 0},
]


def trap_arguments(others):
    sizes = {**TRAP_ARGUMENTS, **others}
    return [
        np.arange(math.prod(np.atleast_1d(v))).reshape(v) if k in "xzm" else v
        for k, v in sizes.items()
    ]


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap(name, claims, tmp_path):
    body = textwrap.indent(textwrap.dedent(TRAPS[name]), "    ")
    source = HEAD + body + "\n"
    kernel = imported(tmp_path, "trap", source).kernel
    kinds = tuple(map(typeof, trap_arguments({})))
    body = annotate(lowering.lower(kernel, kinds))
    watched = Watched(source)
    met = 0
    for others in OTHERS:
        for grid, block in ((1, 4), ((2, 2), (3, 2))):
            given = trap_arguments(others)
            launcher = Launcher(None, (grid, block))
            false, _ = wrong(claims, body, watched, launcher, given)
            assert not false, f"{told(source, launcher, given)}\n{false}"
            met += len(watched.inside) + len(watched.held)
    assert met


def claimed(function, launcher, *given):
    """Return the claims about a kernel, as text: `x[i]` and its axis."""
    typed = lowering.lower(function, tuple(map(typeof, given)))
    names = typed.source.parameters
    return ranges.proven(annotate(typed), names, launcher, list(given))


def test_an_ellipsis_moves_the_axes():
    def kernel(x, out):
        t = cuda.threadIdx.x
        row = x[..., t]
        out[0] = row[0, 0]

    x = np.zeros((1, 9, 4))
    found = claimed(kernel, Launcher(None, (1, 8)), x, np.zeros(1))
    assert not any(place[3] == "x" for place in found if len(place) > 3)


# LLVM may drop a guard of what it takes for undefined, so it proves nothing.
GUARDED = {
    "a power": ("k = n ** 3", False),
    "what a power gave": ("j = n ** 3\nk = j + 1", False),
    "a float as an integer": ("k = int(math.floor(f))", False),
    "a power in the round before": (
        "k = n\nfor _ in range(2):\n    n = k\n    k = n ** 3",
        False,
    ),
    "a product": ("k = 3 * n", True),
    "a product after a power": ("k = n ** 3\nk = 3 * n", True),
}


@pytest.mark.parametrize("name", GUARDED)
def test_a_guard_proves_nothing_of_a_doubtful_value(name, tmp_path):
    body, proves = GUARDED[name]
    lines = [*body.splitlines(), "if 0 <= k < x.size:", "    x[k] = 1.0"]
    source = "import math\n\n\ndef kernel(x, n, f):\n    " + "\n    ".join(
        lines
    )
    kernel = imported(tmp_path, "guarded", source + "\n").kernel
    found = claimed(kernel, Launcher(None, (1, 4)), np.zeros(9), 2, 1.5)
    assert any(place[2:4] == ("Store", "x") for place in found) is proves


@cuda.jit
def axpy(a, x, y):
    i = cuda.grid(1)
    if i < x.size:
        y[i] = a * x[i] + y[i]


@cuda.jit
def strided(x, y):
    for i in range(cuda.grid(1), x.shape[0], cuda.gridsize(1)):
        y[i] = x[i]


@cuda.jit
def tiled(a, b, c):
    one = cuda.shared.array((16, 16), np.float32)
    two = cuda.shared.array((16, 16), np.float32)
    column, row = cuda.grid(2)
    tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
    total = np.float32(0)
    for start in range(0, a.shape[1], 16):
        one[ty, tx] = a[row, start + tx]
        two[ty, tx] = b[start + ty, column]
        cuda.syncthreads()
        for k in range(16):
            total += one[ty, k] * two[k, tx]
        cuda.syncthreads()
    c[row, column] = total


@cuda.jit
def convolve(images, weights, out):
    image = cuda.blockIdx.x
    y, x = cuda.threadIdx.y, cuda.threadIdx.x
    if y < out.shape[1] and x < out.shape[2]:
        total = np.float32(0)
        for i in range(5):
            for j in range(5):
                total += weights[i, j] * images[image, y + i, x + j]
        out[image, y, x] = total


@cuda.jit
def block_sum(x, out):
    tile = cuda.shared.array(128, np.float32)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    tile[t] = x[i] if i < x.size else np.float32(0)
    cuda.syncthreads()
    step = cuda.blockDim.x // 2
    while step > 0:
        if t < step:
            tile[t] += tile[t + step]
        cuda.syncthreads()
        step //= 2
    if t == 0:
        out[cuda.blockIdx.x] = tile[0]


def floats(*shape):
    return np.ones(shape, np.float32)


USUAL = {  # each with the same where an array is too small
    "axpy": (
        axpy,
        8,
        128,
        (np.float32(2), floats(1000), floats(1000)),
        (np.float32(2), floats(1000), floats(999)),
    ),
    "strided": (
        strided,
        4,
        32,
        (floats(1000), floats(1000)),
        (floats(1000), floats(999)),
    ),
    "convolve": (
        convolve,
        7,
        (28, 28),
        (floats(7, 28, 28), floats(5, 5), floats(7, 24, 24)),
        (floats(7, 28, 27), floats(5, 5), floats(7, 24, 24)),
    ),
    "block_sum": (
        block_sum,
        8,
        128,
        (floats(1000), floats(8)),
        (floats(1000), floats(7)),
    ),
    # The last tile of a begins at column 32, and so would end at 48.
    "tiled": (
        tiled,
        (3, 2),
        (16, 16),
        (floats(32, 48), floats(48, 48), floats(32, 48)),
        (floats(32, 40), floats(40, 48), floats(32, 48)),
    ),
}


@pytest.mark.parametrize("name", USUAL)
def test_usual_kernels_need_no_checks(name):
    kernel, grid, block, right, short = USUAL[name]
    typed = lowering.lower(kernel.py_func, tuple(map(typeof, right)))
    assert "_at(" in launch.write(typed).text
    found = claimed(kernel.py_func, kernel[grid, block], *right)
    assert "_at(" not in launch.write(typed, found).text
    found = claimed(kernel.py_func, kernel[grid, block], *short)
    assert "_at(" in launch.write(typed, found).text


def test_a_launch_takes_no_variant_that_claims_too_much(monkeypatch):
    """Shapes change from launch to launch; the compiled variants stay."""
    monkeypatch.setattr(launch, "MOST_THREADS", 50)

    def kernel(x, z, n):
        i = cuda.grid(1)
        if i < n:
            z[i] = x[i + 1]
        x[n] = z[n - 1]

    drawn = random.Random(5)
    version, taken = None, set()
    for _ in range(40):
        sizes = [drawn.choice((0, 1, 3, 4, 5, 8, 63, 64, 65)) for _ in "xz"]
        given = [*map(np.ones, sizes), drawn.choice((0, 1, 3, 4, 64, -1))]
        version = version or launch.Version(kernel, tuple(map(typeof, given)))
        launcher = Launcher(
            None, (drawn.choice((1, 2)), drawn.choice((4, 32)))
        )
        chosen = version.compiled(launcher, given)
        chosen.function = "compiled"
        assert chosen.program.proven <= claimed(kernel, launcher, *given)
        taken.add(chosen)
    assert len(taken) > 2
