"""What a page is made from: rows of the ledger and cards, and which of them are believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from minbits.errors import ArgumentError, OutputError
from minbits.intervals import anytime_lower_limit
from minbits.ledger.store import MeasurementEntry, open_ledger, read_ledger
from minbits.reports.cards import read_cards
from minbits.reports.facts import DataFacts
from minbits.reports.gather import gather
from minbits.studies.kept import ENTROPY
from tests.reports.examples import (
    PROVENANCE,
    add_claims,
    card,
    content,
    data_set,
    whole_ledger,
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_ledger(tmp_path_factory.mktemp("ledger"), "one", "two")


def facts_of(place: Path, records: Path | None = None, *names: str) -> tuple[DataFacts, ...]:
    cards = [] if records is None else list(read_cards(records))
    with read_ledger(place) as ledger:
        return gather(ledger, cards, names)


def test_the_smallest_file_at_99_percent_heads_a_set(place: Path) -> None:
    one, two = facts_of(place)
    assert one.headline is not None
    assert one.headline[0].size_bits == 8 * len(content("mixed"))
    assert one.headline[1] == 0.99
    # Without one it is the highest target that a file passed.
    assert two.headline is not None
    assert two.headline[1] == 0.9


def test_a_claim_has_seeds_interval_looks_hardware_and_command(place: Path) -> None:
    claim = facts_of(place, None, "one")[0].claims[-1]
    assert (claim.seed, claim.seeds, claim.seeds_passed) == (0, 3, 1)
    assert (claim.validation, claim.looks) == ((99, 100), 3)
    assert claim.lower_limit == anytime_lower_limit(995, 1000, 3)
    assert claim.made.hardware == "a processor, 2 cores, 1 worker"
    assert claim.rerun.startswith("minbits verify ")
    assert claim.rerun.endswith(".mbn --data one")
    assert claim.reached


def test_a_file_that_missed_is_a_claim_and_no_point_of_the_front(place: Path) -> None:
    one = facts_of(place, None, "one")[0]
    assert [claim.reached for claim in one.claims] == [False, True, True]
    at = [claim.claimable_accuracy for claim in one.front]
    assert at == sorted(at)
    sizes = [claim.size_bits for claim in one.front]
    assert sizes == sorted(sizes)


def test_cards_and_ledger_are_counted_together(place: Path, tmp_path: Path) -> None:
    card(tmp_path)
    one = facts_of(place, tmp_path, "one")[0]
    published = next(claim for claim in one.claims if claim.seed == 3)
    assert (published.seeds, published.seeds_passed, published.looks) == (4, 2, 40)
    assert published.place.endswith("published.json")
    # The looks that a card knows of count for all files on that test set.
    assert {claim.looks for claim in one.claims} == {40}
    # A file of the ledger that is published too is one claim.
    card(tmp_path, "mixed")
    assert len(facts_of(place, tmp_path, "one")[0].claims) == 4


def test_a_card_alone_makes_a_page(tmp_path: Path) -> None:
    card(tmp_path)
    (found,) = gather(None, list(read_cards(tmp_path)))
    assert (found.name, found.digest) == ("one", data_set("one").digest)
    assert found.parts


def test_a_card_of_another_file_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    card(tmp_path).with_suffix(".mbn").write_bytes(content("mixed"))
    assert list(read_cards(tmp_path)) == []
    assert "another one" in caplog.text


def test_a_card_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("[1]")
    with pytest.raises(OutputError, match=r"bad\.json: got no card"):
        list(read_cards(tmp_path))
    (tmp_path / "bad.json").write_text('{"format": "minbits companion"}')
    assert list(read_cards(tmp_path)) == []


def test_what_was_measured_of_the_data_is_there(place: Path) -> None:
    one = facts_of(place, None, "one")[0]
    assert one.ladder is not None
    assert [rung.title for rung in one.ladder.rungs] == ["independent", "xz"]
    assert [(item.code, item.bits, item.is_file) for item in one.codes] == [
        ("variational", 60.5, False), ("prequential", 72, True), ("uniform", 104, True),
    ]  # fmt: skip
    assert one.shortest_code == one.codes[1]
    assert one.codes[1].curve == ((16, 20.0), (48, 29.5))
    assert {item.study for item in one.studies} == {"trainability", "plane", "shoes"}
    assert (one.training_examples, one.input_shape) == (48, (1, 1, 4))
    assert one.figure("label_entropy_total") is not None


def test_a_file_that_is_damaged_is_no_claim(tmp_path: Path) -> None:
    place = tmp_path / "ledger.sqlite"
    data = data_set("one")
    with open_ledger(place) as ledger:
        add_claims(ledger, data, ("mixed", 0.99, 995), ("dependent", 0.95, 960))
        broken = ledger.artifacts.path(ledger.rows("claims")[0]["artifact_sha256"])
        broken.chmod(0o600)
        broken.write_bytes(b"other")
    (one,) = facts_of(place)
    assert len(one.claims) == 1
    assert "claim 1 of" in one.passed_over[0]


def test_rows_of_another_form_are_told_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place, data = tmp_path / "ledger.sqlite", data_set("one")
    with open_ledger(place) as ledger:
        rows = [
            MeasurementEntry(data, study, {}, 0, {"figures": 3, "codes": {}}, 0.0, PROVENANCE)
            for study in (ENTROPY, "codelength", "trainability")
        ]
        ledger.append_measurements(rows)
    (one,) = facts_of(place)
    assert (one.figures, one.codes, one.ladder) == ((), (), None)
    assert caplog.text.count("left out of the report") == 2


def test_sets_are_chosen_by_name_or_digest(place: Path) -> None:
    digest = data_set("two", 1).digest
    assert [item.name for item in facts_of(place, None, digest[:8])] == ["two"]
    with pytest.raises(ArgumentError, match="Did you mean 'one'"):
        facts_of(place, None, "ones")


def test_sets_of_one_name_are_told_apart(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        for seed in (0, 1):
            add_claims(ledger, data_set("same", seed), ("mixed", 0.9, 950))
    found = facts_of(tmp_path / "ledger.sqlite")
    assert {item.title for item in found} == {f"same ({item.digest[:8]})" for item in found}
