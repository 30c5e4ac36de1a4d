"""The intrinsic dimension of an objective: MNIST by 784-200-200-10 in random subspaces.

Li, Farkhoor, Liu & Yosinski 2018: weights are ``start + P z`` with a fixed random matrix ``P`` of
unit columns, and only ``z`` is trained. The smallest dimension whose accuracy reaches 90 % of the
whole network's is the objective's intrinsic dimension; they report about 750. ``P`` is very sparse,
one entry in the root of the number of weights (Li, Hastie & Church 2006), as in their larger runs.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from minbits import load

SHAPE = (784, 200, 200, 10)
DIMENSIONS = (200, 400, 600, 750, 900)
EPOCHS = 5
BATCH = 512
# Of 0.03, 0.1 and 0.2 the best on the last 5,000 training images, at 750 dimensions.
SUBSPACE_RATE = 0.2
WHOLE_RATE = 1e-3
SEED = 0


def start_weights() -> Tensor:
    """Return all weights and biases of a fresh network as one vector."""
    parts = []
    for inputs, outputs in itertools.pairwise(SHAPE):
        bound = math.sqrt(1 / inputs)
        parts.append(torch.empty(outputs * inputs).uniform_(-bound, bound))
        parts.append(torch.zeros(outputs))
    return torch.cat(parts)


def logits(weights: Tensor, images: Tensor) -> Tensor:
    """Return the network's outputs for one vector of weights."""
    place, values = 0, images
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(SHAPE)):
        matrix = weights[place : place + inputs * outputs].view(outputs, inputs)
        place += inputs * outputs
        bias = weights[place : place + outputs]
        place += outputs
        values = functional.linear(values, matrix, bias)
        if layer < len(SHAPE) - 2:
            values = functional.relu(values)
    return values


def train(
    trained: Tensor, weights: Callable[[], Tensor], rate: float, data: tuple[Tensor, ...]
) -> float:
    """Train one tensor by Adam, and return the test accuracy at the end."""
    images, labels, test_images, test_labels = data
    optimizer = torch.optim.Adam([trained], rate)
    steps = EPOCHS * math.ceil(len(images) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(images)).split(BATCH):
            loss = functional.cross_entropy(logits(weights(), images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        found = logits(weights(), test_images).argmax(dim=1)
    return float((found == test_labels).float().mean())


def sparse_directions(weights: int, dimension: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return rows, columns and values of a very sparse random matrix with columns of length 1."""
    generator = torch.Generator().manual_seed(SEED)
    each = round(math.sqrt(weights))
    rows = torch.randint(weights, (dimension, each), generator=generator)
    signs = 2 * torch.randint(2, (dimension, each), generator=generator) - 1
    columns = torch.arange(dimension).repeat_interleave(each)
    return rows.reshape(-1), columns, signs.reshape(-1) / math.sqrt(each)


def subspace_accuracy(dimension: int, data: tuple[Tensor, ...]) -> float:
    """Return the test accuracy reached in a random subspace."""
    torch.manual_seed(SEED)
    start = start_weights()
    rows, columns, values = sparse_directions(len(start), dimension)
    place = torch.zeros(dimension, requires_grad=True)
    return train(
        place,
        lambda: start.index_add(0, rows, values * place.index_select(0, columns)),
        SUBSPACE_RATE,
        data,
    )


def main() -> None:
    mnist = load("mnist")
    data = (
        torch.from_numpy(mnist.train_inputs.reshape(-1, 784)).float() / 255,
        torch.from_numpy(mnist.train_labels),
        torch.from_numpy(mnist.test_inputs.reshape(-1, 784)).float() / 255,
        torch.from_numpy(mnist.test_labels),
    )
    torch.manual_seed(SEED)
    whole = start_weights().requires_grad_()
    started = time.process_time()
    baseline = train(whole, lambda: whole, WHOLE_RATE, data)
    target = 0.9 * baseline
    print(
        f"all {len(whole):,} weights: test accuracy {100 * baseline:.2f} % after {EPOCHS} epochs "
        f"({time.process_time() - started:.0f} s of processor time); 90 % of it: "
        f"{100 * target:.2f} %",
        flush=True,
    )
    reached = None
    for dimension in DIMENSIONS:
        started = time.process_time()
        accuracy = subspace_accuracy(dimension, data)
        if accuracy >= target and reached is None:
            reached = dimension
        print(
            f"{dimension:5d} dimensions: {100 * accuracy:.2f} % "
            f"({time.process_time() - started:.0f} s of processor time)"
            + (" reaches 90 % of the baseline" if accuracy >= target else ""),
            flush=True,
        )
    print(f"smallest dimension tried that reaches it: {reached}; Li et al. 2018 report about 750")


if __name__ == "__main__":
    main()
