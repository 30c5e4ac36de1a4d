"""99.4 % in fewer than 16,000 bits: the ladder's widest network under a small rate weight."""

from __future__ import annotations

import sys
from pathlib import Path

from main_job import run_size

ARCHITECTURE = (
    "views 5; conv 20 k3 leaky_relu; maxpool 2; depthwise k3; pointwise 24 leaky_relu; "
    "depthwise k3; pointwise 32 leaky_relu; depthwise k3; pointwise 48 leaky_relu; "
    "depthwise k3; pointwise 48 leaky_relu; avgpool all; linear 10"
)

if __name__ == "__main__":
    sys.exit(
        run_size(
            Path("records/mnist-99.4.mbn"),
            *("mnist", "--accuracy", "0.994", "--architecture", ARCHITECTURE),
            *("--rate-weight", "0.35", "--minutes", "120", "--trials", "1", "--workers", "1"),
        )
    )
