"""``gpu-course predict``."""

import argparse
import json
import sys
from pathlib import Path

from gpu_course.cli.options import DEVICE, JSON, model_path

HELP = "say which digit a picture shows"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course predict`` to its parser."""
    parser.add_argument("image", nargs="+", metavar="IMAGE")
    parser.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="a trained model (default: what 'gpu-course train' saved)",
    )
    parser.add_argument("--device", **DEVICE)
    parser.add_argument("--json", **JSON)


def run(arguments: argparse.Namespace) -> int:
    """Print the digit of each picture; return 1 if one can't be read."""
    from gpu_course.data.digit import to_digit
    from gpu_course.training.classifier import Classifier

    classifier = Classifier.load(
        arguments.model or model_path(), arguments.device
    )
    failed = 0
    for path in arguments.image:
        try:
            probabilities = classifier.probabilities(to_digit(path))[0]
        except OSError as error:
            reason = error.strerror or error
            print(f"gpu-course: {path}: {reason}", file=sys.stderr)
            failed += 1
            continue
        except ValueError as error:
            print(f"gpu-course: {error}", file=sys.stderr)
            failed += 1
            continue
        digit = int(probabilities.argmax())
        probability = float(probabilities[digit])
        if arguments.json:
            row = {"image": path, "digit": digit, "probability": probability}
            print(json.dumps(row))
        else:
            print(f"{path}: {digit} ({100 * probability:.1f} %)")
    return 1 if failed else 0
