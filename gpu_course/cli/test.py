"""``gpu-course test``."""

import argparse

from gpu_course.cli.options import positive

HELP = "run the linters, the tests, every notebook"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course test`` to its parser."""
    only = parser.add_mutually_exclusive_group()
    only.add_argument(
        "--gpu",
        action="store_true",
        help="execute the notebooks with the GPU in use; outputs not compared",
    )
    only.add_argument(
        "--reader",
        action="store_true",
        help="only execute the notebooks, as a reader does: several threads, "
        "outputs not compared",
    )
    parser.add_argument(
        "--threads",
        type=positive,
        help="of the run with --reader (default: 2)",
    )
    parser.add_argument(
        "arguments",
        nargs="*",
        metavar="ARG",
        help="more for pytest, after --; with --reader, chapters such as 31",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the linters, the tests and the notebooks; return the exit code."""
    from gpu_course.course.notebooks import run_as_reader, run_tests
    from gpu_course.course.workspace import course_root

    if arguments.reader:
        threads, chapters = arguments.threads or 2, arguments.arguments
        return run_as_reader(course_root(), threads, chapters)
    if arguments.threads:
        raise ValueError("--threads goes with --reader")
    return run_tests(course_root(), arguments.gpu, arguments.arguments)
