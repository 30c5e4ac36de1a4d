"""A network read from a file, ready to run."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture, class_count
from minbits.codec.file_format import decode_network, errors_named, read_bytes
from minbits.codec.inference import predict, predict_logits
from minbits.codec.quantized_network import FloatArray, QuantizedNetwork
from minbits.codec.run_cost import RunCost, run_cost
from minbits.errors import DataError
from minbits.files import sha256_hex
from minbits.notebook import Cells, Shown
from minbits.units import bytes_to_bits

if TYPE_CHECKING:
    from minbits.data.companion import Companion


@dataclass(frozen=True, eq=False, repr=False)
class Network(Shown):
    """A network and the size of its file; runs with NumPy alone.

    Attributes:
        quantized: the decoded network.
        size_bits: of its file.
        companion: what belongs to the data, from the file beside it; None where there is none. With
            it, rows of a table are read by the names of their columns, and classes have names and
            probabilities.
    """

    quantized: QuantizedNetwork
    size_bits: int
    companion: Companion | None = None

    @property
    def architecture(self) -> Architecture:
        """Input shape, input scale and layers."""
        return self.quantized.architecture

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers; needs the companion."""
        return self._companion().class_names

    def _companion(self) -> Companion:
        if self.companion is None:
            raise DataError(
                "network", "no companion", "the file NAME.data.json beside NAME.mbn",
                "Get it where the network file came from, or write both anew with `minbits size`.",
            )  # fmt: skip
        return self.companion

    def summary(self) -> str:
        """Return size, number of parameters and shape of an example, in one line."""
        shape = " x ".join(str(size) for size in self.architecture.input_shape)
        parameters = self.quantized.parameter_count
        return f"{self.size_bits:,} bits, {parameters:,} parameters, of inputs of {shape}"

    def facts(self) -> Cells:
        """Return the rows of its table, one a layer."""
        return [(type(layer).__name__, str(layer)) for layer in self.architecture.layers]

    def cost(self, examples: int) -> RunCost:
        """Return what running it on so many examples costs."""
        return run_cost(self.architecture, examples)

    def inputs_of(self, rows: Any) -> npt.NDArray[Any]:
        """Return what the network reads of rows; see `predict`.

        What was handled, such as a category that training did not have, is told in warnings.

        Raises:
            DataError: if columns, cells or shapes do not fit; row and column are named.
        """
        if self.companion is None:
            return np.asarray(rows)
        from minbits.data.new_rows import new_examples

        found = new_examples(self.companion, rows)
        for remark in found.remarks:
            warnings.warn(remark, stacklevel=3)
        return found.inputs

    def predict(self, rows: Any, *, allow_slow: bool = False) -> npt.NDArray[np.int64]:
        """Return the number of each row's class, int64 of shape ``(rows,)``.

        Args:
            rows: of a network that was made for a table: a data frame, a list of dictionaries, a
                dictionary of columns, or an array ``(rows, columns)``, raw; an array of four axes
                is taken as encoded inputs. Of other networks: an array ``(examples, …)``, raw, as
                in the data set. Without a companion, an array of encoded inputs.
            allow_slow: whether to run however long it takes.

        Raises:
            DataError: if columns, cells or shapes do not fit; row and column are named.
            CostError: if it would take more than two minutes or so.
        """
        return predict(self.quantized, self.inputs_of(rows), allow_slow=allow_slow)

    def predict_names(self, rows: Any, *, allow_slow: bool = False) -> npt.NDArray[np.str_]:
        """Return the name of each row's class; see `predict`."""
        names = np.array(self.class_names)
        return names[predict(self.quantized, self.inputs_of(rows), allow_slow=allow_slow)]

    def predict_proba(self, rows: Any, *, allow_slow: bool = False) -> npt.NDArray[np.float64]:
        """Return the probability of each class, shape ``(rows, classes)``; see `predict`.

        Logits are defined up to a positive factor. The companion has the factor at which the labels
        of the validation examples had the shortest code.
        """
        self._companion()
        logits = predict_logits(self.quantized, self.inputs_of(rows), allow_slow=allow_slow)
        return self.probabilities(logits)

    def probabilities(self, logits: FloatArray) -> npt.NDArray[np.float64]:
        """Return the probabilities of logits ``(examples, classes)``.

        Raises:
            DataError: if there is no companion, or logits are no finite numbers.
        """
        inverse = self._companion().inverse_temperature
        if not np.isfinite(logits).all():
            raise DataError(
                "logits", "numbers beyond float32", "finite logits", "The inputs are far from "
                "those of training: check them.",
            )  # fmt: skip
        below = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
        powers = np.exp(inverse * below)
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)

    def predict_logits(self, rows: Any, *, allow_slow: bool = False) -> FloatArray:
        """Return logits ``(examples, classes)``, defined up to a positive factor; see `predict`.

        Raises:
            DataError: if columns, cells or shapes do not fit; row and column are named.
            CostError: if it would take more than two minutes or so.
        """
        return predict_logits(self.quantized, self.inputs_of(rows), allow_slow=allow_slow)


def read(path: str | Path, companion: str | Path | None = None) -> Network:
    """Read a network file, and the companion beside it where there is one.

    Args:
        path: of the network file.
        companion: of another place; None takes ``NAME.data.json`` beside ``NAME.mbn``.

    Raises:
        NetworkFileError: if the file cannot be read or is not a valid network file.
        DataError: if the companion is damaged, of another file, or not the one that the card names.
    """
    file = Path(path)
    with errors_named(file):
        content = read_bytes(file)
        network = decode_network(content)
    found = _read_companion(file, content, companion)
    if found is not None:
        _check_fit(network.architecture, found, file)
    return Network(network, bytes_to_bits(len(content)), found)


def _read_companion(file: Path, content: bytes, companion: str | Path | None) -> Companion | None:
    # Whoever runs networks alone does not wait for the loaders of data.
    from minbits.data.companion import companion_beside, read_companion

    sha256 = sha256_hex(content)
    if companion is not None:
        return read_companion(Path(companion), sha256, file.with_suffix(".json"))
    return companion_beside(file, sha256)


def _check_fit(architecture: Architecture, companion: Companion, file: Path) -> None:
    """Refuse a companion of other classes or inputs than the network has."""
    got = (len(companion.class_names), math.prod(companion.input_shape))
    wanted = (class_count(architecture), math.prod(architecture.input_shape))
    if got != wanted:
        raise DataError(
            f"the companion of {file}", "{} classes and {} inputs".format(*got),
            "{} and {}, as the network has".format(*wanted),
            "Get it again with its network file, or write both anew with `minbits size`.",
        )  # fmt: skip
