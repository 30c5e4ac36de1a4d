"""The diagram over many data sets, set by set.

``python recipes/diagram.py --hours 5`` brings each of the sets below into one ledger: searches that
do not know of each other, then codes of the labels and entropies. What is done is not done again.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import minbits
from minbits.errors import MinbitsError
from minbits.jobs.diagram_set import SetPlan, bring_in

ROOT = Path(__file__).parent.parent
LEDGER = ROOT / "diagram.sqlite"
RULE = "99 %: a rule without noise, which the inputs show"
KNOWN = "99 %: points that were seen, to be known by heart"


@dataclass(frozen=True)
class Wanted:
    """A set of the diagram: where it is, its target, and minutes for it on a machine at rest."""

    source: str
    accuracy: float | None = None
    reason: str = ""
    minutes: float = 6.0
    searched: bool = True


SETS = (
    Wanted("iris"),
    Wanted("parity:4", 0.99, RULE),
    Wanted("majority:5", 0.99, RULE),
    Wanted("planted:12,2", 0.99, RULE),
    Wanted("lookup:16", 0.99, KNOWN),
    Wanted("wine"),
    Wanted("keel:mushroom"),
    Wanted("keel:pima"),
    Wanted("keel:tic-tac-toe"),
    Wanted("breast_cancer"),
    Wanted("planted:16,4", 0.99, RULE),
    Wanted("parity:6", 0.99, RULE),
    Wanted("lookup:64", 0.99, KNOWN),
    Wanted("majority:11", 0.99, RULE),
    Wanted("keel:vowel"),
    Wanted("keel:ionosphere"),
    Wanted("keel:banana"),
    Wanted("statsmodels:anes96"),
    Wanted("planted:24,8", 0.99, RULE),
    Wanted("keel:segment"),
    Wanted("majority:21", 0.99, RULE),
    Wanted("digits", minutes=10),
    Wanted("keel:phoneme"),
    Wanted("lookup:256", 0.99, KNOWN, 10),
    Wanted("parity:8", 0.99, RULE, 10),
    Wanted("keel:satimage", minutes=10),
    Wanted("keel:letter", minutes=10),
    Wanted("mnist1d", minutes=10),
    Wanted("mnist", 0.99, "99 %: the question's", searched=False, minutes=10),
    Wanted("mnist-classes:3,8", 0.99, "99 %: the question's", 10),
    Wanted("mnist-noise:10", 0.88, "", 15),
    Wanted("mnist-noise:20", 0.78, "", 15),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=5)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--ledger", type=Path, default=LEDGER)
    parser.add_argument("--workers", type=int)
    arguments = parser.parse_args()
    end = time.monotonic() + 3600 * arguments.hours
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{(time.monotonic() - began) / 60:7.1f} {text}", flush=True)

    for wanted in SETS:
        if time.monotonic() > end:
            break
        try:
            data = minbits.load(wanted.source)
            minutes = min(wanted.minutes, arguments.minutes)
            plan = SetPlan(
                wanted.accuracy,
                wanted.reason,
                minutes,
                2,
                arguments.workers,
                ROOT / "records",
                wanted.searched,
            )
            bring_in(data, plan, arguments.ledger, say)
            say(f"{wanted.source}: done")
        except MinbitsError as error:
            say(f"{wanted.source}: {error}")


if __name__ == "__main__":
    main()
