"""What was measured of a data set, as JSON: in a row of the ledger, and in a file beside a card.

Of a file that somebody else may have written nothing is believed: every value is checked.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from minbits.checked_json import Fields, JsonError, read_json
from minbits.errors import OutputError
from minbits.studies.size_diagram import (
    AXES,
    Measured,
    SearchFound,
    SetFigures,
    SetMeasured,
    UsualNetwork,
)

FORMAT = "minbits measured 1"
SUFFIX = ".measured.json"


def plain_figures(figures: SetFigures) -> dict[str, Any]:
    """Return figures as plain values with stable keys."""
    return {
        **{name: value for name, value in vars(figures).items() if name not in ("x", "usual")},
        "x": {key: vars(item) for key, item in figures.x.items()},
        "usual": None if figures.usual is None else vars(figures.usual),
    }


def figures_of(plain: Any) -> SetFigures:
    """Return the figures that plain values hold; measures that are not known here are left out.

    Raises:
        JsonError: if a key is missing or its value is not what it should be.
    """
    fields = Fields(plain, "figures.")
    target, x = fields.number("target_accuracy"), fields.part("x")
    if not 0 < target <= 1:
        raise JsonError(f"{target} as 'figures.target_accuracy'")
    return SetFigures(
        group=fields.text("group"),
        target_accuracy=target,
        target_reason=fields.text("target_reason"),
        x={key: _measured(x.part(key)) for key in AXES if key in x.plain},
        encoding_bits=fields.count("encoding_bits"),
        usual=None if fields.get("usual") is None else _usual(fields.part("usual")),
        true_bits=_or_none(fields, "true_bits"),
    )


def _measured(fields: Fields) -> Measured:
    low, high = (
        None if fields.get(name) is None else fields.number(name) for name in ("low", "high")
    )
    return Measured(fields.number("value"), fields.text("method"), low, high)


def _usual(fields: Fields) -> UsualNetwork:
    return UsualNetwork(fields.text("name"), fields.count("size_bits"), fields.number("accuracy"))


def _or_none(fields: Fields, key: str) -> int | None:
    return None if fields.get(key) is None else fields.count(key)


def plain_search(found: SearchFound) -> dict[str, Any]:
    """Return what a search found as plain values with stable keys."""
    return dataclasses.asdict(found)


def search_of(plain: Any) -> SearchFound:
    """Return what plain values say of a search.

    Raises:
        JsonError: if a key is missing or its value is not what it should be.
    """
    fields = Fields(plain, "search.")
    return SearchFound(
        fields.count("seed"), fields.number("minutes"), fields.count("trials"),
        _or_none(fields, "size_bits"),
    )  # fmt: skip


def measured_bytes(measured: SetMeasured) -> bytes:
    """Return the file of what was measured: JSON in UTF-8."""
    plain = {
        "format": FORMAT,
        "data": measured.data_name,
        "data_digest": measured.data_digest,
        "figures": plain_figures(measured.figures),
        "searches": [plain_search(item) for item in measured.searches],
        "trials": measured.trials,
        "first_bits": measured.first_bits,
    }
    return (json.dumps(plain, indent=2, ensure_ascii=False) + "\n").encode()


def is_measured(plain: Any) -> bool:
    """Whether JSON says that it is such a file."""
    return isinstance(plain, dict) and plain.get("format") == FORMAT


def read_measured(path: Path) -> SetMeasured:
    """Return what a file says was measured.

    Raises:
        OutputError: if it cannot be read, or is none.
    """
    try:
        fields = Fields(read_json(path), "")
        if not is_measured(fields.plain):
            raise JsonError(f"no '{FORMAT}' as 'format'")
        return SetMeasured(
            fields.text("data"),
            fields.digest("data_digest"),
            figures_of(fields.get("figures")),
            tuple(search_of(item) for item in fields.items("searches")),
            fields.count("trials"),
            _or_none(fields, "first_bits"),
        )
    except (OSError, JsonError) as error:
        raise OutputError(
            str(path), getattr(error, "strerror", None) or str(error),
            "what was measured of a data set (docs/diagram.md)", "Move it out of the folder.",
        ) from error  # fmt: skip
