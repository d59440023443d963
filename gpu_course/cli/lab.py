"""``gpu-course lab``."""

import argparse

from gpu_course.cli.options import positive

HELP = "open the course in JupyterLab"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course lab`` to its parser."""
    parser.add_argument(
        "--port", type=positive, help="default: the first free from 8888"
    )
    parser.add_argument(
        "--no-browser", action="store_true", help="only print the address"
    )


def run(arguments: argparse.Namespace) -> int:
    """Open JupyterLab on the working copy; return its exit code."""
    from gpu_course.course.workspace import open_lab

    return open_lab(arguments.port, not arguments.no_browser)
