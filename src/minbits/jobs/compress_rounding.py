"""Rounding and coding a module where no data is at hand at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.claims.replacing import write_once
from minbits.codec.file_format import decode_network, encode_network
from minbits.codec.inference import predict_logits
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.compression.rounding import round_network
from minbits.compression.step_search import faithful_rounding
from minbits.compression.symmetries import remove_symmetries
from minbits.errors import NetworkError
from minbits.files import sha256_hex
from minbits.layers.base import Shape
from minbits.networks.from_torch import Extracted, network_logits
from minbits.units import bytes_to_bits

# Without data and without an error: how much the logits of random inputs may change, in parts of
# their spread.
LARGEST_CHANGE = 2.0**-5
_EXAMPLES = 48
_STROKE = 0.35

Float = npt.NDArray[np.float32]


def round_to_file(
    given: Extracted, error: float | None, out: Path, force: bool = False
) -> dict[str, Any]:
    """Round a network by its weights alone, write the file, and return facts about it.

    Args:
        given: the network.
        error: a tensor's step over its norm, in (0, 1). None takes the coarsest steps at which the
            logits of random inputs change by no more than `LARGEST_CHANGE` of their spread.
        out: where the file goes.
        force: whether it may replace another one.

    Raises:
        NetworkError: if no rounding changes the logits as little as that, or the network is larger
            than a file may be.
        OutputError: if the file cannot be written, or another one is in its place and ``force``
            is not given.
    """
    change = _Change(given)
    if error is None:
        found = faithful_rounding(
            given.architecture, given.values, lambda network: change.of(network) <= LARGEST_CHANGE
        )
        if found is None:
            raise NetworkError(
                "module", "logits that every rounding changes by more than 3 % of their spread",
                "a module whose rounded weights do the same", "Name an `error`, or give `data`.",
            )  # fmt: skip
        error, content = found.error, found.content
    else:
        rounded = round_network(given.architecture, given.values, error)
        content = encode_network(remove_symmetries(rounded))
    write_once(out, content, force=force)
    network = decode_network(content)
    return {
        "network": str(out),
        "size_bits": bytes_to_bits(len(content)),
        "sha256": sha256_hex(content),
        "parameters": network.parameter_count,
        "nonzero_parameters": network.nonzero_count,
        "error": error,
        "logit_change": change.of(network),
    }


class _Change:
    """Measures how much a rounded network changes the logits of random inputs."""

    def __init__(self, given: Extracted) -> None:
        architecture = given.architecture
        self._inputs = _random_inputs(architecture.input_shape, architecture.input_exponent)
        self._wanted = _centred(network_logits(given, self._inputs).numpy())
        # What all examples have in common tells none of them from another.
        self._spread = float(np.std(self._wanted - self._wanted.mean(0)))

    def of(self, network: QuantizedNetwork) -> float:
        """Return the root mean square of the change, in parts of the spread between examples.

        The scale of the logits is free, since no prediction depends on it.
        """
        found = _centred(predict_logits(network, self._inputs, allow_slow=True))
        square = float((found * found).sum())
        scale = float((found * self._wanted).sum()) / square if square > 0 else 0.0
        change = float(np.sqrt(np.mean(np.square(scale * found - self._wanted))))
        return change / self._spread if self._spread > 0 else float(change > 0)


def _centred(logits: Float) -> npt.NDArray[np.float64]:
    values = logits.astype(np.float64)
    return np.asarray(values - values.mean(1, keepdims=True))


def _random_inputs(shape: Shape, exponent: int) -> Float:
    """Return noise, and smooth shapes on an empty ground, in the range of raw inputs."""
    generator = np.random.default_rng(0)
    noise = generator.random((_EXAMPLES, *shape))
    shapes = generator.standard_normal((_EXAMPLES, *shape))
    for axis in (2, 3):
        for _ in range(3):
            shapes = (np.roll(shapes, 1, axis) + shapes + np.roll(shapes, -1, axis)) / 3
    shapes /= np.abs(shapes).max((1, 2, 3), keepdims=True)
    shapes = np.where(shapes > _STROKE, 1.0, np.maximum(shapes, 0) / _STROKE)
    return (np.concatenate([noise, shapes]) * 2.0**exponent).astype(np.float32)
