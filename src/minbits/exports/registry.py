"""The forms that a network is exported in: a new one is a file and a line here."""

from __future__ import annotations

from minbits.exports.numpy_arrays import NumpyArrays
from minbits.exports.protocol import Exporter
from minbits.registry import Registry

EXPORTERS: Registry[Exporter] = Registry(
    "exporter",
    NumpyArrays(),
)
