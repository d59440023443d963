"""``gpu-course bench``."""

import argparse
import json
import sys
from pathlib import Path

from gpu_course.cli.options import DEVICE, JSON, positive

HELP = "time this machine and write a ledger that others can compare"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course bench`` to its parser."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=("training", "kernels"),
        help="something else: training, the article's pipeline against "
        "ours; kernels, the teaching GPU against Numba's simulator and NumPy",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="the ledger (default: gpu-course-bench.json)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer sizes, under a minute"
    )
    parser.add_argument(
        "--pairs",
        type=positive,
        default=5,
        help="of training runs (default: 5)",
    )
    parser.add_argument(
        "--device",
        choices=DEVICE["choices"],
        help="default: every device that works; for 'training', a GPU that "
        "works, else the CPU",
    )
    parser.add_argument("--json", **JSON)


def run(arguments: argparse.Namespace) -> int:
    """Measure this machine and write or print the result; return 0."""

    def report(line):
        file = sys.stderr if arguments.json else sys.stdout
        print(line, file=file, flush=True)

    if arguments.what == "kernels":
        from gpu_course.bench.teaching_gpu import bench_kernels

        result = bench_kernels(report)
    elif arguments.what is None:
        return _bench_all(arguments, report)
    else:
        from gpu_course.bench.article import bench_training

        result = bench_training(arguments.pairs, arguments.device, report)
    if arguments.json:
        print(json.dumps(result))
    return 0


def _bench_all(arguments, report):
    from gpu_course.bench.run import DEFAULT, run_suite

    output = arguments.output or DEFAULT
    if output.is_dir():
        raise IsADirectoryError(f"{output} is a folder: name a file in it")
    devices = arguments.device and [arguments.device]
    run_suite(output, arguments.quick, devices, report)
    if arguments.json:
        print(output.read_text(encoding="utf-8"), end="")
    else:
        print(
            f"'gpu-course compare {output}' sets it beside other machines' "
            "and draws the figure"
        )
    return 0
