"""Architectures as PyTorch computations, differentiable in one flat vector of parameters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from minbits.codec.architecture import (
    LEAKY_RELU_SLOPE,
    ActivationKind,
    Addition,
    Architecture,
    Convolution,
    Linear,
    Pooling,
    WeightedLayer,
    run_order,
)
from minbits.networks.parameters import BATCH_NORM_EPSILON, ParameterLayout, TensorSlot

LayerTensors = tuple[Tensor, Tensor | None]


def activate(x: Tensor, kind: ActivationKind) -> Tensor:
    """Apply an activation."""
    match kind:
        case "none":
            return x
        case "relu":
            return functional.relu(x)
        case "leaky_relu":
            return functional.leaky_relu(x, LEAKY_RELU_SLOPE)
        case "hard_swish":
            return functional.hardswish(x)


def apply_weights(x: Tensor, layer: WeightedLayer, weights: Tensor, bias: Tensor | None) -> Tensor:
    """Apply a convolution or linear layer without its activation; ``x`` is a batch of images."""
    if isinstance(layer, Linear):
        # Flattened channel by channel, whatever the memory format: as the decoder does.
        return functional.linear(x.flatten(1), weights, bias)[:, :, None, None]
    if x.is_contiguous(memory_format=torch.channels_last) and weights.shape[1] > 1:
        # As the images: mixed memory formats cost a third of the speed.
        weights = weights.contiguous(memory_format=torch.channels_last)
    return functional.conv2d(
        x, weights, bias, layer.strides, layer.paddings, layer.dilation,
        x.shape[1] if layer.depthwise else 1,
    )  # fmt: skip


def pool(x: Tensor, layer: Pooling) -> Tensor:
    """Apply a pooling layer."""
    if layer.size == 0:
        return x.amax((2, 3), True) if layer.kind == "max" else x.mean((2, 3), True)
    apply = functional.max_pool2d if layer.kind == "max" else functional.avg_pool2d
    return apply(x, layer.window(x.shape[2], x.shape[3]))


def run_layers(architecture: Architecture, tensors: Sequence[LayerTensors], x: Tensor) -> Tensor:
    """Return the logits ``(batch, classes)`` of scaled inputs ``(batch, channels, height, width)``.

    Args:
        architecture: the network.
        tensors: weights and bias of each layer that has them, in file order.
        x: inputs, already multiplied by ``2 ** -input_exponent``.
    """
    activations = [x]
    for step in run_order(architecture):
        x = activations[-1]
        match step.layer:
            case Pooling():
                x = pool(x, step.layer)
            case Addition():
                x = activate(x + activations[-1 - step.layer.back], step.layer.activation)
            case Convolution() | Linear():
                assert step.tensor is not None
                x = apply_weights(x, step.layer, *tensors[step.tensor])
                x = activate(x, step.layer.activation)
        activations.append(x)
    return x.flatten(1)


def normalise(
    x: Tensor, scale: Tensor, shift: Tensor, examples: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Normalise channels over groups of ``examples`` examples (ghost batches, Hoffer et al. 2017).

    Group ``j`` of ``g`` groups holds the examples ``j, j + g, j + 2g, …`` of the batch.

    Returns:
        The normalised batch, and each channel's mean and unbiased variance, averaged over groups.
    """
    batch, channels, height, width = x.shape
    groups = batch // examples
    grouped = x.contiguous().view(examples, groups * channels, height, width)
    variance, mean = torch.var_mean(grouped.detach(), (0, 2, 3))
    result = functional.batch_norm(
        grouped, None, None, scale.repeat(groups), shift.repeat(groups), True, 0.0,
        BATCH_NORM_EPSILON,
    )  # fmt: skip
    means, variances = (part.view(groups, channels).mean(0) for part in (mean, variance))
    return result.view(batch, channels, height, width), means, variances


def _part(values: Tensor, at: int, slot: TensorSlot) -> Tensor:
    return values[at : at + slot.outputs]


class TrainingPass:
    """Runs a network as it is trained: normalised over ghost batches, with dropout.

    Args:
        layout: where the parameters lie.
        examples: examples a normalisation group.
        dropout: rate before linear layers, and on channels of the last convolution.
        generator: of the dropout.
    """

    def __init__(
        self, layout: ParameterLayout, examples: int, dropout: float, generator: torch.Generator
    ) -> None:
        self.layout = layout
        self.examples = examples
        self.dropout = dropout
        self._generator = generator
        self._steps = run_order(layout.architecture)
        convolutions = [i for i, s in enumerate(self._steps) if isinstance(s.layer, Convolution)]
        self._last_convolution = max(convolutions, default=-1)

    def logits(self, values: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits, and the means and variances of what was normalised.

        Args:
            values: all parameters, flat.
            x: scaled inputs ``(batch, channels, height, width)``.
        """
        activations = [x]
        means = torch.zeros(self.layout.moments_size, device=x.device)
        variances = torch.ones(self.layout.moments_size, device=x.device)
        for index, step in enumerate(self._steps):
            x, layer = activations[-1], step.layer
            match layer:
                case Pooling():
                    x = pool(x, layer)
                case Addition():
                    x = activate(x + activations[-1 - layer.back], layer.activation)
                case Convolution() | Linear():
                    assert step.tensor is not None
                    if isinstance(layer, Linear) and index:
                        before = self._steps[index - 1].layer
                        x = self._drop(x) if isinstance(before, Linear) else x
                    slot = self.layout.slots[step.tensor]
                    x = self._weighted(values, slot, layer, x, means, variances)
                    x = self._drop(x) if index == self._last_convolution else x
            activations.append(x)
        return x.flatten(1), means, variances

    def _weighted(
        self, values: Tensor, slot: TensorSlot, layer: WeightedLayer, x: Tensor,
        means: Tensor, variances: Tensor,
    ) -> Tensor:  # fmt: skip
        end = slot.weights_at + slot.outputs * slot.taps
        weights = values[slot.weights_at : end].view(slot.shape)
        shift = None if slot.shift_at is None else _part(values, slot.shift_at, slot)
        if slot.scale_at is None or slot.moments_at is None or shift is None:
            return activate(apply_weights(x, layer, weights, shift), layer.activation)
        sums = apply_weights(x, layer, weights, None)
        scale = _part(values, slot.scale_at, slot)
        x, mean, variance = normalise(sums, scale, shift, min(self.examples, len(sums)))
        _part(means, slot.moments_at, slot).copy_(mean)
        _part(variances, slot.moments_at, slot).copy_(variance)
        return activate(x, layer.activation)

    def _drop(self, x: Tensor) -> Tensor:
        """Zero whole channels of each example at random and scale up the rest."""
        if self.dropout == 0:
            return x
        draws = torch.rand(x.shape[:2], generator=self._generator)
        kept = (draws >= self.dropout).to(x.device, x.dtype) / (1 - self.dropout)
        return x * kept[:, :, None, None]
