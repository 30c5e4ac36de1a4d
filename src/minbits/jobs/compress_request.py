"""What a compression is asked, and what it found."""

from __future__ import annotations

import dataclasses
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from minbits.codec.architecture import VIEW_SHIFTS
from minbits.errors import TargetNotReachedError
from minbits.jobs.found_text import found_text
from minbits.jobs.shared_options import EngineOptions, ForceOptions, LedgerOptions
from minbits.networks.model_options import ModelOptions
from minbits.notebook import Cells, Shown
from minbits.requests import FRACTION, MINUTES, SEED, FilePath, Request, at_least, option
from minbits.types import Verification


@dataclass(frozen=True)
class CompressRequest(ModelOptions, EngineOptions, ForceOptions, LedgerOptions):
    """What a compression is asked; see `minbits.requests`."""

    accuracy: float = option(0.99, "Target test accuracy, in (0, 1].", check=FRACTION)
    _: KW_ONLY
    train: bool = option(
        True,
        "Fine-tune under the rate penalty. Otherwise the module is only rounded and coded, and "
        "data only choose how coarsely.",
        off=("no_data",),
    )
    quantized_epochs: int = option(
        60, "Epochs of quantised training a trial.", aliases=("epochs",), check=at_least(1)
    )
    thinning_epochs: int = option(
        10, "Most epochs of removing channels; 0 keeps the architecture.", check=at_least(0)
    )
    recovery_epochs: int = option(
        20, "Epochs in full precision between thinning and quantisation.", check=at_least(0)
    )
    smallest_parameters: int = option(
        1000, "Fewest parameters to thin down to.", aliases=("smallest",), check=at_least(1)
    )
    rate_weights: tuple[float, ...] = option(
        (1.0,),
        "Weights of the rate penalty, one trial each, by commas.",
        aliases=("rate_weight",),
        check=(
            lambda values: bool(values) and all(0 < value < 1e6 for value in values),
            "positive numbers",
        ),
    )
    views: int = option(
        1,
        "5: average the logits of 5 shifts of an image; no weights, 5 x the time.",
        check=(lambda value: value in (1, len(VIEW_SHIFTS)), "1 or 5"),
    )
    learning_rate: float = option(
        1e-3, "First learning rate.", check=(lambda value: 0 < value < 1, "0 to 1")
    )
    augmentation: float = option(0.8, "Strength of random affine distortion.")
    elastic: float = option(0.0, "Strength of random elastic distortion.")
    batch_size: int = option(128, "Examples a step.", check=at_least(1))
    minutes: float | None = option(
        None, "Minutes to plan for.", shown="as long as it takes", check=MINUTES
    )
    seed: int = option(0, "Of order and augmentation.", check=SEED)
    name: str | None = option(
        None, "What the module is called in the ledger.", shown="as it was named"
    )
    out: FilePath | None = option(
        None,
        "The network file; its card and diagram go beside it.",
        shown="DATA-MODULE-ACCURACY.mbn, or MODULE-rounded.mbn without data",
    )


@dataclass(frozen=True, kw_only=True)
class RoundingOptions(Request):
    """How coarsely a module is rounded where there are no data."""

    error: float | None = option(
        None,
        "Without any data: a tensor's step over its norm.",
        shown="the largest that changes the logits of random inputs by 3 % of their spread",
        check=(lambda value: 0 < value < 1, "above 0 and below 1"),
    )


@dataclass(repr=False)
class CompressReport(Shown):
    """What a compression found.

    Attributes:
        data_name: the data set.
        accuracy: target.
        given_parameters: of the module.
        given_accuracy: of the module on the validation examples.
        thinned: parameters, validation accuracy and architecture after each epoch of thinning.
        trials: size in bits and validation accuracy of each file made.
        best: the smallest file of this run that passed validation and test, written to ``out``.
        nearest: where there is none, the file of this run nearest to the target, written there.
        missed: the last file of this run that missed the target on the test set.
        lower_limit: one-sided lower limit of the written file's true accuracy after
            ``claim_count`` looks; None where no file was written.
        claim_count: how many different files were run on the test set for a claim, ever.
        interrupted: whether the run was cut short from the keyboard.
        outputs: files written, by role.
        tried_accuracy: the best validation accuracy of all roundings tried, where none was enough.
    """

    data_name: str
    accuracy: float
    given_parameters: int
    given_accuracy: float
    thinned: list[tuple[int, float, str]] = field(default_factory=list)
    trials: list[tuple[str, int, float]] = field(default_factory=list)
    best: Verification | None = None
    nearest: Verification | None = None
    missed: Verification | None = None
    lower_limit: float | None = None
    claim_count: int = 0
    interrupted: bool = False
    outputs: dict[str, str] = field(default_factory=dict)
    tried_accuracy: float | None = None

    def summary(self) -> str:
        """Return what was found, in one line."""
        return found_text(self.data_name, self.accuracy, self.best, self.nearest)

    def facts(self) -> Cells:
        """Return the rows of its table: the module, the trials, and what was written."""
        trials = [
            (name, f"{size_bits:,} bits, {100 * accuracy:.2f} % on validation")
            for name, size_bits, accuracy in self.trials
        ]
        given = ("parameters of the module", f"{self.given_parameters:,}")
        return [given, *trials, *self.outputs.items()]

    def picture_path(self) -> str | None:
        """Return the diagram, as it was written."""
        return self.outputs.get("diagram png")

    def raise_if_missed(self) -> Verification:
        """Return what the verification of the best file found.

        Raises:
            TargetNotReachedError: if no verified file of this run reaches the accuracy.
        """
        if self.best is not None:
            return self.best
        tried = self.given_accuracy if self.tried_accuracy is None else self.tried_accuracy
        best = max((part for _, _, part in self.trials), default=tried)
        got = f"{best:.4f} on validation at best"
        if self.missed is not None:
            got = f"{self.missed.test_accuracy:.4f} on test"
        raise TargetNotReachedError(
            f"compress on {self.data_name}", got, f"a verified file of accuracy {self.accuracy}",
            "Allow lower `rate_weights`, or more `quantized_epochs`.",
        )  # fmt: skip


def plain_compress_report(report: CompressReport) -> dict[str, Any]:
    """Return the report as plain data for JSON."""
    return {**dataclasses.asdict(report), "reached_target": report.best is not None}
