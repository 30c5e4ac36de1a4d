"""Architectures as PyTorch computations."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from minbits.codec.architecture import (
    LEAKY_RELU_SLOPE,
    ActivationKind,
    Architecture,
    Convolution,
    Layer,
    Linear,
    Pooling,
    tensor_shapes,
)
from minbits.codec.quantized_network import FloatArray

LayerTensors = tuple[Tensor, Tensor | None]

# Pinned, since a batch is one step of an exponential average and the nets are small.
BATCH_NORM_MOMENTUM = 0.05


def activate(x: Tensor, kind: ActivationKind) -> Tensor:
    """Apply an activation, in place where the gradient allows it: ``x`` is used up."""
    match kind:
        case "none":
            return x
        case "relu":
            return functional.relu_(x)
        case "leaky_relu":
            return functional.leaky_relu_(x, LEAKY_RELU_SLOPE)
        case "hard_swish":
            return functional.hardswish(x)


def apply_weights(x: Tensor, layer: Layer, weights: Tensor, bias: Tensor | None) -> Tensor:
    """Apply a convolution or linear layer without its activation; ``x`` is a batch of images."""
    if isinstance(layer, Linear):
        # Flattened channel by channel, whatever the memory format: as the decoder does.
        return functional.linear(x.flatten(1), weights, bias)[:, :, None, None]
    assert isinstance(layer, Convolution)
    groups = x.shape[1] if layer.depthwise else 1
    return functional.conv2d(
        x, weights, bias, stride=layer.stride, padding=layer.padding, groups=groups
    )


def pool(x: Tensor, layer: Pooling) -> Tensor:
    """Apply a pooling layer."""
    if layer.size == 0:
        return x.amax((2, 3), True) if layer.kind == "max" else x.mean((2, 3), True)
    apply = functional.max_pool2d if layer.kind == "max" else functional.avg_pool2d
    return apply(x, layer.size)


def run_layers(architecture: Architecture, tensors: Sequence[LayerTensors], x: Tensor) -> Tensor:
    """Return the logits ``(batch, classes)`` of scaled inputs ``(batch, channels, height, width)``.

    Args:
        architecture: the network.
        tensors: weights and bias of each layer that has them, in order.
        x: inputs, already multiplied by ``2 ** -input_exponent``.
    """
    stored = iter(tensors)
    for layer in architecture.layers:
        if isinstance(layer, Pooling):
            x = pool(x, layer)
        else:
            x = activate(apply_weights(x, layer, *next(stored)), layer.activation)
    return x.flatten(1)


class FloatNetwork(nn.Module):
    """A trainable network in full precision.

    With ``batch_normalisation``, every convolution that has a bias is normalised in place of it;
    `folded_tensors` turns that into plain weights and biases. Weights start from He's normal
    distribution (He et al. 2015), drawn from ``seed``.
    """

    def __init__(
        self, architecture: Architecture, seed: int, batch_normalisation: bool, dropout: float
    ) -> None:
        super().__init__()
        self.architecture = architecture
        self.dropout = dropout
        self.batch_normalisation = batch_normalisation
        self._dropout_generator = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterList()
        self.biases = nn.ModuleList()
        generator = torch.Generator().manual_seed(seed)
        for shape in tensor_shapes(architecture):
            layer = architecture.layers[shape.layer_index]
            fan_in = math.prod(shape.weights[1:])
            gain = 1.0 if getattr(layer, "activation", "none") == "none" else math.sqrt(2.0)
            values = torch.randn(shape.weights, generator=generator) * (gain / math.sqrt(fan_in))
            self.weights.append(nn.Parameter(values))
            normalised = batch_normalisation and isinstance(layer, Convolution)
            self.biases.append(_Shift(shape.bias, normalised))
        self._last_convolution = max(
            (i for i, item in enumerate(architecture.layers) if isinstance(item, Convolution)),
            default=-1,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``(batch, classes)`` of scaled inputs."""
        position = 0
        previous: Layer | None = None
        for index, layer in enumerate(self.architecture.layers):
            if isinstance(layer, Pooling):
                x = pool(x, layer)
            else:
                if isinstance(layer, Linear) and isinstance(previous, Linear):
                    x = self._drop_channels(x)
                x = apply_weights(x, layer, self.weights[position], None)
                x = activate(self.biases[position](x), layer.activation)
                position += 1
                if index == self._last_convolution:
                    x = self._drop_channels(x)
            previous = layer
        return x.flatten(1)

    def _drop_channels(self, x: Tensor) -> Tensor:
        """Zero whole channels of each example at random and scale up the rest (training only)."""
        if not self.training or self.dropout == 0:
            return x
        draws = torch.rand(x.shape[:2], generator=self._dropout_generator)
        kept = (draws >= self.dropout).to(x.device, x.dtype) / (1 - self.dropout)
        return x * kept[:, :, None, None]

    def layer_triples(self) -> list[tuple[Tensor, Tensor | None, Tensor | None]]:
        """Return every layer's own weights, normalisation scale and shift or bias."""
        result: list[tuple[Tensor, Tensor | None, Tensor | None]] = []
        for weights, shift in zip(self.weights, self.biases, strict=True):
            assert isinstance(shift, _Shift)
            if shift.normalise is not None:
                result.append((weights, shift.normalise.weight, shift.normalise.bias))
            else:
                result.append((weights, None, shift.bias))
        return result

    def update_running_moments(
        self, moments: Sequence[tuple[FloatArray, FloatArray, int] | None]
    ) -> None:
        """Move running means and variances towards a batch's, as PyTorch's layers do.

        Args:
            moments: of each layer with weights: mean, biased variance and values a channel; None
                where the layer is not normalised.
        """
        for shift, found in zip(self.biases, moments, strict=True):
            if found is None:
                continue
            assert isinstance(shift, _Shift)
            assert shift.normalise is not None
            mean, variance, count = found
            running_mean, running_var = shift.normalise.running_mean, shift.normalise.running_var
            assert running_mean is not None
            assert running_var is not None
            unbiased = variance * (count / max(count - 1, 1))
            running_mean.lerp_(torch.from_numpy(mean), BATCH_NORM_MOMENTUM)
            running_var.lerp_(torch.from_numpy(unbiased), BATCH_NORM_MOMENTUM)

    def folded_tensors(self) -> list[tuple[Tensor, Tensor | None]]:
        """Return weights and biases with the normalisation folded in, detached copies."""
        result: list[tuple[Tensor, Tensor | None]] = []
        for weights, shift in zip(self.weights, self.biases, strict=True):
            assert isinstance(shift, _Shift)
            result.append(shift.fold(weights))
        return result


class _Shift(nn.Module):
    """What follows a layer's weights: batch normalisation, a bias or nothing."""

    def __init__(self, channels: int | None, normalised: bool) -> None:
        super().__init__()
        self.normalise: nn.BatchNorm2d | None = None
        self.bias: nn.Parameter | None = None
        if channels is not None and normalised:
            self.normalise = nn.BatchNorm2d(channels, momentum=BATCH_NORM_MOMENTUM)
        elif channels is not None:
            self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        if self.normalise is not None:
            result: Tensor = self.normalise(x)
            return result
        return x if self.bias is None else x + self.bias[:, None, None]

    def fold(self, weights: Tensor) -> tuple[Tensor, Tensor | None]:
        if self.normalise is None:
            bias = None if self.bias is None else self.bias.detach().clone()
            return weights.detach().clone(), bias
        normalise = self.normalise
        assert normalise.running_mean is not None
        assert normalise.running_var is not None
        scale = normalise.weight / torch.sqrt(normalise.running_var + normalise.eps)
        bias = normalise.bias - normalise.running_mean * scale
        return (weights * scale[:, None, None, None]).detach(), bias.detach()
