"""The prequential code of labels: predict, then learn, block after block (Dawid 1984).

Each block of labels is coded with a network trained on the blocks before it, so the code length is
that of a code which a receiver with the same program and the inputs could read: an upper bound of
what the labels say that the inputs do not (Blier & Ollivier 2018). Training is part of the program
and costs no bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from minbits.errors import ArgumentError
from minbits.evaluation.accuracy import reaches
from minbits.information.temperature import best_temperature, tempered_log_probabilities
from minbits.types import DataSet
from minbits.units import nats_to_bits

FIRST_BLOCK = 64
HELD_OUT = 5  # one in so many seen examples sets the temperature
BATCH = 64
SHORTEST_IMAGE_SIDE = 12


@dataclass(frozen=True)
class Block:
    """One block of labels.

    Attributes:
        start: labels before it, on which its network was trained.
        labels: how many it has.
        bits: their code length.
        correct: how many the network had right.
    """

    start: int
    labels: int
    bits: float
    correct: int


@dataclass(frozen=True)
class PrequentialCode:
    """A prequential code of all training labels, in an order drawn by a seed.

    Attributes:
        blocks: in order.
        examples: labels in all.
        network: what was trained on every block.
    """

    blocks: tuple[Block, ...]
    examples: int
    network: str

    @property
    def total_bits(self) -> float:
        """The code length of all labels."""
        return sum(block.bits for block in self.blocks)

    @property
    def excess_bits(self) -> float:
        """The code length of all blocks but the last, less what it was at the last one's rate.

        Below 0 where the last block was harder than those before it: then nothing was learned.
        """
        last = self.blocks[-1]
        before = self.total_bits - last.bits
        return before - last.start * last.bits / last.labels

    def learned_bits(self, accuracy: float) -> float | None:
        """Return what was learned from labels until a block was predicted at an accuracy.

        The code length of the labels before that block, less what they would have cost at the
        block's own rate: the excess that went into the network. An estimate, of this learner, and
        no bound of anything; below 0 where that block was harder than those before it. None where
        no block was predicted that well; the first one is predicted by nobody.
        """
        spent = 0.0
        for block in self.blocks:
            if block.start and reaches(block.correct, block.labels, accuracy):
                return spent - block.start * block.bits / block.labels
            spent += block.bits
        return None


class _Classifier(nn.Module):
    """A small convolutional network for images, or a fully connected one for the rest."""

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        if min(height, width) >= SHORTEST_IMAGE_SIDE:
            self.body: nn.Module = nn.Sequential(
                nn.Conv2d(channels, 16, 5, 2, 2),
                nn.BatchNorm2d(16),
                nn.ReLU(),
                nn.Conv2d(16, 32, 3, 2, 1),
                nn.BatchNorm2d(32),
                nn.ReLU(),
                nn.Flatten(),
            )
            features = 32 * math.ceil(height / 4) * math.ceil(width / 4)
            hidden = 64
        else:
            self.body = nn.Flatten()
            features = channels * height * width
            hidden = 128
        self.head = nn.Sequential(
            nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(0.3), nn.Linear(hidden, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(batch, classes)``."""
        logits: Tensor = self.head(self.body(x))
        return logits


def block_ends(examples: int) -> tuple[int, ...]:
    """Return where blocks end: 64 labels, then twice as many seen each time, then all.

    Raises:
        ArgumentError: without examples.
    """
    if examples < 1:
        raise ArgumentError("prequential code", f"{examples} labels", "1 or more", "Add examples.")
    ends = []
    end = FIRST_BLOCK
    while end < examples:
        ends.append(end)
        end *= 2
    return (*ends, examples)


def prequential_code(
    data: DataSet, seed: int = 0, after_block: Callable[[Block], None] | None = None
) -> PrequentialCode:
    """Code the training labels of a data set; the test set is not looked at.

    The first block is coded uniformly. For each later one a network is trained afresh on four
    fifths of what was seen, its temperature is set on the rest, and its softmax, mixed with a
    little of the uniform distribution, codes the block.

    Args:
        data: the data set.
        seed: of the order and of every network.
        after_block: called after each block.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(data.train_labels), generator=generator).numpy()
    inputs = (
        torch.from_numpy(np.ascontiguousarray(data.train_inputs[order], dtype=np.float32))
        * 2.0**-data.input_exponent
    )
    labels = torch.from_numpy(data.train_labels[order])
    blocks: list[Block] = []
    start = 0
    for end in block_ends(len(labels)):
        block = _code_block(data, inputs, labels, start, end, seed)
        blocks.append(block)
        if after_block is not None:
            after_block(block)
        start = end
    image = min(data.input_shape[1:]) >= SHORTEST_IMAGE_SIDE
    network = "conv 16-32, linear 64" if image else "linear 128"
    return PrequentialCode(tuple(blocks), len(labels), network)


def _code_block(
    data: DataSet, inputs: Tensor, labels: Tensor, start: int, end: int, seed: int
) -> Block:
    count, classes = end - start, data.class_count
    if start == 0:
        guesses = int((labels[:end] == 0).sum())
        return Block(0, count, count * float(np.log2(classes)), guesses)
    held = start // HELD_OUT
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = _Classifier(data.input_shape, classes)
        _train(network, inputs[held:start], labels[held:start])
    network.eval()
    # A dozen held-out examples may all be right: without doubt the next error would cost dearly.
    temperature = best_temperature(
        _logits(network, inputs[:held]), labels[:held].numpy(), doubt=1.0
    )
    found = _logits(network, inputs[start:end])
    wanted = labels[start:end].numpy()
    # One part of the uniform distribution for each label seen: no label is ever impossible.
    mixing = 1.0 / (start + 1)
    probabilities = np.exp(tempered_log_probabilities(found, temperature))
    coded = (1 - mixing) * probabilities[np.arange(count), wanted] + mixing / classes
    correct = int((found.argmax(1) == wanted).sum())
    return Block(start, count, nats_to_bits(-float(np.log(coded).sum())), correct)


def _train(network: nn.Module, inputs: Tensor, labels: Tensor) -> None:
    steps = int(np.clip(12 * len(labels) // BATCH, 300, 4500))
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    network.train()
    order = torch.randperm(len(labels))
    place = 0
    for _ in range(steps):
        if place + BATCH > len(labels):
            order, place = torch.randperm(len(labels)), 0
        chosen = order[place : place + BATCH]
        place += BATCH
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(network(inputs[chosen]), labels[chosen])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


def _logits(network: nn.Module, inputs: Tensor) -> npt.NDArray[np.float64]:
    with torch.no_grad():
        parts = [network(inputs[place : place + 1000]) for place in range(0, len(inputs), 1000)]
    return torch.cat(parts).double().numpy()
