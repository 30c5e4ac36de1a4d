"""What the records claim, from their bytes: ``python recipes/publish_claims.py [--write|--cards]``.

Every file of ``records`` is run on validation and on test again, and its card gets the counts, the
number of looks at the test set, and the one-sided limit of its true accuracy after so many. The
points of ``records/curve`` are chosen anew from ``records/ledger.sqlite``: at each accuracy the
smallest file that passed validation *and* test at it; where the ledger has a smaller file that
passed validation and was never run on the test set, it is put to the test first, by the rule of
``minbits size``. With ``--write`` files, cards, ledger and picture are replaced, with ``--cards``
the cards alone; only with ``--write`` a file may be run on a test set for the first time.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from write_companions import write_companion

from minbits.charts.curve import curve_data, draw_curve
from minbits.claims.card import COUNTING, limit_facts
from minbits.claims.claiming import Claimant, Scope, verify_bytes
from minbits.claims.publishing import Publisher
from minbits.data import load
from minbits.evaluation.accuracy import reaches
from minbits.evaluation.evaluate import evaluate_on_validation
from minbits.files import write_atomically
from minbits.information.entropy_table import entropy_table
from minbits.intervals import anytime_lower_limit
from minbits.jobs.curve import CURVE_TARGETS
from minbits.jobs.shared_options import Origin
from minbits.jobs.size_plan import size_plan
from minbits.jobs.size_request import SizeRequest
from minbits.jobs.size_search import SizeSearch
from minbits.ledger.provenance import current_provenance
from minbits.ledger.store import Ledger, read_ledger
from minbits.search.driver import SearchEvents
from minbits.types import DataSet

ROOT = Path(__file__).parent.parent
RECORDS = ROOT / "records"
LEDGER = RECORDS / "ledger.sqlite"
# Of networks that normalise images, which the curve does not show.
NORMALISED_LEDGER = RECORDS / "ledger-normalised.sqlite"
# Files that were run on a test set and are not in records/ledger.sqlite (records/README.md).
MNIST_BITS = (
    8560, 9816, 10680, 9976, 9264, 9784, 20880, 7056, 19208, 9688, 3144, 2920, 5600, 3768,
)  # fmt: skip
# Of networks that normalise images: runs of the main job while its defaults were made, and two that
# measured the time to the first file.
NORMALISED_LOOKS = 14
EARLIER_LOOKS = {"mnist": len(MNIST_BITS) + NORMALISED_LOOKS, "digits": 5 + 6 + 6}


def ablation_looks(data_name: str) -> int:
    """Return how many claims the recorded searches of the ablation made on a data set."""
    lines = (ROOT / "recipes" / "search_ablation.jsonl").read_text().splitlines()
    of_data = re.compile(rf"{data_name}(97)?(,|$)")
    rows = [row for line in lines if of_data.match((row := json.loads(line))["experiment"])]
    return sum(len(row["claims"]) for row in rows)


def known_looks(data_name: str) -> int:
    """Return how many files of this project are known to have been run on a test set."""
    own = 0
    for path in (LEDGER, NORMALISED_LEDGER):
        reader = read_ledger(path)
        try:
            own += reader.look_count(load(data_name).digest)
        finally:
            reader.close()
    return own + EARLIER_LOOKS[data_name] + ablation_looks(data_name)


def claim_curve(data: DataSet, write: bool, say: Callable[[str], None]) -> None:
    """Choose every point of the curve anew."""
    ledger = Ledger(LEDGER)
    provenance = current_provenance("cpu", 1)
    table = entropy_table(data)
    front = []
    try:
        outcomes = []
        for accuracy in reversed(CURVE_TARGETS):
            out = RECORDS / "curve" / f"{data.name}-{100 * accuracy:g}.mbn"
            request = SizeRequest(accuracy, 1.0, trials=1, workers=1, ledger=LEDGER, out=out)
            plan = size_plan(data, request, Origin())
            goal = SizeSearch(data, plan, ledger, provenance, SearchEvents()).goal
            claimant = Claimant(data, goal, ledger, provenance, Scope, say)
            outcomes.append((claimant, claimant.claim() if write else None))
        for claimant, _ in outcomes:
            accuracy = claimant.goal.accuracy
            best = claimant.best()
            assert best is not None
            outcome = claimant.known(best)
            found = best.verification
            print(
                f"{100 * accuracy:g} %: {found.size_bits:,} bits, {found.correct:,} of "
                f"{found.n_test:,}"
                + ("" if outcome.shown is None else f"; shown, not claimed: {outcome.shown}"),
                flush=True,
            )
            front.append((accuracy, found.test_accuracy, found.size_bits))
            if write:
                out = RECORDS / "curve" / f"{data.name}-{100 * accuracy:g}.mbn"
                publisher = Publisher(data, accuracy, ledger, out)
                publisher.publish(outcome, table, None)
                for kind in ("png", "svg"):
                    out.with_suffix(f".{kind}").unlink()  # the curve shows all
    finally:
        ledger.close()
    if write:
        for kind in ("png", "svg"):
            draw_curve(curve_data(data.name, front)).save(RECORDS / "curve" / f"{data.name}.{kind}")


def rewrite_card(path: Path, data: DataSet, looks: int, write: bool) -> None:
    """Run a record again and bring its card up to date."""
    card = json.loads(path.with_suffix(".json").read_text())
    content = path.read_bytes()
    found, validation = verify_bytes(content, data), evaluate_on_validation(content, data)
    assert (found.correct, found.n_test, found.sha256) == (
        card["correct"], card["n_test"], card["sha256"],
    )  # fmt: skip
    accuracy, stated = card["target_accuracy"], card["validation"]
    same_split = validation.examples == stated["examples"]
    assert not same_split or validation.correct == stated["correct"]
    assert reaches(stated["correct"], stated["examples"], accuracy)
    assert reaches(found.correct, found.n_test, accuracy)
    limit = anytime_lower_limit(found.correct, found.n_test, looks)
    facts = {"counting": COUNTING, "reached_target": True, **limit_facts(limit, looks, accuracy)}
    card.update({key: value for key, value in facts.items() if key != "lower_limit_method"})
    card["lower_limit_method"] = (
        "one-sided limit of Clopper and Pearson at the level 1 - 0.05 / (k (k + 1)) after k looks; "
        "they are all files that this project is known to have run on this test set "
        "(records/README.md)"
    )
    print(
        f"{path.relative_to(ROOT)}: {found.size_bits:,} bits, {found.correct:,} of "
        f"{found.n_test:,}, validation {stated['correct']:,} of {stated['examples']:,}; true "
        f"accuracy at least {100 * limit:.2f} % after {looks} looks",
        flush=True,
    )
    if write:
        card.update(write_companion(path, data))
        write_atomically(path.with_suffix(".json"), (json.dumps(card, indent=2) + "\n").encode())


def main() -> None:
    """Print what the records claim; with --write or --cards, replace what is published."""
    write = bool({"--write", "--cards"} & set(sys.argv))
    if "--cards" not in sys.argv:
        claim_curve(load("mnist"), write, lambda text: print(f"  {text}", flush=True))
    looks = {name: known_looks(name) for name in EARLIER_LOOKS}
    for path in (*sorted(RECORDS.glob("*.mbn")), *sorted(RECORDS.glob("curve/*.mbn"))):
        name = json.loads(path.with_suffix(".json").read_text())["data"]
        rewrite_card(path, load(name), looks[name], write)


if __name__ == "__main__":
    main()
