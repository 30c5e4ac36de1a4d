"""The device that trials train on, found without importing PyTorch into this process."""

from __future__ import annotations

import shutil
import subprocess

_TIMEOUT_SECONDS = 10.0


def device_name() -> str:
    """Return the first NVIDIA GPU's name as its driver tells it, or ``cpu``."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "cpu"
    command = [tool, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=True
        )
    except (subprocess.SubprocessError, OSError):
        return "cpu"  # a driver that does not answer is no device to train on
    names = done.stdout.strip().splitlines()
    return names[0] if names else "cpu"
