"""The main job with time for two full trials: the same however busy the two cores are."""

from __future__ import annotations

import sys
from pathlib import Path

from main_job import run_size

if __name__ == "__main__":
    sys.exit(
        run_size(
            Path("records/mnist-99.mbn"),
            *("mnist", "--minutes", "60", "--trials", "2", "--workers", "2"),
        )
    )
