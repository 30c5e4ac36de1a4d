from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

import minbits
from minbits.distributions.boolean import all_patterns
from minbits.distributions.spherical import POINTS, spherical_power, spherical_rule
from minbits.errors import ArgumentError
from minbits.jobs.plane import PlaneReport, plain_plane, plane_job
from minbits.jobs.plane_request import PlaneRequest
from minbits.ledger.store import read_ledger
from minbits.studies.plane import MEASURES, measured_examples
from minbits.studies.plane_probe import probe_information
from minbits.studies.plane_statistics import (
    COMPRESSION_BITS,
    bootstrap_mean,
    layer_verdict,
    measure_verdict,
    together,
)
from minbits.studies.trainability_statistics import Estimate
from minbits.types import DataSet
from tests.cli.here import Here


@pytest.fixture(scope="module")
def tishby() -> DataSet:
    return minbits.load("tishby")


def request(folder: Path, **changes: object) -> PlaneRequest:
    usual = {
        "seeds": 2, "epochs": 3, "points": 3, "hidden": (5, 3), "workers": 1,
        "ledger": folder / "ledger.sqlite",
    }  # fmt: skip
    return PlaneRequest(**(usual | changes))  # type: ignore[arg-type]


def test_the_problem_is_all_patterns_with_balanced_labels(tishby: DataSet) -> None:
    inputs = np.concatenate([tishby.train_inputs, tishby.test_inputs]).reshape(-1, 12)
    assert len(np.unique(inputs, axis=0)) == len(inputs) == 4096
    assert len(tishby.train_labels) == 3276
    labels = np.concatenate([tishby.train_labels, tishby.test_labels])
    assert np.array_equal(spherical_rule().function(inputs), labels)
    information = next(item for item in tishby.truth if item.key == "true_mutual_information")
    assert 0.99 < information.value < 1


def test_the_rule_is_symmetric_and_tells_as_many_classes_apart_as_the_paper() -> None:
    patterns = all_patterns(POINTS)
    power = spherical_power(patterns)
    assert len(np.unique(power)) == 64
    # The antipodal map is a symmetry of the icosahedron; so is every one that keeps all cosines.
    from minbits.distributions.spherical import _cosines

    cosines = _cosines()
    opposite = cosines.argmin(axis=1)
    assert np.array_equal(np.sort(opposite), np.arange(12))
    assert np.array_equal(spherical_power(patterns[:, opposite]), power)
    assert np.unique(cosines.round(9)).tolist() == pytest.approx([-1, -(0.2**0.5), 0.2**0.5, 1])


def without_clock(report: PlaneReport) -> dict[str, object]:
    plain = plain_plane(report)
    return {key: value for key, value in plain.items() if key not in ("ledger", "outputs")}


def test_a_study_in_parts_is_the_study_in_one_piece(tmp_path: Path, tishby: DataSet) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = plane_job(tishby, request(tmp_path / "whole"))
    plane_job(tishby, request(tmp_path / "parts", seeds=1))
    parts = plane_job(tishby, request(tmp_path / "parts"))
    assert without_clock(parts) == without_clock(whole)
    with read_ledger(tmp_path / "parts" / "ledger.sqlite") as ledger:
        rows = ledger.rows("measurements")
    assert [row["study"] for row in rows] == ["plane"] * 2
    assert sorted(row["seed"] for row in rows) == [0, 1]
    json.dumps(plain_plane(parts), allow_nan=False)


@pytest.mark.parametrize("estimator", sorted(MEASURES))
def test_what_is_measured_keeps_to_the_laws(
    tmp_path: Path, tishby: DataSet, estimator: str
) -> None:
    activation = "relu" if estimator == "exact" else "tanh"
    report = plane_job(
        tishby, request(tmp_path, seeds=1, estimator=estimator, activation=activation, bits=3)
    )
    assert [item.measure for item in report.measures] == list(MEASURES[estimator])
    result = report.results[0]
    assert result["measured_epochs"] == [0, 1, 2, 3]
    for item in report.measures:
        about_input = np.array(result[f"{item.measure}_input"])
        assert about_input.shape == (4, 3)
        assert about_input.min() >= 0
        assert about_input.max() <= report.ceiling_bits + 1e-4
        if item.measure in ("exact", "float32"):
            # T is a function of the layer before, and all inputs are there.
            assert item.processing_excess_bits <= 1e-4
            label = np.array(result[f"{item.measure}_label"])
            assert (np.diff(label, axis=1) <= 1e-4).all()
        if not item.measure.startswith("density"):
            assert item.highest_label_excess_bits <= 1e-4
            limit = report.curve.limit(about_input)
            assert (np.array(result[f"{item.measure}_label"]) <= limit + 2e-4).all()


def test_pictures_are_written_and_odd_ones_refused(tmp_path: Path, tishby: DataSet) -> None:
    paths = [tmp_path / f"plane{end}" for end in (".png", ".gif", ".html")]
    for path in paths:
        report = plane_job(tishby, request(tmp_path, out=path, bins_out=tmp_path / "bins.svg"))
        assert report.outputs == {"plane": str(path), "bins": str(tmp_path / "bins.svg")}
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    with Image.open(paths[1]) as moving:
        assert moving.n_frames == 4  # type: ignore[attr-defined]
    page = paths[2].read_text(encoding="utf-8")
    assert page.count("iVBOR") == 4
    with pytest.raises(ArgumentError, match="ends in"):
        plane_job(tishby, request(tmp_path, out=tmp_path / "plane.bmp"))
    with pytest.raises(ArgumentError, match="need no bins"):
        plane_job(tishby, request(tmp_path, estimator="exact", bins_out=tmp_path / "b.png"))


def test_of_a_large_set_some_examples_are_measured(tiny: DataSet) -> None:
    examples = measured_examples(tiny)
    assert len(examples.labels) == len(tiny.train_labels) + len(tiny.test_labels)
    assert examples.ceiling_bits == pytest.approx(np.log2(len(examples.labels)))
    assert np.abs(examples.inputs).max() <= 1


def series(falls: np.ndarray) -> list[dict[str, object]]:
    """Return results of one hidden layer and an output, whose I(X;T) falls by given amounts."""
    return [
        {
            "measured_epochs": [0, 1, 10],
            "fixed_input": [[3.0, 1.0], [5.0, 1.0], [5.0 - fall, 1.0]],
            "fixed_label": [[0.5, 0.5], [0.9, 0.8], [1.0, 0.9]],
        }
        for fall in falls
    ]


@pytest.mark.parametrize(
    ("fall", "seeds", "verdict"),
    [(1.0, 30, "yes"), (0.1, 30, "no"), (COMPRESSION_BITS, 30, "open"), (1.0, 5, "open")],
)
def test_the_verdict_follows_the_interval_of_the_fall(
    fall: float, seeds: int, verdict: str
) -> None:
    drawn = np.random.default_rng(0).normal(0, 0.2, seeds)
    falls = np.clip(fall + drawn - drawn.mean(), 0, 5)
    found = measure_verdict("fixed", (12, 4, 2), series(falls), 1.0)
    assert found.verdict == found.layers[0].verdict == verdict
    assert found.layers[0].fall_bits.value == pytest.approx(falls.mean())
    assert found.layers[0].peak_epoch == 1
    assert found.layers[1].fall_bits.value == 0
    assert found.highest_label_excess_bits == 0
    assert found.processing_excess_bits == 0


def test_verdicts_together_and_the_interval() -> None:
    assert together(["no", "open", "yes"]) == "yes"
    assert together(["no", "open"]) == "open"
    assert together(["no", "no"]) == "no"
    assert layer_verdict(Estimate(0.6, 0.4, 0.8), 50) == "open"
    values = np.random.default_rng(1).normal(2.0, 1.0, 200)
    found = bootstrap_mean(values, 0.05)
    expected = stats.norm.interval(0.95, values.mean(), values.std(ddof=1) / 200**0.5)
    assert (found.low, found.high) == pytest.approx(expected, abs=0.02)


def test_bootstrap_intervals_cover_the_mean() -> None:
    generator = np.random.default_rng(2)
    draws = 200
    covered = 0
    for _ in range(draws):
        found = bootstrap_mean(generator.exponential(1.0, 50), 0.05)
        covered += found.low <= 1.0 <= found.high
    assert covered >= 0.88 * draws  # of a skewed mean of fifty a little less than 95 %


def test_a_probe_bounds_the_information_from_below() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 3000)
    for flip in (0.0, 0.1, 0.3, 0.5):
        seen = labels ^ (generator.random(3000) < flip)
        layer = np.stack([seen, generator.random(3000)], axis=1).astype(np.float32)
        p = np.clip([flip, 1 - flip], 1e-12, 1)
        truth = 1 + float((p * np.log2(p)).sum())
        found = probe_information(layer, labels, 2000)
        assert truth - 0.08 < found < truth + 0.05  # the noise of a thousand held-out examples
    # A linear probe sees nothing of a parity that the layer holds: a bound, no estimate.
    pairs = generator.integers(0, 2, (3000, 2))
    parity = pairs.sum(axis=1) % 2
    assert probe_information(pairs.astype(np.float32), parity, 2000) < 0.02
    assert probe_information(pairs.astype(np.float32), np.zeros(3000, np.int64), 2000) == 0


def test_the_command_prints_verdicts_and_json(here: Here, tmp_path: Path) -> None:
    words = ("--seeds", 2, "--epochs", 2, "--points", 2, "--hidden", "4,3", "--workers", 1)
    ledger = ("--ledger", tmp_path / "l.sqlite")
    done = here("plane", *words, *ledger, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 trainings, all done." in done.stdout
    assert "at most 12.00 bits" in done.stdout
    for more in (("--out", "p.png"), ("--estimator", "exact"), ("--estimator", "probe")):
        done = here("plane", "tishby", *words, *ledger, *more, "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["examples"] == 4096
    done = here("plane", "nothing", *ledger)
    assert done.returncode == 2
    done = here("plane", "--hidden", "0", *ledger)
    assert done.returncode == 2
