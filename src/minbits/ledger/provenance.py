"""What made a row: code, libraries and machine."""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import dataclass
from functools import cache
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path

_LIBRARIES = ("constriction", "numpy", "scipy", "torch")


@dataclass(frozen=True)
class Provenance:
    """The code, libraries and machine that made a row.

    Attributes:
        code_version: version of minbits and digest of its source.
        libraries: version by name.
        machine: facts about the machine; no name of it or of its user.
    """

    code_version: str
    libraries: dict[str, str]
    machine: dict[str, str | int]


def _python_sources(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in folder.iterdir():
        name = f"{prefix}/{item.name}"
        if item.is_dir():
            found += _python_sources(item, name)
        elif item.name.endswith(".py"):
            found.append((name, item.read_bytes()))
    return found


@cache
def code_version() -> str:
    """Return ``VERSION+DIGEST``: the digest is of all Python sources of the package."""
    digest = hashlib.sha256()
    for name, content in sorted(_python_sources(resources.files("minbits"), "minbits")):
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return f"{metadata.version('minbits')}+{digest.hexdigest()[:12]}"


@cache
def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that a result depends on."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _processor() -> str:
    """Return the processor's model where the system tells it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux: fall through to what the standard library knows
    return platform.processor() or platform.machine()


def current_provenance(device: str, workers: int) -> Provenance:
    """Return the provenance of rows made by this process.

    Args:
        device: where training runs, such as ``cpu`` or the name of a GPU.
        workers: number of worker processes, of one thread each.
    """
    machine: dict[str, str | int] = {
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "system": f"{platform.system()} {platform.machine()}",
        "device": device,
        "workers": workers,
    }
    return Provenance(code_version(), library_versions(), machine)
