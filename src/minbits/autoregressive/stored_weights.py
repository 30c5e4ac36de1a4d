"""The file of a network's weights, whose length is what the network costs."""

from __future__ import annotations

import torch
from torch import nn

from minbits.information.rung import store


def store_weights(network: nn.Module) -> int:
    """Round all weights to half precision in place, and return the bits of their packed file.

    The network then computes with what its file holds.
    """
    parameters = list(network.parameters())
    rounded, bits = store(*(parameter.detach().numpy() for parameter in parameters))
    with torch.no_grad():
        for parameter, values in zip(parameters, rounded, strict=True):
            parameter.copy_(torch.from_numpy(values))
    return bits
