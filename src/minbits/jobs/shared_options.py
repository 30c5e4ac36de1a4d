"""Options that several jobs have, each defined once; requests inherit them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.requests import FilePath, Request, option


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


@dataclass(frozen=True, kw_only=True)
class ModelOptions(Request):
    """What a model needs to be known of beside its name."""

    weights: FilePath | None = option(
        None,
        "A checkpoint to load into the module: .safetensors, .pt or .pth.",
        aliases=("checkpoint",),
    )
    layers: str | None = option(
        None, "For a bare checkpoint: its layers, as 'conv 6 k5 relu; linear 10'."
    )
    input: tuple[int, ...] | None = option(
        None,
        "Without data: the shape of one example, as 1x28x28 or 1,28,28.",
        aliases=("input_shape",),
        check=(lambda value: bool(value) and min(value) >= 1, "positive sizes, such as 1x28x28"),
    )


@dataclass(frozen=True)
class Origin:
    """Where the data of a job were read.

    Attributes:
        label: the label column that the user named; None where nobody did.
        files: files that were read, which no output may replace.
    """

    label: str | None = None
    files: tuple[Path, ...] = ()


def resolved(request: Any, **values: Any) -> dict[str, Any]:
    """Return the fields of a request, those that nobody named with the values found for them."""
    fields = {field.name: getattr(request, field.name) for field in dataclasses.fields(request)}
    return fields | values
