"""``gpu-course compare``."""

import argparse
from pathlib import Path

HELP = "set ledgers of 'bench' side by side, and draw"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course compare`` to its parser."""
    parser.add_argument(
        "ledger",
        nargs="+",
        metavar="FILE",
        help="one is compared with those that the course carries",
    )
    parser.add_argument(
        "--figure",
        type=Path,
        default="gpu-course-compare.png",
        metavar="FILE",
        help="default: gpu-course-compare.png",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print ledgers side by side and draw their figure; return 0."""
    from gpu_course.bench.ledger import carried, load
    from gpu_course.bench.side_by_side import (
        plot_ledgers,
        ratio_table,
        save_figure,
    )

    ledgers = [load(path) for path in arguments.ledger]
    if len(ledgers) == 1:
        ledgers = [*carried(), *ledgers]
    print(ratio_table(ledgers))
    save_figure(plot_ledgers(ledgers), arguments.figure)
    print(f"figure: {arguments.figure}")
    return 0
