"""The main job with its default settings."""

from __future__ import annotations

import sys
from pathlib import Path

from main_job import run_size

if __name__ == "__main__":
    sys.exit(run_size(Path("records/mnist-99.mbn"), "mnist"))
