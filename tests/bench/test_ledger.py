"""Ledgers: what comes back, what is refused and how, and what is compared."""

import getpass
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from gpu_course.bench import ledger, schema
from gpu_course.bench.ledger import (
    Entry,
    Ledger,
    carried,
    load,
    save,
    this_machine,
)
from gpu_course.bench.schema import LedgerError
from gpu_course.bench.side_by_side import (
    plot_ledgers,
    ratio_table,
    save_figure,
)

MACHINE = {
    "cpu": "Test CPU",
    "cores": 4,
    "threads": 4,
    "memory_gib": 15.6,
    "system": "Linux x86_64",
    "python": "3.12.1",
    "torch": "2.9.0",
    "numba": "0.63.0",
    "numpy": "2.3.0",
    "gpu": None,
    "driver": None,
    "compute_capability": None,
}
GPU = MACHINE | {
    "gpu": "Test GPU",
    "driver": "580.1",
    "compute_capability": "9.0",
    "cores": 16,
    "threads": 16,
}
ENTRY = Entry(
    "matrix product",
    1024,
    "rows",
    "cpu",
    4,
    "none",
    0.010,
    0.0004,
    50,
    0.01,
    2.0 * 1024**3,
    12.0 * 1024**2,
    0.2,
)


def small_ledger(name="one", machine=MACHINE, seconds=0.010, **changes):
    """Two sizes on all threads, and where there is a GPU, on it as well."""
    entries = []
    for size in (1024, 2048):
        took = seconds * (size / 1024) ** 3
        one = replace(
            ENTRY,
            size=size,
            median_s=took,
            iqr_s=took / 50,
            threads=machine["threads"],
            **changes,
        )
        entries.append(one)
        if machine["gpu"]:
            there = replace(one, device="cuda", threads=None)
            entries += [
                replace(there, median_s=took / 50),
                replace(there, median_s=took / 5, transfers="in and out"),
            ]
    return Ledger(name, "2026-11-25", machine, tuple(entries))


@pytest.mark.parametrize("machine", [MACHINE, GPU])
def test_what_is_saved_comes_back(tmp_path, machine):
    path = tmp_path / "one.json"
    save(small_ledger(machine=machine), path)
    assert load(path) == small_ledger(machine=machine)
    assert list(tmp_path.iterdir()) == [path]


def changed(**changes):
    """Return a saved ledger's content, changed."""
    one = small_ledger()
    content = {
        "schema": 1,
        "date": one.date,
        "machine": dict(one.machine),
        "entries": [dict(vars(entry)) for entry in one.entries],
    }
    for key, value in changes.items():
        where, _, name = key.rpartition("__")
        part = content
        for step in filter(None, where.split("__")):
            part = part[int(step) if step.isdecimal() else step]
        if isinstance(part, list):
            part[int(name)] = value
        elif value is ...:
            del part[name]
        else:
            part[name] = value
    return content


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "schema 2 and this course knows up to 1; get the new"),
        ({"schema": 0}, "schema 0, of an older course.*measure it again"),
        ({"schema": "1"}, "schema must be a whole number, got '1'"),
        ({"schema": True}, "schema must be a whole number, got True"),
        ({"schema": ...}, "not a gpu-course ledger; 'gpu-course bench'"),
        ({"machine": ...}, "the ledger lacks machine"),
        ({"machine": 3}, "machine must be an object, got int"),
        ({"machine__cpu": ...}, "machine lacks cpu"),
        ({"machine__cpu": 7}, "machine: cpu can't be 7"),
        ({"machine__gpu": 1.5}, "machine: gpu can't be 1.5"),
        ({"machine__cores": 0}, "machine: cores can't be 0"),
        ({"date": "yesterday"}, "date must be like 2026-11-25, got 'yest"),
        ({"date": 5}, "date must be like"),
        ({"entries": []}, "no entries; measure it again"),
        ({"entries": {}}, "no entries"),
        ({"entries__1": 4}, "entry 2 must be an object, got int"),
        ({"entries__1__median_s": ...}, "entry 2 lacks median_s"),
        ({"entries__1__median_s": -1}, "entry 2: median_s can't be -1"),
        ({"entries__1__median_s": 0}, "entry 2: median_s can't be 0"),
        ({"entries__0__median_s": float("nan")}, "median_s can't be nan"),
        ({"entries__0__median_s": float("inf")}, "median_s can't be inf"),
        ({"entries__0__median_s": "fast"}, "median_s can't be 'fast'"),
        ({"entries__0__median_s": 10**400}, "median_s can't be 1000"),
        ({"entries__0__median_s": None}, "median_s can't be None"),
        ({"entries__0__size": 1.5}, "size can't be 1.5"),
        ({"entries__0__size": True}, "size can't be True"),
        ({"entries__0__iqr_s": -1e-9}, "iqr_s can't be -1e-09"),
        ({"entries__0__kind": "modelled"}, "kind must be one of measured"),
        ({"entries__0__device": "tpu"}, "device must be one of cpu, cuda"),
        ({"entries__0__transfers": "out"}, "transfers must be one of none"),
        ({"entries__0__threads": None}, "a time on a CPU needs its threads"),
    ],
)
def test_what_cannot_be_right_is_refused(tmp_path, changes, message):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(changed(**changes)))
    with pytest.raises(LedgerError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"schema": 1, "entr', b"\xff\xfe\x00", b"[" * 100_000],
)
def test_a_damaged_file_says_so(tmp_path, content):
    path = tmp_path / "cut.json"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match=r"is damaged .*measure it again"):
        load(path)


@pytest.mark.parametrize("content", ["[]", "3", "null", '{"a": 1}'])
def test_json_of_something_else_is_no_ledger(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(LedgerError, match="is not a gpu-course ledger"):
        load(path)


def test_no_file_and_a_folder_say_so(tmp_path):
    with pytest.raises(LedgerError, match=r"no ledger .*gpu-course bench"):
        load(tmp_path / "none.json")
    with pytest.raises(LedgerError, match="cannot read"):
        load(tmp_path)


def test_an_older_schema_is_named_once_there_is_a_newer(monkeypatch, tmp_path):
    save(small_ledger(), tmp_path / "old.json")
    monkeypatch.setattr(schema, "SCHEMA", 2)
    with pytest.raises(LedgerError, match="schema 1, of an older course"):
        load(tmp_path / "old.json")


def test_what_is_not_known_is_left_out(tmp_path):
    path = tmp_path / "more.json"
    path.write_text(
        json.dumps(changed(host="x", machine__user="y", entries__0__z=1))
    )
    assert load(path) == small_ledger("more")


def test_a_failed_write_leaves_the_old_ledger(tmp_path):
    path = tmp_path / "one.json"
    save(small_ledger(), path)
    broken = small_ledger(precision=float("nan"))
    with pytest.raises(ValueError, match=r"Out of range|not JSON compliant"):
        save(broken, path)
    assert load(path) == small_ledger()


def test_this_machine_is_described_without_anything_personal():
    machine = this_machine()
    schema.check(changed(machine=machine))
    said = json.dumps(machine)
    for personal in (
        socket.gethostname(),
        getpass.getuser(),
        str(Path.home()),
        "/home",
    ):
        assert personal not in said.split('"')


def test_the_carried_ledgers_are_good():
    assert carried()
    for one in carried():
        assert all(e.device == "cpu" for e in one.entries)
        assert one.machine["gpu"] is None


# Comparing


def test_ratios_entry_by_entry():
    one, other = small_ledger("one"), small_ledger("two", seconds=0.020)
    said = ratio_table([one, other])
    (row,) = [line for line in said.splitlines() if "1,024" in line]
    assert row.split() == [
        "matrix",
        "product",
        "1,024",
        "cpu,",
        "all",
        "threads",
        "10",
        "ms",
        "20",
        "ms",
        "0.5×",
        "one",
    ]
    assert "the same kind of machine" in said


@pytest.mark.parametrize(
    ("seconds", "iqr_s", "faster"),
    [
        (0.0105, 1e-4, "="),
        (0.012, 1e-4, "one"),
        (0.012, 9e-3, "="),
        (0.005, 1e-4, "two"),
    ],
)
def test_who_is_faster_is_said_only_if_it_is_clear(seconds, iqr_s, faster):
    other = small_ledger("two", seconds=seconds)
    entries = tuple(replace(e, iqr_s=iqr_s) for e in other.entries)
    said = ratio_table([small_ledger("one"), replace(other, entries=entries)])
    row = next(line for line in said.splitlines() if "1,024" in line)
    assert row.endswith(f"  {faster}")


def test_other_machines_are_named_and_all_threads_are_compared():
    said = ratio_table([small_ledger("one"), small_ledger("two", GPU)])
    assert "one | two: another machine (cores: 4 | 16; " in said
    assert "gpu: none | Test GPU" in said
    # The GPU's times are in one ledger only, so not in the table.
    assert "cpu, all threads" in said
    assert "cuda, transfers" not in said


def test_three_ledgers_and_gaps():
    one, two = small_ledger("one", GPU), small_ledger("two", GPU)
    said = ratio_table([one, small_ledger("three"), two])
    (row,) = [
        line
        for line in said.splitlines()
        if "1,024" in line and "transfers in and out" in line
    ]
    assert row.split()[-5:] == ["-", "2", "ms", "1×", "="]


def test_two_of_one_name_are_numbered():
    assert "one (2)" in ratio_table([small_ledger(), small_ledger()])


def test_nothing_in_common_is_an_error():
    with pytest.raises(LedgerError, match="no measurement in common"):
        ratio_table([small_ledger(), small_ledger(bench="reduction")])
    with pytest.raises(LedgerError, match=r"two ledgers or more.*got 1"):
        ratio_table([small_ledger()])


def test_the_figure_holds_every_time(tmp_path):
    one, other = small_ledger("one"), small_ledger("two", GPU)
    figure = plot_ledgers([one, other])
    (ax,) = [ax for ax in figure.axes if ax.lines]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    drawn = {
        (x, y) for line in ax.lines for x, y in line.get_xydata().tolist()
    }
    assert drawn == {
        (e.size, e.median_s) for o in (one, other) for e in o.entries
    }
    colours = [line.get_color() for line in ax.lines]
    assert colours == ["#0072B2"] + 3 * ["#E69F00"]
    path = tmp_path / "figure.png"
    save_figure(figure, path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [0, 7])
def test_too_many_ledgers_for_a_figure(count):
    with pytest.raises(LedgerError, match=f"1 to 6 ledgers, got {count}"):
        plot_ledgers([small_ledger()] * count)


def test_ways_are_comparable_between_machines():
    one, other = small_ledger(), small_ledger(machine=GPU)
    assert one.way(ENTRY) == other.way(replace(ENTRY, threads=16))
    assert one.way(replace(ENTRY, threads=1)) == "cpu, 1 thread"
    assert one.way(replace(ENTRY, threads=2)) == "cpu, 2 threads"
    single = small_ledger(machine=MACHINE | {"threads": 1})
    assert single.way(replace(ENTRY, threads=1)) == "cpu, 1 thread"
    assert ledger.other_machine(one, other)
    assert ledger.differences(one, one) == []
