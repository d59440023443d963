"""Work given to a GPU: a modelled time, copies and launches included.

    time = launches · t_launch + max(FLOPs / peak, bytes / bandwidth)
           + copied bytes / link

It is the roofline with the two costs that small work can't escape. Peak and
bandwidth are published; a real kernel takes longer (chapter 43 has how much).
"""

from dataclasses import dataclass

from gpu_course.roofline import Ceilings, published_ceilings

# An elementwise kernel of 65,536 float16 numbers on a GeForce RTX 5090 takes
# 4.1 µs, of which memory needs 0.2: `measurements`, NVIDIA/cccl, PR 7391.
LAUNCH_S = 4e-6


@dataclass(frozen=True)
class ModelledGpu:
    """A GPU as far as the model asks.

    Attributes
    ----------
    ceilings : roofline.Ceilings
    link_gb_s : float
        One way, between host and GPU.
    launch_s : float
        Fixed time of each launch.
    """

    ceilings: Ceilings
    link_gb_s: float
    launch_s: float = LAUNCH_S

    @property
    def name(self):
        return self.ceilings.name

    def time_s(self, flops, bytes, copied_bytes=0, launches=1):
        """Return the modelled seconds.

        Parameters
        ----------
        flops, bytes : float
            Of all kernels; bytes to and from the GPU's own memory.
        copied_bytes : float
            Between host and GPU, both directions together.
        launches : int

        Raises
        ------
        ValueError
            If a number is negative.
        """
        for name, value in (("copied_bytes", copied_bytes),
                            ("launches", launches)):  # fmt: skip
            if not value >= 0:
                raise ValueError(f"{name} must not be negative, got {value}")
        return (
            launches * self.launch_s
            + self.ceilings.attainable_time_s(flops, bytes)
            + copied_bytes / self.link_gb_s / 1e9
        )


def modelled_gpu(name):
    """Return the model of a processor of `hardware.processors`.

    Raises
    ------
    ValueError
        If there is none of that name, or a figure isn't published.
    """
    from gpu_course.hardware import links, processor

    found = processor(name)
    if found.kind != "gpu":
        raise ValueError(f"{found.name} is a CPU: name a GPU")
    rates = {
        link.generation: link.one_way_gb_s
        for link in links()
        if link.kind == "pcie"
    }
    if found.pcie_generation not in rates:
        raise ValueError(
            f"the link of {found.name} isn't in the table: make a ModelledGpu "
            "with a link_gb_s of your own"
        )
    return ModelledGpu(published_ceilings(found), rates[found.pcie_generation])


def crossover(sizes, here_s, there_s):
    """Return the first size from which on the second is always faster.

    Parameters
    ----------
    sizes : sequence of int
        Increasing.
    here_s, there_s : sequence of float
        Seconds at each size.

    Returns
    -------
    int or None
        None if it is slower at the largest size.

    Raises
    ------
    ValueError
        If there are not as many of each, or the sizes don't increase.
    """
    if not len(sizes) == len(here_s) == len(there_s):
        raise ValueError(
            "a time is needed for each size, got "
            f"{len(sizes)} sizes, {len(here_s)} and {len(there_s)} times"
        )
    if list(sizes) != sorted(set(sizes)):
        raise ValueError(f"the sizes must increase, got {list(sizes)}")
    found = None
    for size, here, there in zip(sizes, here_s, there_s, strict=True):
        if there >= here:
            found = None
        elif found is None:
            found = size
    return found
