"""98 % in fewer than 3,000 bits: a thin network under a large rate weight, two seeds."""

from __future__ import annotations

import sys
from pathlib import Path

from main_job import run_size

ARCHITECTURE = (
    "views 5; conv 10 k3 leaky_relu; maxpool 2; depthwise k3; pointwise 10 leaky_relu; "
    "depthwise k3; pointwise 14 leaky_relu; depthwise k3; pointwise 16 leaky_relu; "
    "depthwise k3; pointwise 16 leaky_relu; avgpool all; linear 10"
)

if __name__ == "__main__":
    sys.exit(
        run_size(
            Path("records/mnist-98.mbn"),
            *("mnist", "--accuracy", "0.98", "--architecture", ARCHITECTURE),
            *("--rate-weight", "15", "--minutes", "90", "--trials", "2", "--workers", "1"),
        )
    )
