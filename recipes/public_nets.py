"""Audits and compressions of networks of the kinds that are published for MNIST.

The architectures follow their published lists of layers; the weights are trained here, briefly.
Each network expects the normalised inputs of PyTorch's example.
``python recipes/public_nets.py NAME …`` takes some of them only.

The loss that is allowed was raised, and the whole test set taken, after earlier runs of this recipe
had looked at the test set. So the figures show that the way from model to file works; that the
targets are reached is no evidence.
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from minbits.data import load
from minbits.data.assemble import assemble
from minbits.data.splits import validation_split
from minbits.errors import MinbitsError
from minbits.jobs.audit import audit_job
from minbits.jobs.audit_request import AuditRequest
from minbits.jobs.compress_module import compress_module
from minbits.jobs.compress_request import CompressRequest
from minbits.networks.examples import PyTorchExample
from minbits.types import DataSet

SCALE, MEAN, DEVIATION = 1 / 255, 0.1307, 0.3081
TRAINED, BATCH = 12_000, 64
# Of the module's accuracy on held-out training examples, so much may be lost: rounding takes what
# it is allowed, and test examples may be harder.
ALLOWED_LOSS = 0.02


class Separable(nn.Sequential):
    """A depthwise convolution and a pointwise one, as Keras's SeparableConv2D."""

    def __init__(self, before: int, after: int, padding: int = 0) -> None:
        super().__init__(
            nn.Conv2d(before, before, 3, padding=padding, groups=before, bias=False),
            nn.Conv2d(before, after, 1),
        )


class WholeNorm(nn.Module):
    """Normalisation over all values of an example, with one factor and one summand."""

    def __init__(self) -> None:
        super().__init__()
        self.factor, self.summand = nn.Parameter(torch.ones(1)), nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised values."""
        return functional.layer_norm(x, x.shape[1:], eps=1e-3) * self.factor + self.summand


def leaky_separable() -> nn.Module:
    """Return five convolutions with leaky ReLUs of slope 0.2: 697 parameters (JoshWarn)."""
    layers: list[nn.Module] = [nn.Conv2d(1, 6, 3, padding=1), nn.LeakyReLU(0.2), nn.MaxPool2d(2)]
    for before, after in ((6, 5), (5, 9), (9, 10), (10, 8)):
        layers += [Separable(before, after), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))


def parametric() -> nn.Module:
    """Return three convolutions with PReLUs: 1,055 parameters (NeuralGolfing)."""
    return nn.Sequential(
        nn.Conv2d(1, 7, 3), nn.PReLU(7), nn.MaxPool2d(2), nn.Conv2d(7, 4, 4), nn.PReLU(4),
        nn.MaxPool2d(2), nn.Conv2d(4, 4, 3), nn.PReLU(4), nn.Flatten(), nn.Linear(36, 10),
    )  # fmt: skip


class SharedBlock(nn.Module):
    """A separable block run three times: 1,936 parameters (mnist-minimal-model)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.first_norm = nn.Conv2d(1, 8, 3), WholeNorm()
        self.second, self.second_norm = Separable(8, 26), WholeNorm()
        self.shared = Separable(26, 26, padding=1)
        self.norms = nn.ModuleList(WholeNorm() for _ in range(3))
        self.hidden, self.hidden_norm = nn.Linear(26, 16), WholeNorm()
        self.out = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(batch, 10)``."""
        x = functional.max_pool2d(self.first_norm(functional.relu(self.first(x))), 2)
        x = self.second_norm(functional.relu(self.second(x)))
        for norm in self.norms:
            x = norm(functional.relu(self.shared(x)))
        x = self.hidden_norm(functional.relu(self.hidden(x.mean((2, 3)))))
        logits: Tensor = self.out(x)
        return logits


class PresentExample(nn.Module):
    """PyTorch's present MNIST example: 1,199,882 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.drop, self.later_drop = nn.Dropout(0.25), nn.Dropout(0.5)
        self.hidden, self.out = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logarithms of probabilities ``(batch, 10)``."""
        x = functional.relu(self.second(functional.relu(self.first(x))))
        x = torch.flatten(self.drop(functional.max_pool2d(x, 2)), 1)
        x = self.later_drop(functional.relu(self.hidden(x)))
        return functional.log_softmax(self.out(x), dim=1)


# How each is made, epochs of training, and whether compression trains as well.
NETS = {
    "leaky-separable": (leaky_separable, 6, False),
    "parametric": (parametric, 6, False),
    "shared-block": (SharedBlock, 5, False),
    "first-example": (PyTorchExample, 4, False),
    "present-example": (PresentExample, 1, True),
}


def subset(data: DataSet) -> DataSet:
    """Return the first training examples of MNIST: enough for a recipe of some minutes."""
    train = (data.train_inputs[:TRAINED], data.train_labels[:TRAINED])
    test = (data.test_inputs, data.test_labels)
    return assemble("mnist-start", train, test, "the first examples of MNIST", "of MNIST")


def train(module: nn.Module, data: DataSet, epochs: int) -> None:
    kept, _ = validation_split(data)  # what is held out chooses the roundings
    inputs = (torch.from_numpy(data.train_inputs[kept]).float() * SCALE - MEAN) / DEVIATION
    labels = torch.from_numpy(data.train_labels[kept])
    steps = epochs * (len(labels) // BATCH)
    optimizer = torch.optim.AdamW(module.parameters(), 1e-2, weight_decay=1e-3)
    largest = 2e-3 if sum(value.numel() for value in module.parameters()) > 10_000 else 2e-2
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, largest, total_steps=steps)
    module.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(labels))[: len(labels) // BATCH * BATCH].split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(module(inputs[chosen]), labels[chosen]).backward()
            optimizer.step()
            schedule.step()


def run(name: str, data: DataSet, folder: Path) -> None:
    make, epochs, fine_tunes = NETS[name]
    torch.manual_seed(0)
    start = time.perf_counter()
    module = make()
    train(module, data, epochs)
    count = sum(value.numel() for value in module.parameters())
    print(f"{name}: {count:,} parameters, {epochs} epochs, {_seconds(start)}", flush=True)
    places = {"ledger": folder / "ledger.sqlite", "records": folder, "examples": 1000}
    plain = audit_job(module, data, AuditRequest(**places))
    inputs = {"input_scale": SCALE, "input_mean": (MEAN,), "input_std": (DEVIATION,)}
    report = audit_job(module, data, AuditRequest(**places, **inputs))
    for title, found in (("without options", plain), ("with its normalisation", report)):
        labels = found.labels
        print(
            f"  audit {title}: {labels.test_correct:,} of {labels.test_examples:,} of the test set "
            f"right; {found.stored_bits:,} bits stored, {found.smallest_bits:,} at the least"
        )
        print("".join(f"    {warning}\n" for warning in found.warnings), end="")
    accuracy = float(np.floor(1000 * (report.labels.held_out_accuracy - ALLOWED_LOSS)) / 1000)
    request = CompressRequest(
        accuracy, out=folder / f"{name}.mbn", ledger=folder / "ledger.sqlite", minutes=1.0,
        train=fine_tunes, rate_weights=(1.0,), thinning_epochs=2, recovery_epochs=0,
        quantized_epochs=2, **inputs,
    )  # fmt: skip
    if fine_tunes:  # the target is no point here: that the file is within its limit is
        request = dataclasses.replace(request, accuracy=accuracy - 0.05, minutes=3.0)
    start = time.perf_counter()
    made = compress_module(module, data, request)
    best = made.best or made.nearest
    found_text = "no file"
    if best is not None:
        found_text = (
            f"{best.size_bits:,} bits, {100 * best.test_accuracy:.2f} % of {best.n_test:,} test "
            f"examples, {'reached' if made.best else 'not reached'}"
        )
    print(f"  compress to {100 * request.accuracy:.1f} %: {found_text}, {_seconds(start)}\n",
          flush=True)  # fmt: skip


def _seconds(start: float) -> str:
    return f"{time.perf_counter() - start:.0f} s"


def main() -> None:
    data = subset(load("mnist"))
    with tempfile.TemporaryDirectory(prefix="minbits-recipe-") as folder:
        for name in sys.argv[1:] or NETS:
            try:
                run(name, data, Path(folder))
            except MinbitsError as error:
                print(f"  {name}: {error}\n", flush=True)


if __name__ == "__main__":
    main()
