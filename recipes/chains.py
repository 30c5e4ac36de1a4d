"""The chains of trainings behind some records: each training goes on from the last file.

``python recipes/chains.py LEDGER [98|99|99-margin|99.4|99-raw|digits]`` trains networks with
`rmsnorm` before each block. A chain starts from random weights; each later link frees all weights
of the file before and trains it again. On MNIST the chains ``98``, ``99`` and ``99-margin``
normalise images, and all their depthwise layers have the kernels of the first convolution.
``99.4`` normalises images, too, and ``99-raw`` sees raw pixels; each of their layers has its own
kernels. Files that the ledger has are not trained again, so that an interrupted run goes on.
A link takes four to ten minutes on one core on MNIST, ten seconds on the digits. On the machine
that made them the files are the recorded ones to the last byte; on others the chains end near
them. `minbits size DATA --accuracy A --trials 1 --minutes 0.05 --ledger LEDGER` then claims a file;
chains.txt has the commands and what was claimed.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass

from minbits.data import load
from minbits.ledger.provenance import current_provenance
from minbits.ledger.rows import new_uid
from minbits.ledger.store import Ledger, TrialEntry, open_ledger
from minbits.search.tasks import TrialTask
from minbits.search.trial import run_task
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome
from minbits.workers.work import WorkerContext

RECIPE = TrainingRecipe(
    60, 150, 64, learning_rate=6e-3, rate_weight=4.5, batch_normalisation=False,
    step_training_end=0.3, freezing_start=0.4, freezing_softness=0.25,
)  # fmt: skip
DIGITS_RECIPE = dataclasses.replace(
    RECIPE, float_epochs=300, batch_size=32, learning_rate=8e-3, quantized_learning_rate=2e-3
)


@dataclass(frozen=True)
class Link:
    """One training of a chain."""

    rate_weight: float
    quantized_epochs: int
    seed: int
    augmentation: float = 0.3


@dataclass(frozen=True)
class Chain:
    """Links from random weights on.

    Attributes:
        architecture: the network's text.
        accuracy: that the last file is to reach.
        links: the first one is trained in full precision before.
        data: the name of the data set.
        recipe: of the first link, but for what the link says.
    """

    architecture: str
    accuracy: float
    links: tuple[Link, ...]
    data: str = "mnist"
    recipe: TrainingRecipe = RECIPE

    def config(self, link: Link, parent: str | None) -> TrialConfig:
        """Return the trial of a link, from the file of this SHA-256 or from random weights."""
        recipe = dataclasses.replace(
            self.recipe, rate_weight=link.rate_weight, quantized_epochs=link.quantized_epochs,
            augmentation=link.augmentation,
        )  # fmt: skip
        if parent is None:
            return TrialConfig(self.architecture, recipe, link.seed, "lanes")
        recipe = dataclasses.replace(recipe, float_epochs=0, learning_rate=8e-3)
        return TrialConfig(self.architecture, recipe, link.seed, "lanes", parent, "continue")


def shared(widths: tuple[int, ...]) -> str:
    """Return a network on normalised images whose kernels are those of the first layer."""
    blocks = "".join(f"rmsnorm; shared k3; pointwise {width} leaky_relu; " for width in widths)
    return (
        f"views 5; moments 28; conv 8 k3 leaky_relu; maxpool 2; {blocks}"
        "rmsnorm; shared k3; pointwise 10; avgpool all"
    )


def own(stem: int, widths: tuple[int, ...], front_end: str = "") -> str:
    """Return a network each layer of which has kernels of its own."""
    blocks = "".join(f"rmsnorm; depthwise k3; pointwise {width} leaky_relu; " for width in widths)
    return (
        f"views 5; {front_end}conv {stem} k3 leaky_relu; maxpool 2; {blocks}avgpool all; linear 10"
    )


CHAINS = {
    "98": Chain(
        shared((12, 18, 24)), 0.98, (Link(4.5, 150, 0), Link(3.0, 80, 0), Link(8.0, 80, 6)),
    ),
    "99": Chain(
        shared((16, 24, 32)), 0.99,
        (Link(3.0, 130, 9), Link(3.0, 80, 23), Link(3.5, 90, 71), Link(2.0, 90, 111)),
    ),
    "99-margin": Chain(
        shared((12, 18, 24)), 0.99,
        (
            Link(4.5, 150, 0), Link(3.0, 80, 0), Link(3.0, 80, 3), Link(1.6, 80, 22),
            Link(1.2, 100, 31), Link(1.6, 100, 51), Link(1.1, 90, 271, 0.35),
        ),
    ),
    "99.4": Chain(
        own(16, (24, 32, 48, 48), "moments 28; "), 0.994,
        (Link(0.8, 130, 201, 0.45), Link(0.7, 80, 212, 0.45), Link(0.5, 80, 213, 0.7)),
    ),
    "99-raw": Chain(
        own(10, (12, 18, 24, 24)), 0.99,
        (
            Link(3.0, 130, 3, 0.8), Link(3.0, 80, 224, 0.6), Link(1.8, 80, 232, 0.6),
            Link(3.5, 80, 233, 0.6), Link(1.8, 80, 234, 0.6), Link(3.0, 80, 235, 0.6),
            Link(2.2, 80, 237, 0.5),
        ),
    ),
    "digits": Chain(
        "conv 10 k3 p1 leaky_relu; rmsnorm; depthwise k3 p1; pointwise 10 leaky_relu; maxpool 2; "
        "rmsnorm; depthwise k3 p1; pointwise 14 leaky_relu; rmsnorm; depthwise k3 p1; avgpool all; "
        "linear 10",
        0.97, (Link(0.6, 720, 1, 0.8), Link(0.4, 720, 2, 0.8), Link(0.6, 720, 3, 0.8)),
        "digits", DIGITS_RECIPE,
    ),
}  # fmt: skip


def known(ledger: Ledger, data: DataSet, config: TrialConfig) -> TrialOutcome | None:
    """Return what the ledger has of a trial."""
    for outcome in ledger.trial_outcomes(data.digest):
        if outcome.status == "done" and outcome.config == config:
            return outcome
    return None


def trained(ledger: Ledger, data: DataSet, config: TrialConfig, accuracy: float) -> TrialOutcome:
    """Run a trial and append it."""
    parent = None if config.parent is None else ledger.artifacts.read(config.parent)
    outcome = run_task(TrialTask(config, 0, parent_file=parent), data, WorkerContext())
    if outcome.status != "done":
        raise SystemExit(f"seed {config.seed}: {outcome.error}")
    provenance = current_provenance("cpu", 1)
    ledger.append_trials([TrialEntry(data, accuracy, outcome, provenance, uid=new_uid())])
    return outcome


def main() -> None:
    """Train what is missing, and print each link."""
    ledger = open_ledger(sys.argv[1])
    try:
        for name in sys.argv[2:] or CHAINS:
            chain = CHAINS[name]
            data = load(chain.data)
            parent: str | None = None
            for link in chain.links:
                config = chain.config(link, parent)
                found = known(ledger, data, config) or trained(ledger, data, config, chain.accuracy)
                parent = found.sha256
                print(
                    f"{name}: rate weight {link.rate_weight:g}, seed {link.seed}: "
                    f"{found.size_bits:,} bits, {found.validation_correct:,} of "
                    f"{found.validation_examples:,} on validation, {found.seconds:,.0f} s",
                    flush=True,
                )
    finally:
        ledger.close()


if __name__ == "__main__":
    main()
