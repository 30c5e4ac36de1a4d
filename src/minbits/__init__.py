"""minbits: how many bits of neural network a labelled data set needs, and how many are spent.

>>> import minbits
>>> data = minbits.load("mnist")
>>> table = minbits.entropy(data)
>>> found = minbits.smallest(data, accuracy=0.99, minutes=13)
>>> network = minbits.read(found.path)
>>> network.predict(data.test_inputs)

Names are imported when first used, so that a decoder alone stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minbits.claims.own_data import verify
    from minbits.codec.network import read
    from minbits.data import load
    from minbits.facade import audit, need, smallest
    from minbits.information.ladder import entropy_table as entropy
    from minbits.jobs.compress import compress
    from minbits.networks.to_torch import to_torch

__all__ = ["audit", "compress", "entropy", "load", "need", "read", "smallest", "to_torch", "verify"]

_PLACES = {
    "audit": ("minbits.facade", "audit"),
    "compress": ("minbits.jobs.compress", "compress"),
    "need": ("minbits.facade", "need"),
    "entropy": ("minbits.information.ladder", "entropy_table"),
    "load": ("minbits.data", "load"),
    "read": ("minbits.codec.network", "read"),
    "smallest": ("minbits.facade", "smallest"),
    "to_torch": ("minbits.networks.to_torch", "to_torch"),
    "verify": ("minbits.claims.own_data", "verify"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'minbits' has no attribute '{name}'")
    module, attribute = _PLACES[name]
    return getattr(import_module(module), attribute)
