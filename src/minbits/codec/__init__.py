"""The network file: a format that is decoded and run with NumPy alone.

Nothing in this room imports PyTorch, and no constant in it was fitted to a data set.
"""

from minbits.codec.architecture import (
    Architecture,
    class_count,
    multiply_accumulate_count,
    parameter_count,
)
from minbits.codec.file_format import (
    SizePart,
    decode_network,
    encode_network,
    read_network,
    size_parts,
)
from minbits.codec.inference import predict, predict_logits
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling

__all__ = [
    "Architecture",
    "Convolution",
    "Linear",
    "Pooling",
    "QuantizedLayer",
    "QuantizedNetwork",
    "QuantizedTensor",
    "SizePart",
    "class_count",
    "decode_network",
    "encode_network",
    "multiply_accumulate_count",
    "parameter_count",
    "predict",
    "predict_logits",
    "read_network",
    "size_parts",
]
