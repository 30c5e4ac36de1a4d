"""Architectures as PyTorch computations, differentiable in one flat vector of parameters."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from minbits.codec.architecture import Architecture, grown
from minbits.layers.activations import ACTIVATIONS
from minbits.layers.base import PlainLayer, RunLayer, Shape, WeightedLayer
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.networks.parameters import BATCH_NORM_EPSILON, ParameterLayout, TensorSlot

LayerTensors = tuple[Tensor, Tensor | None]


def activate(x: Tensor, kind: str) -> Tensor:
    """Apply an activation."""
    result: Tensor = ACTIVATIONS[kind].torch(torch, x)
    return result


def apply_weights(x: Tensor, layer: WeightedLayer, weights: Tensor, bias: Tensor | None) -> Tensor:
    """Apply a layer with weights without its activation; ``x`` is a batch of images."""
    result: Tensor = layer.torch_sums(torch, x, weights, bias)
    return result


def run_plain(layer: RunLayer, activations: Sequence[Tensor], shape: Shape) -> Tensor:
    """Return the output of a layer without weights.

    Args:
        layer: what is run.
        activations: the input of the network and those so far; the last is the layer's input.
        shape: of the layer's input.
    """
    assert isinstance(layer, PlainLayer)
    earlier = [activations[-1 - back] for back in layer.reads]
    result: Tensor = layer.run_torch(torch, activations[-1], earlier, shape)
    return result


def run_layers(architecture: Architecture, tensors: Sequence[LayerTensors], x: Tensor) -> Tensor:
    """Return the logits ``(batch, classes)`` of scaled inputs ``(batch, channels, height, width)``.

    Args:
        architecture: the network.
        tensors: weights and bias of each layer that has them, in file order.
        x: inputs, already multiplied by ``2 ** -input_exponent``.
    """
    activations = [x]
    growth = grown(architecture)
    for step, shape in zip(growth.steps, growth.shapes, strict=False):
        layer = step.layer
        if isinstance(layer, WeightedLayer):
            assert step.tensor is not None
            weights, bias = tensors[step.tensor]
            x = apply_weights(activations[-1], layer, weights, bias if layer.bias else None)
            x = activate(x, layer.activation)
        else:
            x = run_plain(layer, activations, shape)
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
        growth = grown(layout.architecture)
        self._steps, self._shapes = growth.steps, growth.shapes
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
            if isinstance(layer, WeightedLayer):
                assert step.tensor is not None
                if isinstance(layer, Linear) and index:
                    before = self._steps[index - 1].layer
                    x = self._drop(x) if isinstance(before, Linear) else x
                slot = self.layout.slots[step.tensor]
                x = self._weighted(values, slot, layer, x, means, variances)
                x = self._drop(x) if index == self._last_convolution else x
            else:
                x = run_plain(layer, activations, self._shapes[index])
            activations.append(x)
        return x.flatten(1), means, variances

    def _weighted(
        self, values: Tensor, slot: TensorSlot, layer: WeightedLayer, x: Tensor,
        means: Tensor, variances: Tensor,
    ) -> Tensor:  # fmt: skip
        end = slot.weights_at + slot.outputs * slot.taps
        weights = values[slot.weights_at : end].view(slot.shape)
        has_shift = layer.bias and slot.shift_at is not None
        shift = _part(values, slot.shift_at or 0, slot) if has_shift else None
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
