"""Options that several jobs have, each defined once; requests inherit them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.requests import FilePath, Request, option
from minbits.types import EngineName
from minbits.workers.registry import DEFAULT_EXECUTOR, MAX_WORKERS


@dataclass(frozen=True, kw_only=True)
class LedgerOptions(Request):
    """Where trials and claims are remembered."""

    ledger: FilePath | None = option(
        None,
        "The ledger's file, or postgresql+psycopg://USER@HOST/DATABASE.",
        shown="in the user data directory",
        environment="MINBITS_LEDGER",
    )


@dataclass(frozen=True, kw_only=True)
class RunOptions(LedgerOptions):
    """How a study runs."""

    workers: int | None = option(
        None,
        "Processes that train.",
        shown="one a core",
        check=(lambda value: 1 <= value <= MAX_WORKERS, f"1 to {MAX_WORKERS}"),
    )
    executor: str = option(DEFAULT_EXECUTOR, "Where work runs: processes, ray or ray://HOST:PORT.")
    resume: bool = option(
        False,
        "Only go on: refuse to begin a study that the ledger does not know, as where its name is "
        "mistyped. Without it, a study is begun or goes on.",
    )


@dataclass(frozen=True, kw_only=True)
class StudyOptions(RunOptions):
    """How a study runs, and where its chart goes."""

    figure: FilePath | None = option(
        None, "Where the chart goes: .png, .svg or .pdf.", shown="no picture"
    )


@dataclass(frozen=True, kw_only=True)
class EngineOptions(Request):
    """What trains."""

    engine: EngineName = option(
        "auto", "What trains; auto takes the fastest that covers the network."
    )


@dataclass(frozen=True, kw_only=True)
class ForceOptions(Request):
    """Whether outputs may replace files."""

    force: bool = option(
        False, "Write over files of another data set or target, or without a card."
    )


@dataclass(frozen=True, kw_only=True)
class SlowOptions(Request):
    """Whether network files may take long."""

    allow_slow: bool = option(
        False, "Run network files that take more than about two minutes, too."
    )


@dataclass(frozen=True, kw_only=True)
class KnownFilesOptions(SlowOptions, LedgerOptions):
    """Where files that were found earlier are looked for."""

    records: FilePath = option("records", "A folder of published cards.")


@dataclass(frozen=True)
class Origin:
    """Where the data of a job were read.

    Attributes:
        label: the label column that the user named; None where nobody did.
        files: files that were read, which no output may replace.
    """

    label: str | None = None
    files: tuple[Path, ...] = ()

    def beside(self, *files: Path) -> Origin:
        """Return the origin with further files that are read."""
        return Origin(self.label, (*self.files, *files))


def resolved(request: Any, **values: Any) -> dict[str, Any]:
    """Return the fields of a request, those that nobody named with the values found for them."""
    fields = {field.name: getattr(request, field.name) for field in dataclasses.fields(request)}
    return fields | values
