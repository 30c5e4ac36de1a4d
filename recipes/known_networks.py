"""The networks that recipes and benches compress, as PyTorch modules, trained in full precision.

``python recipes/known_networks.py NAME FOLDER`` trains one and leaves ``FOLDER/NAME.pt``, a plain
state dictionary: what somebody else's training would leave. Nothing of the training is known to
the compression, and the test set is not looked at.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from minbits.data import load
from minbits.data.splits import validation_split
from minbits.networks.zoo import architecture_for
from minbits.training.choice import choose_engine
from minbits.training.context import EpochReport, TrainingContext
from minbits.training.float_phase import train_float
from minbits.training.loop import training_data
from minbits.types import TrainingRecipe

SEED = 0
INPUT_SCALE = 1 / 256  # what the modules expect to be done to bytes


def lenet_5() -> nn.Module:
    """Return LeNet-5 as Caffe's MNIST example has it: 431,080 parameters, no ReLU on images."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 20, 5), pool1=nn.MaxPool2d(2),
            conv2=nn.Conv2d(20, 50, 5), pool2=nn.MaxPool2d(2),
            flatten=nn.Flatten(), ip1=nn.Linear(800, 500), relu1=nn.ReLU(), ip2=nn.Linear(500, 10),
        )
    )  # fmt: skip


def lenet_300_100() -> nn.Module:
    """Return LeNet-300-100 (LeCun et al. 1998): 266,610 parameters."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(),
        nn.Linear(100, 10),
    )  # fmt: skip


class PyTorchExample(nn.Module):
    """PyTorch's first MNIST example: 21,840 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return log-probabilities."""
        x = nn.functional.relu(nn.functional.max_pool2d(self.conv1(x), 2))
        x = nn.functional.relu(nn.functional.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(-1, 320)
        x = nn.functional.relu(self.fc1(x))
        x = nn.functional.dropout(x, training=self.training)
        return nn.functional.log_softmax(self.fc2(x), dim=1)


def pytorch_example() -> nn.Module:
    """Return PyTorch's first MNIST example."""
    return PyTorchExample()


def tiny() -> nn.Module:
    """Return a network of the main job's built-in family: 3,132 parameters."""

    def separable(inputs: int, outputs: int, padding: int) -> list[nn.Module]:
        depthwise = nn.Conv2d(inputs, inputs, 3, padding=padding, groups=inputs, bias=False)
        return [depthwise, nn.Conv2d(inputs, outputs, 1), nn.ReLU()]

    return nn.Sequential(
        nn.Conv2d(1, 10, 5, 2, 2), nn.ReLU(), *separable(10, 16, 1), *separable(16, 20, 1),
        nn.MaxPool2d(2), *separable(20, 28, 1), *separable(28, 28, 0), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(28, 10),
    )  # fmt: skip


@dataclass(frozen=True)
class KnownNetwork:
    """A module and how it is trained here: the text says the same layers to minbits' trainer."""

    build: Callable[[], nn.Module]
    text: str
    recipe: TrainingRecipe


def _recipe(epochs: int, rate: float, normalised: bool = False) -> TrainingRecipe:
    return TrainingRecipe(
        float_epochs=epochs, quantized_epochs=1, learning_rate=rate, augmentation=0.8,
        batch_normalisation=normalised,
    )  # fmt: skip


KNOWN: dict[str, KnownNetwork] = {
    "pytorch-example": KnownNetwork(
        pytorch_example,
        "conv 10 k5 relu; maxpool 2; conv 20 k5 relu; maxpool 2; linear 50 relu; linear 10",
        _recipe(20, 3e-3),
    ),
    "lenet-300-100": KnownNetwork(
        lenet_300_100, "linear 300 relu; linear 100 relu; linear 10", _recipe(25, 2e-3)
    ),
    "tiny": KnownNetwork(
        tiny,
        "conv 10 k5 s2 p2 relu; depthwise k3 p1; pointwise 16 relu; depthwise k3 p1; "
        "pointwise 20 relu; maxpool 2; depthwise k3 p1; pointwise 28 relu; depthwise k3; "
        "pointwise 28 relu; avgpool all; linear 10",
        _recipe(25, 8e-3, normalised=True),
    ),
    "lenet-5": KnownNetwork(
        lenet_5,
        "conv 20 k5; maxpool 2; conv 50 k5; maxpool 2; linear 500 relu; linear 10",
        _recipe(8, 2e-3),
    ),
}


def train(name: str, path: Path) -> None:
    """Train a network on MNIST's training split and save its state dictionary."""
    known, data = KNOWN[name], load("mnist")
    kept, held_out = validation_split(data)
    architecture = architecture_for(known.text, data)
    engine = choose_engine("auto", architecture, known.recipe, 128)

    def tell(done: EpochReport) -> None:
        part = 100 * done.validation_accuracy
        print(f"{name}: epoch {done.epoch}, validation {part:.2f} %", flush=True)

    examples, validation = training_data(data, kept), training_data(data, held_out)
    context = TrainingContext(known.recipe, SEED, examples, validation, engine, tell)
    values = train_float(architecture, context)
    module = known.build()
    # Both list weights, then bias, layer by layer.
    nn.utils.vector_to_parameters(torch.from_numpy(values), module.parameters())
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(module.state_dict(), path)


def trained(name: str, folder: Path) -> nn.Module:
    """Return a trained network in evaluation mode, trained first where ``folder`` lacks it."""
    path = folder / f"{name}.pt"
    if not path.exists():
        train(name, path)
    module = KNOWN[name].build()
    module.load_state_dict(torch.load(path, weights_only=True))
    return module.eval()


if __name__ == "__main__":
    trained(sys.argv[1], Path(sys.argv[2]))
