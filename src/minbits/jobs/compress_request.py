"""What a compression is asked, and what it found."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minbits.claims.outputs import kept_files, network_outputs
from minbits.codec.architecture import VIEW_SHIFTS
from minbits.errors import ArgumentError
from minbits.files import check_outputs
from minbits.ledger.location import LedgerTarget
from minbits.networks.from_torch import InputConvention
from minbits.types import EngineName, Verification

# Bytes as torchvision's ToTensor gives them; other numbers as they are.
BYTE_FACTOR = 1 / 255
# Rounding without any data: steps as parts of a tensor's norm.
USUAL_ROUNDING_ERROR = 2.0**-5


@dataclass(frozen=True)
class CompressRequest:
    """What a compression is asked.

    Attributes:
        accuracy: target, in (0, 1].
        out: where the network file goes; card and diagram go beside it.
        ledger: the ledger's file, or the URL of its database.
        name: what the module is called in the ledger.
        convention: what the module expects to be done to raw inputs; None: bytes over 255.
        thinning_epochs: most epochs in which channels are removed; 0 keeps the architecture.
        smallest_parameters: how far thinning may go.
        recovery_epochs: epochs in full precision, normalised, between thinning and quantisation.
        quantized_epochs: epochs of quantisation-aware training of each rate weight.
        rate_weights: one trial each, weights of the rate penalty.
        views: shifted images whose logits the trained network averages, 1 or 5.
        learning_rate: of thinning, and first one of the quantised phase.
        augmentation: strength of random affine distortion.
        elastic: strength of random elastic distortion.
        batch_size: examples a step.
        minutes: wall-clock minutes to plan for; None: as long as it takes.
        seed: of order and augmentation.
        engine: which engine trains.
        force: whether files of another data set, another target or nobody's may be written over.
        train: whether to train at all; without, the coarsest rounding that keeps the accuracy on
            validation is taken.
        inputs: files that are read, which no output may replace.
    """

    accuracy: float
    out: Path
    ledger: LedgerTarget
    name: str = "module"
    convention: InputConvention | None = None
    thinning_epochs: int = 10
    smallest_parameters: int = 1000
    recovery_epochs: int = 20
    quantized_epochs: int = 60
    rate_weights: tuple[float, ...] = (1.0,)
    views: int = 1
    learning_rate: float = 1e-3
    augmentation: float = 0.8
    elastic: float = 0.0
    batch_size: int = 128
    minutes: float | None = None
    seed: int = 0
    engine: EngineName = "auto"
    force: bool = False
    train: bool = True
    inputs: tuple[Path, ...] = ()


def check_compress_request(request: CompressRequest) -> None:
    """Check every number and every output before any work is done.

    Raises:
        ArgumentError: if a number is out of its range.
        OutputError: if an output cannot be written, or would replace another one or an input.
    """
    minutes = request.minutes
    ranges = {
        "--accuracy": (request.accuracy, 0 < request.accuracy <= 1, "above 0 and at most 1"),
        "--thinning-epochs": (request.thinning_epochs, request.thinning_epochs >= 0, "0 or more"),
        "--recovery-epochs": (request.recovery_epochs, request.recovery_epochs >= 0, "0 or more"),
        "--epochs": (request.quantized_epochs, request.quantized_epochs >= 1, "at least 1"),
        "--smallest": (request.smallest_parameters, request.smallest_parameters >= 1, "1 or more"),
        "--rate-weight": (
            request.rate_weights,
            bool(request.rate_weights) and all(0 < w < 1e6 for w in request.rate_weights),
            "positive numbers",
        ),
        "--views": (request.views, request.views in (1, len(VIEW_SHIFTS)), "1 or 5"),
        "--learning-rate": (request.learning_rate, 0 < request.learning_rate < 1, "0 to 1"),
        "--minutes": (minutes, minutes is None or 0 < minutes < 1e6, "a positive number"),
        "--seed": (request.seed, 0 <= request.seed < 2**31, "0 to 2**31 - 1"),
    }
    for name, (value, good, expected) in ranges.items():
        if not good:
            raise ArgumentError(name, str(value), expected, "Give another value.")
    check_outputs(network_outputs(request.out), kept_files(request.ledger, request.inputs))


@dataclass
class CompressReport:
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


def plain_compress_report(report: CompressReport) -> dict[str, Any]:
    """Return the report as plain data for JSON."""
    return {**dataclasses.asdict(report), "reached_target": report.best is not None}
