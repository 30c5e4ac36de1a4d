"""The table of an architecture: each formula, what it bounds, what it assumes, its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from minbits.capacity.cover import MEMORISATION_BITS_PER_WEIGHT
from minbits.capacity.memory_equivalent_capacity import memory_equivalent_capacity_bits
from minbits.capacity.network_shape import NetworkShape
from minbits.capacity.threshold_networks import baldi_vershynin_capacity, counting_bound_bits
from minbits.capacity.vc_dimension import (
    closed_form_size,
    is_piecewise_linear,
    perceptron_vc_dimension,
    vc_existence_scale,
    vc_lower_bound,
    vc_upper_bound,
    vc_upper_bound_closed,
)
from minbits.errors import ArgumentError

# Krauth & Mézard 1989, "Storage capacity of memory networks with binary couplings"; the tests
# compute it.
KRAUTH_MEZARD_BITS_PER_WEIGHT = 0.833

LineKind = Literal["exact", "upper bound", "lower bound", "estimate", "up to a constant"]
STORED_BITS = 32
_NAMED_TENSORS = 3


@dataclass(frozen=True)
class CapacityQuestion:
    """What a formula is asked.

    Attributes:
        shape: the network.
        examples: N, for formulas that count labellings of a set.
        stored_bits: bits of a stored parameter.
        total_stored_bits: bits of all that is stored, where that is known: parameters that the
            layers fold away and buffers hold bits too. None takes ``stored_bits`` a parameter.
    """

    shape: NetworkShape
    examples: int
    stored_bits: int = STORED_BITS
    total_stored_bits: int | None = None

    @property
    def raw_bits(self) -> int:
        """Bits of all that is stored."""
        if self.total_stored_bits is not None:
            return self.total_stored_bits
        return self.shape.parameters * self.stored_bits


@dataclass(frozen=True)
class CapacityFormula:
    """One formula.

    Attributes:
        key: stable name.
        kind: what kind of statement its value is.
        unit: of the value.
        bounds: what it is a statement of.
        assumptions: under which it holds.
        source: where it comes from.
        objection: why it does not apply to a question, or None where it does.
        value: the number.
    """

    key: str
    kind: LineKind
    unit: str
    bounds: str
    assumptions: str
    source: str
    objection: Callable[[CapacityQuestion], str | None]
    value: Callable[[CapacityQuestion], float]


@dataclass(frozen=True)
class CapacityLine:
    """A formula's answer; ``value`` is None where it does not apply, and ``objection`` says why."""

    key: str
    value: float | None
    unit: str
    kind: LineKind
    bounds: str
    assumptions: str
    source: str
    objection: str | None


def _always(question: CapacityQuestion) -> str | None:
    return None


def _all_seen(question: CapacityQuestion) -> str | None:
    """Refuse what counts the parameters of layers where tensors belong to none of them."""
    shape = question.shape
    if shape.is_whole:
        return None
    names = ", ".join(shape.unseen[:_NAMED_TENSORS])
    more = len(shape.unseen) - _NAMED_TENSORS
    others = f" and {more} more" if more > 0 else ""
    return f"tensors in no layer that was seen{': ' if names else ''}{names}{others}"


def _single_threshold_unit(question: CapacityQuestion) -> str | None:
    shape = question.shape
    if len(shape.layers) == 1 and shape.logits <= 2 and shape.is_fully_connected:
        return _all_seen(question)
    return "not a single threshold unit"


def _fully_connected(question: CapacityQuestion) -> str | None:
    if not question.shape.is_fully_connected:
        return "not a fully connected chain"
    return _all_seen(question)


def _piecewise_linear(question: CapacityQuestion) -> str | None:
    if not question.shape.is_whole:
        return "trained values outside the layers"
    return None if is_piecewise_linear(question.shape) else "units that are not piecewise linear"


def _closed_form(question: CapacityQuestion) -> str | None:
    objection = _piecewise_linear(question)
    if objection is None and closed_form_size(question.shape) < 3:
        return "R below 3"
    return objection


def _biased_chain(question: CapacityQuestion) -> str | None:
    if not all(layer.bias for layer in question.shape.layers):
        return "a layer without biases"
    return _fully_connected(question) or _piecewise_linear(question)


FORMULAS: tuple[CapacityFormula, ...] = (
    CapacityFormula(
        "raw_storage",
        "upper bound",
        "bits",
        "everything that the stored values can hold",
        "each is stored with the given bits, and nothing else is stored",
        "counting",
        _always,
        lambda q: float(q.raw_bits),
    ),
    CapacityFormula(
        "memorisation_2_per_weight",
        "estimate",
        "bits",
        "random labels memorised",
        "2 bits a weight: proved for one threshold unit, points in general position, carried over "
        "to every parameter of the network",
        "Cover 1965; MacKay 2003, ch. 40; Gardner 1988",
        _all_seen,
        lambda q: MEMORISATION_BITS_PER_WEIGHT * q.shape.parameters,
    ),
    CapacityFormula(
        "memorisation_binary_weights",
        "estimate",
        "bits",
        "random labels memorised with weights of one bit",
        "0.833 bit a weight: one threshold unit with many weights of ±1, carried over",
        "Krauth & Mézard 1989",
        _all_seen,
        lambda q: KRAUTH_MEZARD_BITS_PER_WEIGHT * q.shape.parameters,
    ),
    CapacityFormula(
        "counting_capacity",
        "upper bound",
        "bits",
        "log2 of the labellings of N examples, were every unit a threshold",
        "no bound for other units; sum of log2 T(N, K) over units, K inputs and bias of each",
        "Cover 1965, each unit apart",
        _all_seen,
        lambda q: counting_bound_bits(q.shape, q.examples),
    ),
    CapacityFormula(
        "maximum_equivocation",
        "estimate",
        "bits",
        "labels memorised, as sized by rules of thumb",
        "threshold units, a bit a parameter, a layer limited by the bits that enter it",
        "Friedland, Krell & Metere 2018",
        _all_seen,
        lambda q: float(memory_equivalent_capacity_bits(q.shape)),
    ),
    CapacityFormula(
        "baldi_vershynin",
        "up to a constant",
        "bits",
        "log2 of the Boolean functions that threshold units compute",
        "fully connected threshold units on all binary inputs; constant factors are not known",
        "Baldi & Vershynin 2019",
        _fully_connected,
        lambda q: float(
            baldi_vershynin_capacity((q.shape.inputs, *(layer.outputs for layer in q.shape.layers)))
        ),
    ),
    CapacityFormula(
        "vc_perceptron",
        "exact",
        "examples",
        "VC dimension",
        "one threshold unit, or two logits: a linear boundary",
        "Cover 1965; Vapnik & Chervonenkis 1971",
        _single_threshold_unit,
        lambda q: float(perceptron_vc_dimension(q.shape.inputs, q.shape.layers[0].bias)),
    ),
    CapacityFormula(
        "vc_upper",
        "upper bound",
        "examples",
        "VC dimension of the indicator of one class",
        "piecewise linear units with one kink; product over layers solved for m",
        "Bartlett, Harvey, Liaw & Mehrabian 2019, proof of theorem 7",
        _piecewise_linear,
        lambda q: float(vc_upper_bound(q.shape)),
    ),
    CapacityFormula(
        "vc_upper_closed",
        "upper bound",
        "examples",
        "VC dimension of the indicator of one class",
        "as above, in closed form: L + ΣW_i log2(4eR log2(2eR)), R = Σ i·k_i",
        "Bartlett, Harvey, Liaw & Mehrabian 2019, theorem 7",
        _closed_form,
        lambda q: vc_upper_bound_closed(q.shape),
    ),
    CapacityFormula(
        "vc_lower",
        "lower bound",
        "examples",
        "VC dimension of the indicator of one class",
        "fully connected ReLU chain; n·⌊k/2⌋ of its best layer",
        "Baum 1988, two ReLU units for a threshold",
        _biased_chain,
        lambda q: float(vc_lower_bound(q.shape)),
    ),
    CapacityFormula(
        "vc_existence",
        "up to a constant",
        "examples",
        "VC dimension of the best ReLU network of as many weights and layers",
        "W·L·log2(W/L), a lower bound once divided by a universal constant; not of this wiring",
        "Bartlett, Harvey, Liaw & Mehrabian 2019, theorem 3",
        lambda q: (
            _all_seen(q)
            if q.shape.parameters > len(q.shape.layers)
            else "no more weights than layers"
        ),
        lambda q: vc_existence_scale(q.shape.parameters, len(q.shape.layers)),
    ),
)


def capacity_table(
    shape: NetworkShape,
    examples: int,
    stored_bits: int = STORED_BITS,
    total_stored_bits: int | None = None,
) -> tuple[CapacityLine, ...]:
    """Return every formula's answer for a network.

    Args:
        shape: the network.
        examples: N, where labellings of a set are counted; 1 to 10**6.
        stored_bits: bits of a stored parameter, 1 to 64.
        total_stored_bits: bits of all that is stored, where it is more than the layers' parameters.

    Raises:
        ArgumentError: outside these domains.
    """
    if not 1 <= examples <= 10**6:
        raise ArgumentError("`examples`", f"{examples:,}", "1 to 1,000,000", "Choose one.")
    if not 1 <= stored_bits <= 64:
        raise ArgumentError("`bits`", str(stored_bits), "1 to 64", "Choose one.")
    question = CapacityQuestion(shape, examples, stored_bits, total_stored_bits)
    lines = []
    for formula in FORMULAS:
        objection = formula.objection(question)
        lines.append(
            CapacityLine(
                formula.key,
                None if objection else formula.value(question),
                formula.unit,
                formula.kind,
                formula.bounds,
                formula.assumptions,
                formula.source,
                objection,
            )
        )
    return tuple(lines)
