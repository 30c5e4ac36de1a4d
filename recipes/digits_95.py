"""The digits of scikit-learn at 95 %."""

from __future__ import annotations

import sys
from pathlib import Path

from main_job import run_size

if __name__ == "__main__":
    sys.exit(run_size(Path("records/digits-95.mbn"), "digits", "--accuracy", "0.95"))
