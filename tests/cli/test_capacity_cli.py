from __future__ import annotations

import json
import math
import pickle
from pathlib import Path

import pytest
from typer.testing import CliRunner

from minbits.cli.app import app
from minbits.cli.flags import with_flags
from minbits.errors import MinbitsError
from minbits.types import DataSet
from tests.cli.here import Here
from tests.cli.json_schemas import check_output
from tests.cli.test_cli import run

runner = CliRunner()


def answer(*arguments: str | Path) -> str:
    """Run a command in this process, where PyTorch is loaded once, and return what it printed."""
    done = runner.invoke(app, [*map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    check_output(arguments, done.stdout)
    return done.stdout


def test_every_capacity_command_has_help_with_an_example() -> None:
    assert "Example: minbits capacity" in answer("capacity", "--help")
    for name in ("network", "separable", "curve", "channel", "fano", "need"):
        assert f"Example: minbits capacity {name}" in answer("capacity", name, "--help")
    assert "Example: minbits audit" in answer("audit", "--help")


def test_the_table_of_an_architecture() -> None:
    found = json.loads(answer("capacity", "network", "784-300-100-10", "--json"))
    values = {line["key"]: line["value"] for line in found["lines"]}
    assert values["maximum_equivocation"] == 235_900
    assert found["parameters"] == 266_610
    text = answer("capacity", "network", "pytorch-example")
    assert "does not apply" in text
    assert "Bartlett" in text


def test_counting_and_drawing(tmp_path: Path) -> None:
    found = json.loads(answer("capacity", "separable", "10", "5", "--draws", "40", "--json"))
    assert (found["dichotomies"], found["probability"]) == (512, 0.5)
    low, high = found["measured_interval_95"]
    assert low <= found["measured"] <= high
    assert "2^9" in answer("capacity", "separable", "10", "5")
    for suffix, start in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")):
        out = tmp_path / f"cover{suffix}"
        answer("capacity", "curve", "--weights", "5", "--draws", "20", "--out", out)
        assert out.read_bytes().startswith(start)


def test_cover_s_curve_is_printed_and_drawn_only_where_it_is_asked_for(
    here: Here, tmp_path: Path
) -> None:
    done = here("capacity", "curve", "--weights", 10, "--json", cwd=tmp_path)
    (line,) = json.loads(done.stdout)["probabilities"]
    assert line["by_load"]["2"] == 0.5
    assert line["by_load"]["1"] == 1.0
    assert "0.5000" in here("capacity", "curve", cwd=tmp_path).stdout
    assert list(tmp_path.iterdir()) == []


def test_channels_and_fano() -> None:
    found = json.loads(answer("capacity", "channel", "bsc", "0.11", "--json"))
    assert found["capacity_bits"] == pytest.approx(0.5, abs=1e-3)
    text = answer("capacity", "channel", "discrete", "[[0.5, 0.5, 0], [0, 0.5, 0.5]]")
    assert "0.500000" in text
    found = json.loads(answer("capacity", "fano", "0", "8", "--examples", "10", "--json"))
    assert found["least_information_bits_per_example"] == 3.0
    assert found["random_labelling_bits"] == 30.0


def test_a_noisy_network_carries_no_more_than_its_smallest_layer() -> None:
    found = json.loads(answer("capacity", "noisy", "20-6-4", "--activation-bits", "2", "--json"))
    low, high = found["unit_bits"]
    assert 0 < low <= high <= 2
    assert found["layer_bits_per_example"] == [6 * high, 4 * high]
    assert found["network_bits_per_example"] == 4 * high
    weights = 20 * 6 + 6 + 6 * 4 + 4
    assert found["weight_bits"] == pytest.approx(weights * 0.5 * math.log2(5))
    assert "let pass at most" in answer("capacity", "noisy", "20-6-4")


def test_need_corrects_the_questions_estimate(tmp_path: Path) -> None:
    records = Path(__file__).parents[2] / "records"
    arguments = ("capacity", "need", "mnist", "--no-measure", "--ledger", tmp_path / "l.sqlite")
    found = json.loads(answer(*arguments, "--records", records, "--json"))
    steps = {step["key"]: step for step in found["steps"]}
    assert list(steps) == [
        "question", "dropped_term", "independence", "labels_not_inputs", "weights_not_neurons",
    ]  # fmt: skip
    assert steps["question"]["count"] == 95
    assert steps["dropped_term"]["bits"] == pytest.approx(342.41, abs=0.01)
    assert 60 < steps["independence"]["bits"] < 150
    assert steps["labels_not_inputs"]["bits"] == pytest.approx(192_442, abs=1)
    assert steps["weights_not_neurons"]["unit"] == "weights"
    card = json.loads((records / "mnist-99.json").read_text())
    assert found["found"]["size_bits"] <= card["size_bits"]
    points = found["reference_points"]
    assert points["learned_bits"] is None
    assert points["random_labels_bits"] == steps["weights_not_neurons"]["bits"]
    assert "interval" not in found
    assert found["times_less_than_labels"] is None  # its errors were not coded
    assert 0.97 < found["found"]["accuracy_lower_limit"] < found["found"]["test_accuracy"]
    text = answer(*arguments, "--records", tmp_path)
    assert "95 neurons" in text
    assert "No network has been found yet" in text
    assert "a reference point, not a bound" in text
    assert "between" not in text


def test_audit_of_a_module_with_data(idx_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "toy_net.py").write_text(
        "from torch import nn\n"
        "def make():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 2))\n"
    )
    figure, ledger = tmp_path / "layers.png", tmp_path / "l.sqlite"
    arguments = ["audit", "toy_net:make", "--data", idx_folder, "--ledger", ledger]
    done = run(*arguments, "--json", "--figure", figure, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["parameters"] == 64 * 6 + 6 + 14
    assert found["labels"]["test_examples"] == 200
    assert found["labels"]["test_looks"] in (1, 2)
    assert "no ledger counts these looks" in found["labels"]["test_looks_note"]
    assert found["labels"]["held_out_examples"] == 80
    raw = next(line for line in found["capacity"] if line["key"] == "raw_storage")
    assert raw["value"] == found["stored_bits"]
    assert figure.read_bytes().startswith(b"\x89PNG")
    text = run(*arguments, cwd=tmp_path).stdout
    assert "maximum_equivocation" in text
    assert "no ledger counts these looks" in text
    assert "spends" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["capacity", "network", "784"], "layer '784'"),
        (["capacity", "network", "784-10", "--bits", "0"], "--bits"),
        (["capacity", "separable", "0", "5"], "1 <= points N"),
        (["capacity", "channel", "bsc", "2"], "flip probability"),
        (["capacity", "channel", "discrete", "[[1, 1]]"], "distribution in each row"),
        (["capacity", "channel", "gaussian", "x"], "a number"),
        (["capacity", "fano", "0.1", "1"], "2 or more"),
        (
            ["capacity", "need", "digits", "--accuracy", "0"],
            "--accuracy: got 0.0; expected above 0",
        ),
        (["audit", "nonsense"], "MODULE:CALLABLE"),
        (["audit", "minbits.networks.examples:LeNet300100", "--input", "7x"], "such as 1x28x28"),
        (["audit", "minbits.networks.examples:LeNet300100", "--input", "7"], "7"),
    ],
)
def test_bad_input_is_a_named_error(arguments: list[str], message: str) -> None:
    done = runner.invoke(app, arguments)
    assert isinstance(done.exception, MinbitsError)
    assert done.exception.exit_code == 2
    assert message in with_flags(str(done.exception))


def test_a_pickle_that_wants_to_run_code_ends_with_exit_code_2(here: Here, tmp_path: Path) -> None:
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Path("x"), protocol=2))
    done = here("audit", tmp_path / "evil.pt", cwd=tmp_path)
    assert done.returncode == 2
    assert "was not opened" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_is_needed_of_a_small_set_is_measured(tiny: DataSet) -> None:
    from minbits import need
    from minbits.jobs.need import plain_need

    report = need(tiny, 0.9, minutes=0.1, workers=1)
    assert report.prequential is not None
    assert report.prequential.total_bits < report.prequential.size_bits
    assert report.prequential.size_bits < 0.75 * len(tiny.train_labels)
    told = json.loads(json.dumps(plain_need(report)))["prequential"]
    assert set(told["blocks"][0]) == {"start", "labels", "bits", "correct"}
    points = report.reference_points
    assert points.learned_bits is not None
    assert 0 < points.learned_bits < points.random_labels_bits
    assert report.found is None
    assert report.figures.joint_bits is not None
