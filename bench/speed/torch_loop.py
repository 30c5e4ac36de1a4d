"""The yardstick: a training loop in plain PyTorch, as its documentation teaches it.

Nothing here rests on our engines, but for the random maps of the augmentation, which every engine
is to apply alike, and our sampling of images where it is the faster one.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from minbits.codec.architecture import Architecture, activation_shapes
from minbits.errors import NetworkError
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.training.distortion import random_maps
from minbits.training.lanes.sampling import sample_images
from minbits.training.loop import TrainingData
from minbits.training.schedule import one_cycle

Layout = Literal["nchw", "channels_last"]
Sampling = Literal["grid_sample", "compiled"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "hard_swish": nn.Hardswish,
}  # fmt: skip


def build_module(architecture: Architecture) -> nn.Sequential:
    """Return the network as modules; batch normalisation takes the place of convolutions' biases.

    Raises:
        NetworkError: for layers that a sequence of modules cannot hold.
    """
    modules: list[nn.Module] = []
    shapes = activation_shapes(architecture)
    for layer, shape in zip(architecture.layers, shapes[:-1], strict=True):
        match layer:
            case Convolution():
                modules.append(
                    nn.Conv2d(
                        shape[0], layer.out_channels, layer.geometry.kernel, layer.geometry.strides,
                        layer.geometry.paddings, layer.dilation, shape[0] if layer.depthwise else 1,
                        bias=False,
                    )
                )  # fmt: skip
                modules += [nn.BatchNorm2d(layer.out_channels)] if layer.bias else []
            case Linear():
                if shape[1:] != (1, 1) or not any(isinstance(m, nn.Flatten) for m in modules):
                    modules.append(nn.Flatten())
                modules.append(nn.Linear(math.prod(shape), layer.out_features, layer.bias))
            case Pooling():
                window = layer.window(*shape[1:])
                kind = nn.MaxPool2d if layer.kind == "max" else nn.AvgPool2d
                modules.append(kind(window))
                continue
            case _:
                raise NetworkError("benchmark", str(layer), "a chain of layers", "Use another.")
        if layer.activation != "none":
            modules.append(_ACTIVATIONS[layer.activation]())
    return nn.Sequential(*modules)


class TorchTraining:
    """One training; `run` takes steps of it.

    Args:
        architecture: the network.
        data: training examples.
        batch_size: examples a step.
        augmentation: strength of random affine distortion.
        seed: of weights, order and augmentation.
        layout: memory format of images and weights.
        compiles: whether forward and backward pass go through ``torch.compile``.
        sampling: how images are distorted.
    """

    def __init__(
        self, architecture: Architecture, data: TrainingData, batch_size: int,
        augmentation: float, seed: int, layout: Layout, compiles: bool, sampling: Sampling,
    ) -> None:  # fmt: skip
        torch.manual_seed(seed)
        self._generator = np.random.default_rng(seed)
        self._inputs, self._labels = torch.from_numpy(data.inputs), torch.from_numpy(data.labels)
        self._batch, self._augmentation, self._sampling = batch_size, augmentation, sampling
        self._format = torch.channels_last if layout == "channels_last" else torch.contiguous_format
        module = build_module(architecture)
        if layout == "channels_last":
            module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._module = torch.compile(module) if compiles else module
        self._optimizer = torch.optim.AdamW(
            module.parameters(), 8e-3, weight_decay=1e-4, fused=True
        )

    def run(self, steps: int) -> None:
        """Take some steps on shuffled, distorted batches under a one-cycle schedule."""
        schedule = one_cycle(8e-3)
        epoch = len(self._labels) // self._batch
        for step in range(steps):
            if step % epoch == 0:
                order = torch.from_numpy(self._generator.permutation(len(self._labels)))
            start = step % epoch * self._batch
            chosen = order[start : start + self._batch]
            for group in self._optimizer.param_groups:
                group["lr"] = schedule(step / steps)
            images = self._images(chosen).contiguous(memory_format=self._format)
            loss = functional.cross_entropy(self._module(images), self._labels[chosen])
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()

    def _images(self, chosen: Tensor) -> Tensor:
        if self._augmentation == 0:
            return self._inputs[chosen]
        maps = random_maps(len(chosen), self._augmentation, self._generator)
        if self._sampling == "grid_sample":
            images = self._inputs[chosen]
            grid = functional.affine_grid(
                torch.from_numpy(maps), list(images.shape), align_corners=False
            )
            return functional.grid_sample(images, grid, align_corners=False)
        out = np.empty((len(chosen), *self._inputs.shape[1:]), np.float32)
        no_fields = np.zeros((0, 2, 0, 0), np.float32)
        sample_images(self._inputs.numpy(), chosen.numpy(), maps, no_fields, out)
        return torch.from_numpy(out)
