"""``gpu-course kernels``."""

import argparse
import json
from dataclasses import asdict

from gpu_course.cli.options import JSON

HELP = "compile every kernel of the course for real GPUs; none is needed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course kernels`` to its parser."""
    parser.add_argument(
        "--cc",
        type=_capabilities,
        default="75,80,90,100",
        metavar="LIST",
        help="compute capabilities (default: 75,80,90,100)",
    )
    parser.add_argument("--json", **JSON)


def _capabilities(text):
    from gpu_course.cuda.occupancy import compute_capability

    try:
        return [compute_capability(one) for one in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(arguments: argparse.Namespace) -> int:
    """Compile every kernel and print a table; return 1 if one fails."""
    from gpu_course.course.kernel_listing import list_kernels, table
    from gpu_course.course.workspace import course_root

    rows = list_kernels(course_root(), arguments.cc)
    if arguments.json:
        print(json.dumps([{**asdict(row), "ok": row.ok} for row in rows]))
    else:
        print(table(rows))
    return 0 if all(row.ok for row in rows) else 1
