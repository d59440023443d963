"""The command ``gpu-course``: one module for each of its commands.

Imports: bench, common, course, cuda, data, exercises, hardware, tasks,
training.
"""

import argparse
import sys
from collections.abc import Sequence

import gpu_course
from gpu_course.cli import (
    bench,
    compare,
    doctor,
    kernels,
    lab,
    notebooks,
    predict,
    progress,
    reset,
    test,
    train,
)

COMMANDS = {
    "doctor": doctor,
    "train": train,
    "predict": predict,
    "lab": lab,
    "test": test,
    "reset": reset,
    "progress": progress,
    "run-notebooks": notebooks,
    "kernels": kernels,
    "bench": bench,
    "compare": compare,
}
EPILOG = """\
examples:
  gpu-course doctor                 does everything work on this machine?
  gpu-course train                  one epoch of MNIST: 98 % in seconds
  gpu-course train --target 99      the recipe that reaches 99 %
  gpu-course predict digit.png      which digit is it?
  gpu-course reset 31               a fresh chapter 31; yours is kept
  gpu-course progress               what was passed and answered
  gpu-course bench --quick          how fast is this machine?
  gpu-course compare A.json B.json  two machines side by side

'gpu-course COMMAND --help' says what each takes.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0: done. 1: it failed, or a target was missed. 2: wrong usage. 130: it was
    interrupted.
    """
    arguments = _parser().parse_args(argv)
    try:
        return COMMANDS[arguments.command].run(arguments)
    except KeyboardInterrupt as interrupt:
        print(f"\n{str(interrupt) or 'interrupted'}", file=sys.stderr)
        return 130
    except ImportError as error:
        print(
            f"gpu-course: {error}; 'gpu-course doctor' says what is missing",
            file=sys.stderr,
        )
        return 1
    except (ArithmeticError, OSError, RuntimeError, ValueError) as error:
        print(f"gpu-course: {error}", file=sys.stderr)
        return 1


def _parser():
    parser = argparse.ArgumentParser(
        prog="gpu-course",
        description="GPUs in AI: the course, on the command line.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"gpu-course {gpu_course.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(
        dest="command", required=True, metavar="COMMAND"
    )
    for name, command in COMMANDS.items():
        text = command.HELP
        added = commands.add_parser(name, help=text, description=text + ".")
        command.add_arguments(added)
    return parser
