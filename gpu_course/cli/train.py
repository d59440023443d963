"""``gpu-course train``."""

import argparse
import json
import sys
import time
from pathlib import Path

from gpu_course.cli.options import (
    DEVICE,
    JSON,
    model_path,
    percent,
    positive,
    whole,
)

HELP = "train the LeNet on MNIST and test it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gpu-course train`` to its parser."""
    parser.add_argument(
        "--epochs",
        type=positive,
        help="passes over the 60,000 images (default: 1, or what the "
        "target asks for)",
    )
    parser.add_argument(
        "--target",
        type=percent,
        metavar="PERCENT",
        help="test accuracy to reach: one epoch up to 98, four above; the "
        "exit code is 1 if it is missed",
    )
    parser.add_argument("--seed", type=whole, default=0, help="default: 0")
    parser.add_argument("--device", **DEVICE)
    parser.add_argument(
        "--threads", type=positive, help="CPU threads (default: torch's)"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with an interrupted run of the same epochs and seed",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where the model goes (default: the cache folder)",
    )
    parser.add_argument("--json", **JSON)


def run(arguments: argparse.Namespace) -> int:
    """Train, test and save the LeNet; return 1 if the target is missed."""
    import torch

    from gpu_course.common.device import pick_device
    from gpu_course.data.mnist import preload
    from gpu_course.hardware.measured_peaks import measured_sgemm
    from gpu_course.hardware.work_counter import training_flops_per_image
    from gpu_course.training.classifier import Classifier
    from gpu_course.training.lenet import LeNet
    from gpu_course.training.loop import evaluate, fit
    from gpu_course.training.recipe import recipe_for

    device = pick_device(arguments.device)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    recipe = recipe_for(arguments.epochs, arguments.target)
    output = arguments.output or model_path()
    if output.is_dir():
        raise IsADirectoryError(f"{output} is a folder: name a file in it")
    checkpoint = output.with_suffix(".checkpoint.safetensors")

    start = time.perf_counter()
    train, test = preload("train", device), preload("test", device)
    torch.manual_seed(arguments.seed)
    model = LeNet()
    fitting = time.perf_counter()
    fit(
        model,
        train,
        recipe,
        seed=arguments.seed,
        device=device,
        checkpoint=checkpoint,
        resume=arguments.resume,
    )
    fitted = time.perf_counter()
    _, accuracy = evaluate(model, test, device)
    seconds = time.perf_counter() - start

    Classifier(model, device=device).save(output)
    checkpoint.unlink(missing_ok=True)
    images_per_second = fraction = None
    if not arguments.resume:  # a resumed run did part of the work before
        images_per_second = len(train) * recipe.epochs / (fitted - fitting)
        flops = images_per_second * training_flops_per_image(model)
        fraction = flops / (1e9 * measured_sgemm(device).rate)
    result = {
        "seconds": seconds,
        "test_accuracy": accuracy,
        "images_per_second": images_per_second,
        "fraction_of_sgemm_peak": fraction,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "seed": arguments.seed,
        "epochs": recipe.epochs,
        "resumed": arguments.resume,
        "target": arguments.target,
        "model": str(output),
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        print(
            f"{100 * accuracy:.2f} % of the 10,000 test images right after "
            f"{recipe.epochs} epoch(s), in {seconds:.1f} s on {device.type}"
        )
        if images_per_second:
            print(
                f"{images_per_second:,.0f} images/s, {fraction:.0%} of the "
                "speed of a large matrix product"
            )
        print(f"saved as {output}")
    if arguments.target and 100 * accuracy < arguments.target:
        print(
            f"the target of {arguments.target:g} % was missed",
            file=sys.stderr,
        )
        return 1
    return 0
