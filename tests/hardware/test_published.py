"""The published tables: sources, units, and what must agree with what."""

import csv
import datetime
import re
from fractions import Fraction
from itertools import groupby, pairwise

import pytest

from gpu_course.cuda.occupancy import LIMITS, REGISTERS_PER_SM
from gpu_course.hardware.published import (
    FOLDER,
    links,
    memory_levels,
    processor,
    processors,
    table,
)

BOUNDS = {
    "fp32_tflops": (0.05, 500),
    "fp64_tflops": (0.02, 200),
    "bandwidth_gb_s": (10, 10_000),
    "memory_gb": (0.5, 300),
    "power_w": (15, 1500),
    "peak_clock_mhz": (500, 5000),
    "sms": (4, 400),
    "fp32_lanes_per_sm": (4, 256),
    "l2_mib": (0.5, 200),
    "registers_per_sm": (8192, 131_072),
    "shared_kib_per_sm": (16, 256),
    "pcie_generation": (1, 6),
    "nvlink_gb_s": (100, 3600),
}
DATA_CENTRE = (
    "Tesla C2050",
    "Tesla K20X",
    "Tesla K40",
    "Tesla P100 SXM2",
    "Tesla V100 SXM2",
    "A100 SXM 40 GB",
    "A100 SXM 80 GB",
    "H100 SXM",
    "H200 SXM",
    "B200 SXM",
)


def source_faults(row, name):
    for url in [row.url, *(row.checked_url or "").split()]:
        if not re.fullmatch(r"https?://[\w.-]+\.\w+/\S*", url):
            yield f"{name}: {url!r} is no address"
    if len(row.source) < 15:
        yield f"{name}: the source {row.source!r} has no title"
    told = row.checked_url or re.search(r"[Rr]ead\b", row.note or "")
    if row.checked == "read second-hand" and not told:
        yield f"{name}: it isn't said where it was read"


def faults(rows):
    """Say what can't be right in a table of processors."""
    names = [row.name for row in rows]
    yield from (f"{n}: twice" for n in set(names) if names.count(n) > 1)
    for row in rows:
        name = row.name
        yield from source_faults(row, name)
        if row.kind not in ("gpu", "cpu"):
            yield f"{name}: kind {row.kind!r}"
        first, last = datetime.date(2006, 1, 1), datetime.date(2026, 12, 1)
        if not first <= row.announced <= last:
            yield f"{name}: announced {row.announced}"
        for column, (low, high) in BOUNDS.items():
            value = getattr(row, column)
            if value is not None and not low <= value <= high:
                yield f"{name}: {column} {value} is out of bounds"
        product = row.modelled_fp32_tflops
        if product is not None and product != pytest.approx(
            row.fp32_tflops, rel=0.02
        ):
            yield f"{name}: lanes and clock make {product:.4g} TFLOP/s"
        ladder = [
            getattr(row, f"{kind}_tflops")
            for kind in ("fp64", "fp32", "tf32", "fp16", "fp8")
        ]
        if any(b < a for a, b in pairwise(filter(None, ladder))):
            yield f"{name}: fewer bits are slower: {ladder}"
        yield from modelled_faults(row)
        yield from capability_faults(row)
    speed = {row.name: row.bandwidth_gb_s for row in rows}
    for old, new in pairwise(DATA_CENTRE):
        if speed[new] <= speed[old]:
            yield f"{new}: no faster memory than {old}"


def modelled_faults(row):
    """A product in the source must make the figure."""
    if row.kind == "cpu" and row.figures != "modelled":
        yield f"{row.name}: a CPU's peak is modelled"
    if (row.figures == "modelled") != row.source.startswith("modelled: "):
        yield f"{row.name}: modelled, but the source doesn't begin with it"
    if row.kind == "cpu":
        cores, flops, ghz = re.search(
            r"(\d+) cores × (\d+) FLOPs × ([\d.]+) GHz", row.source
        ).groups()
        tflops = int(cores) * int(flops) * float(ghz) / 1e3
        if tflops != pytest.approx(row.fp32_tflops, rel=0.001):
            yield f"{row.name}: the source makes {tflops} TFLOP/s"
        if row.fp64_tflops != pytest.approx(tflops / 2, rel=0.001):
            yield f"{row.name}: FP64 isn't half of {tflops}"
        channels, mt_s = re.search(
            r"(\d+ channels ×|front-side bus) (\d+) MT/s × 8 B", row.source
        ).groups()
        count = int(re.match(r"\d*", channels)[0] or 1)
        if count * int(mt_s) * 8 / 1e3 != pytest.approx(
            row.bandwidth_gb_s, rel=0.001
        ):
            yield f"{row.name}: the source makes another bandwidth"


def capability_faults(row):
    """Compare with the limits that the teaching GPU's occupancy has."""
    if (row.vendor == "NVIDIA") != (row.compute_capability is not None):
        yield f"{row.name}: compute capability {row.compute_capability}"
    if row.compute_capability:
        pair = tuple(map(int, row.compute_capability.split(".")))
        if pair in LIMITS and (
            row.shared_kib_per_sm != LIMITS[pair].shared_kib
            or row.registers_per_sm != REGISTERS_PER_SM
        ):
            yield f"{row.name}: not the limits of capability {pair}"


def test_nothing_is_wrong_with_the_table():
    assert list(faults(processors())) == []


def test_the_table_covers_what_the_chapters_plot():
    rows = processors()
    years = {
        k: {p.announced.year for p in rows if p.kind == k}
        for k in ("gpu", "cpu")
    }
    assert min(years["gpu"]) == 2006
    assert max(years["gpu"]) >= 2025
    assert min(years["cpu"]) == 2007
    assert max(years["cpu"]) >= 2024
    assert {"NVIDIA", "AMD", "Apple", "Intel"} == {p.vendor for p in rows}
    assert len(rows) >= 35
    both = [p for p in rows if p.fp32_tflops and p.bandwidth_gb_s]
    assert len(both) >= len(rows) - 2  # Apple gives one of the two


# Arithmetic of the whitepapers, written out: SMs × lanes × 2 × GHz.
@pytest.mark.parametrize(
    ("name", "gflops"),
    [
        ("Tesla V100 SXM2", 80 * 64 * 2 * 1.53),
        ("A100 SXM 40 GB", 108 * 64 * 2 * 1.41),
        ("H100 SXM", 132 * 128 * 2 * 1.98),
        ("GeForce RTX 4090", 128 * 128 * 2 * 2.52),
        ("Instinct MI250X", 220 * 64 * 2 * 1.7),
        ("Xeon Platinum 8180", 28 * 64 * 2.5),
    ],
)
def test_fp32_peak_is_lanes_times_clock(name, gflops):
    assert processor(name).fp32_tflops * 1e3 == pytest.approx(gflops, rel=0.02)


@pytest.mark.parametrize(
    ("name", "fmas_per_sm"),
    [
        ("Tesla V100 SXM2", 8 * 64),
        ("Tesla T4", 8 * 64),
        ("A100 SXM 80 GB", 4 * 256),
        ("GeForce RTX 4090", 4 * 64),
    ],
)
def test_fp16_peak_is_tensor_cores_times_clock(name, fmas_per_sm):
    """Tensor cores of an SM × multiply-adds of one in a cycle."""
    gpu = processor(name)
    tflops = gpu.sms * fmas_per_sm * 2 * gpu.peak_clock_mhz / 1e6
    assert gpu.fp16_tflops == pytest.approx(tflops, rel=0.02)


def copy_with(tmp_path, name, column, text):
    with (FOLDER / "hardware.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    (row,) = (row for row in rows if row["name"] == name)
    assert row[column] != text
    row[column] = text
    path = tmp_path / "hardware.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize(
    ("name", "column", "text", "fault"),
    [
        ("H100 SXM", "fp32_tflops", "51", "lanes and clock make 66.9"),
        ("H100 SXM", "sms", "114", "lanes and clock make 57.78"),
        ("A100 SXM 40 GB", "peak_clock_mhz", "1095", "make 15.14"),
        ("Tesla T4", "fp32_tflops", "8100", "out of bounds"),
        ("H100 SXM", "bandwidth_gb_s", "3.35", "out of bounds"),
        ("H100 SXM", "bandwidth_gb_s", "2000", "than A100 SXM 80 GB"),
        ("L4", "memory_gb", "24000", "out of bounds"),
        ("L40S", "fp8_tflops", "91.6", "fewer bits are slower"),
        ("H100 SXM", "url", "NVIDIA", "is no address"),
        ("H100 SXM", "source", "NVIDIA", "has no title"),
        ("H100 SXM", "kind", "tpu", "kind 'tpu'"),
        ("H100 SXM", "announced", "2202-03", "announced 2202"),
        ("H100 SXM", "name", "H200 SXM", "twice"),
        ("H100 SXM", "shared_kib_per_sm", "164", "not the limits"),
        ("H100 SXM", "compute_capability", "", "compute capability None"),
        ("EPYC 7742", "bandwidth_gb_s", "408", "another bandwidth"),
        ("EPYC 7742", "fp64_tflops", "4.608", "FP64 isn't half"),
        ("EPYC 7742", "figures", "published", "a CPU's peak is modelled"),
        ("Tesla T4", "checked_url", "", "isn't said where"),
    ],
)
def test_a_wrong_row_is_found(tmp_path, name, column, text, fault):
    path = copy_with(tmp_path, name, column, text)
    assert any(fault in found for found in faults(processors(path)))


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("fp32_tflops", "67 TFLOPS", "line 19, fp32_tflops: '67 TFLOPS'"),
        ("fp32_tflops", "-67", "must be positive and finite, got -67"),
        ("fp32_tflops", "nan", "must be positive and finite"),
        ("sms", "132.0", "'132.0' is not of type int"),
        ("sms", "", "line 19, sms: the cell is empty"),
        ("url", "", "url: the cell is empty"),
        ("announced", "March 2022", "'March 2022' is not of type date"),
        ("figures", "guessed", "must be one of .*got 'guessed'"),
        ("checked", "yes", "must be one of .*got 'yes'"),
    ],
)
def test_a_cell_that_cannot_be_read(tmp_path, column, text, message):
    path = copy_with(tmp_path, "H100 SXM", column, text)
    with pytest.raises(ValueError, match=message):
        processors(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.replace("power_w", "watts", 1), "columns.*power_w.*wat"),
        (lambda s: s + "one more\n", "line 42, kind: .*too few or too many"),
        (lambda s: s.rstrip() + ",x\n", "too few or too many"),
    ],
)
def test_a_file_of_another_shape(tmp_path, change, message):
    text = (FOLDER / "hardware.csv").read_text(encoding="utf-8")
    path = tmp_path / "hardware.csv"
    path.write_text(change(text), encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        processors(path)


def test_processor_by_name():
    assert processor("a100 sxm 40 gb").name == "A100 SXM 40 GB"
    assert processor("H100 SXM").announced == datetime.date(2022, 3, 1)
    assert processor("M1 GPU").bandwidth_gb_s is None
    assert processor("M1 GPU").ridge_flop_per_byte is None
    ridge = processor("A100 SXM 40 GB").ridge_flop_per_byte
    assert ridge == pytest.approx(12.5, abs=0.1)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("A1000", "close to it are .*A100 SXM 40 GB"),
        ("a100", "close to it are A100 SXM 40 GB, A100 SXM 80 GB$"),
        ("Xeon Platinum 8180M", "close to it are Xeon Platinum 8180$"),
        ("quantum", "there are GeForce 8800 GTX, .*EPYC 9755$"),
        ("", "there are GeForce 8800 GTX"),
    ],
)
def test_an_unknown_processor_names_its_neighbours(name, near):
    with pytest.raises(ValueError, match=f"is called '{name}'; {near}"):
        processor(name)


def test_memory_levels_agree_with_the_processors():
    known = {p.name.removesuffix(" SXM2"): p for p in processors()}
    levels = memory_levels()
    for row in levels:
        assert not list(source_faults(row, f"{row.chip} {row.level}"))
        assert row.each in ("SM", "core", "chip")
        chip = known.get(row.chip)
        if chip and row.level == "registers":
            assert row.size_kib * 1024 == chip.registers_per_sm * 4
        if chip and row.level == "shared memory":
            assert row.size_kib == chip.shared_kib_per_sm
        if chip and row.level == "L2":
            assert row.size_kib == chip.l2_mib * 1024
        if chip and row.level.startswith(("HBM", "GDDR")):
            assert row.size_kib == chip.memory_gb * 1024**2
            assert row.bandwidth_gb_s in (None, chip.bandwidth_gb_s)
    assert len({row.chip for row in levels} & set(known)) >= 4


def test_a_farther_level_is_larger_and_slower():
    """By one source; the shared memory is a part of L1."""
    key = lambda row: (row.chip, row.source)  # noqa: E731
    compared = 0
    for _, group in groupby(sorted(memory_levels(), key=key), key=key):
        timed = [r for r in group if r.latency_cycles]
        for near, far in pairwise(timed):
            assert near.latency_cycles < far.latency_cycles
            assert near.size_kib < far.size_kib
            compared += 1
    assert compared >= 8


def test_links():
    rows = links()
    for row in rows:
        assert not list(source_faults(row, row.name))
        assert row.kind in ("pcie", "nvlink")
        if row.kind == "pcie":
            share = Fraction(row.payload)
            product = row.gt_s * row.lanes * float(share) / 8
            assert row.one_way_gb_s == pytest.approx(product, rel=0.001)
            assert row.figures == "modelled"
    for kind in ("pcie", "nvlink"):
        speeds = [r.one_way_gb_s for r in rows if r.kind == kind]
        assert speeds == sorted(speeds)
        assert len(speeds) >= 5
    nvlink = {r.generation: r for r in rows if r.kind == "nvlink"}
    first = ("P100 SXM2", "V100 SXM2", "A100 SXM 40 GB", "H100 SXM")
    for generation, name in enumerate((*first, "B200 SXM"), 1):
        gpu = next(p for p in processors() if p.name.endswith(name))
        assert gpu.nvlink_gb_s == 2 * nvlink[generation].one_way_gb_s


def test_table_is_aligned_and_shows_what_is_missing():
    rows = [processor("M1 GPU"), processor("H100 SXM")]
    assert table(rows).splitlines() == [
        "name      announced  fp32_tflops  bandwidth_gb_s  memory_gb"
        "  power_w    figures",
        "M1 GPU      2020-11          2.6               –         16"
        "        –  published",
        "H100 SXM    2022-03           67           3,350         80"
        "      700  published",
    ]
    assert table([], ("name",)) == "name"
    with pytest.raises(AttributeError, match="price"):
        table(rows, ("price",))
