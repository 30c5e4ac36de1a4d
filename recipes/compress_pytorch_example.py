"""PyTorch's example network, given as a module of 21,840 parameters, at 99 %."""

from __future__ import annotations

import sys
from pathlib import Path

from compress_job import run_compress

if __name__ == "__main__":
    sys.exit(
        run_compress(
            "pytorch-example",
            Path("records/mnist-pytorch-example-compressed-99.mbn"),
            "--accuracy",
            "0.99",
            "--thinning-epochs",
            "8",
            "--smallest",
            "1500",
            "--epochs",
            "80",
            "--rate-weight",
            "0.8,1,1.25",
        )
    )
