"""The names that exist only inside a kernel."""


class Intrinsic:
    """A name of the kernel API, such as ``cuda.threadIdx.x``.

    Outside a kernel it is only a name: calling it raises.
    """

    def __init__(self, name, children=()):
        self.name = name
        for child in children:
            setattr(self, child, Intrinsic(f"{name}.{child}"))

    def __call__(self, *args, **kwargs):
        raise RuntimeError(
            f"cuda.{self.name} was called outside a kernel. Call it in a "
            "function decorated with @cuda.jit that is launched as "
            "kernel[blocks, threads](...)."
        )

    def __repr__(self):
        return f"<cuda.{self.name}, for use in a kernel>"


XYZ = ("x", "y", "z")
ATOMICS = (
    "add",
    "sub",
    "inc",
    "dec",
    "max",
    "min",
    "nanmax",
    "nanmin",
    "and_",
    "or_",
    "xor",
    "exch",
    "cas",
    "compare_and_swap",
)
INDEX = {
    name: Intrinsic(name, XYZ)
    for name in ("threadIdx", "blockIdx", "blockDim", "gridDim")
}
NAMED = {
    "atomic": Intrinsic("atomic", ATOMICS),
    "shared": Intrinsic("shared", ("array",)),
    "local": Intrinsic("local", ("array",)),
    "const": Intrinsic("const", ("array_like",)),
    "cg": Intrinsic("cg", ("this_grid",)),
}
SHUFFLES = ("shfl_sync", "shfl_up_sync", "shfl_down_sync", "shfl_xor_sync")
VOTES = (
    "ballot_sync",
    "any_sync",
    "all_sync",
    "eq_sync",
    "match_any_sync",
    "match_all_sync",
)
BARRIERS = (
    "syncthreads",
    "syncthreads_count",
    "syncthreads_and",
    "syncthreads_or",
)
FENCES = ("threadfence", "threadfence_block", "threadfence_system")
PLAIN = ("popc", "clz", "ffs", "brev", "fma", "selp", "cbrt")
SIMPLE = {
    name: Intrinsic(name)
    for name in (
        "grid",
        "gridsize",
        "laneid",
        "warpsize",
        "syncwarp",
        "activemask",
        "lanemask_lt",
        "nanosleep",
        *SHUFFLES,
        *VOTES,
        *BARRIERS,
        *FENCES,
        *PLAIN,
    )
}
TABLE = {**INDEX, **NAMED, **SIMPLE}
YIELDING = {
    *SHUFFLES,
    *VOTES,
    *BARRIERS,
    "syncwarp",
    "activemask",
    "grid_sync",
}
