"""A short run: 98 % in three minutes."""

from __future__ import annotations

import sys
from pathlib import Path

from main_job import run_size

if __name__ == "__main__":
    sys.exit(
        run_size(Path("records/mnist-98.mbn"), "mnist", "--accuracy", "0.98", "--minutes", "3")
    )
