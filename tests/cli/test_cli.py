"""The command line: what it prints, and its exit codes."""

import json
import re

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.utils.data import TensorDataset

import gpu_course
from gpu_course.bench import article
from gpu_course.cli import main
from gpu_course.cli.options import model_path
from gpu_course.course import doctor, notebooks, workspace
from gpu_course.data import mnist
from gpu_course.hardware import measured_peaks

COMMANDS = {
    "doctor": "--json",
    "train": (
        "TASK --epochs --device --seed --target --json --resume --threads"
    ),
    "predict": "--model --device --json",
    "lab": "--port --no-browser",
    "test": "--gpu --reader --threads",
    "reset": "NN",
    "progress": "--json",
    "run-notebooks": "NN",
    "kernels": "--cc --json",
    "bench": "training --pairs --output --quick --json",
    "compare": "FILE --figure",
}


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """An empty cache, the CPU, and the thread count put back."""
    monkeypatch.setenv("GPU_COURSE_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("GPU_COURSE_DEVICE", "cpu")
    threads = torch.get_num_threads()
    yield tmp_path / "cache"
    torch.set_num_threads(threads)


@pytest.fixture
def tiny_mnist(monkeypatch):
    """A few images of noise, of which the digit cannot be learnt."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(300, 1, 28, 28, generator=generator)
    labels = torch.arange(300) % 10

    def preload(split, device="cpu", **options):
        count = {"train": 300, "test": 100}[split]
        return TensorDataset(images[:count], labels[:count])

    monkeypatch.setattr(mnist, "preload", preload)
    peak = measured_peaks.Measured(100, 100, "GFLOP/s", "cpu", 1, "a product")
    monkeypatch.setattr(measured_peaks, "measured_sgemm", lambda device: peak)


@pytest.fixture
def seven(tmp_path):
    path = tmp_path / "seven.png"
    picture = Image.new("L", (30, 30))
    picture.paste(255, (5, 5, 25, 9))
    picture.paste(255, (20, 5, 24, 26))
    picture.save(path)
    return str(path)


def called_wrongly(capsys, *argv):
    """Return what a call that argparse refuses prints."""
    with pytest.raises(SystemExit) as caught:
        main(list(argv))
    assert caught.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_every_option(capsys, name):
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: gpu-course {name} ")
    for option in COMMANDS[name].split():
        assert option in said


def test_help_lists_the_commands(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    listed = re.findall(r"^    ([a-z-]+)(?: |$)", said, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)
    assert "examples:" in said


def test_the_version(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    expected = f"gpu-course {gpu_course.__version__}\n"
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "COMMAND"),
        ("dance", "invalid choice: 'dance'"),
        (
            "train --epochs 0",
            "--epochs: must be a whole number above 0, got 0",
        ),
        ("train --epochs -2", "got -2"),
        ("train --epochs 1.5", "got 1.5"),
        ("train --epochs x", "got x"),
        ("train --target 0", "--target: must be a percentage"),
        ("train --target 101", "from 0 to 100, got 101"),
        ("train --target nan", "got nan"),
        ("train --target much", "got much"),
        ("train --device gpu", "invalid choice: 'gpu'"),
        ("test --gpu --reader", "not allowed with argument"),
        ("train --seed -1", "must be a whole number, got -1"),
        ("lab --port -1", "--port: must be a whole number above 0, got -1"),
        ("lab --port http", "got http"),
        ("predict", "IMAGE"),
        ("reset", "NN"),
        ("bench inference", "invalid choice: 'inference'"),
        ("bench training --pairs 0", "got 0"),
    ],
)
def test_a_wrong_call_is_exit_code_2(capsys, line, message):
    assert message in called_wrongly(capsys, *line.split())


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("it broke"),
        ValueError("it broke"),
        OSError("it broke"),
        FloatingPointError("it broke"),
    ],
)
def test_a_failure_is_exit_code_1_and_a_sentence(monkeypatch, capsys, error):
    def fail():
        raise error

    monkeypatch.setattr(doctor, "diagnose", fail)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err == "gpu-course: it broke\n"


@pytest.mark.parametrize("said", ["", "stopped after 3 epochs"])
def test_an_interrupt_is_exit_code_130(monkeypatch, capsys, said):
    def interrupt():
        raise KeyboardInterrupt(*filter(None, [said]))

    monkeypatch.setattr(doctor, "diagnose", interrupt)
    assert main(["doctor"]) == 130
    assert capsys.readouterr().err == f"\n{said or 'interrupted'}\n"


def test_training_prints_one_json_object(tiny_mnist, cache, capsys):
    assert main(["train", "--json", "--threads", "1", "--seed", "5"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["device"] == "cpu"
    assert (result["seed"], result["epochs"]) == (5, 1)
    assert result["threads"] == 1
    assert result["task"] == "digits"
    assert 0 <= result["measures"]["accuracy"] <= 1
    (baseline,) = result["baseline"].values()
    assert 0 <= baseline <= 1
    assert result["examples_per_second"] * result["seconds"] > 300
    assert 0 < result["fraction_of_sgemm_peak"] < 1
    assert result["model"] == str(model_path())
    assert sorted(cache.rglob("*.safetensors")) == [model_path()]


def test_training_prints_a_summary(tiny_mnist, tmp_path, capsys):
    output = tmp_path / "new" / "model.safetensors"
    assert main(["train", "--epochs", "2", "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert "digits: 2 epoch(s), seed 0" in said
    assert re.search(r"accuracy +0\.\d{4}\n.*nearest mean image", said)
    assert f"saved as {output}" in said
    assert output.is_file()


def test_the_seed_decides_the_model(tiny_mnist, tmp_path):
    def trained(seed):
        path = tmp_path / "model.safetensors"
        main(["train", "--seed", seed, "--output", str(path)])
        return load_file(path)["model.conv1.weight"]

    first = trained("1")
    assert torch.equal(trained("1"), first)
    assert not torch.equal(trained("2"), first)


@pytest.mark.parametrize(("target", "epochs"), [("97.5", 1), ("99", 4)])
def test_a_target_that_is_missed_is_exit_code_1(
    tiny_mnist, capsys, target, epochs
):
    assert main(["train", "--target", target, "--json"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["epochs"] == epochs
    assert f"the target of {target} % was missed" in said.err


def test_a_target_that_is_reached_is_exit_code_0(tiny_mnist, monkeypatch):
    monkeypatch.setattr(
        "gpu_course.tasks.digits.evaluate", lambda *arguments: (0.1, 0.98)
    )
    assert main(["train", "--target", "98"]) == 0


def test_resuming_what_was_never_started_says_so(tiny_mnist, capsys):
    assert main(["train", "--resume"]) == 1
    said = capsys.readouterr().err
    assert "digits.checkpoint.safetensors" in said
    assert "start one without resuming" in said


def test_without_a_model_predict_says_to_train(seven, capsys):
    assert main(["predict", seven]) == 1
    said = capsys.readouterr().err
    assert str(model_path()) in said
    assert "'gpu-course train' makes one" in said


def test_a_damaged_model_is_named(seven, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"not a model")
    assert main(["predict", "--model", str(path), seven]) == 1
    assert f"{path} is damaged" in capsys.readouterr().err


def test_good_images_are_predicted_though_others_fail(
    tiny_mnist, seven, tmp_path, capsys
):
    main(["train"])
    capsys.readouterr()
    assert main(["predict", seven]) == 0
    said = capsys.readouterr().out
    assert re.fullmatch(rf"{seven}: [0-9] \(\d+\.\d %\)\n", said)

    text, missing = tmp_path / "notes.txt", tmp_path / "none.png"
    text.write_text("not a picture")
    assert main(["predict", str(text), seven, str(missing), seven]) == 1
    both = capsys.readouterr()
    assert both.out == said * 2
    first, second = both.err.splitlines()
    assert f"cannot read {text}" in first
    assert str(missing) in second

    assert main(["predict", "--json", seven]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["image"] == seven
    assert f"{seven}: {row['digit']} (" in said
    assert 0.1 <= row["probability"] <= 1


def test_the_lab_gets_its_port(monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(workspace, "open_lab", lambda *a: calls.append(a) or 3)
    assert main(["lab", "--port", "8899", "--no-browser"]) == 3
    assert main(["lab"]) == 3
    assert calls == [(8899, False), (None, True)]


def test_a_port_that_does_not_exist_is_a_sentence(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setattr(workspace, "course_root", lambda: tmp_path)
    assert main(["lab", "--port", "70000"]) == 1
    assert "65535, got 70000" in capsys.readouterr().err


def test_reset_says_where_both_versions_are(monkeypatch, tmp_path, capsys):
    original = tmp_path / "notebooks" / "31_training.ipynb"
    original.parent.mkdir()
    original.write_text("original")
    monkeypatch.setattr(workspace, "course_root", lambda: tmp_path)
    copy = tmp_path / "work" / "notebooks" / "31_training.ipynb"
    assert main(["reset", "31"]) == 0
    assert capsys.readouterr().out == f"{copy} is restored.\n"
    copy.write_text("solved")
    assert main(["reset", "31"]) == 0
    said = capsys.readouterr().out
    assert f"Yours is {copy.with_name('31_training.old-1.ipynb')}." in said
    assert main(["reset", "77"]) == 1
    assert "no chapter 77; there are 31" in capsys.readouterr().err


def test_test_and_run_notebooks_pass_their_arguments_on(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(workspace, "course_root", lambda: tmp_path)
    for name in ("run_tests", "run_notebooks", "run_as_reader"):
        monkeypatch.setattr(notebooks, name, lambda *a: calls.append(a) or 4)
    assert main(["test", "--gpu", "--", "-k", "digit"]) == 4
    assert main(["run-notebooks", "30", "31"]) == 0
    assert main(["test", "--reader"]) == 4
    assert main(["test", "--reader", "--threads", "8", "30", "31"]) == 4
    assert calls == [
        (tmp_path, True, ["-k", "digit"]),
        (tmp_path, ["30", "31"]),
        (tmp_path, 2, []),
        (tmp_path, 8, ["30", "31"]),
    ]


def test_threads_without_the_readers_run_are_refused(capsys):
    assert main(["test", "--threads", "4"]) == 1
    said = capsys.readouterr().err
    assert said == "gpu-course: --threads goes with --reader\n"


def timed_suite(monkeypatch, cores=2):
    """Have `bench` time next to nothing; yields where it is asked for."""
    from test_ledger import MACHINE, small_ledger

    from gpu_course.bench import ledger, run

    asked = []

    def run_suite(output, quick, devices, report):
        asked.append((output, quick, devices))
        report("1/1 matrix product")
        machine = MACHINE | {"cores": cores}
        ledger.save(small_ledger(machine=machine), output)

    monkeypatch.setattr(run, "run_suite", run_suite)
    return asked


def test_bench_writes_a_ledger(monkeypatch, tmp_path, capsys):
    asked = timed_suite(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert main(["bench"]) == 0
    said = capsys.readouterr().out
    assert "1/1 matrix product\n" in said
    assert "gpu-course compare gpu-course-bench.json" in said
    written = json.loads((tmp_path / "gpu-course-bench.json").read_text())
    line = ["bench", "--quick", "--device", "cpu", "--output", "b.json"]
    assert main([*line, "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == written
    assert said.err == "1/1 matrix product\n"
    assert [(str(output), *rest) for output, *rest in asked] == [
        ("gpu-course-bench.json", False, None),
        ("b.json", True, ["cpu"]),
    ]
    assert main(["bench", "--output", str(tmp_path)]) == 1
    assert "is a folder: name a file in it" in capsys.readouterr().err


def test_compare_prints_ratios_and_draws(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    timed_suite(monkeypatch)
    main(["bench", "--output", "a.json"])
    timed_suite(monkeypatch, cores=8)
    main(["bench", "--output", "b.json"])
    capsys.readouterr()
    assert main(["compare", "a.json", "b.json"]) == 0
    said = capsys.readouterr().out
    assert "a | b: another machine (cores: 2 | 8)" in said
    assert said.endswith("figure: gpu-course-compare.png\n")
    assert (tmp_path / "gpu-course-compare.png").stat().st_size > 1000
    (tmp_path / "cut.json").write_text("{")
    assert main(["compare", "a.json", "cut.json"]) == 1
    assert "cut.json is damaged" in capsys.readouterr().err


def test_one_ledger_is_compared_with_the_carried(tmp_path, capsys):
    from gpu_course.bench import ledger

    (first, *_) = ledger.carried()
    mine, figure = tmp_path / "mine.json", tmp_path / "figure.png"
    ledger.save(first, mine)
    assert main(["compare", str(mine), "--figure", str(figure)]) == 0
    said = capsys.readouterr().out
    assert f"{first.name} | mine: the same kind of machine\n" in said
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_the_benchmark_prints_one_json_object(monkeypatch, capsys):
    def bench_training(pairs, device, report):
        report("pair 1")
        return {"ratio_median": 6.5, "pairs": pairs}

    monkeypatch.setattr(article, "bench_training", bench_training)
    assert main(["bench", "training", "--pairs", "3", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"ratio_median": 6.5, "pairs": 3}
    assert said.err == "pair 1\n"
