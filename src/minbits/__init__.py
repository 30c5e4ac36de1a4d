"""minbits: how many bits of neural network a labelled data set needs, and how many are spent.

>>> import minbits
>>> data = minbits.load("mnist")
>>> minbits.describe(data)
>>> report = minbits.entropy(data)
>>> found = minbits.size(data, accuracy=0.99, minutes=13).raise_if_missed()
>>> network = minbits.read(found.path)
>>> network.predict(data.test_inputs)

Names are imported when first used, so that a decoder alone stays light.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minbits.codec.network import read
    from minbits.data import load
    from minbits.errors import MinbitsError
    from minbits.facade import (
        audit,
        codelength,
        compress,
        describe,
        diagram,
        entropy,
        inspect,
        need,
        predict,
        report,
        size,
        trainability,
        trainability_price,
        trainability_surface,
        verify,
    )
    from minbits.networks.to_torch import to_torch

__all__ = [
    "MinbitsError", "__version__", "audit", "codelength", "compress", "describe", "diagram",
    "entropy", "inspect", "load", "need", "predict", "read", "report", "size", "to_torch",
    "trainability", "trainability_price", "trainability_surface", "verify",
]  # fmt: skip

_PLACES = {
    "MinbitsError": "minbits.errors",
    "load": "minbits.data",
    "read": "minbits.codec.network",
    "to_torch": "minbits.networks.to_torch",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return metadata.version("minbits")
    if name not in __all__:
        raise AttributeError(f"module 'minbits' has no attribute '{name}'")
    return getattr(import_module(_PLACES.get(name, "minbits.facade")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
