"""Well-known networks as PyTorch modules, for audits and lessons."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class PyTorchExample(nn.Module):
    """The network of PyTorch's first MNIST example: 21,840 parameters for 1 x 28 x 28 inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 10, 5)
        self.second = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout2d()
        self.hidden = nn.Linear(320, 50)
        self.out = nn.Linear(50, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(batch, 10)`` of images ``(batch, 1, 28, 28)``."""
        x = functional.relu(functional.max_pool2d(self.first(x), 2))
        x = functional.relu(functional.max_pool2d(self.drop(self.second(x)), 2))
        x = functional.relu(self.hidden(x.flatten(1)))
        x = functional.dropout(x, training=self.training)
        logits: Tensor = self.out(x)
        return logits


class LeNet300100(nn.Module):
    """LeNet-300-100 (LeCun et al. 1998) with ReLU: 266,610 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(784, 300)
        self.second = nn.Linear(300, 100)
        self.out = nn.Linear(100, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(batch, 10)`` of images ``(batch, 1, 28, 28)``."""
        x = functional.relu(self.first(x.flatten(1)))
        x = functional.relu(self.second(x))
        logits: Tensor = self.out(x)
        return logits


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions around which the input is added (He et al. 2016)."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(batch, channels, height / stride, width / stride)``."""
        y = functional.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return functional.relu(y + self.shortcut(x))


class ResNet18(nn.Module):
    """A network of the shape of ResNet-18 (He et al. 2016): 11,689,512 parameters as published.

    Args:
        channels: of the input.
        classes: logits.
    """

    def __init__(self, channels: int = 3, classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.stem_norm = nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(3, 2, 1)
        blocks = []
        before = 64
        for width, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
            blocks += [ResidualBlock(before, width, stride), ResidualBlock(width, width, 1)]
            before = width
        self.blocks = nn.Sequential(*blocks)
        self.out = nn.Linear(512, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(batch, classes)`` of images ``(batch, channels, height, width)``."""
        x = self.pool(functional.relu(self.stem_norm(self.stem(x))))
        logits: Tensor = self.out(self.blocks(x).mean((2, 3)))
        return logits


def resnet18_for_digits() -> ResNet18:
    """Return the shape of ResNet-18 for one channel and ten classes."""
    return ResNet18(channels=1, classes=10)
