"""Energy that a machine uses, where it tells: processors and memory by RAPL, a GPU by NVML.

The counters are the machine's, not a process's: what else runs meanwhile is counted too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol

POWERCAP = Path("/sys/class/powercap")
# RAPL counters start again at zero after some 260 kJ: they are read often enough to see it.
_SAMPLE_SECONDS = 60.0
_JOULES_A_MICROJOULE = 1e-6
_JOULES_A_MILLIJOULE = 1e-3


class EnergyCounter(Protocol):
    """A counter that only grows, but for starting again at zero."""

    range_joules: float

    def read_joules(self) -> float:
        """Return the counter.

        Raises:
            OSError: if it cannot be read.
        """


class RaplCounter:
    """One domain of RAPL: a processor package, or its memory."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "energy_uj"
        largest = int((folder / "max_energy_range_uj").read_text())
        self.range_joules = largest * _JOULES_A_MICROJOULE

    def read_joules(self) -> float:
        """Return the counter."""
        return int(self._file.read_text()) * _JOULES_A_MICROJOULE


class NvmlCounter:
    """The energy that a GPU has used since its driver was loaded."""

    range_joules = float("inf")

    def __init__(self, nvml: Any, handle: Any) -> None:
        self._nvml = nvml
        self._handle = handle

    def read_joules(self) -> float:
        """Return the counter."""
        try:
            millijoules = self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)
        except self._nvml.NVMLError as error:
            raise OSError(str(error)) from error
        return int(millijoules) * _JOULES_A_MILLIJOULE


def rapl_counters(powercap: Path = POWERCAP) -> list[EnergyCounter]:
    """Return the counters of all packages and their memory that this process may read."""
    found: list[EnergyCounter] = []
    # Cores and graphics are parts of a package, and the platform's domain holds the packages.
    for folder in sorted(powercap.glob("intel-rapl:*")):
        try:
            name = (folder / "name").read_text().strip()
            if name.startswith("package") or name == "dram":
                counter = RaplCounter(folder)
                counter.read_joules()
                found.append(counter)
        except (OSError, ValueError):
            continue  # most systems let nobody but root read them
    return found


def nvml_counters() -> list[EnergyCounter]:
    """Return the counter of the first GPU that CUDA may use, where there is one."""
    try:
        import pynvml  # an optional extra: minbits[energy]
    except ModuleNotFoundError:
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    if not visible.isdigit():
        return []
    try:
        pynvml.nvmlInit()
        counter = NvmlCounter(pynvml, pynvml.nvmlDeviceGetHandleByIndex(int(visible)))
        counter.read_joules()
    except (pynvml.NVMLError, OSError):
        return []  # no driver, no GPU, or one too old to tell
    return [counter]


@cache
def machine_counters() -> tuple[EnergyCounter, ...]:
    """Return every counter of this machine that this process may read, looked for once."""
    return (*rapl_counters(), *nvml_counters())


class EnergyMeter:
    """Measures what the machine uses while the ``with`` block runs.

    Attributes:
        joules: what was used, after the block; None where the machine does not tell.
    """

    def __init__(self, counters: Sequence[EnergyCounter] | None = None) -> None:
        self._counters = list(machine_counters() if counters is None else counters)
        self._used = 0.0
        self._last: list[float] = []
        self._is_lost = not self._counters
        self._end = threading.Event()
        self._lock = threading.Lock()
        self.joules: float | None = None

    def __enter__(self) -> EnergyMeter:
        """Start to measure."""
        if not self._is_lost:
            self.sample()
            threading.Thread(target=self._sample_often, daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Measure for the last time."""
        self._end.set()
        if not self._is_lost:
            self.sample()
        self.joules = None if self._is_lost else self._used

    def sample(self) -> None:
        """Add what was used since the last sample."""
        with self._lock:
            try:
                read = [counter.read_joules() for counter in self._counters]
            except (OSError, ValueError):
                self._is_lost = True
                return
            for counter, before, after in zip(self._counters, self._last, read, strict=False):
                started_again = after < before
                self._used += after - before + (counter.range_joules if started_again else 0.0)
            self._last = read

    def _sample_often(self) -> None:
        while not self._end.wait(_SAMPLE_SECONDS):
            self.sample()
