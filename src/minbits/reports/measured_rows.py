"""Rows of measurements as records: JSON that another ledger may have brought is checked."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from minbits.checked_json import Fields, JsonError
from minbits.claims.known_codes import codes_in
from minbits.ledger.rows import Row
from minbits.reports.facts import CodeFacts, LadderFacts, MadeBy, RungFacts, StudyFacts
from minbits.studies.kept import OF_DATA
from minbits.types import Quantity

_log = logging.getLogger(__name__)


def made_by(row: Mapping[str, Any]) -> MadeBy:
    """Return what made a row of the ledger."""
    libraries = row.get("libraries")
    return MadeBy(
        row["code_version"],
        json.loads(libraries) if libraries else {},
        json.loads(row["machine"]),
        row["created_at"],
        row["seconds"],
    )


def _number(fields: Fields, key: str) -> float:
    """Return a finite number, which may be negative: a differential entropy may."""
    value = fields.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise JsonError(f"no number as '{fields.place}{key}'")
    return float(value)


def _number_or_none(fields: Fields, key: str) -> float | None:
    return None if fields.get(key) is None else _number(fields, key)


def _text_or_none(fields: Fields, key: str) -> str | None:
    return None if fields.get(key) is None else fields.text(key)


def _quantity(plain: Any) -> Quantity:
    fields = Fields(plain, "figures.")
    return Quantity(
        key=fields.text("key"),
        value=_number(fields, "value"),
        unit=fields.text("unit"),
        of=fields.text("of"),  # type: ignore[arg-type]  # shown as it is
        scope=fields.text("scope"),  # type: ignore[arg-type]
        kind=fields.text("kind"),  # type: ignore[arg-type]
        method=fields.text("method"),
        low=_number_or_none(fields, "low"),
        high=_number_or_none(fields, "high"),
        warning=_text_or_none(fields, "warning"),
    )


def figures_of(row: Row) -> tuple[Quantity, ...]:
    """Return the figures of a row of entropies.

    Raises:
        JsonError: if it holds no such figures.
    """
    return tuple(map(_quantity, Fields(json.loads(row["result"])).items("figures")))


def ladder_of(row: Row) -> LadderFacts | None:
    """Return the ladder of a row of entropies, None where it has none.

    Raises:
        JsonError: if it is no ladder.
    """
    plain = json.loads(row["result"])
    if plain.get("ladder") is None:
        return None
    fields = Fields(plain).part("ladder")
    rungs = tuple(map(_rung, fields.items("rungs")))
    if not rungs:
        return None
    binarise = json.loads(row["settings"]).get("binarise")
    return LadderFacts(
        fields.text("of"), rungs, fields.number("bound_bits"), str(binarise), made_by(row)
    )


def _rung(plain: Any) -> RungFacts:
    fields = Fields(plain, "ladder.rungs.")
    ends = fields.get("interval_95_bits")
    if ends is not None:
        low, high = fields.items("interval_95_bits")
        if not all(isinstance(end, float | int) for end in (low, high)):
            raise JsonError("no numbers as 'ladder.rungs.interval_95_bits'")
        ends = (float(low), float(high))
    return RungFacts(
        fields.text("title"), fields.number("example_bits"), ends,
        fields.number("amortised_model_bits"), fields.text("method"),
        _text_or_none(fields, "warning"),
    )  # fmt: skip


def codes_of(row: Row) -> list[CodeFacts]:
    """Return the codes of a row of code lengths that have a length.

    Raises:
        JsonError: if it holds no codes.
    """
    found = []
    for fields, is_file in codes_in(row):
        # Rows of earlier versions know no codes that are computed.
        if not is_file and fields.plain.get("computed_bits") is None:
            continue
        curve, bits = [], 0.0
        for block in fields.items("blocks"):
            part = Fields(block, "codes.blocks.")
            bits += part.number("bits")
            curve.append((part.count("start") + part.count("labels"), bits))
        found.append(
            CodeFacts(
                fields.text("code"), fields.number("size_bits" if is_file else "computed_bits"),
                is_file, fields.text("method"),
                fields.text("source"), tuple(curve), row["seed"], made_by(row),
            )
        )  # fmt: skip
    return found


def counts_of(row: Row) -> tuple[str, int, tuple[int, ...]]:
    """Return origin, training examples and input shape of a row of entropies.

    Raises:
        JsonError: if it does not hold them.
    """
    fields = Fields(json.loads(row["result"]))
    shape = fields.items("input_shape")
    if not all(isinstance(side, int) for side in shape):
        raise JsonError("no whole numbers as 'input_shape'")
    return fields.text("origin"), fields.count("training_examples"), tuple(shape)


def shortest(codes: Sequence[CodeFacts]) -> tuple[CodeFacts, ...]:
    """Return the shortest length of each code, shortest first."""
    best: dict[str, CodeFacts] = {}
    for item in sorted(codes, key=lambda item: item.bits):
        best.setdefault(item.code, item)
    return tuple(best.values())


def studies_of(rows: Sequence[Row]) -> tuple[StudyFacts, ...]:
    """Return the studies of networks among rows of measurements, by study and settings.

    Where two rows have the same settings and seed, the first counts.
    """
    results: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    last: dict[tuple[str, str], Row] = {}
    for row in rows:
        if row["study"] in OF_DATA:
            continue
        key = (row["study"], row["settings"])
        result = json.loads(row["result"]) | {"seconds": row["seconds"]}
        results.setdefault(key, {}).setdefault(row["seed"], result)
        last[key] = row
    return tuple(
        StudyFacts(study, json.loads(settings), found, made_by(last[study, settings]))
        for (study, settings), found in results.items()
    )


def tell_of_bad_row(row: Row, error: JsonError) -> None:
    """Say that a row is left out."""
    _log.warning("measurement %s is left out of the report: %s", row["id"], error)
