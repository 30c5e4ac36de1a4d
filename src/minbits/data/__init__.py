"""Loading labelled data sets, checking them, and splitting them."""

from minbits.data.arrays import from_arrays, from_dataset
from minbits.data.registry import load
from minbits.data.sampling import sample
from minbits.data.splits import validation_split

__all__ = ["from_arrays", "from_dataset", "load", "sample", "validation_split"]
