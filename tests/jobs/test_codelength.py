"""The code length of labels: each length is that of a file that was decoded."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

import minbits
from minbits.charts.code_lengths import code_length_numbers, draw_code_lengths
from minbits.charts.contact_sheet import ContactSheet, draw_contact_sheet
from minbits.claims.published_file import adopt_file, read_card
from minbits.data import from_arrays, load
from minbits.errors import ArgumentError, LabelCodeError
from minbits.evaluation.total_goal import TotalGoal, expected_label_bits
from minbits.jobs.codelength import (
    codelength_job,
    decode_job,
    plain_codelength,
    read_label_file,
)
from minbits.jobs.codelength_outputs import label_bits
from minbits.jobs.codelength_request import CodelengthRequest
from minbits.jobs.label_search import LabelSearch, label_factor
from minbits.jobs.shared_options import Origin
from minbits.jobs.size_plan import size_plan
from minbits.jobs.size_request import SizeRequest
from minbits.label_codes.block_plan import BlockPlan
from minbits.label_codes.prequential_file import Block
from minbits.ledger.provenance import current_provenance
from minbits.ledger.store import open_ledger
from minbits.networks.grammar import split_front_end
from minbits.search.device import device_name
from minbits.search.driver import SearchEvents
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome

ROOT = Path(__file__).parents[2]


def striped() -> DataSet:
    """Two classes that a line parts, far from each other."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 400)
    inputs = generator.normal(size=(400, 2)) + 20 * labels[:, None]
    return from_arrays(inputs.astype(np.float32), labels, name="striped")


def test_all_codes_of_a_small_set(tmp_path: Path) -> None:
    data, out = striped(), tmp_path / "labels.mbl"
    request = CodelengthRequest(
        minutes=0.05, ledger=tmp_path / "l.sqlite", records=tmp_path, out=out, workers=1,
        labels_out=tmp_path / "bits.csv", pictures=tmp_path / "pictures",
    )  # fmt: skip
    report = codelength_job(data, request)
    bits = {item.code: item.size_bits for item in report.codes}
    assert list(bits) == ["uniform", "empirical", "two-part", "prequential", "variational"]
    # The variational code is computed, and no file.
    variational = report.codes[-1]
    assert variational.size_bits is None
    assert variational.variational is not None
    assert variational.computed_bits == variational.variational.total_bits
    assert bits["uniform"] == 8 * (4 + math.ceil(len(data.train_labels) / 8))
    # The inputs tell everything: whoever learns them needs few bits beyond the headers.
    assert bits["prequential"] is not None
    assert bits["prequential"] < 160 < 0.5 * bits["uniform"]
    assert report.best.code == "prequential"
    assert 8 * out.stat().st_size == report.best.size_bits
    decoded = decode_job(read_label_file(out), data)
    assert decoded.agree
    assert decoded.labels == tuple(data.class_names[label] for label in data.train_labels)
    plain = json.loads(json.dumps(plain_codelength(report)))
    assert plain["best"] == "prequential"
    assert sum(block["labels"] for block in plain["codes"][3]["blocks"]) == plain["labels"]
    assert plain["codes"][4]["variational"]["weights_bits"] > 0
    # The bits of each label, by the rows that were given: the dearest first.
    with (tmp_path / "bits.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    bits_of_labels = [float(row["bits"]) for row in rows]
    assert bits_of_labels == sorted(bits_of_labels, reverse=True)
    blocks = report.codes[3].blocks
    assert sum(bits_of_labels) == pytest.approx(sum(block.bits for block in blocks), abs=0.1)
    assert data.train_rows is not None
    assert sorted(int(row["row"]) - 1 for row in rows) == data.train_rows.tolist()
    given = np.random.default_rng(0).integers(0, 2, 400)
    assert all(int(row["label"]) == given[int(row["row"]) - 1] for row in rows)
    # Pictures of what there is; two columns are no image.
    names = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    assert names == ["striped-codes.png", "striped-learning.png"]
    # What an interrupted run would have gone on from is gone.
    assert sorted(path.name for path in tmp_path.glob("labels.mbl*")) == ["labels.mbl"]
    # No look at the test set: the search made no claim.
    with open_ledger(tmp_path / "l.sqlite") as ledger:
        assert ledger.rows("claims") == []


def test_a_network_of_the_ledger_is_taken(tmp_path: Path) -> None:
    target = tmp_path / "l.sqlite"
    with open_ledger(target) as ledger:
        record = ROOT / "records/digits-95.mbn"
        adopt_file(record, read_card(record), load("digits"), ledger)
    report = minbits.codelength("digits", "two-part", ledger=target, records=tmp_path)
    (found,) = report.codes
    assert found.network_bits == 8 * (ROOT / "records/digits-95.mbn").stat().st_size
    assert found.size_bits is not None
    assert found.network_bits < found.size_bits < found.network_bits + 400


def test_a_published_network_is_taken(tmp_path: Path) -> None:
    for name in ("digits-95.mbn", "digits-95.json", "digits-95.data.json"):
        shutil.copy(ROOT / "records" / name, tmp_path)
    report = minbits.codelength(
        "digits", "two-part", ledger=tmp_path / "none.sqlite", records=tmp_path
    )
    (found,) = report.codes
    assert found.network == str(tmp_path / "digits-95.mbn")
    assert not (tmp_path / "none.sqlite").exists()


def test_noise_costs_its_entropy() -> None:
    assert expected_label_bits(1.0, 1000, 10) < 20
    noisy = expected_label_bits(0.9, 1000, 10)
    assert noisy == pytest.approx(1000 * (0.469 + 0.1 * math.log2(9)), rel=1e-3)


def test_the_search_for_a_code_wants_file_and_labels_short() -> None:
    goal = TotalGoal(0.9, 100, labels=1000, classes=10)

    def outcome(size_bits: int, validation: int, training: int) -> TrialOutcome:
        return TrialOutcome(
            TrialConfig("linear 10", TrainingRecipe(1, 1), 0), "done", 1.0, size_bits=size_bits,
            validation_correct=validation, validation_examples=100, training_correct=training,
            training_examples=900,
        )  # fmt: skip

    # 5 % more of the labels wrong cost 400 bits: a file may be as much longer, and no more.
    accurate, small = outcome(1000, 95, 855), outcome(700, 90, 810)
    assert goal.score(accurate) < goal.score(small)  # type: ignore[operator]
    assert goal.score(outcome(1500, 95, 855)) > goal.score(small)  # type: ignore[operator]
    # All labels are coded, and most of them were trained on.
    assert goal.score(outcome(1000, 90, 891)) < goal.score(outcome(1000, 99, 810))  # type: ignore[operator]
    assert goal.is_met(small)
    # Where a network knows its doubts, errors are cheaper and small files better.
    goal.label_factor = 0.4
    assert goal.score(accurate) > goal.score(small)  # type: ignore[operator]
    goal.label_factor = 1.0
    assert goal.score(TrialOutcome(accurate.config, "failed", 1.0)) is None


def test_what_labels_take_is_measured_given_a_network() -> None:
    data = load("digits")
    content = (ROOT / "records/digits-95.mbn").read_bytes()
    factor = label_factor(content, data)
    # The network knows which of its answers are doubtful.
    assert 0.1 < factor < 0.9
    # Where labels are wrong by chance, no network knows which.
    generator = np.random.default_rng(0)
    wrong = generator.random(len(data.train_labels)) < 0.3
    labels = np.where(
        wrong, (data.train_labels + generator.integers(1, 10, len(wrong))) % 10, data.train_labels
    )
    noisy = dataclasses.replace(data, train_labels=labels)
    assert 0.85 < label_factor(content, noisy) < 1.2


def test_a_trial_is_a_row_before_its_labels_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []
    place = tmp_path / "l.sqlite"

    def fails(content: bytes, data: DataSet) -> float:
        with open_ledger(place) as ledger:
            rows.append(len(ledger.rows("trials")))
        raise ArgumentError("logits", "one that is no number", "numbers", "Train it again.")

    monkeypatch.setattr("minbits.jobs.label_search.label_factor", fails)
    told: list[str] = []
    request = CodelengthRequest("two-part", 0.02, ledger=place, records=tmp_path, workers=1)
    found = codelength_job(striped(), request, told.append)
    # The search goes on, its rows are kept, and there is a code.
    assert rows
    assert rows[0] > 0
    assert found.best.size_bits is not None
    assert any("cannot be run" in text for text in told)


def test_the_search_for_a_code_tries_front_ends(tmp_path: Path) -> None:
    data = load("mnist")
    plan = size_plan(data, SizeRequest(accuracy=0.9, ledger=tmp_path / "l.sqlite"), Origin())
    with open_ledger(tmp_path / "l.sqlite") as ledger:
        search = LabelSearch(
            data, plan, ledger, current_provenance(device_name(), 1), SearchEvents()
        )
        strategy = search.strategy()
        proposals = [strategy.propose(1000.0) for _ in range(2)]
    found = [one.candidate.architecture for one in proposals if one is not None]
    assert {split_front_end(text)[0] for text in found} == {"moments 28", None}


def test_a_search_goes_on_from_known_networks(tmp_path: Path) -> None:
    target = tmp_path / "l.sqlite"
    data = striped()
    first = codelength_job(
        data, CodelengthRequest("two-part", 0.02, ledger=target, records=tmp_path, workers=1)
    )
    with open_ledger(target) as ledger:
        trials = len(ledger.rows("trials"))
    again = CodelengthRequest(
        "two-part", 0.02, ledger=target, records=tmp_path, workers=1, search=True
    )
    second = codelength_job(data, again)
    with open_ledger(target) as ledger:
        assert len(ledger.rows("trials")) > trials
        assert ledger.rows("claims") == []
    assert second.best.size_bits is not None
    assert first.best.size_bits is not None
    assert second.best.size_bits <= first.best.size_bits


def test_the_dearest_images_are_shown() -> None:
    data = load("digits")
    count = len(data.train_labels)
    block = Block(
        0, count, 0.0, 0, "", 0.0, BlockPlan((), 0), tuple(float(i % 7) for i in range(count)),
        (3,) * count, {}, 0.0,
    )  # fmt: skip
    found = label_bits(data, [block], seed=0)
    assert found.bits[0] == 6.0
    assert found.labels[0] == data.class_names[data.train_labels[found.places[0]]]
    sheet = ContactSheet("digits", data.train_inputs[found.places[:9]], ("a",) * 9)
    assert draw_contact_sheet(sheet).picture().startswith(b"\x89PNG")
    numbers = code_length_numbers("mnist", 60_000, {"two-part": 7168}, {"variational": 8454.0})
    assert [item.bits for item in numbers.published] == [199_000, 22_200, 4_100]
    assert draw_code_lengths(numbers).picture("svg")
    assert code_length_numbers("mnist", 1000, {"two-part": 7168}, {}).published == ()


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="`labels_out`"):
        minbits.codelength("iris", "uniform", labels_out=tmp_path / "bits.csv")
    with pytest.raises(ArgumentError, match="`code`"):
        minbits.codelength("iris", "none")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="`seed`"):
        minbits.codelength("iris", seed=256)
    with pytest.raises(LabelCodeError, match="readable"):
        read_label_file(tmp_path / "none.mbl")
    with pytest.raises(LabelCodeError, match="header"):
        decode_job(b"text", load("iris"))
