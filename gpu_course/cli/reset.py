"""``gpu-course reset``."""

import argparse

HELP = "restore a chapter of your working copy; keep yours"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course reset`` to its parser."""
    parser.add_argument("chapter", metavar="NN", help="its number, e.g. 31")


def run(arguments: argparse.Namespace) -> int:
    """Restore a chapter of the working copy; return 0."""
    from gpu_course.course.workspace import course_root, reset_chapter

    chapter, kept = reset_chapter(course_root(), arguments.chapter)
    print(f"{chapter} is restored.")
    if kept:
        print(f"Yours is {kept}.")
    return 0
