"""A search with the same seed gives the same bytes, before and after a change of the code.

``python recipes/same_bytes.py`` runs four short jobs and prints the SHA-256 of every network file
that they made: a search on digits, with moves from one file to the next; one trial on a part of
MNIST, with each engine; and the compression of a PyTorch module, with training and by rounding
alone. Nothing in them depends on the time: epochs are fixed, and the clock counts its calls. The
digests are compared with those in ``recipes/same_bytes.txt``, which an earlier version printed on
the same kind of processor.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# The settings of search workers, before PyTorch and the allocator start.
if os.environ.get("MINBITS_RECIPE") != "started":
    from minbits.workers.environment import WORKER_ENVIRONMENT

    os.environ.update(WORKER_ENVIRONMENT, MINBITS_RECIPE="started")
    os.execv(sys.executable, [sys.executable, *sys.argv])

import torch
from torch import nn

import minbits
from minbits.data.splits import validation_split
from minbits.evaluation.goal import Goal
from minbits.files import sha256_hex
from minbits.ledger.store import open_ledger
from minbits.search.driver import Finished, SearchEvents, SearchSettings, run_search
from minbits.search.ladder import START_RUNG, ladder
from minbits.search.options import SearchOptions
from minbits.search.strategy import Proposal
from minbits.search.strategy_choice import StrategyRequest, make_strategy
from minbits.search.trial import run_trial
from minbits.types import DataSet, TrainingRecipe, TrialConfig
from minbits.workers.inline import InlineExecutor
from minbits.workers.work import WorkerContext

RECORD = Path(__file__).with_suffix(".txt")
TRIALS = 24
EPOCHS = 4
FOREVER = float("inf")


class FewEpochs:
    """A strategy whose trials take few epochs, so that the recipe takes a minute."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def propose(self, seconds_left: float) -> Proposal | None:
        """Return what the inner strategy proposes, with fewer epochs."""
        found = self.inner.propose(seconds_left)
        if found is None:
            return None
        recipe = found.candidate.recipe
        few = dataclasses.replace(
            recipe,
            float_epochs=min(EPOCHS, recipe.float_epochs),
            quantized_epochs=min(EPOCHS, recipe.quantized_epochs),
        )
        candidate = dataclasses.replace(found.candidate, recipe=few)
        return dataclasses.replace(found, candidate=candidate)

    def tell(self, outcome: Any) -> None:
        """Pass on what became of a trial."""
        self.inner.tell(outcome)


def search_digits() -> list[str]:
    """Search on digits: the ladder, random points and moves, one trial after the other."""
    digits = minbits.load("digits")
    goal = Goal(0.7, len(validation_split(digits)[1]))
    contents: dict[str, bytes] = {}
    lines: list[str] = []

    def note(finished: Sequence[Finished]) -> None:
        for item in finished:
            file = item.outcome.network_file
            goal.learn(item.outcome)
            if file is not None:
                contents[sha256_hex(file)] = file
            digest = "no file" if file is None else sha256_hex(file)
            lines.append(f"digits search, trial {len(lines):2d}: {digest}")

    strategy = make_strategy(
        StrategyRequest(digits, goal, FOREVER, contents.get, SearchOptions(seed=1))
    )
    settings = SearchSettings(FOREVER, TRIALS, seed=1, workers=1, engine="lanes", clock=lambda: 0.0)
    ticks = itertools.count()
    executor = InlineExecutor(digits, lambda: float(next(ticks)))
    run_search(digits, FewEpochs(strategy), settings, [], SearchEvents(on_results=note), executor)
    return lines


def train_mnist() -> list[str]:
    """Train one network on the first 3,000 examples of MNIST, with each engine."""
    mnist = minbits.load("mnist")
    part = dataclasses.replace(
        mnist, train_inputs=mnist.train_inputs[:3000], train_labels=mnist.train_labels[:3000]
    )
    text = ladder(mnist)[START_RUNG].architecture
    lines = []
    for engine, dropout in (("lanes", 0.0), ("torch", 0.1)):
        recipe = TrainingRecipe(1, 1, elastic=0.5, dropout=dropout, averaging_start=0.5)
        config = TrialConfig(text, recipe, 3, engine)  # type: ignore[arg-type]
        file = run_trial(config, part, 0, WorkerContext()).network_file
        lines.append(f"MNIST trial, {engine}: {'no file' if file is None else sha256_hex(file)}")
    return lines


def module(digits: DataSet) -> nn.Module:
    """Return a small convolutional network, trained for some steps."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 12, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(108, 10)
    )
    inputs = torch.tensor(digits.train_inputs, dtype=torch.float32) / 255
    labels = torch.tensor(digits.train_labels)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    for _ in range(400):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), labels).backward()
        optimizer.step()
    return net


def compress_module() -> list[str]:
    """Compress a module: thin, recover and quantise it; then round another copy of it alone."""
    digits = minbits.load("digits")
    lines = []
    for name, settings in (
        ("trained", {"thinning_epochs": 3, "recovery_epochs": 3, "quantized_epochs": 4}),
        ("rounded", {"train": False}),
    ):
        with tempfile.TemporaryDirectory(prefix="minbits-recipe-") as folder:
            ledger = Path(folder) / "ledger.sqlite"
            out = Path(folder) / "module.mbn"
            minbits.compress(module(digits), digits, 0.6, out=out, ledger=ledger, **settings)
            with open_ledger(ledger) as reader:
                lines += [
                    f"compression, {name}, trial {row['id']}: {row['artifact_sha256']}"
                    for row in reader.rows("trials")
                ]
    return lines


def main() -> int:
    """Print the digests; return 1 where they differ from those of the earlier version."""
    lines = [*search_digits(), *train_mnist(), *compress_module()]
    print("\n".join(lines))
    recorded = RECORD.read_text(encoding="utf-8").splitlines()
    is_same = [line for line in recorded if line in lines] == lines
    print("the same bytes as before" if is_same else "other bytes than before")
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main())
