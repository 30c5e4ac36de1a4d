"""Validation chooses, the test set speaks, and what a ledger says is believed after a run alone."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from minbits.claims.best_known import find_network, residual_label_bits
from minbits.claims.claiming import Claimant, Scope, verify_bytes
from minbits.claims.ledger_verification import verify_ledger
from minbits.codec import run_cost
from minbits.codec.architecture import Architecture
from minbits.codec.file_format import decode_network, encode_network
from minbits.data import load
from minbits.data.splits import validation_split
from minbits.errors import CostError, LedgerError, NetworkError
from minbits.evaluation.evaluate import evaluate
from minbits.evaluation.goal import Goal
from minbits.files import sha256_hex
from minbits.intervals import anytime_lower_limit
from minbits.jobs.shared_options import Origin
from minbits.jobs.size import size_job
from minbits.jobs.size_plan import size_plan
from minbits.jobs.size_request import SizeRequest
from minbits.jobs.size_search import SizeSearch
from minbits.layers.linear import Linear
from minbits.ledger.front import front
from minbits.ledger.rows import claim_row
from minbits.ledger.store import Claim, Ledger
from minbits.search.driver import SearchEvents
from minbits.types import DataSet, TrialOutcome, Verification
from tests.ledger.bad_rows import inject
from tests.ledger.examples import CONFIG, PROVENANCE, done, verification
from tests.strategies import random_network, slow_network

GOLDEN = Path(__file__).parent.parent / "golden" / "ledgers" / "0003"


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load("digits")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Return a ledger with two files for digits, of 3,496 bits (claimed) and 3,512 bits."""
    shutil.copytree(GOLDEN, tmp_path / "golden")
    store = Ledger(tmp_path / "golden" / "ledger.sqlite")
    yield store
    store.close()


def claimant(ledger: Ledger, data: DataSet, accuracy: float, said: list[str]) -> Claimant:
    goal = Goal(accuracy, len(validation_split(data)[1]))
    return Claimant(data, goal, ledger, PROVENANCE, Scope, said.append)


def contents(ledger: Ledger, data: DataSet) -> dict[int, bytes]:
    """Return the ledger's files for a data set by their size in bits."""
    return {
        one.size_bits: ledger.artifacts.read(one.sha256)
        for one in ledger.trial_outcomes(data.digest)
        if one.sha256 is not None and one.size_bits is not None
    }


def claim_stated(
    ledger: Ledger, data: DataSet, content: bytes, validated: int, tested: int
) -> None:
    """Append a trial with ``validated`` of 10 right, and a claim with ``tested`` of 10,000."""
    ledger.append_trial(data, 0.9, done(content, validated).of_candidate("rung"), PROVENANCE)
    ledger.append_claim(data, 0.9, verification(content, tested), PROVENANCE)


def test_a_file_is_claimed_at_what_it_has_on_validation_and_on_test(
    ledger: Ledger, tiny: DataSet
) -> None:
    """A file that is lucky on the test set is shown, and an honest larger one is claimed."""
    claim_stated(ledger, tiny, b"lucky", 9, 9900)
    claim_stated(ledger, tiny, b"honest file", 10, 9850)
    for accuracy, size in ((0.98, 88), (0.9, 40), (0.99, None)):
        best = ledger.best_claim(tiny.digest, accuracy)
        assert (best and best.verification.size_bits) == size
    shown = ledger.smallest_shown(tiny.digest, 0.98, 88)
    assert shown is not None
    assert (shown.size_bits, shown.correct, shown.target_accuracy) == (40, 9900, 0.9)
    assert shown.validation_accuracy == pytest.approx(0.9)
    assert ledger.smallest_shown(tiny.digest, 0.98, 40) is None
    assert ledger.smallest_shown(tiny.digest, 0.9) is None  # it may be claimed there
    rows = front(ledger, "stripes", None)
    assert [(row["size_bits"], row["claimable_accuracy"]) for row in rows] == [
        (40, pytest.approx(0.9)),
        (88, pytest.approx(0.985)),
    ]
    assert [row["size_bits"] for row in front(ledger, "stripes", 0.98)] == [88]


def test_an_unclaimed_smaller_file_is_not_hidden_by_a_lucky_one(
    ledger: Ledger, tiny: DataSet
) -> None:
    claim_stated(ledger, tiny, b"lucky", 9, 9900)
    ledger.append_trial(tiny, 0.98, done(b"passes", 10).of_candidate("rung"), PROVENANCE)
    assert ledger.best_claim(tiny.digest, 0.98) is None
    assert [item.size_bits for item in ledger.files_to_claim(tiny.digest, 0.98, 1e9)] == [48]


def forge(ledger: Ledger, data: DataSet, found: Verification) -> str:
    """Put a claim into the ledger as nobody can append it, and return its name."""
    (number,) = inject(ledger, "claims", [claim_row(data, 0.9, found, PROVENANCE)])
    return f"claims {number}"


def test_a_claim_of_another_size_is_passed_over_and_its_file_may_be_claimed_anew(
    ledger: Ledger, digits: DataSet
) -> None:
    truth = verify_bytes(contents(ledger, digits)[3512], digits)
    forged = dataclasses.replace(truth, size_bits=8, bytes=1)
    with pytest.raises(LedgerError, match="size_bits 8; expected 3512"):
        ledger.append_claim(digits, 0.9, forged, PROVENANCE)
    name = forge(ledger, digits, forged)
    best = claimant(ledger, digits, 0.9, []).best()
    assert best is not None
    assert best.verification.size_bits == 3496  # the honest one
    assert ledger.faulty_rows() == [name]
    untested = ledger.files_to_claim(digits.digest, 0.9, float("inf"))
    assert 3512 in {item.size_bits for item in untested}


def test_a_forged_claim_is_passed_over_and_its_file_may_be_claimed_anew(
    ledger: Ledger, digits: DataSet
) -> None:
    truth = verify_bytes(contents(ledger, digits)[3512], digits)
    assert truth.correct != 358
    forged = dataclasses.replace(truth, correct=358)
    ledger.append_claim(digits, 0.95, forged, PROVENANCE)
    said: list[str] = []
    own = claimant(ledger, digits, 0.95, said)
    best = own.best()
    assert best is not None
    assert best.verification.size_bits == 3496  # the honest one
    # Confirmed at any accuracy that it is asked for, the forged row stands contradicted.
    row = ledger.rows("claims")[-1]
    claim = Claim(row["id"], forged)
    assert not own.is_confirmed(claim)
    assert ledger.objection(row) is not None
    untested = ledger.files_to_claim(digits.digest, 0.9, float("inf"))
    assert 3512 in {item.size_bits for item in untested}


def test_validation_counts_that_the_bytes_do_not_have_are_not_believed(
    ledger: Ledger, digits: DataSet
) -> None:
    """A row says 287 of 287: the file is run on the validation examples, too."""
    content = contents(ledger, digits)[3512]
    truth, judged = verify_bytes(content, digits), evaluate(content, digits)
    stated = dataclasses.replace(judged.counted(done(content)), validation_correct=287)
    ledger.append_trial(digits, 0.96, stated.of_candidate("forged"), PROVENANCE)
    claim = Claim(ledger.append_claim(digits, 0.96, truth, PROVENANCE), truth)
    said: list[str] = []
    assert not claimant(ledger, digits, 0.96, said).is_confirmed(claim)
    assert said == [
        f"claim {claim.claim_id} of the ledger is passed over: 274 of 287 validation examples right"
    ]
    honest = claimant(ledger, digits, 0.95, said)
    ledger.append_claim(digits, 0.95, truth, PROVENANCE)
    assert honest.is_confirmed(Claim(ledger.rows("claims")[-1]["id"], truth))


def test_asking_again_where_nothing_reaches_takes_no_further_look(
    ledger: Ledger, digits: DataSet
) -> None:
    own = claimant(ledger, digits, 0.999, [])
    first = own.claim()
    assert first.best is None
    assert first.nearest is not None
    assert first.nearest.verification.size_bits == 3496  # most right on validation
    again = claimant(ledger, digits, 0.999, []).claim()
    assert (again.nearest, again.looks) == (first.nearest, first.looks) == (first.nearest, 1)


def test_need_takes_size_and_counts_from_the_bytes(
    ledger: Ledger, digits: DataSet, tmp_path: Path
) -> None:
    content = contents(ledger, digits)[3512]
    truth = verify_bytes(content, digits)
    forge(ledger, digits, dataclasses.replace(truth, size_bits=8, bytes=1))
    found = find_network(digits, 0.9, tmp_path / "golden" / "ledger.sqlite", None)
    assert found is not None
    assert found.size_bits == 3496
    card_of = (
        '{{"data": "digits", "data_digest": "{0}", "correct": 359, "n_test": 359, "sha256": "{1}", '
        '"size_bits": 8, "target_accuracy": 0.9, '
        '"validation": {{"correct": 287, "examples": 287}}}}'
    )
    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "a.mbn").write_bytes(content)
    (folder / "a.json").write_text(card_of.format(digits.digest, truth.sha256))
    at = find_network(digits, 0.9, None, folder)
    assert at is not None
    assert (at.size_bits, at.test_accuracy) == (3512, truth.test_accuracy)
    assert find_network(digits, 0.999, None, folder) is None  # the card lies
    (folder / "a.json").write_text(card_of.format(digits.digest, "0" * 64))
    assert find_network(digits, 0.9, None, folder) is None  # of other bytes


def accepts_none(ledger: Ledger, digits: DataSet, said: list[str]) -> Claimant:
    """Return a claimant whose search has learned a gap so large that no file is accepted."""
    own = claimant(ledger, digits, 0.95, said)
    outcome = TrialOutcome(
        CONFIG, "done", 1.0, validation_correct=275, validation_examples=287, training_correct=1000
    )
    for _ in range(50):
        own.goal.learn(dataclasses.replace(outcome, training_examples=1000))
    return own


def test_where_every_file_seems_lucky_the_most_credible_one_is_the_answer(
    tmp_path: Path, digits: DataSet
) -> None:
    shutil.copytree(GOLDEN, tmp_path / "golden")
    source = Ledger(tmp_path / "golden" / "ledger.sqlite")
    files = contents(source, digits)
    source.close()
    ledger = Ledger(tmp_path / "fresh.sqlite")
    for size, content in files.items():
        result = evaluate(content, digits).counted(done(content))
        ledger.append_trial(digits, 0.95, result.of_candidate(f"rung {size}"), PROVENANCE)
    said: list[str] = []
    own = accepts_none(ledger, digits, said)
    chosen = own.choose(float("inf"))
    assert chosen is not None
    assert any(
        "rejected: " in text and "on training examples, below the required" in text for text in said
    )
    # Where there is an answer already, a doubtful file is not worth a look at the test set.
    assert own.choose(1e9) is None
    outcome = own.claim()
    assert outcome.written is not None
    assert outcome.looks in (1, 2)
    found = outcome.written.verification
    assert outcome.lower_limit == anytime_lower_limit(found.correct, found.n_test, outcome.looks)
    ledger.close()


def test_a_second_look_widens_the_limit(ledger: Ledger, digits: DataSet) -> None:
    own = claimant(ledger, digits, 0.9, [])
    one = own.claim().lower_limit
    other = contents(ledger, digits)[3512]
    ledger.append_claim(digits, 0.9, verify_bytes(other, digits), PROVENANCE)
    two = own.claim().lower_limit
    assert one is not None
    assert two is not None
    assert two < one


def early(ledger: Ledger, digits: DataSet, accuracy: float) -> tuple[Claimant, list[str]]:
    """Return a claimant that was given an untested file of the ledger early."""
    said: list[str] = []
    own = claimant(ledger, digits, accuracy, said)
    for outcome in sorted(ledger.trial_outcomes(digits.digest), key=lambda one: one.size_bits or 0):
        if outcome.size_bits == 3512:
            own.claim_early(outcome)
    return own, said


def test_a_first_file_is_claimed_early_and_the_end_has_one_look_more(
    digits: DataSet, tmp_path: Path
) -> None:
    shutil.copytree(GOLDEN, tmp_path / "golden")
    with Ledger(tmp_path / "golden" / "ledger.sqlite") as store:
        content = contents(store, digits)[3512]
    found = evaluate(content, digits)
    with Ledger(tmp_path / "own.sqlite") as store:
        result = found.counted(done(content, 10)).of_candidate("first")
        store.append_trial(digits, 0.9, result, PROVENANCE)
        said: list[str] = []
        own = claimant(store, digits, 0.9, said)
        own.claim_early(result)
        assert any("first verified file: 3,512 bits" in text for text in said)
        own.claim_early(result)  # once a run
        smaller = contents_of_golden(tmp_path)[3496]
        second = evaluate(smaller, digits).counted(done(smaller, 10)).of_candidate("second")
        store.append_trial(digits, 0.9, second, PROVENANCE)
        outcome = own.claim()
        assert outcome.looks == 2
        assert outcome.best is not None
        assert outcome.best.verification.size_bits in (3496, 3512)


def contents_of_golden(tmp_path: Path) -> dict[int, bytes]:
    with Ledger(tmp_path / "golden" / "ledger.sqlite") as store:
        return contents(store, load("digits"))


def test_no_look_is_taken_early_where_a_file_is_known_or_one_is_not_safe(
    ledger: Ledger, digits: DataSet
) -> None:
    before = ledger.look_count(digits.digest)
    for accuracy in (0.9, 0.999):  # a claim is known; nothing is safe
        _, said = early(ledger, digits, accuracy)
        assert not any("first" in text for text in said)
    assert ledger.look_count(digits.digest) == before


def test_a_hundred_rows_end_with_an_answer(tmp_path: Path) -> None:
    """A table of few rows: the rule against luck never leaves its owner with nothing."""
    rows = [f"{i % 10},{(i * 7) % 11},{'ab'[(i % 10 + i % 3) > 5]}" for i in range(60)]
    path = tmp_path / "small.csv"
    path.write_text("\n".join(["x,z,y", *rows]) + "\n")
    request = SizeRequest(
        accuracy=0.97, minutes=0.3, trials=3, seed=0, workers=1,
        ledger=tmp_path / "l.sqlite", out=tmp_path / "small.mbn",
    )  # fmt: skip
    report = size_job(load(path, label="y"), request, SearchEvents())
    found: Verification | None = report.best or report.nearest
    assert found is not None
    assert Path(found.path).stat().st_size * 8 == found.size_bits
    assert report.lower_limit is not None
    assert report.lower_limit < found.test_accuracy


def test_what_cannot_be_run_is_not_put_to_the_test(
    ledger: Ledger, digits: DataSet, tiny: DataSet
) -> None:
    """Somebody may have imported it: its digest is right, its row says that it is the best."""
    of_iris = contents(ledger, load("iris"))
    fine = min(contents(ledger, digits).values(), key=len)
    perfect = digits.train_labels.size
    for content in (b"no network", min(of_iris.values(), key=len), fine[:-1]):
        result = dataclasses.replace(
            done(content, 10), validation_correct=perfect, validation_examples=perfect,
            training_correct=perfect, training_examples=perfect,
        )  # fmt: skip
        ledger.append_trial(digits, 0.9, result.of_candidate("own"), PROVENANCE)
    said: list[str] = []
    chosen = claimant(ledger, digits, 0.9, said).claim()
    assert chosen.best is not None
    assert chosen.best.verification.size_bits >= 8 * len(fine)
    assert sum("it cannot be run" in text for text in said) == 3


def test_files_that_take_minutes_are_passed_over(
    ledger: Ledger, tiny: DataSet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A row that came from elsewhere may name a valid file that asks for hours."""
    content = encode_network(slow_network())
    claim_stated(ledger, tiny, content, 10, 10_000)
    assert find_network(tiny, 0.9, tmp_path / "golden" / "ledger.sqlite", None) is None
    assert "`allow_slow=True`" in caplog.text
    said: list[str] = []
    assert claimant(ledger, tiny, 0.9, said).best() is None
    assert "`allow_slow=True`" in said[0]
    entry = verify_ledger(ledger, [tiny]).entries[-1]
    assert entry.outcome == "failed"
    assert entry.problem is not None
    assert "`allow_slow=True`" in entry.problem
    with pytest.raises(CostError):
        residual_label_bits(content, tiny)


def test_labels_are_left_out_where_coding_them_takes_minutes(
    ledger: Ledger, digits: DataSet, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    place = tmp_path / "golden" / "ledger.sqlite"
    network = decode_network(contents(ledger, digits)[3496])
    assert len(digits.train_labels) > 1000
    most = run_cost.run_cost(network.architecture, 1000).seconds
    monkeypatch.setattr(run_cost, "MAX_SECONDS", most)
    found = find_network(digits, 0.9, place, None, with_residual=True)
    assert found is not None
    assert found.residual_bits is None
    assert "left out" in caplog.text
    allowed = find_network(digits, 0.9, place, None, with_residual=True, allow_slow=True)
    assert allowed is not None
    assert allowed.residual_bits is not None


def test_a_file_that_takes_minutes_is_no_start_of_a_search(
    ledger: Ledger, tiny: DataSet, tmp_path: Path
) -> None:
    good = encode_network(random_network(Architecture((1, 8, 8), 8, (Linear(2),)), 0))
    bad = (
        encode_network(slow_network()),
        encode_network(random_network(Architecture((1, 4, 4), 8, (Linear(2),)), 0)),
        b"no network",
    )
    for content in (good, *bad):
        ledger.append_trial(tiny, 0.9, done(content, 10).of_candidate("rung"), PROVENANCE)
    request = SizeRequest(
        accuracy=0.9, minutes=1.0, trials=1, seed=0, workers=1, ledger=tmp_path / "l.sqlite",
        out=tmp_path / "x.mbn",
    )  # fmt: skip
    plan = size_plan(tiny, request, Origin())
    search = SizeSearch(tiny, plan, ledger, PROVENANCE, SearchEvents())
    assert search.read(sha256_hex(good)) == good
    assert [search.read(sha256_hex(content)) for content in bad] == [None, None, None]


def test_labels_given_a_network_that_overflows_are_refused(tiny: DataSet) -> None:
    layers = tuple(Linear(2, bias=False) for _ in range(4))
    network = random_network(Architecture((1, 8, 8), -64, layers), 0, 1e5, step_index=256)
    with pytest.raises(NetworkError, match="finite"):
        residual_label_bits(encode_network(network), tiny)
    with pytest.raises(NetworkError, match="64 logits"):
        residual_label_bits(
            encode_network(random_network(Architecture((1, 8, 8), 8, (Linear(64),)), 0)), tiny
        )
