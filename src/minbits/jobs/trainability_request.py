"""What is asked where trainings from many initialisations are compared."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Literal

from minbits.jobs.shared_options import StudyOptions
from minbits.requests import at_least, option
from minbits.studies.losses import Loss

_MAX_WIDTH = 4096
_MAX_SEEDS = 100_000
LANES = 32  # that one step of the lanes engine takes; see `minbits.training.lanes`


@dataclass(frozen=True)
class TrainingOptions(StudyOptions):
    """How fully connected networks of several widths are trained."""

    widths: tuple[int, ...] = option(
        (25, 50, 100, 250, 500),
        "Units of a hidden layer, one network for each width.",
        check=(
            lambda value: (
                2 <= len(set(value)) == len(value) and 1 <= min(value) <= max(value) <= _MAX_WIDTH
            ),
            f"two or more different numbers from 1 to {_MAX_WIDTH:,}",
        ),
    )
    _: KW_ONLY
    epochs: int = option(30, "Epochs of each training.", check=at_least(1))
    side: int | None = option(
        None,
        "Bring images to this many rows and columns first, by means of areas.",
        shown="as they are",
        check=(lambda value: 2 <= value <= 256, "2 to 256"),
    )
    learning_rate: float = option(
        0.05, "The first learning rate; it falls to zero as a cosine.",
        check=(lambda value: 0 < value < 1e3, "a positive number"),
    )  # fmt: skip
    batch_size: int = option(
        128,
        "Examples a step.",
        check=(lambda value: 0 < value <= 2**20 and value % LANES == 0, "a multiple of 32"),
    )


@dataclass(frozen=True)
class TrainabilityRequest(TrainingOptions):
    """What is asked where trainings are compared; see `minbits.requests`."""

    _: KW_ONLY
    depth: int = option(1, "Hidden layers.", check=(lambda value: 1 <= value <= 16, "1 to 16"))
    seeds: int = option(
        100,
        "Initialisations of each width.",
        check=(lambda value: 2 <= value <= _MAX_SEEDS, f"2 to {_MAX_SEEDS:,}"),
    )
    weight_bits: int = option(
        32,
        "Bits of a weight, 1, 2, 4 or 8: rounded in every step of the training; 32 rounds none.",
        check=(lambda value: value in (1, 2, 4, 8, 32), "1, 2, 4, 8 or 32"),
    )
    kind: Literal["linear", "convolution"] = option(
        "linear",
        "Hidden layers: fully connected, or convolutions of 3 x 3 with pooling between them.",
    )
    normalisation: Literal["none", "batch", "rms"] = option(
        "none",
        "Behind hidden layers: batch, of convolutions alone; or rms, of each example.",
    )
    loss: Loss = option(
        "cross-entropy",
        "What is descended: cross-entropy; the squared distance of the logits from 0 and 1; or "
        "hinge, what the label's logit lacks of exceeding all others by 1.",
    )
    device: Literal["cpu", "cuda", "auto"] = option(
        "cpu", "What trains; auto takes a GPU where there is one."
    )


@dataclass(frozen=True)
class SurfaceRequest(TrainingOptions):
    """What is asked where the surface of the loss is measured; see `minbits.requests`."""

    _: KW_ONLY
    pairs: int = option(
        3, "Pairs of networks of each width.", check=(lambda value: value >= 2, "2 or more")
    )
