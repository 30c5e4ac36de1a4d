"""What an audit found, and its verdict."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from minbits.capacity.bounds import CapacityLine
from minbits.evaluation.known_network import FoundNetwork
from minbits.model_audit.lossless import LosslessSize
from minbits.model_audit.matrix_rank import MatrixRank
from minbits.model_audit.quantised_search import QuantisedSize
from minbits.model_audit.subject import UnitActivity
from minbits.notebook import Cells, Shown

COUNTING = (
    "parameters: trained values, shared ones once, biases and normalisation included; stored bits: "
    "every tensor of floating-point numbers or of integers of at most 32 bits, buffers included, "
    "at its own width; sizes: 8 x the bytes of strings that were decoded again, names, shapes and "
    "code not counted"
)


@dataclass(frozen=True)
class LayerAudit:
    """One layer: what it stores and what that shrinks to.

    Attributes:
        name: of the layer.
        dimensions: of its largest tensor.
        parameters: trained values.
        stored_bits: as it is, buffers included.
        lossless_bits: compressed as it is, by the method that is best for the whole model.
        quantised_bits: quantised without loss of accuracy; None without data.
        rank: of its largest matrix; None where it has none.
        activity: of its units; None without data or without rectified units.
    """

    name: str
    dimensions: tuple[int, ...]
    parameters: int
    stored_bits: int
    lossless_bits: int
    quantised_bits: int | None
    rank: MatrixRank | None
    activity: UnitActivity | None


@dataclass(frozen=True)
class LabelAudit:
    """What the labels carry and what the model does with it, on some examples.

    Attributes:
        data_name: the data set.
        examples: training examples that were run.
        label_entropy_bits: H(Y) of one label.
        total_bits: N · H(Y) of all training labels.
        residual_bits: code length of the labels of the run examples, given the model.
        correct: of the run examples.
        held_out_examples: training examples of the validation split that were run.
        held_out_correct: of them, as the model is; it may have been trained on them.
        test_examples: test examples that were run.
        test_correct: of them, as the model is.
        test_correct_quantised: of them, quantised; None where that was not possible.
        test_looks: how often this audit ran the test set.
        test_looks_note: that no ledger counts these looks, and what follows.
        label_need_bits: what labels drawn at random would need at the model's test accuracy.
        friedland_generalisation: bits of labels right a bit of maximum equivocation; None without.
        told_bits_per_file_bit: bits of the training labels that the model tells, a bit of its
            smallest form here; 0 where it tells nothing.
    """

    data_name: str
    examples: int
    label_entropy_bits: float
    total_bits: float
    residual_bits: float
    correct: int
    held_out_examples: int
    held_out_correct: int
    test_examples: int
    test_correct: int
    test_correct_quantised: int | None
    test_looks: int
    test_looks_note: str
    label_need_bits: float
    friedland_generalisation: float | None
    told_bits_per_file_bit: float

    @property
    def held_out_accuracy(self) -> float:
        """The accuracy on the validation split, by which nothing on the test set is chosen."""
        return self.held_out_correct / self.held_out_examples


def looks_note(looks: int) -> str:
    """Return what the audit's own runs on the test set mean for a claim.

    Args:
        looks: how often it ran the test set.
    """
    times = "once" if looks == 1 else f"{looks} times"
    return (
        f"this audit ran the test set {times}; no ledger counts these looks, so whoever chooses "
        "among models or files by them adds them to the looks of a claim"
    )


@dataclass(frozen=True)
class CompressTarget:
    """What a file made from the model had to reach, and where that comes from.

    Attributes:
        accuracy: in (0, 1].
        source: ``asked for``, or the held-out examples that it was measured on.
    """

    accuracy: float
    source: str


@dataclass(frozen=True, repr=False)
class AuditReport(Shown):
    """All that an audit found.

    Attributes:
        name: of the model.
        source: what it was read from.
        counting: the counting convention.
        parameters: trained values.
        stored_bits: as it is.
        shape_note: what the order of layers rests on.
        layers: in the order of the model.
        lossless: smallest first.
        quantised: None without data, or where every step lost accuracy.
        quantised_note: why there is none, or empty.
        capacity: every formula; empty where the layers are not known.
        labels: None without data.
        sufficient: None where nothing was found for this data set.
        seconds: how long the audit took.
        compressed: the smallest verified file made from this model; None where none was asked for,
            or none reached the accuracy.
        compress_target: what that file had to reach; None where none was asked for.
        warnings: why the figures may be of no use: inputs that the model does not expect, weights
            that nobody trained.
    """

    name: str
    source: str
    counting: str
    parameters: int
    stored_bits: int
    shape_note: str
    layers: tuple[LayerAudit, ...]
    lossless: tuple[LosslessSize, ...]
    quantised: QuantisedSize | None
    quantised_note: str
    capacity: tuple[CapacityLine, ...]
    labels: LabelAudit | None
    sufficient: FoundNetwork | None
    seconds: float
    compressed: FoundNetwork | None = None
    compress_target: CompressTarget | None = None
    warnings: tuple[str, ...] = ()

    @property
    def smallest_bits(self) -> int:
        """The smallest size of the model that the audit wrote and read back."""
        found = [size.size_bits for size in self.lossless]
        if self.quantised is not None:
            found.append(self.quantised.size_bits)
        return min(found)

    def beside(self, found: FoundNetwork) -> AuditReport:
        """Return the report with a network that was found sufficient."""
        return dataclasses.replace(self, sufficient=found)

    def with_target(self, target: CompressTarget) -> AuditReport:
        """Return the report with what a file made from the model has to reach."""
        return dataclasses.replace(self, compress_target=target)

    def with_compressed(self, found: FoundNetwork) -> AuditReport:
        """Return the report with a file made from the model, which may be the smallest known."""
        report = dataclasses.replace(self, compressed=found)
        known = self.sufficient
        if known is None or found.size_bits < known.size_bits:
            return report.beside(found)
        return report

    def summary(self) -> str:
        """Return the verdict."""
        return self.verdict

    def facts(self) -> Cells:
        """Return the rows of its table, one a layer."""
        return [
            (item.name, f"{item.parameters:,}", f"{item.stored_bits:,}", f"{item.lossless_bits:,}")
            for item in self.layers
        ]

    def header(self) -> tuple[str, ...]:
        """Return the names of the table's columns."""
        return ("layer", "parameters", "bits as stored", "bits compressed")

    @property
    def verdict(self) -> str:
        """One sentence."""
        spent = self.stored_bits
        if self.sufficient is not None and self.labels is not None:
            own = self.labels.test_correct / self.labels.test_examples
            found = self.sufficient
            below = ", which is less accurate" if found.test_accuracy < own else ""
            return (
                f"{self.name} spends {spent / found.size_bits:,.1f}x what was found sufficient: "
                f"{spent:,} bits for {100 * own:.2f} % of the test set, where a verified file of "
                f"{found.size_bits:,} bits reaches {100 * found.test_accuracy:.2f} %{below} "
                f"({found.place})."
            )
        if self.quantised is not None:
            return (
                f"{self.name} spends {spent / self.quantised.size_bits:,.1f}x its own size when "
                f"quantised ({self.quantised.size_bits:,} of {spent:,} bits), without loss on the "
                f"{self.quantised.selection_examples:,} examples that chose the step; no smaller "
                "network is known for this data set."
            )
        return (
            f"{self.name} spends {spent / self.smallest_bits:,.2f}x what its own bytes compress to "
            f"({self.smallest_bits:,} of {spent:,} bits); give `data` to learn what is needed."
        )
