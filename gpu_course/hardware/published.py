"""Published figures of real processors, their memories and their links.

The tables are ``tables/*.csv``. Each row names its source, with an address.
The column ``checked`` says how the figures were compared with the source. For
a processor these are its FP32 peak and its bandwidth, the two that the course
plots.
"""

import csv
import datetime
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, get_args, get_type_hints

FOLDER = Path(__file__).parent / "tables"
CHOICES = {
    "figures": ("published", "modelled"),
    "checked": ("read", "read second-hand", "recalled"),
    "offer": ("rent", "buy"),
}
Row = TypeVar("Row", bound="Sourced")


@dataclass(frozen=True, kw_only=True)
class Sourced:
    """Where the figures of a row come from.

    Attributes
    ----------
    source, url : str
        A title and an address.
    checked : {"read", "read second-hand", "recalled"}
        How the figures were compared with the source: in the source or a copy
        of it, on a page that quotes it, or not again.
    checked_url : str or None
        The pages that were read, if they aren't at `url`.
    note : str or None
    """

    source: str
    url: str
    checked: str
    checked_url: str | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Processor(Sourced):
    """A GPU, or the CPU in one socket. None where a figure isn't published.

    Attributes
    ----------
    kind : {"gpu", "cpu"}
    announced : datetime.date
        The first day of the month in which the vendor presented it.
    compute_capability : str or None
        NVIDIA's version number of the architecture.
    sms : int
        Number of multiprocessors: NVIDIA's SMs, AMD's compute units, cores of
        others.
    fp32_lanes_per_sm : int
        float32 multiply-adds that one multiprocessor starts each cycle.
    peak_clock_mhz : float
        The clock that the peaks assume: a GPU's boost clock, a CPU's base
        clock.
    fp64_tflops, fp32_tflops : float
        Peak TFLOP/s on the ordinary lanes. A multiply-add is two FLOPs.
    tf32_tflops, fp16_tflops, bf16_tflops, fp8_tflops : float
        Peak of dense products (no sparsity), on tensor or matrix cores where
        the processor has them.
    memory_gb, bandwidth_gb_s : float
        Size of the GPU's memory; peak bandwidth of the memory.
    power_w : float
        Board power of a GPU, thermal design power of a CPU.
    l2_mib : float
    registers_per_sm : int
        Number of 32-bit registers. For NVIDIA this and the next figure are
        from the CUDA C++ Programming Guide, "Technical Specifications per
        Compute Capability".
    shared_kib_per_sm : float
        The largest shared memory; for AMD, the local data share.
    pcie_generation : int
    nvlink_gb_s : float
        Bandwidth of all links of a GPU, both directions together, as NVIDIA
        counts.
    figures : {"published", "modelled"}
        Whether the peaks are the vendor's, or a product that `source` states.
    """

    name: str
    kind: str
    vendor: str
    announced: datetime.date
    architecture: str
    sms: int
    figures: str
    compute_capability: str | None = None
    fp32_lanes_per_sm: int | None = None
    peak_clock_mhz: float | None = None
    fp64_tflops: float | None = None
    fp32_tflops: float | None = None
    tf32_tflops: float | None = None
    fp16_tflops: float | None = None
    bf16_tflops: float | None = None
    fp8_tflops: float | None = None
    memory_gb: float | None = None
    bandwidth_gb_s: float | None = None
    power_w: float | None = None
    l2_mib: float | None = None
    registers_per_sm: int | None = None
    shared_kib_per_sm: float | None = None
    pcie_generation: int | None = None
    nvlink_gb_s: float | None = None

    @property
    def modelled_fp32_tflops(self) -> float | None:
        """``sms × fp32_lanes_per_sm × 2 × peak_clock_mhz / 1e6``, or None."""
        if self.fp32_lanes_per_sm is None or self.peak_clock_mhz is None:
            return None
        lanes = self.sms * self.fp32_lanes_per_sm
        return lanes * 2 * self.peak_clock_mhz / 1e6

    @property
    def ridge_flop_per_byte(self) -> float | None:
        """The intensity above which float32 arithmetic limits, or None."""
        if self.fp32_tflops is None or self.bandwidth_gb_s is None:
            return None
        return self.fp32_tflops * 1e3 / self.bandwidth_gb_s


@dataclass(frozen=True, kw_only=True)
class MemoryLevel(Sourced):
    """One level of a chip's memory, as one source reports it.

    Sources that measure the same level differently have a row each.

    Attributes
    ----------
    level : str
        ``"registers"``, ``"shared memory"``, ``"L1"``, and so on.
    size_kib : float
        Size per SM, core or chip, as `each` says. Where L1 and shared memory
        are one store, L1 has the size of the whole store.
    latency_cycles : float or None
        From a load to the use of its value, measured with dependent loads.
    bandwidth_gb_s : float or None
    """

    chip: str
    level: str
    size_kib: float
    each: str
    latency_cycles: float | None = None
    bandwidth_gb_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Link(Sourced):
    """A link between processors.

    Attributes
    ----------
    year : int
        Year of the specification (PCIe) or of the first GPU that has it
        (NVLink).
    lanes : int or None
    gt_s : float or None
        Transfers of one lane each second, in billions.
    payload : str or None
        The share of the bits that carry data.
    one_way_gb_s : float
        Bandwidth in one direction: of 16 lanes, or of all links of a GPU.
    figures : {"published", "modelled"}
    """

    name: str
    kind: str
    generation: int
    year: int
    one_way_gb_s: float
    figures: str
    lanes: int | None = None
    gt_s: float | None = None
    payload: str | None = None


def processors(path: str | Path | None = None) -> tuple[Processor, ...]:
    """Return the table of processors: GPUs, then CPUs, each by date.

    Parameters
    ----------
    path : path-like, optional
        Another file with the columns of ``hardware/tables/hardware.csv``.

    Returns
    -------
    tuple of Processor

    Raises
    ------
    ValueError
        If a row of the file is invalid; the message names line and column.
    """
    return read_table(Path(path or FOLDER / "hardware.csv"), Processor)


def processor(name: str) -> Processor:
    """Return the processor of that name, in upper or lower case.

    Raises
    ------
    ValueError
        If there is none; the message lists similar names.
    """
    known = {p.name.lower(): p for p in processors()}
    key = str(name).lower()
    if key not in known:
        near = [n for n in known if key in n or n in key] if key else []
        near = near or difflib.get_close_matches(key, known, 4, 0.4)
        names = ", ".join(known[n].name for n in near or known)
        hint = f"close to it are {names}" if near else f"there are {names}"
        raise ValueError(f"no processor is called {name!r}; {hint}")
    return known[key]


def memory_levels(path: str | Path | None = None) -> tuple[MemoryLevel, ...]:
    """Return the memory levels of a few chips, nearest level first."""
    return read_table(Path(path or FOLDER / "latencies.csv"), MemoryLevel)


def links(path: str | Path | None = None) -> tuple[Link, ...]:
    """Return PCIe and NVLink, each by generation."""
    return read_table(Path(path or FOLDER / "links.csv"), Link)


def read_table(path: Path, row_type: type[Row]) -> tuple[Row, ...]:
    """Read a table whose columns are the fields of a row type."""
    types = get_type_hints(row_type)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if set(reader.fieldnames or ()) != set(types):
            odd = sorted(set(reader.fieldnames or ()) ^ set(types))
            raise ValueError(f"{path.name}: missing or unknown columns {odd}")
        return tuple(
            row_type(
                **{
                    column: _parse(
                        text,
                        types.get(column),
                        column,
                        f"{path.name}, line {reader.line_num}, {column}",
                    )
                    for column, text in row.items()
                }
            )
            for row in reader
        )


def _parse(text, wanted, column, where):
    """Convert a cell; error messages begin with `where`."""
    optional = type(None) in get_args(wanted)
    if text is None or column is None:
        raise ValueError(f"{where}: the row has too few or too many cells")
    if not text:
        if optional:
            return None
        raise ValueError(f"{where}: the cell is empty")
    (kind,) = set(get_args(wanted) or (wanted,)) - {type(None)}
    if text not in CHOICES.get(column, (text,)):
        raise ValueError(
            f"{where}: must be one of {CHOICES[column]}, got {text!r}"
        )
    try:
        if kind is datetime.date:
            return datetime.date.fromisoformat(f"{text}-01")
        value = kind(text)
    except ValueError:
        raise ValueError(
            f"{where}: {text!r} is not of type {kind.__name__}"
        ) from None
    if kind is not str and not 0 < value < float("inf"):
        raise ValueError(f"{where}: must be positive and finite, got {text}")
    return value


def table(
    rows: Iterable[Sourced],
    columns: Sequence[str] = (
        "name",
        "announced",
        "fp32_tflops",
        "bandwidth_gb_s",
        "memory_gb",
        "power_w",
        "figures",
    ),
) -> str:
    """Return rows of any of the tables as text, one line each.

    Parameters
    ----------
    rows : iterable of Processor, MemoryLevel or Link
    columns : sequence of str
        Names of fields or properties of the rows. An unpublished figure is
        a dash.
    """
    lines = [list(columns)]
    lines += [
        [_cell(getattr(row, column)) for column in columns] for row in rows
    ]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            [line[0].ljust(widths[0])]
            + [c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True)]
        ).rstrip()
        for line in lines
    )


def _cell(value):
    if value is None:
        return "–"
    if isinstance(value, datetime.date):
        return f"{value:%Y-%m}"
    if isinstance(value, float):
        return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"
    return str(value)
