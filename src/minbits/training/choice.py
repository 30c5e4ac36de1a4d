"""Which engine a training runs on."""

from __future__ import annotations

import shutil

from minbits.codec.architecture import Architecture, multiply_accumulate_count
from minbits.errors import NetworkError
from minbits.training.engine import Engine
from minbits.training.lanes.engine import LanesEngine, lanes_obstacle
from minbits.types import EngineName, TrainingRecipe

# Of one example's forward pass. A GPU's calls cost the same whatever their size: at 2.2 million an
# H200 is 1.4 times as fast as one core on lanes (recipes/gpu_epochs.txt), and there are many cores.
GPU_MULTIPLY_ACCUMULATES = 2_000_000


def _has_gpu() -> bool:
    """Whether PyTorch has a CUDA device; asked only where NVIDIA's driver is installed.

    PyTorch takes seconds to import, and a search on lanes never needs it.
    """
    if shutil.which("nvidia-smi") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _torch_engine() -> Engine:
    # Heavy, and not needed where lanes do the work.
    from minbits.training.torch_engine import TorchEngine

    return TorchEngine()


def choose_engine(
    name: EngineName, architecture: Architecture, recipe: TrainingRecipe, batch_size: int
) -> Engine:
    """Return an engine; ``auto`` takes lanes where they cover the training.

    A network that is large enough for a GPU, where there is one, goes to PyTorch.

    Raises:
        NetworkError: if lanes are asked for and do not cover the training.
    """
    if name == "torch":
        return _torch_engine()
    is_large = multiply_accumulate_count(architecture) > GPU_MULTIPLY_ACCUMULATES
    if name == "auto" and is_large and _has_gpu():
        return _torch_engine()
    obstacle = lanes_obstacle(architecture, batch_size, recipe.dropout)
    if obstacle is None:
        return LanesEngine()
    if name == "lanes":
        raise NetworkError(
            "lanes engine", obstacle, "what it covers", "Use `engine` auto or torch."
        )
    return _torch_engine()
