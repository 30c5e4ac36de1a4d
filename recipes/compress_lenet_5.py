"""LeNet-5 as Caffe has it, given as a module of 431,080 parameters, at 99 %."""

from __future__ import annotations

import sys
from pathlib import Path

from compress_job import run_compress

if __name__ == "__main__":
    sys.exit(
        run_compress(
            "lenet-5",
            Path("records/mnist-lenet-5-99.mbn"),
            "--accuracy",
            "0.99",
            "--thinning-epochs",
            "16",
            "--smallest",
            "7000",
            "--recovery-epochs",
            "50",
            "--epochs",
            "90",
            "--rate-weight",
            "0.9",
            "--views",
            "5",
        )
    )
