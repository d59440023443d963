"""``gpu-course doctor``."""

import argparse
import json

from gpu_course.cli.options import JSON

HELP = "try everything the course needs here"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course doctor`` to its parser."""
    parser.add_argument("--json", **JSON)


def run(arguments: argparse.Namespace) -> int:
    """Print what works here and what doesn't; return 1 for a problem."""
    from gpu_course.course.doctor import diagnose, diagnosis

    result = diagnosis(diagnose())
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        for finding in result["findings"]:
            print("{status:<8} {name:<17} {message}".format(**finding))
        if result["ok"]:
            print("\nEverything that the course needs works here.")
        else:
            print("\nFix what is marked 'problem', then run this again.")
    return 0 if result["ok"] else 1
