"""Random affine distortion of image batches."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from minbits.training.lanes.affine import affine_images

# Ranges at strength 1; rotation in degrees, the others as fractions of the image.
ROTATION_DEGREES = 12.0
SCALE = 0.12
SHEAR = 0.12
SHIFT = 0.08


def random_maps(count: int, strength: float, generator: torch.Generator) -> Tensor:
    """Return random affine maps, shape ``(count, 2, 3)``, from output to input in [-1, 1].

    Every parameter is uniform in ``[-range, range]`` times ``strength``.
    """
    draws = (torch.rand(6, count, generator=generator) * 2 - 1) * strength
    angle = draws[0] * math.radians(ROTATION_DEGREES)
    cosine, sine = angle.cos(), angle.sin()
    scale_x, scale_y = 1 + draws[1] * SCALE, 1 + draws[2] * SCALE
    shear = draws[3] * SHEAR
    # Coordinates span [-1, 1], two units an image: hence the factor two on shifts.
    rows = [
        torch.stack([cosine * scale_x, (shear - sine) * scale_y, draws[4] * 2 * SHIFT], 1),
        torch.stack([sine * scale_x, cosine * scale_y, draws[5] * 2 * SHIFT], 1),
    ]
    return torch.stack(rows, 1)


def random_affine(images: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Return a batch with each image rotated, scaled, sheared and shifted at random.

    Pixels are interpolated bilinearly and what comes from outside the image is zero.

    Args:
        images: shape ``(batch, channels, height, width)``.
        strength: factor on the ranges of `random_maps`; 0 returns the batch unchanged.
        generator: the only source of randomness, on the CPU.
    """
    if strength == 0:
        return images
    theta = random_maps(len(images), strength, generator)
    if images.device.type == "cpu":
        return torch.from_numpy(affine_images(images.contiguous().numpy(), theta.numpy()))
    grid = functional.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)
