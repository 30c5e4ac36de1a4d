"""PyTorch's first MNIST example network, 21,840 parameters, to 99 % and to a file."""

from __future__ import annotations

import sys
from pathlib import Path

from main_job import run_size

if __name__ == "__main__":
    sys.exit(
        run_size(
            Path("records/mnist-pytorch-example-99.mbn"),
            "mnist",
            "--network",
            "pytorch-example",
            "--trials",
            "2",
        )
    )
