"""The PyTorch engine: every architecture, on any device; the reference for lanes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from minbits.codec.architecture import Architecture
from minbits.networks.parameters import ParameterLayout, parameter_layout
from minbits.networks.torch_layers import TrainingPass, run_layers
from minbits.training.distortion import Distortions
from minbits.training.engine import NORMALISATION_EXAMPLES, ObjectiveSettings
from minbits.training.loop import Draw, TrainingData
from minbits.training.seen import seen_batch, seen_inputs
from minbits.types import EngineName

Float = npt.NDArray[np.float32]

_LOGITS_BATCH = 1000


def best_device() -> torch.device:
    """Return the first CUDA device, or the CPU where there is none."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def distorted(images: Tensor, distortions: Distortions) -> Tensor:
    """Return each image through its own distortion, bilinear, with zeros outside.

    Args:
        images: ``(batch, channels, height, width)``.
        distortions: one an image, or none.
    """
    if not distortions.maps.size:
        return images
    _, _, height, width = images.shape
    maps = torch.from_numpy(distortions.maps).to(images.device)
    grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
    if distortions.fields.size:
        fields = torch.from_numpy(distortions.fields).to(images.device)
        grid = grid + _displacements(fields, height, width)
    return functional.grid_sample(images, grid, align_corners=False)


def _displacements(fields: Tensor, height: int, width: int) -> Tensor:
    """Return fields in pixels as displacements of a sampling grid, at the centres of pixels."""
    knots = fields.shape[-1]
    # Knots span the image from edge to edge; the grid's corners are those of the knots.
    y = (torch.arange(height, device=fields.device) + 0.5) / height * 2 - 1
    x = (torch.arange(width, device=fields.device) + 0.5) / width * 2 - 1
    places = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1)
    places = places.expand(len(fields), height, width, 2)
    bent = functional.grid_sample(fields, places, align_corners=True) if knots > 1 else fields
    pixels = bent.permute(0, 2, 3, 1)
    return pixels * torch.tensor([2 / width, 2 / height], device=fields.device)


class TorchObjective:
    """The loss of a network by PyTorch's automatic differentiation."""

    def __init__(
        self, layout: ParameterLayout, data: TrainingData, settings: ObjectiveSettings,
        device: torch.device,
    ) -> None:  # fmt: skip
        self._settings, self._data, self._device = settings, data, device
        self._front_end = layout.architecture.front_end
        self._on_cpu = device.type == "cpu" or self._front_end is not None
        self._inputs = torch.from_numpy(data.inputs).to(device)
        self._labels = torch.from_numpy(data.labels).to(device)
        self._soft: Tensor | None = None
        if data.soft_targets is not None and settings.soft_target_weight:
            self._soft = torch.from_numpy(data.soft_targets).to(device)
        batch = settings.batch_size
        whole = batch % NORMALISATION_EXAMPLES
        generator = torch.Generator().manual_seed(settings.seed)
        self._pass = TrainingPass(
            layout, batch if whole else NORMALISATION_EXAMPLES, settings.dropout, generator
        )
        self.means = np.zeros(layout.moments_size, np.float32)
        self.variances = np.ones(layout.moments_size, np.float32)

    def loss_and_gradient(self, values: Float, draw: Draw, gradient: Float) -> float:
        """Return the mean cross-entropy of a batch in nats and overwrite ``gradient``."""
        parameters = torch.from_numpy(values).to(self._device).requires_grad_()
        indices = torch.from_numpy(draw.indices).to(self._device)
        # Thin convolutions run markedly faster with the channels innermost.
        images = self._images(draw, indices).contiguous(memory_format=torch.channels_last)
        logits, means, variances = self._pass.logits(parameters, images)
        loss = self._cross_entropy(logits, indices)
        (found,) = torch.autograd.grad(loss, parameters)
        gradient[:] = found.cpu().numpy()
        self.means[:], self.variances[:] = means.cpu().numpy(), variances.cpu().numpy()
        return float(loss.detach())

    def _images(self, draw: Draw, indices: Tensor) -> Tensor:
        if not self._on_cpu:
            return distorted(self._inputs[indices], draw.distortions)
        maps, fields = draw.distortions.maps, draw.distortions.fields
        seen = seen_batch(self._front_end, self._data.inputs, draw.indices, maps, fields)
        return torch.from_numpy(seen).to(self._device)

    def _cross_entropy(self, logits: Tensor, indices: Tensor) -> Tensor:
        smoothing, share = self._settings.label_smoothing, self._settings.soft_target_weight
        labels = self._labels[indices]
        hard = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        if self._soft is None:
            return hard
        soft = functional.cross_entropy(logits, self._soft[indices])
        return (1 - share) * hard + share * soft


class TorchEngine:
    """Every architecture, on any device."""

    name: EngineName = "torch"

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device if device is not None else best_device()

    def objective(
        self, layout: ParameterLayout, data: TrainingData, settings: ObjectiveSettings
    ) -> TorchObjective:
        """Return the training loss of a network on some examples."""
        return TorchObjective(layout, data, settings, self.device)

    def logits(self, architecture: Architecture, values: Float, inputs: Float) -> Float:
        """Return logits ``(examples, classes)`` of a network with plain parameters."""
        layout = parameter_layout(architecture, normalised=False)
        tensors = [
            (
                torch.from_numpy(np.ascontiguousarray(weights)).to(self.device),
                None if bias is None else torch.from_numpy(bias.copy()).to(self.device),
            )
            for weights, bias in layout.tensors(values)
        ]
        parts: list[Float] = []
        inputs = seen_inputs(architecture.front_end, inputs)
        with torch.no_grad():
            for start in range(0, len(inputs), _LOGITS_BATCH):
                images = torch.from_numpy(inputs[start : start + _LOGITS_BATCH]).to(self.device)
                images = images.contiguous(memory_format=torch.channels_last)
                parts.append(run_layers(architecture, tensors, images).cpu().numpy())
        return np.concatenate(parts)
