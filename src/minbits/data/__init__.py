"""Loading labelled data sets, checking them, and splitting them."""

from minbits.data.registry import load
from minbits.data.splits import validation_split

__all__ = ["load", "validation_split"]
