"""The frozen records that pass between rooms. Nothing here computes or imports PyTorch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from minbits.files import sha256_hex
from minbits.notebook import Cells, Shown
from minbits.units import bytes_to_bits

# A value that JSON tells as it is.
Plain = str | int | float | bool | None | Sequence["Plain"]
QuantityOf = Literal["X", "Y", "Y given X", "network", "X and Y", "model of X"]
QuantityScope = Literal["example", "data set"]
QuantityKind = Literal["exact", "upper bound", "lower bound", "estimate", "not an entropy"]


@dataclass(frozen=True, repr=False)
class Quantity(Shown):
    """One number and what it says: its unit, what it measures, and what kind of statement it is.

    Attributes:
        key: a stable name.
        value: the number, in ``unit``; of a bound the mean that states it, which by chance may lie
            on the wrong side of the truth: what holds is ``bound``.
        unit: such as ``bits`` or ``bits/label``.
        of: the random variable or the thing that is measured.
        scope: whether it speaks of one example or of the whole set.
        kind: what kind of statement it is.
        method: how it was found, and on what.
        low: lower end of its 95 % interval; None where nothing is said below.
        high: upper end of its 95 % interval; None where nothing is said above.
        warning: why it should not be trusted here, such as too few examples; None where it should.
    """

    key: str
    value: float
    unit: str
    of: QuantityOf
    scope: QuantityScope
    kind: QuantityKind
    method: str
    low: float | None = None
    high: float | None = None
    warning: str | None = None

    @property
    def bound(self) -> float | None:
        """What a bound bounds by: the end of its interval, or its value where it has none.

        None for what is no bound.
        """
        if self.kind not in ("lower bound", "upper bound"):
            return None
        end = self.low if self.kind == "lower bound" else self.high
        return self.value if end is None else end

    def summary(self) -> str:
        """Return name, value and unit, and what kind of statement it is, in one line."""
        return f"{self.key} = {self.value:,.6g} {self.unit}, {self.kind} of {self.of}"

    def facts(self) -> Cells:
        """Return the rows of its table: the fields, and what a bound bounds by."""
        rows = [(name, str(value)) for name, value in vars(self).items() if value is not None]
        return rows if self.bound is None else [*rows, ("bound", str(self.bound))]


def plain_quantity(figure: Quantity) -> dict[str, Any]:
    """Return a figure as plain data for JSON, with what holds of a bound."""
    return {**vars(figure), "bound": figure.bound}


QUANTITY_COLUMNS = ("figure", "value", "unit", "of", "scope", "kind", "method")


def quantity_cells(figures: Iterable[Quantity]) -> Cells:
    """Return the rows of a table of figures, in the order of `QUANTITY_COLUMNS`."""
    return [
        (item.key, f"{item.value:,.6g}", item.unit, item.of, item.scope, item.kind, item.method)
        for item in figures
    ]


ColumnKind = Literal["categorical", "integer", "real"]


@dataclass(frozen=True)
class Column:
    """One typed column of a table, and how it is encoded as network inputs.

    A categorical column becomes one 0/1 channel a category; a number column one channel that holds
    ``value * 2 ** -exponent - offset``, about [-1, 1] on the training examples. Where a training
    value is missing, one more 0/1 channel says so, and the others are 0.

    Attributes:
        name: from the header, or ``column 1`` and so on.
        kind: what its values are.
        categories: of a categorical column, in the order of their codes.
        missing: how many values are missing, in training and test examples together.
        exponent: of a number column's power-of-two scale.
        offset: an integer, subtracted after scaling.
        channels: how many input channels it takes; 0 where it has too many categories.
        notation: of numbers that are not plainly written in the source, the key of how they are
            (`minbits.data.notations`); else empty.
    """

    name: str
    kind: ColumnKind
    categories: tuple[str, ...] = ()
    missing: int = 0
    exponent: int = 0
    offset: int = 0
    channels: int = 1
    notation: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """The typed values behind inputs that came from a table.

    Attributes:
        columns: their description, the label column not among them.
        train_values: shape ``(examples, columns)``, float64: numbers as they are, categories as
            codes, NaN where a value is missing.
        test_values: as ``train_values``.
    """

    columns: tuple[Column, ...]
    train_values: npt.NDArray[np.float64]
    test_values: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Remark:
    """One thing worth knowing about a data set.

    Attributes:
        key: what it is about, a stable name.
        text: in words, with what to do about it.
        columns: the columns that it is about.
    """

    key: str
    text: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class DataSet(Shown):
    """A labelled data set with a fixed test set.

    Attributes:
        name: a short name, used in file names and in the ledger.
        train_inputs: shape ``(examples, channels, height, width)``, uint8 or float32.
        train_labels: shape ``(examples,)``, int64 in ``[0, len(class_names))``.
        test_inputs: as ``train_inputs``.
        test_labels: as ``train_labels``.
        class_names: the label that each class stands for.
        input_exponent: inputs times ``2 ** -input_exponent`` lie within about [-1, 1].
        digest: SHA-256 over names, shapes, types and bytes of the four arrays, and of the table.
        origin: where the data came from, and under which licence.
        split: how the test set was chosen.
        table: the typed columns that the inputs encode; None where the inputs are the data.
        truth: the exact figures of the source that the examples were drawn from, if it is known.
        label_column: of a table in a file, the column that the labels stand in; else None.
        train_rows: places of the training examples among all that were read, from 0; None where
            the test set was given, so that these are all.
        label_reason: why that column was taken.
        remarks: what was decided while the source was read.
        resized: height and width that images were brought to; None where they kept their size.
    """

    name: str
    train_inputs: npt.NDArray[Any]
    train_labels: npt.NDArray[np.int64]
    test_inputs: npt.NDArray[Any]
    test_labels: npt.NDArray[np.int64]
    class_names: tuple[str, ...]
    input_exponent: int
    digest: str
    origin: str
    split: str = "as given"
    table: Table | None = None
    truth: tuple[Quantity, ...] = ()
    label_column: str | None = None
    train_rows: npt.NDArray[np.int64] | None = None
    label_reason: str | None = None
    remarks: tuple[Remark, ...] = ()
    resized: tuple[int, int] | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape ``(channels, height, width)`` of one example."""
        channels, height, width = self.train_inputs.shape[1:]
        return (int(channels), int(height), int(width))

    @property
    def class_count(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    def summary(self) -> str:
        """Return name, numbers of examples, shape and classes, in one line."""
        shape = " x ".join(str(size) for size in self.input_shape)
        return (
            f"{self.name}, {len(self.train_labels):,} training and {len(self.test_labels):,} test "
            f"examples of {shape} {self.train_inputs.dtype}, {self.class_count} classes"
        )

    def facts(self) -> Cells:
        """Return the rows of its table: the classes' counts, and where the data came from."""
        counts = np.bincount(self.train_labels, minlength=self.class_count)
        shown = [f"{name}: {count:,}" for name, count in zip(self.class_names, counts, strict=True)]
        classes = ", ".join(shown[:_SHOWN_CLASSES]) + (", …" if len(shown) > _SHOWN_CLASSES else "")
        return [
            ("training examples of each class", classes),
            ("test set", self.split),
            ("origin", self.origin),
            ("digest", self.digest),
        ]


_SHOWN_CLASSES = 20

OptimizerName = Literal["adamw", "sgd"]
ScheduleName = Literal["one_cycle", "cosine"]


@dataclass(frozen=True)
class TrainingRecipe:
    """How one network is trained; with the architecture and the seed it determines the result.

    Attributes:
        float_epochs: epochs of full-precision training, with batch normalisation.
        quantized_epochs: epochs of quantisation-aware training under the rate penalty.
        batch_size: examples a step.
        learning_rate: peak learning rate of the first phase (AdamW, one cycle).
        quantized_learning_rate: first learning rate of the second phase (cosine to zero).
        weight_decay: decoupled weight decay of the first phase.
        augmentation: strength of random affine distortion; 0 turns it off.
        rate_weight: weight of the rate penalty; 1 is the description-length optimum, where a bit
            of weights costs as much as a bit of the code of all training labels.
        initial_step_ratio: first quantisation step over the standard deviation of a tensor.
        batch_normalisation: whether convolutions are normalised in the first phase.
        dropout: dropout rate before linear layers, and on channels of the last convolution.
        elastic: strength of random elastic distortion; 0 turns it off.
        label_smoothing: share of the target that is spread evenly over the classes.
        soft_target_weight: share of the target given to soft targets, where the data has some.
        optimizer: of the first phase; the second always takes AdamW without decay.
        schedule: of the first phase; the second always falls as a cosine.
        step_training_end: progress of the second phase in [0, 1] at which the steps, learned until
            then, are fixed on the format's grid.
        freezing_start: progress of the second phase in [0, 1] from which weights are frozen at
            levels, the most settled ones first; 1 turns it off.
        freezing_end: progress of the second phase at which all are frozen.
        freezing_softness: part of what rounding takes away that is left to weights which are not
            frozen yet, in [0, 1], once freezing has started.
        finishing_epochs: how long levels and steps are moved afterwards where the loss and the bits
            of the encoder fall together, in epochs of the second phase; 0 turns it off.
        averaging_start: progress in [0, 1] from which the weights of all steps are averaged; 1
            turns it off.
    """

    float_epochs: int
    quantized_epochs: int
    batch_size: int = 128
    learning_rate: float = 8e-3
    quantized_learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    augmentation: float = 1.0
    rate_weight: float = 1.0
    initial_step_ratio: float = 0.28
    batch_normalisation: bool = True
    dropout: float = 0.0
    elastic: float = 0.0
    label_smoothing: float = 0.0
    soft_target_weight: float = 0.0
    optimizer: OptimizerName = "adamw"
    schedule: ScheduleName = "one_cycle"
    averaging_start: float = 1.0
    step_training_end: float = 0.4
    freezing_start: float = 1.0
    freezing_end: float = 0.95
    freezing_softness: float = 0.0
    finishing_epochs: int = 0

    @property
    def epochs(self) -> int:
        """The epochs of all phases."""
        return self.float_epochs + self.quantized_epochs + self.finishing_epochs


EngineName = Literal["auto", "torch", "lanes"]


@dataclass(frozen=True)
class TrialConfig:
    """All that determines a trial beside the data and the code version.

    ``engine`` is ``auto`` in what is asked for and the engine really used in what was done: the
    engines agree but for rounding, so that the same seed leads to other weights.

    Attributes:
        architecture: text in the grammar; of a moved start, what it was before and what it became.
        recipe: how it is trained; no epochs of the first phase where it starts from a file.
        seed: of all that is drawn.
        engine: what trains.
        parent: SHA-256 of the network file that training starts from; None: random weights.
        move: what is done to the parent's network first (`minbits.search.moves`).
    """

    architecture: str
    recipe: TrainingRecipe
    seed: int
    engine: EngineName = "auto"
    parent: str | None = None
    move: str | None = None


def plain_config(config: TrialConfig) -> dict[str, Any]:
    """Return a configuration as plain data for JSON, as `dataclasses.asdict` does, but much faster.

    Its values are plain already, so that nothing needs to be copied.
    """
    return {**vars(config), "recipe": dict(vars(config.recipe))}


def trial_config(plain: dict[str, Any]) -> TrialConfig:
    """Return the configuration whose fields ``plain`` holds, as `dataclasses.asdict` gives them.

    Fields that came later than ``plain`` take their defaults, and those that are gone are left out.
    """
    recipe = {
        f.name: plain["recipe"][f.name] for f in fields(TrainingRecipe) if f.name in plain["recipe"]
    }
    rest = {
        f.name: plain[f.name] for f in fields(TrialConfig) if f.name in plain and f.name != "recipe"
    }
    return TrialConfig(recipe=TrainingRecipe(**recipe), **rest)


# A stopped trial was given up early since it falls behind the others; it counts as one that missed.
TrialStatus = Literal["done", "failed", "stopped", "interrupted"]


@dataclass(frozen=True)
class TrialOutcome:
    """What came of one trial, of this run or an earlier one.

    Only a trial that is done has a file, and counts of what the decoded file gets right.

    Attributes:
        config: what was really run.
        status: how it ended.
        seconds: what it took.
        error: why it failed, or was stopped.
        network_file: the content of its file; None without one, or where only its digest is known.
        validation_correct: right answers on the validation examples.
        validation_examples: how many those are.
        energy_joules: what the whole machine used meanwhile (`minbits.energy`), None where it does
            not tell.
        milestones: validation accuracies at those parts of the first phase where it could have been
            stopped.
        training_correct: right answers on some of the examples that it was trained on.
        training_examples: how many those are.
        candidate: key of what was trained and how.
        size_bits: of its file.
        sha256: of its file.
        is_past: whether an earlier run, or another process, made it.
    """

    config: TrialConfig
    status: TrialStatus
    seconds: float
    error: str | None = None
    network_file: bytes | None = field(default=None, repr=False)
    validation_correct: int | None = None
    validation_examples: int | None = None
    energy_joules: float | None = None
    milestones: tuple[float, ...] = ()
    training_correct: int | None = None
    training_examples: int | None = None
    candidate: str = ""
    size_bits: int | None = None
    sha256: str | None = None
    is_past: bool = False

    def __post_init__(self) -> None:
        """Take size and digest from the file, where it is there."""
        if isinstance(self.network_file, bytes):
            object.__setattr__(self, "size_bits", bytes_to_bits(len(self.network_file)))
            object.__setattr__(self, "sha256", sha256_hex(self.network_file))

    @property
    def validation_accuracy(self) -> float | None:
        """The accuracy on the validation examples, None without a file."""
        return _part(self.validation_correct, self.validation_examples)

    @property
    def training_accuracy(self) -> float | None:
        """The accuracy on examples that it was trained on, None where not known."""
        return _part(self.training_correct, self.training_examples)

    def of_candidate(self, key: str) -> TrialOutcome:
        """Return the outcome as one of a candidate."""
        return replace(self, candidate=key)

    def without_file(self) -> TrialOutcome:
        """Return the outcome without the content of its file, for whoever keeps many."""
        return replace(self, network_file=None)


def _part(correct: int | None, examples: int | None) -> float | None:
    return None if correct is None or not examples else correct / examples


@dataclass(frozen=True, repr=False)
class Verification(Shown):
    """What a decoder in a fresh process found on the test set: the only source of a claim."""

    path: str
    sha256: str
    bytes: int
    size_bits: int
    n_test: int
    correct: int
    test_accuracy: float
    wilson_low: float
    wilson_high: float
    seconds: float
    energy_joules: float | None = None

    def summary(self) -> str:
        """Return size and accuracy, in one line."""
        return (
            f"{self.path}, {self.size_bits:,} bits, {self.correct:,} of {self.n_test:,} test "
            f"examples correct ({100 * self.test_accuracy:.2f} %)"
        )

    def facts(self) -> Cells:
        """Return the rows of its table: the fields."""
        return [(name, str(value)) for name, value in vars(self).items() if value is not None]


@dataclass(frozen=True)
class ShownFile:
    """A file that reached an accuracy on the test set, but cannot be claimed at it.

    It did not pass validation at that accuracy: the test set alone would choose it.

    Attributes:
        claim_id: the row of its claim.
        size_bits: of the file.
        correct: right answers on the test set.
        n_test: test examples.
        target_accuracy: what it was chosen for.
        validation_accuracy: None where no trial of the ledger gave this file.
    """

    claim_id: int
    size_bits: int
    correct: int
    n_test: int
    target_accuracy: float
    validation_accuracy: float | None


@dataclass(frozen=True)
class Progress:
    """A sign of life from a running trial; stages without epochs have 0 of 0."""

    trial: int
    stage: str
    epoch: int
    epochs: int
    validation_accuracy: float | None = None
    size_bits: float | None = None
