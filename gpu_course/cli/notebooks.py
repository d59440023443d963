"""``gpu-course run-notebooks``."""

import argparse

HELP = "execute the notebooks afresh and store their outputs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course run-notebooks`` to its parser."""
    parser.add_argument(
        "chapter", nargs="*", metavar="NN", help="default: all of them"
    )


def run(arguments: argparse.Namespace) -> int:
    """Execute the notebooks and store them; return 0."""
    from gpu_course.course.notebooks import run_notebooks
    from gpu_course.course.workspace import course_root

    run_notebooks(course_root(), arguments.chapter)
    return 0
