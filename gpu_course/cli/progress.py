"""``gpu-course progress``."""

import argparse
import json
from dataclasses import asdict

from gpu_course.cli.options import JSON

HELP = "list the exercises and quizzes, and what was passed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course progress`` to its parser."""
    parser.add_argument("--json", **JSON)


def run(arguments: argparse.Namespace) -> int:
    """Print what was passed and answered; return 0."""
    from gpu_course.exercises import show_progress
    from gpu_course.exercises.passed import progress_file

    progress = show_progress()
    if arguments.json:
        print(json.dumps(asdict(progress)))
    else:
        print(progress)
        print(f"kept in {progress_file()}")
    return 0
