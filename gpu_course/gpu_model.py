"""A modelled time on a GPU, from traced counts and published figures.

    time = max(sectors · 32 B / bandwidth, FLOPs / peak,
               wavefronts / (multiprocessors · clock))

Each part is the time of one resource that works without a pause. Left out
are caches, which answer sectors that were read before; latency, which only
many warps hide; and the launch itself. It names the resource that is asked
for most; it predicts no measurement.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class GpuModel:
    """A GPU as far as the model asks.

    Attributes
    ----------
    name : str
    bandwidth_gb_s : float
        Of the device memory.
    peak_tflop_s : float
        Of float32, a fused multiply-add counted as two.
    multiprocessors : int
        Each answers one wavefront of shared memory in a cycle: 32 banks, 32
        bits each (NVIDIA, CUDA Programming Guide, on shared memory).
    clock_ghz : float
        Boost clock.
    """

    name: str
    bandwidth_gb_s: float
    peak_tflop_s: float
    multiprocessors: int
    clock_ghz: float

    def parts_s(self, report, repeats=1):
        """Return the seconds of each resource.

        Parameters
        ----------
        report : cuda.report.Report
        repeats : float
            How many times the traced launch's work is done.

        Returns
        -------
        dict of str to float
            ``memory``, ``arithmetic`` and ``shared memory``.
        """
        cycles = report.shared_wavefronts / self.multiprocessors
        parts = {
            "memory": report.global_sectors * 32 / self.bandwidth_gb_s / 1e9,
            "arithmetic": report.flops / self.peak_tflop_s / 1e12,
            "shared memory": cycles / self.clock_ghz / 1e9,
        }
        return {name: repeats * seconds for name, seconds in parts.items()}

    def time_s(self, report, repeats=1):
        """Return the largest part, in seconds."""
        return max(self.parts_s(report, repeats).values())


# NVIDIA, "A100 Tensor Core GPU Architecture" (2020), as in
# gpu_course.hardware; the clock is 1,410 MHz
A100 = GpuModel("NVIDIA A100 40 GB", 1555, 19.5, 108, 1.41)
