"""The prequential code beside preqtorch 0.2.0: the same labels, order, blocks and network.

``pip install preqtorch==0.2.0``, then ``python recipes/codelength_preqtorch.py [DATA]`` (digits).
preqtorch's `BlockEncoder` computes the code length of one PyTorch network that is trained anew
before each block. It writes no file. The network here is the one that minbits calls the larger
network, with as many epochs as minbits trains it. Its learning rate is the best of three, which
favours it, since a code would have to say which. minbits' own figures are those of its file, of the
mixture, and of its larger network alone (four members and the best temperature of each block).
"""

from __future__ import annotations

import math
import sys
import time

import numpy as np
import torch
from preqtorch import BlockEncoder, ModelClass
from torch.utils.data import DataLoader, TensorDataset

import minbits
from minbits.label_codes.block_plan import block_ends
from minbits.label_codes.label_file import order_of
from minbits.label_codes.network_learner import epochs_for, network_text
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.networks.torch_layers import run_layers
from minbits.types import DataSet

RATES = (1e-3, 3e-3, 8e-3)
BATCH = 16
MINUTES = 3.0
WORKERS = 2


class Network(torch.nn.Module):
    """The larger network of minbits' prequential code as a PyTorch module."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        text = network_text(shape, classes, "large")
        self.architecture = parse_architecture(text, shape, 0)
        self.layout = parameter_layout(self.architecture, normalised=False)
        self.values = torch.nn.Parameter(torch.from_numpy(self.layout.initial(0)))

    def forward(self, batch: list[torch.Tensor]) -> torch.Tensor:
        """Return the logits of a batch of inputs and labels."""
        tensors = self.layout.tensors(self.values)
        return run_layers(self.architecture, tensors, batch[0])


def of_preqtorch(data: DataSet, rate: float) -> float:
    """Return the code length that preqtorch computes, in bits."""
    order = order_of(len(data.train_labels), 0)
    inputs = torch.from_numpy(
        data.train_inputs[order].astype(np.float32) * np.float32(2.0**-data.input_exponent)
    )
    labels = torch.from_numpy(data.train_labels[order])
    ends = block_ends(len(labels))
    starts = (0, *ends[:-1])
    spent = 0.0
    for start, end in zip(starts, ends, strict=True):
        if start == 0:
            spent += end * math.log2(data.class_count)
            continue
        seen = TensorDataset(inputs[:start], labels[:start])
        new = TensorDataset(inputs[start:end], labels[start:end])
        model = ModelClass(
            Network, device="cpu", init_func=lambda module: module,
            kwargs={"shape": tuple(data.input_shape), "classes": data.class_count},
        )  # fmt: skip
        result = BlockEncoder(model, device="cpu").encode(
            # Two rounds: nothing is coded in the first one, and the network is trained after it.
            [DataLoader(seen, BATCH, shuffle=True), []], [[], DataLoader(new, 256)],
            f"labels {start} to {end}", 0,
            lambda batch, output: torch.nn.functional.cross_entropy(
                output, batch[1], reduction="none"
            ),
            learning_rate=rate, epochs=epochs_for(start, 1.0), patience=10**9,
        )  # fmt: skip
        spent += result.code_length / math.log(2)
    return spent


def main() -> None:
    """Print both."""
    torch.set_num_threads(1)
    name = sys.argv[1] if len(sys.argv) > 1 else "digits"
    data = minbits.load(name)
    report = minbits.codelength(data, "prequential", MINUTES, workers=WORKERS)
    (code,) = report.codes
    alone = sum(
        block.learner_bits.get("large", block.labels * math.log2(data.class_count))
        for block in code.blocks
    )
    mixture = sum(block.bits for block in code.blocks)
    print(f"{name}: {report.labels:,} labels, order 0, blocks of minbits, {WORKERS} processes")
    print(f"minbits: a file of {code.size_bits:,} bits that was decoded, {code.seconds:,.0f} s")
    print(f"minbits: ideal length of the mixture {mixture:,.1f} bits; larger network {alone:,.1f}")
    for rate in RATES:
        began = time.monotonic()
        bits = of_preqtorch(data, rate)
        seconds = time.monotonic() - began
        print(f"preqtorch: {bits:,.1f} bits at learning rate {rate}, {seconds:,.0f} s, one process")


if __name__ == "__main__":
    main()
