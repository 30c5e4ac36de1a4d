"""One rung of the entropy ladder: a held-out bound of H(X), and what its model costs."""

from __future__ import annotations

import lzma
import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from minbits.information.entropy_estimators import CONFIDENCE
from minbits.information.mean_interval import mean_ends
from minbits.information.symbols import SymbolSet
from minbits.types import Quantity
from minbits.units import bytes_to_bits

_TAIL = (1 - CONFIDENCE) / 2
# What to say of a bound with an interval.
LOW_END = "what holds is the low end, since the value may by chance be too high"
HIGH_END = "what holds is the high end, since the value may by chance be too low"

FloatArray = npt.NDArray[np.float64]
AnyFloats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Rung:
    """An upper bound of the entropy of one example, and what the model behind it costs.

    Attributes:
        key: stable name of the model.
        title: its name for people.
        example_bits: mean code length of a test example, the model known.
        standard_error_bits: of that mean; None where the code length is of the whole set.
        surprise_bits: how long the code of one more example may be: as long as any in training or
            validation, or as one of a symbol never seen; None where the code length is of the
            whole set.
        validation_bits: the same mean on the validation examples, by which settings were chosen;
            None where nothing was chosen.
        model_bits: what the model itself costs: 8 times the length of its parameters' file.
        train_examples: how many examples the model was fitted to, over which it is amortised.
        test_examples: how many examples the mean is over.
        variables: variables of an example, for bits a pixel.
        method: how it was found, in words that fit a sentence.
        seconds: how long it took.
        warning: why not to trust it, such as more parameters than examples can fix; or None.
    """

    key: str
    title: str
    example_bits: float
    standard_error_bits: float | None
    surprise_bits: float | None
    validation_bits: float | None
    model_bits: float
    train_examples: int
    test_examples: int
    variables: int
    method: str
    seconds: float
    warning: str | None = None

    @property
    def amortised_model_bits(self) -> float:
        """The model's cost for each example that it was fitted to."""
        return self.model_bits / self.train_examples

    @property
    def total_bits(self) -> float:
        """Code length of an example with the model's amortised cost."""
        return self.example_bits + self.amortised_model_bits

    @property
    def bits_per_variable(self) -> float:
        """Code length of an example by its number of variables: bits a pixel for grey images."""
        return self.example_bits / self.variables

    @property
    def interval_bits(self) -> tuple[float, float] | None:
        """95 % interval of the mean code length; None where there is no standard error.

        Its high end is what bounds the entropy (`minbits.information.mean_interval`).
        """
        return self.ends_bits(_TAIL)

    def ends_bits(self, tail: float) -> tuple[float, float] | None:
        """Return both ends of the mean code length's interval, each off by chance ``tail``."""
        if self.standard_error_bits is None:
            return None
        variance = self.standard_error_bits**2 * self.test_examples
        return mean_ends(self.example_bits, variance, self.test_examples, self.surprise_bits, tail)

    def figures(self) -> tuple[Quantity, Quantity]:
        """Return the bound and the model's cost as figures."""
        low, high = self.interval_bits or (None, None)
        bound = Quantity(
            key=self.key,
            value=self.example_bits,
            unit="bits",
            of="X",
            scope="example",
            kind="upper bound",
            method=self.method if high is None else f"{self.method}; {HIGH_END}",
            low=low,
            high=high,
            warning=self.warning,
        )
        cost = Quantity(
            key=f"{self.key}_model_cost",
            value=self.model_bits,
            unit="bits",
            of="model of X",
            scope="data set",
            kind="upper bound",
            method=(
                "8 x the length of the xz-compressed file of the parameters, rounded as they are "
                f"used; {self.amortised_model_bits:,.2f} bits for each of {self.train_examples:,} "
                "training examples"
            )
            if self.model_bits
            else "nothing is fitted: the code knows no data",
        )
        return bound, cost


@dataclass(frozen=True, eq=False)
class FittedModel:
    """What a model returns: code lengths of held-out examples, and its parameters' file.

    Attributes:
        test_bits: code length of each test example, shape ``(examples,)``.
        validation_bits: mean code length of a validation example.
        train_bits: mean code length of a training example, to see how loose the bound is.
        surprise_bits: the longest code of a training or validation example.
        parameter_bits: 8 times the length of the parameters' file.
        settings: what was chosen, in words that fit a sentence.
        is_whole_set: whether only the length of all test examples together is known.
    """

    test_bits: FloatArray
    validation_bits: float
    train_bits: float
    surprise_bits: float
    parameter_bits: int
    settings: str
    is_whole_set: bool = False


class InputModel(Protocol):
    """A plug of the ladder: a bound of H(X) as one object; see `minbits.information.input_models`.

    Attributes:
        key: stable name.
        title: name for people.
        source: where it was published.
    """

    @property
    def key(self) -> str:
        """Stable name."""
        ...

    @property
    def title(self) -> str:
        """Name for people."""
        ...

    @property
    def source(self) -> str:
        """Where it was published."""
        ...

    @property
    def most_seconds(self) -> float:
        """After about how long more time brings next to nothing."""
        ...

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Return why the model does not suit the data, None if it does."""
        ...

    def least_seconds(self, symbols: SymbolSet) -> float:
        """Return about how long the smallest useful fit takes on one core."""
        ...

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Fit on training examples, choose by validation, code the test examples.

        Args:
            symbols: the examples.
            seconds: about how long it may take.
        """
        ...


def store(*arrays: AnyFloats) -> tuple[tuple[FloatArray, ...], int]:
    """Round parameters to 16-bit floats, and return them with the bits of their file.

    The file is the little-endian IEEE half-precision bytes of all arrays, one after the other,
    compressed by xz. Code lengths must be computed with what is returned, so that the model whose
    cost is stated is the model that coded.

    Args:
        *arrays: parameters, best as logarithms of probabilities or of odds.
    """
    halves = [np.asarray(array).astype("<f2") for array in arrays]
    packed = lzma.compress(b"".join(half.tobytes() for half in halves), preset=9)
    return tuple(half.astype(np.float64) for half in halves), bytes_to_bits(len(packed))


def standard_error(values: FloatArray) -> float | None:
    """Return the standard error of the mean of ``values``; None below two of them."""
    if len(values) < 2:
        return None
    return float(values.std(ddof=1)) / math.sqrt(len(values))
