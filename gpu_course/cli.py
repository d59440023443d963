"""The command ``gpu-course``: everything that needs no browser, and lab."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import gpu_course

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


def main(argv=None):
    """Run one command and return its exit code.

    0: done. 1: it failed, or a target was missed. 2: it was called wrongly.
    130: it was interrupted.
    """
    arguments = _parser().parse_args(argv)
    try:
        return arguments.run(arguments)
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


def model_path():
    """Return where ``train`` puts the trained model and ``predict`` looks."""
    from gpu_course.files import cache_folder

    return cache_folder() / "models" / "lenet.safetensors"


def _doctor(arguments):
    from gpu_course.doctor import diagnose, diagnosis

    result = diagnosis(diagnose())
    if arguments.json:
        print(json.dumps(result, indent=1))
    else:
        for finding in result["findings"]:
            print("{status:<8} {name:<17} {message}".format(**finding))
        if result["ok"]:
            print("\nEverything that the course needs works here.")
        else:
            print("\nMend what is marked 'problem', then run this again.")
    return 0 if result["ok"] else 1


def _train(arguments):
    import torch

    from gpu_course.bench import (
        sgemm_flops_per_second,
        training_flops_per_image,
    )
    from gpu_course.data import preload
    from gpu_course.device import pick_device
    from gpu_course.inference import Classifier
    from gpu_course.models import LeNet
    from gpu_course.recipe import recipe_for
    from gpu_course.training import evaluate, fit

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
    if not arguments.resume:  # else part of the work was done before
        images_per_second = len(train) * recipe.epochs / (fitted - fitting)
        flops = images_per_second * training_flops_per_image(model)
        fraction = flops / sgemm_flops_per_second(device)
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


def _predict(arguments):
    from gpu_course.data import to_digit
    from gpu_course.inference import Classifier

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


def _lab(arguments):
    from gpu_course.workspace import open_lab

    return open_lab(arguments.port, not arguments.no_browser)


def _reset(arguments):
    from gpu_course.workspace import course_root, reset_chapter

    chapter, kept = reset_chapter(course_root(), arguments.chapter)
    print(f"{chapter} is as it was.")
    if kept:
        print(f"Yours is {kept}.")
    return 0


def _progress(arguments):
    from gpu_course.exercises import show_progress
    from gpu_course.exercises.progress import progress_file

    progress = show_progress()
    if arguments.json:
        print(json.dumps(asdict(progress)))
    else:
        print(progress)
        print(f"kept in {progress_file()}")
    return 0


def _test(arguments):
    from gpu_course.notebooks import run_as_reader, run_tests
    from gpu_course.workspace import course_root

    if arguments.reader:
        threads, chapters = arguments.threads or 2, arguments.arguments
        return run_as_reader(course_root(), threads, chapters)
    if arguments.threads:
        raise ValueError("--threads goes with --reader")
    return run_tests(course_root(), arguments.gpu, arguments.arguments)


def _run_notebooks(arguments):
    from gpu_course.notebooks import run_notebooks
    from gpu_course.workspace import course_root

    run_notebooks(course_root(), arguments.chapter)
    return 0


def _bench(arguments):
    def report(line):
        file = sys.stderr if arguments.json else sys.stdout
        print(line, file=file, flush=True)

    if arguments.what == "kernels":
        from gpu_course.cuda.bench import bench_kernels

        result = bench_kernels(report)
    elif arguments.what is None:
        return _bench_all(arguments, report)
    else:
        from gpu_course.bench import bench_training

        result = bench_training(arguments.pairs, arguments.device, report)
    if arguments.json:
        print(json.dumps(result))
    return 0


def _bench_all(arguments, report):
    from gpu_course.bench_run import DEFAULT, run_suite

    output = arguments.output or DEFAULT
    if output.is_dir():
        raise IsADirectoryError(f"{output} is a folder: name a file in it")
    devices = arguments.device and [arguments.device]
    run_suite(output, arguments.quick, devices, report)
    if arguments.json:
        print(output.read_text(encoding="utf-8"), end="")
    else:
        print(
            f"'gpu-course compare {output}' sets it beside other machines' "
            "and draws the figure"
        )
    return 0


def _compare(arguments):
    from gpu_course.ledger import carried, load
    from gpu_course.ledger_compare import (
        comparison,
        plot_ledgers,
        save_figure,
    )

    ledgers = [load(path) for path in arguments.ledger]
    if len(ledgers) == 1:
        ledgers = [*carried(), *ledgers]
    print(comparison(ledgers))
    save_figure(plot_ledgers(ledgers), arguments.figure)
    print(f"figure: {arguments.figure}")
    return 0


def _kernels(arguments):
    from dataclasses import asdict

    from gpu_course.cuda.listing import list_kernels, table
    from gpu_course.workspace import course_root

    rows = list_kernels(course_root(), arguments.cc)
    if arguments.json:
        print(json.dumps([{**asdict(row), "ok": row.ok} for row in rows]))
    else:
        print(table(rows))
    return 0 if all(row.ok for row in rows) else 1


def _capabilities(text):
    from gpu_course.cuda.occupancy import compute_capability

    try:
        return [compute_capability(one) for one in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _whole(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text}")
    return int(text)


def _positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"must be a whole number above 0, got {text}"
        )
    return int(text)


def _percent(text):
    try:
        number = float(text)
    except ValueError:
        number = None
    if number is None or not 0 < number <= 100:
        raise argparse.ArgumentTypeError(
            f"must be a percentage from 0 to 100, got {text}"
        )
    return number


def _parser():
    parser = argparse.ArgumentParser(
        prog="gpu-course",
        description="GPUs in AI: the course, on the command line.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    version = f"gpu-course {gpu_course.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, run, text):
        added = commands.add_parser(name, help=text, description=text + ".")
        added.set_defaults(run=run)
        return added

    device = {
        "choices": ("cpu", "cuda", "mps"),
        "help": "default: a GPU that works, else the CPU",
    }
    as_json = {"action": "store_true", "help": "print JSON on standard output"}

    doctor = command("doctor", _doctor, "try everything the course needs here")
    doctor.add_argument("--json", **as_json)

    train = command("train", _train, "train the LeNet on MNIST and test it")
    train.add_argument(
        "--epochs",
        type=_positive,
        help="passes over the 60,000 images (default: 1, or what the "
        "target asks for)",
    )
    train.add_argument(
        "--target",
        type=_percent,
        metavar="PERCENT",
        help="test accuracy to reach: one epoch up to 98, four above; the "
        "exit code is 1 if it is missed",
    )
    train.add_argument("--seed", type=_whole, default=0, help="default: 0")
    train.add_argument("--device", **device)
    train.add_argument(
        "--threads", type=_positive, help="CPU threads (default: torch's)"
    )
    train.add_argument(
        "--resume",
        action="store_true",
        help="go on with an interrupted run of the same epochs and seed",
    )
    train.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where the model goes (default: the cache folder)",
    )
    train.add_argument("--json", **as_json)

    predict = command("predict", _predict, "say which digit a picture shows")
    predict.add_argument("image", nargs="+", metavar="IMAGE")
    predict.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="a trained model (default: what 'gpu-course train' saved)",
    )
    predict.add_argument("--device", **device)
    predict.add_argument("--json", **as_json)

    lab = command("lab", _lab, "open the course in JupyterLab")
    lab.add_argument(
        "--port", type=_positive, help="default: the first free from 8888"
    )
    lab.add_argument(
        "--no-browser", action="store_true", help="only print the address"
    )

    test = command("test", _test, "run the linters, the tests, every notebook")
    only = test.add_mutually_exclusive_group()
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
    test.add_argument(
        "--threads",
        type=_positive,
        help="of the run with --reader (default: 2)",
    )
    test.add_argument(
        "arguments",
        nargs="*",
        metavar="ARG",
        help="more for pytest, after --; with --reader, chapters such as 31",
    )

    reset = command(
        "reset", _reset, "restore a chapter of your working copy; keep yours"
    )
    reset.add_argument("chapter", metavar="NN", help="its number, e.g. 31")

    progress = command(
        "progress",
        _progress,
        "list the exercises and quizzes, and what was passed",
    )
    progress.add_argument("--json", **as_json)

    run = command(
        "run-notebooks",
        _run_notebooks,
        "execute the notebooks afresh and store their outputs",
    )
    run.add_argument(
        "chapter", nargs="*", metavar="NN", help="default: all of them"
    )

    kernels = command(
        "kernels",
        _kernels,
        "compile every kernel of the course for real GPUs; none is needed",
    )
    kernels.add_argument(
        "--cc",
        type=_capabilities,
        default="75,80,90,100",
        metavar="LIST",
        help="compute capabilities (default: 75,80,90,100)",
    )
    kernels.add_argument("--json", **as_json)

    bench = command(
        "bench",
        _bench,
        "time this machine and write a ledger that others can compare",
    )
    bench.add_argument(
        "what",
        nargs="?",
        choices=("training", "kernels"),
        help="something else: training, the article's pipeline against "
        "ours; kernels, the teaching GPU against Numba's simulator and NumPy",
    )
    bench.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="the ledger (default: gpu-course-bench.json)",
    )
    bench.add_argument(
        "--quick", action="store_true", help="fewer sizes, under a minute"
    )
    bench.add_argument(
        "--pairs",
        type=_positive,
        default=5,
        help="of training runs (default: 5)",
    )
    bench.add_argument(
        "--device",
        choices=device["choices"],
        help="default: every one that works; for the training as elsewhere",
    )
    bench.add_argument("--json", **as_json)

    compare = command(
        "compare", _compare, "set ledgers of 'bench' side by side, and draw"
    )
    compare.add_argument(
        "ledger",
        nargs="+",
        metavar="FILE",
        help="one is compared with those that the course carries",
    )
    compare.add_argument(
        "--figure",
        type=Path,
        default="gpu-course-compare.png",
        metavar="FILE",
        help="default: gpu-course-compare.png",
    )
    return parser
