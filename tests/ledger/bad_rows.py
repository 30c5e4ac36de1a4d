"""Rows that nothing may append and nothing may rely upon, one fault each."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from minbits.ledger.rows import expected_row_hash
from minbits.ledger.store import Ledger
from minbits.types import plain_config
from tests.ledger.examples import CONFIG

Changes = dict[str, Any]


def config(**changes: object) -> str:
    """Return a configuration with some fields changed; ``None`` leaves a field out."""
    plain = plain_config(CONFIG)
    recipe = changes.pop("recipe", {})
    plain["recipe"] = {**plain["recipe"], **recipe} if isinstance(recipe, dict) else recipe
    plain = {**plain, **changes}
    return json.dumps({name: value for name, value in plain.items() if value is not ...})


_DEEP = "[" * 100_000
_COMMON: list[Changes] = [
    {"uid": "../../etc/passwd"},
    {"uid": "A" * 32},
    {"uid": "a" * 33},
    {"created_at": "yesterday"},
    {"created_at": "2026-01-01T00:00:00"},  # of which zone
    {"created_at": "9" * 32},
    {"row_hash": "x" * 64},
    {"data_name": "a\0b"},
    {"data_name": "x" * (2**20 + 1)},
    {"data_digest": "../../etc/passwd"},
    {"data_digest": "d" * 63},
    {"code_version": 7},
    {"libraries": "[]"},
    {"libraries": "no JSON"},
    {"libraries": _DEEP},
    {"libraries": '{"numpy": {"nested": 1}}'},
    {"machine": '{"cores": NaN}'},
    {"machine": "null"},
    {"seconds": float("inf")},
    {"seconds": float("nan")},
    {"seconds": -1.0},
    {"seconds": "1.5"},
    {"energy_joules": float("-inf")},
    {"energy_joules": -0.5},
]
_MEASURED = _COMMON.copy()
_COMMON += [
    {"artifact_sha256": "../../etc/passwd"},
    {"artifact_sha256": "A" * 64},
    {"artifact_sha256": "ab\0" + "c" * 61},
    {"artifact_sha256": "0" * 64},  # of no artifact
]
BAD_ROWS: dict[str, list[Changes]] = {
    "artifacts": [
        {"sha256": "../../etc/passwd"},
        {"sha256": "F" * 64},
        {"sha256": "a\0" + "b" * 62},
        {"size_bytes": 0},
        {"size_bytes": -3},
        {"size_bytes": 2**63},
        {"size_bytes": "3"},
        {"created_at": ""},
        {"created_at": "2026-13-01T00:00:00+00:00"},
    ],
    "trials": [
        *_COMMON,
        {"target_accuracy": 0.0},
        {"target_accuracy": 1.5},
        {"target_accuracy": float("nan")},
        {"candidate": "half a \ud800 character"},
        {"status": "splendid"},
        {"status": ""},
        {"error": "a\0b"},
        {"seed": -1},
        {"seed": 2**31},
        {"seed": 6},  # not that of the configuration
        {"seed": True},
        {"validation_examples": 0, "validation_correct": 0},
        {"validation_correct": 11},
        {"validation_correct": -1},
        {"validation_correct": None},
        {"validation_examples": None},
        {"validation_correct": None, "validation_examples": None},  # it is done
        {"validation_examples": 2**31},
        {"training_correct": 21},
        {"training_examples": 0, "training_correct": 0},
        {"training_examples": None},
        {"size_bits": -24},
        {"size_bits": 0},
        {"size_bits": 25},
        {"size_bits": 32},  # not those of its artifact
        {"size_bits": None},
        {"size_bits": 2**63},
        {"artifact_sha256": None, "size_bits": None},  # it is done
        {"status": "failed", "artifact_sha256": None, "size_bits": None},  # counts of no file
        {"config": "{}"},
        {"config": ""},
        {"config": "no JSON"},
        {"config": "[]"},
        {"config": "null"},
        {"config": _DEEP},
        {"config": "1" * 5000},
        {"config": config() + " " * 70_000},
        {"config": config(recipe=[])},
        {"config": config(recipe={"float_epochs": "many"})},
        {"config": config(recipe={"float_epochs": -1})},
        {"config": config(recipe={"float_epochs": 1.5})},
        {"config": config(recipe={"quantized_epochs": True})},
        {"config": config(recipe={"batch_size": 0})},
        {"config": config(recipe={"rate_weight": float("inf")})},
        {"config": config(recipe={"rate_weight": 1e300})},
        {"config": config(recipe={"learning_rate": None})},
        {"config": config(recipe={"batch_normalisation": 1})},
        {"config": config(recipe={"optimizer": "prayer"})},
        {"config": config(seed="5")},
        {"config": config(seed=...)},
        {"config": config(engine="steam")},
        {"config": config(parent="../../etc/passwd")},
        {"config": config(move=["continue"])},
        {"config": config(move="x" * 200)},
        {"config": config(architecture="")},
        {"config": config(architecture="conv")},
        {"config": config(architecture="linear \u00b2")},
        {"config": config(architecture="linear " + "9" * 5000)},
        {"config": config(architecture=7)},
        {"config": config(architecture="\x1b[2J 4")},
        {"config": config(architecture="linear \ud800")},
        {"config": config(architecture="pool" * 3000)},
        {"config": config(architecture="linear 2; " * 2000 + "linear 2")},
    ],
    "claims": [
        *_COMMON,
        {"libraries": 7},
        {"target_accuracy": -0.1},
        {"size_bits": -24},
        {"size_bits": 8},  # not those of its artifact
        {"n_test": 0, "correct": 0},
        {"n_test": -5},
        {"correct": 10_001},
        {"correct": -1},
        {"correct": None},
        {"wilson_low": -0.1},
        {"wilson_high": 1.1},
        {"wilson_low": 0.95},  # above the high end
        {"wilson_low": float("nan")},
        {"data_digest": "d" * 64},  # no trial on that data gave the file
    ],
    "verifications": [
        *_COMMON,
        {"claim_uid": "a" * 32},
        {"claim_uid": "../../x"},
        {"outcome": "splendid"},
        {"problem": "a\0b"},
        {"n_test": None},
        {"n_test": 0, "correct": 0},
        {"correct": 10_001},
        {"data_digest": "d" * 64},  # not that of its claim
    ],
    "measurements": [
        *_MEASURED,
        {"study": "../../x"},
        {"study": "x" * 33},
        {"seed": -1},
        {"seed": 2**31},
        {"settings": "[]"},
        {"settings": ""},
        {"settings": _DEEP},
        {"settings": '{"units": NaN}'},
        {"result": "no JSON"},
        {"result": '{"loss": Infinity}'},
        {"result": None},
    ],
}

# Every one, by table; a name is shorter than what it stands for.
CASES = [(table, changes) for table, all_changes in BAD_ROWS.items() for changes in all_changes]
IDS = [
    f"{table}-{number}-{'+'.join(changes)}"
    for table, all_changes in BAD_ROWS.items()
    for number, changes in enumerate(all_changes)
]


# A column of numbers makes a number of a text, and one of texts a text of a number.
_MENDED_BY_A_DATABASE: list[Changes] = [
    {"code_version": 7},
    {"seconds": "1.5"},
    {"size_bytes": "3"},
]
# What a database, or its driver, refuses.
_REFUSED = (sa.exc.DBAPIError, UnicodeEncodeError, OverflowError)


def changed(table: str, row: dict[str, Any], changes: Changes) -> dict[str, Any]:
    """Return a row with a fault, and the hash that whoever altered it would give it."""
    altered = {**row, **changes}
    if table != "artifacts" and "row_hash" not in changes:
        with suppress(UnicodeEncodeError, TypeError):
            altered["row_hash"] = expected_row_hash(table, altered)
    return altered


def inject(ledger: Ledger, table: str, rows: Iterable[dict[str, Any]]) -> list[int | str]:
    """Insert rows as somebody does who knows nothing of minbits, and return their numbers.

    Each gets a name of its own where that is not its fault. What the database itself refuses is
    left out.
    """
    on_server = ledger.database.engine.dialect.name == "postgresql"
    numbers: list[int | str] = []
    with ledger.database.engine.connect() as connection:
        switch = "SET session_replication_role = " if on_server else "PRAGMA foreign_keys = "
        connection.exec_driver_sql(switch + ("replica" if on_server else "OFF"))
        for row in rows:
            with suppress(*_REFUSED), connection.begin_nested():
                names = ", ".join(row)
                places = ", ".join(f":{name}" for name in row)
                key = "sha256" if table == "artifacts" else "id"
                text = f"INSERT INTO {table} ({names}) VALUES ({places}) RETURNING {key}"
                numbers.append(connection.execute(sa.text(text), row).scalar_one())
        connection.commit()
        connection.exec_driver_sql(switch + ("origin" if on_server else "ON"))
        connection.commit()
    return numbers


def take_out(ledger: Ledger, table: str, number: int | str) -> None:
    """Remove a row as only its owner can: the triggers that forbid it are gone then."""
    on_server = ledger.database.engine.dialect.name == "postgresql"
    key = "sha256" if table == "artifacts" else "id"
    with ledger.database.engine.begin() as connection:
        if on_server:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        else:
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_delete")
        connection.execute(
            sa.text(f"DELETE FROM {table} WHERE {key} = :number"), {"number": number}
        )


def bad_rows_like(table: str, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every bad row of a table, each under a new name, made from a sound one."""
    for changes in BAD_ROWS[table]:
        if changes in _MENDED_BY_A_DATABASE:
            continue
        fresh: Changes = {"sha256": secrets.token_hex(32)}
        if table != "artifacts":
            fresh = {"uid": secrets.token_hex(16)}
        bad = changed(table, row, {**fresh, **changes})
        bad.pop("id", None)
        yield bad
