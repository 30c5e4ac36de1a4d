"""LeNet-300-100, given as a module of 266,610 parameters, at 98.1 %."""

from __future__ import annotations

import sys
from pathlib import Path

from compress_job import run_compress

if __name__ == "__main__":
    sys.exit(
        run_compress(
            "lenet-300-100",
            Path("records/mnist-lenet-300-100-98.1.mbn"),
            "--accuracy",
            "0.981",
            "--thinning-epochs",
            "8",
            "--smallest",
            "20000",
            "--epochs",
            "30",
            "--rate-weight",
            "0.5,1",
        )
    )
