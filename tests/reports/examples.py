"""Ledgers to make pages of: rows of the kinds that jobs append, without the work behind them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from minbits.data.assemble import assemble
from minbits.files import sha256_hex
from minbits.information.entropy_table import entropy_table
from minbits.jobs.kept_figures import counts_result, keep_counts
from minbits.ledger.provenance import Provenance
from minbits.ledger.store import Ledger, MeasurementEntry, open_ledger
from minbits.studies.kept import CODELENGTH, ENTROPY
from minbits.studies.size_diagram import (
    Measured,
    Point,
    SearchFound,
    SetFigures,
    SetMeasured,
    SizeDiagram,
)
from minbits.studies.trainability import TRAINABILITY, TrainabilityPlan
from minbits.types import DataSet, Plain, TrainingRecipe, TrialConfig, TrialOutcome, Verification

GOLDEN = Path(__file__).parents[1] / "golden"
PROVENANCE = Provenance(
    "0.1.0+abc", {"numpy": "2"}, {"processor": "a processor", "cores": 2, "workers": 1}
)
FILES = ("dependent", "every-layer", "mixed", "named-layers", "residual")
# Whatever a name may hold: ends of scripts, comments, quotes, line ends of JavaScript, directions.
HOSTILE = (
    "</script><script>document.title='taken'</script>",
    "<!-- <script>",
    "\"'`><img src=x onerror=document.title='taken'>",
    "line\u2028end\u2029 and \u202eturned\u202c",
    "{{ 7 * 7 }}{% raw %}${document.title='taken'}",
    "datum['x'] + '\\'",
)


def data_set(name: str, seed: int = 0) -> DataSet:
    """Return a small data set; another seed gives another digest."""
    generator = np.random.default_rng(seed)
    labels = np.arange(60) % 3
    inputs = generator.normal(size=(60, 4)).astype(np.float32)[:, None, None, :]
    names = np.array(["a", "b", "c"])[labels]
    return assemble(name, (inputs, names), None, name, f"made by the tests, called {name}")


def content(name: str = "mixed") -> bytes:
    """Return a network file."""
    return (GOLDEN / f"{name}.mbn").read_bytes()


def outcome(file: bytes, seed: int, correct: int) -> TrialOutcome:
    config = TrialConfig("linear 3", TrainingRecipe(1, 1), seed)
    return TrialOutcome(
        config, "done", 2.5, network_file=file, validation_correct=correct,
        validation_examples=100, energy_joules=10.0,
    ).of_candidate("linear 3 @ rate 1")  # fmt: skip


def verification(file: bytes, correct: int) -> Verification:
    size = len(file)
    return Verification(
        "x.mbn", sha256_hex(file), size, 8 * size, 1000, correct, correct / 1000, 0.9, 0.995, 1.0
    )


def add_claims(ledger: Ledger, data: DataSet, *files: tuple[str, float, int]) -> None:
    """Append trials and claims: the name of a golden file, its target, right answers of 1,000."""
    for seed, (name, target, correct) in enumerate(files):
        file = content(name)
        made = outcome(file, seed, correct // 10)
        ledger.append_trial(data, target, made, PROVENANCE)
        ledger.append_claim(data, target, verification(file, correct), PROVENANCE)


def ladder() -> dict[str, Plain]:
    """Return a ladder as `minbits entropy` keeps it."""
    rungs = [
        {
            "title": title, "example_bits": bits, "interval_95_bits": ends, "method": "by hand",
            "amortised_model_bits": cost, "warning": None,
        }
        for title, bits, ends, cost in (
            ("independent", 20.0, [19.0, 21.0], 2.0), ("xz", 30.0, None, 0.0),
        )
    ]  # fmt: skip
    return {"of": "4 columns", "rungs": rungs, "bound_bits": 21.5}


def codes() -> dict[str, Plain]:
    """Return code lengths as `minbits codelength` keeps them."""
    blocks = [{"start": 0, "labels": 16, "bits": 20.0}, {"start": 16, "labels": 32, "bits": 9.5}]
    rows = [
        {"code": "uniform", "size_bits": 104, "method": "by hand", "source": "nobody 1900",
         "blocks": []},
        {"code": "prequential", "size_bits": 72, "method": "by hand", "source": "nobody 1900",
         "blocks": blocks},
        {"code": "two-part", "size_bits": None, "method": "by hand", "source": "nobody 1900",
         "blocks": []},
        {"code": "variational", "size_bits": None, "computed_bits": 60.5, "method": "by hand",
         "source": "nobody 1900", "blocks": []},
    ]  # fmt: skip
    return {"labels": 48, "classes": 3, "best": "prequential", "codes": rows}


def plane(seed: int) -> dict[str, Any]:
    """Return what a study of the information plane measured of two layers."""
    return {
        "measured_epochs": [0, 1, 10], "losses_nats": [None, 0.5, 0.1],
        "exact_input": [[1.0 + seed, 0.5], [2.0 + seed, 1.0], [3.0 + seed, 1.5]],
        "exact_label": [[0.1, 0.1], [0.5, 0.4], [0.9, 0.8]],
        "odd_input": [[1.0]], "odd_label": [["text"]],
    }  # fmt: skip


def add_figures(ledger: Ledger, data: DataSet) -> None:
    """Append entropies with a ladder, codes, trainings of two widths, a plane, an unknown study."""
    table = entropy_table(data)
    result = counts_result(data, table) | {"ladder": ladder()}
    asked: dict[str, Plain] = {"binarise": "threshold", "minutes": 1.0}
    rows = [
        MeasurementEntry(data, ENTROPY, asked, 0, result, 3.0, PROVENANCE),
        MeasurementEntry(data, CODELENGTH, {"code": "all"}, 7, codes(), 3.0, PROVENANCE),
    ]
    plan = TrainabilityPlan((4, 16), 1, 6, 2, 0.05, 32)
    generator = np.random.default_rng(0)
    for width in plan.widths:
        for seed in range(plan.seeds):
            loss = float(1 / width + 0.02 * generator.random())
            ended: dict[str, Plain] = {
                "train_loss_nats": loss / 2, "test_loss_nats": loss, "test_correct": 10,
                "test_examples": 12, "train_correct": 40, "train_examples": 48,
                "curve": [[1, loss], [2, loss / 2]],
            }  # fmt: skip
            settings = plan.settings(width, 3)
            rows.append(
                MeasurementEntry(data, TRAINABILITY.key, settings, seed, ended, 0.5, PROVENANCE)
            )
    rows += [
        MeasurementEntry(data, "plane", {"bits": 8}, seed, plane(seed), 1.0, PROVENANCE)
        for seed in (0, 1)
    ]
    for size in (1, 2):
        for seed in range(3):
            found: dict[str, Plain] = {"area_squared": size + 0.1 * seed, "note": "text"}
            rows.append(MeasurementEntry(data, "shoes", {"size": size, "foot": "left"}, seed,
                                         found, 0.1, PROVENANCE))  # fmt: skip
    ledger.append_measurements(rows)


def whole_ledger(folder: Path, *names: str) -> Path:
    """Return a ledger in which the first data set has everything, the others a claim."""
    place = folder / "ledger.sqlite"
    with open_ledger(place) as ledger:
        for seed, name in enumerate(names):
            data = data_set(name, seed)
            if seed == 0:
                add_claims(ledger, data, ("mixed", 0.99, 995), ("dependent", 0.95, 960),
                           ("every-layer", 0.99, 930))  # fmt: skip
                add_figures(ledger, data)
            else:
                add_claims(ledger, data, (FILES[seed % len(FILES)], 0.9, 900 + seed))
                keep_counts(ledger, data, entropy_table(data), PROVENANCE)
    return place


def card(folder: Path, name: str = "residual") -> Path:
    """Write a network file with its card into a folder, and return the card."""
    file, path = content(name), folder / "published.json"
    path.with_suffix(".mbn").write_bytes(file)
    path.write_text(
        json.dumps(
            {
                "data": "one", "data_digest": data_set("one").digest, "sha256": sha256_hex(file),
                "size_bits": 8 * len(file), "n_test": 1000, "correct": 970,
                "target_accuracy": 0.97, "claims_against_test_set": 40,
                "validation": {"correct": 98, "examples": 100}, "candidate": "by hand",
                "config": {"seed": 3}, "seeds_tried": 4, "successes_on_validation": 2,
                "machine": {"cores": 8}, "libraries": {"numpy": "2"}, "training_seconds": 12,
                "code_version": "0.1.0+old", "created_at": "2026-01-01T00:00:00+00:00",
            }
        )
    )  # fmt: skip
    return path


def size_point(number: int) -> Point:
    """Return a point of a diagram: every other one is shown to reach its target."""
    generator = np.random.default_rng(number)
    x = float(10 ** generator.uniform(1.5, 5.2))
    bits = int(10 ** (0.6 * np.log10(x) + 1 + 0.3 * generator.normal()))
    measured = Measured(x, "by hand", 0.9 * x, 1.2 * x)
    figures = SetFigures(f"group {number}", 0.95, "by hand", {"label_code_bits": measured})
    searches = (SearchFound(0, 1.0, 9, bits), SearchFound(1, 1.0, 9, 2 * bits))
    name = f"a set with a name, {number}"
    known = SetMeasured(name, f"{number:064x}", figures, searches, 20, 3 * bits)
    limit = 0.94 + 0.02 * (number % 2)
    return Point(known, 0.95, bits, 960, 1000, limit, "by hand", f"{number:064x}")


def size_diagram(points: int) -> SizeDiagram:
    """Return a diagram of so many points."""
    return SizeDiagram("label_code_bits", "file", None, tuple(map(size_point, range(points))))
