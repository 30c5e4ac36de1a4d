"""What is asked where layers are followed in the information plane."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

from minbits.jobs.shared_options import RunOptions
from minbits.requests import FilePath, at_least, option
from minbits.studies.plane import EstimatorName

_MAX_UNITS = 4096
_MAX_SEEDS = 100_000


@dataclass(frozen=True)
class PlaneRequest(RunOptions):
    """What is asked where layers are followed; see `minbits.requests`."""

    activation: Literal["tanh", "relu", "linear", "softsign"] = option(
        "tanh", "The activation of hidden layers."
    )
    _: KW_ONLY
    estimator: EstimatorName = option(
        "binned",
        "What is measured: bins of three kinds; kde, which adds bounds by kernel densities; exact, "
        "of a network with quantised activations; probe, which adds what a classifier reads.",
    )
    seeds: int = option(
        10, "Trainings.", check=(lambda value: 1 <= value <= _MAX_SEEDS, f"1 to {_MAX_SEEDS:,}")
    )
    epochs: int = option(1000, "Epochs of each training.", check=at_least(1))
    bits: int = option(
        8,
        "Of quantised activations, where `estimator` is exact.",
        check=(lambda value: 1 <= value <= 16, "1 to 16"),
    )
    hidden: tuple[int, ...] = option(
        (10, 7, 5, 4, 3),
        "Units of the hidden layers.",
        check=(
            lambda value: len(value) >= 1 and 1 <= min(value) <= max(value) <= _MAX_UNITS,
            f"one or more numbers from 1 to {_MAX_UNITS:,}",
        ),
    )
    points: int = option(
        40, "Epochs, by equal factors, at which layers are measured.",
        check=(lambda value: 2 <= value <= 10_000, "2 to 10,000"),
    )  # fmt: skip
    learning_rate: float = option(
        4e-4, "The learning rate of all steps (Adam).",
        check=(lambda value: 0 < value < 1e3, "a positive number"),
    )  # fmt: skip
    batch_size: int = option(
        256, "Examples a step.", check=(lambda value: 1 <= value <= 2**20, "1 to 1,048,576")
    )
    out: FilePath | None = option(
        None,
        "Where the plane goes: .png, .svg or .pdf; .gif moves, and .html has a slider of epochs.",
        shown="no picture",
    )
    bins_out: FilePath | None = option(
        None,
        "Where a chart goes of I(X;T) against the number of bins: .png, .svg or .pdf.",
        shown="no picture",
    )
