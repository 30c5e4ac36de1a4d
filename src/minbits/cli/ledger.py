"""``minbits ledger``: what was tried and claimed, and whether it still holds."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from minbits.claims.ledger_verification import LedgerVerification, verify_ledger
from minbits.cli.commands import command
from minbits.cli.data_options import DataOptions
from minbits.cli.flags import with_flags
from minbits.cli.ledger_exchange import exchange_app
from minbits.cli.ledger_options import LedgerTable, existing_ledger
from minbits.cli.output import (
    EXIT_NOT_REACHED,
    JsonOptions,
    ShowOptions,
    console,
    print_json,
    print_lines,
    print_table,
)
from minbits.errors import ArgumentError
from minbits.jobs.shared_options import LedgerOptions, SlowOptions
from minbits.ledger.front import front
from minbits.ledger.location import chosen_ledger, ledger_exists, ledger_name
from minbits.ledger.queries import no_such_row
from minbits.ledger.rows import Row, VerificationEntry
from minbits.ledger.store import open_ledger, read_ledger
from minbits.plain_text import shortened, visible

_ROWS_SHOWN = 50

ledger_app = typer.Typer(
    help=(
        "The ledger: every trial, artifact, claim and verification, append-only. "
        "Example: minbits ledger best"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
)
ledger_app.add_typer(exchange_app)


DataNameOption = Annotated[
    str | None, typer.Option("--data", help="Only rows of the data set of this name.")
]


def _counts(correct: int | None, examples: int | None) -> str:
    if correct is None or not examples:
        return ""
    return f"{correct:,} of {examples:,} ({100 * correct / examples:.2f} %)"


def _percent(correct: int | None, examples: int | None) -> str:
    return "" if correct is None or not examples else f"{100 * correct / examples:.2f} %"


def _when(row: Row) -> str:
    """Return the UTC time of a row to the minute; the whole of it is shown by ``show``."""
    return str(row["created_at"])[:16].replace("T", " ")


def _bits(row: Row) -> str:
    return "" if row["size_bits"] is None else f"{row['size_bits']:,}"


def _trial_cells(row: Row) -> list[str]:
    validation = _percent(row["validation_correct"], row["validation_examples"])
    error = "" if row["error"] is None else f": {with_flags(row['error'])}"
    return [
        str(row["id"]), _when(row), row["data_name"], row["status"], str(row["seed"]),
        f"{row['seconds']:.1f}", _bits(row), validation, row["candidate"] + error,
    ]  # fmt: skip


def _claim_cells(row: Row) -> list[str]:
    return [
        str(row["id"]), _when(row), row["data_name"], f"{100 * row['target_accuracy']:g} %",
        _bits(row), _counts(row["correct"], row["n_test"]), row["artifact_sha256"][:16],
    ]  # fmt: skip


def _best_cells(row: Row) -> list[str]:
    return [
        str(row["id"]), _when(row), row["data_name"], f"{100 * row['claimable_accuracy']:.2f} %",
        _bits(row), f"{100 * row['validation_accuracy']:.2f} %",
        _counts(row["correct"], row["n_test"]), row["inputs"], row["artifact_sha256"][:16],
    ]  # fmt: skip


def _artifact_cells(row: Row) -> list[str]:
    return [row["sha256"], f"{row['size_bytes']:,}", _when(row)]


def _verification_cells(row: Row) -> list[str]:
    return [
        str(row["id"]), _when(row), row["data_name"], row["outcome"],
        _counts(row["correct"], row["n_test"]), row["artifact_sha256"][:16],
        with_flags(row["problem"] or ""),
    ]  # fmt: skip


def _measurement_cells(row: Row) -> list[str]:
    return [
        str(row["id"]), _when(row), row["data_name"], row["study"], str(row["seed"]),
        f"{row['seconds']:.1f}", shortened(row["settings"], _MAX_SHOWN),
        shortened(row["result"], _MAX_SHOWN),
    ]  # fmt: skip


_MAX_SHOWN = 60  # characters
_Columns = list[tuple[str, str]]
_TRIAL_COLUMNS: _Columns = [
    ("row", "right"), ("when", "whole"), ("data", "left"), ("status", "left"), ("seed", "right"),
    ("seconds", "right"), ("bits", "right"), ("validation", "right"), ("what", "left"),
]  # fmt: skip
_CLAIM_COLUMNS: _Columns = [
    ("row", "right"), ("when", "whole"), ("data", "left"), ("target", "right"), ("bits", "right"),
    ("test", "right"), ("file", "whole"),
]  # fmt: skip
_BEST_COLUMNS: _Columns = [
    ("row", "right"), ("when", "whole"), ("data", "left"), ("claimable at", "right"),
    ("bits", "right"), ("validation", "right"), ("test", "right"), ("inputs", "whole"),
    ("file", "whole"),
]  # fmt: skip
_ARTIFACT_COLUMNS: _Columns = [("SHA-256", "whole"), ("bytes", "right"), ("when", "whole")]
_VERIFICATION_COLUMNS: _Columns = [
    ("row", "right"), ("when", "whole"), ("data", "left"), ("outcome", "whole"),
    ("test", "right"), ("file", "whole"), ("problem", "left"),
]  # fmt: skip
_MEASUREMENT_COLUMNS: _Columns = [
    ("row", "right"), ("when", "whole"), ("data", "left"), ("study", "left"), ("seed", "right"),
    ("seconds", "right"), ("settings", "left"), ("result", "left"),
]  # fmt: skip
_LAYOUTS = {
    LedgerTable.trials: (_TRIAL_COLUMNS, _trial_cells),
    LedgerTable.claims: (_CLAIM_COLUMNS, _claim_cells),
    LedgerTable.artifacts: (_ARTIFACT_COLUMNS, _artifact_cells),
    LedgerTable.verifications: (_VERIFICATION_COLUMNS, _verification_cells),
    LedgerTable.measurements: (_MEASUREMENT_COLUMNS, _measurement_cells),
}


@ledger_app.command("list")
@command
def list_rows(
    table: Annotated[LedgerTable, typer.Argument(help="What to list.")] = LedgerTable.claims,
    data: DataNameOption = None,
    last: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="How many rows, the newest ones.",
            show_default=f"{_ROWS_SHOWN}; all as JSON",
        ),
    ] = None,
    *,
    place: LedgerOptions,
    show: JsonOptions,
) -> None:
    """List claims, trials (failed ones too), artifacts, verifications or measurements.

    Example: minbits ledger list trials --data mnist --last 20
    """
    target = chosen_ledger(place.ledger)
    rows: list[Row] = []
    count = 0
    if ledger_exists(target):  # before the first run there is none, and it holds no rows
        with read_ledger(target) as reader:
            most = last if last is not None or show.json else _ROWS_SHOWN
            rows = reader.latest(table.value, data, most)
            count = reader.row_count(table.value)
    if show.json:
        print_json(rows)
        return
    columns, cells = _LAYOUTS[table]
    title = f"{len(rows):,} of {count:,} {table.value} in {ledger_name(target)}"
    print_table(title, columns, [cells(row) for row in rows])


@ledger_app.command()
@command
def best(
    data: DataNameOption = None,
    accuracy: Annotated[
        float | None,
        typer.Option(help="The smallest file that reaches this.", show_default="every accuracy"),
    ] = None,
    *,
    place: LedgerOptions,
    show: JsonOptions,
) -> None:
    """Show the smallest claimed files: of each data set, those that no smaller one beats.

    A file can be claimed at any accuracy that it has on validation and on the test set. Networks
    that see raw inputs and those behind a front end are two classes, side by side. Files that
    are missing or damaged, or that a verification contradicted, are passed over. `minbits ledger
    verify` runs them all again.
    Exit code 1 says that there is none.

    Example: minbits ledger best --data mnist --accuracy 0.98
    """
    if accuracy is not None and not 0 < accuracy <= 1:
        raise ArgumentError("--accuracy", str(accuracy), "above 0 and at most 1", "Give another.")
    target = chosen_ledger(place.ledger)
    with read_ledger(target) as reader:
        rows = front(reader, data, accuracy)
    if show.json:
        print_json(rows)
    else:
        print_table(
            f"Smallest files in {ledger_name(target)}",
            _BEST_COLUMNS,
            [_best_cells(row) for row in rows],
        )
    if not rows:
        raise typer.Exit(EXIT_NOT_REACHED)


@ledger_app.command()
@command
def show(
    table: Annotated[LedgerTable, typer.Argument(help="Of which table.")],
    row: Annotated[str, typer.Argument(help="A row's number, or the start of its uid or digest.")],
    *,
    place: LedgerOptions,
    show: JsonOptions,
) -> None:
    """Show all that is known of one row: configuration, code, libraries, machine, file.

    Example: minbits ledger show trials 12
    """
    with read_ledger(chosen_ledger(place.ledger)) as reader:
        found = reader.find(table.value, row)
        if len(found) > 1:
            raise ArgumentError(
                f"ledger {table.value}", f"{row!r}, which {len(found)} rows start with",
                "one row", "Give more of its digits.",
            )  # fmt: skip
        if not found:
            raise no_such_row(table.value, row)
        facts = _facts(found[0])
        sha256 = facts.get("artifact_sha256", facts.get("sha256"))
        if sha256 is not None:
            facts["file"] = str(reader.artifacts.path(sha256))
            lacking = reader.artifacts.lacking([sha256])
            facts["file_is_whole"] = not lacking
    if show.json:
        print_json(facts)
        return
    for name, value in facts.items():
        text = json.dumps(value, indent=2) if isinstance(value, dict) else visible(str(value))
        print_lines(f"{name}: {text}")


def _facts(row: Row) -> dict[str, Any]:
    """Return a row with its JSON columns as what they stand for."""
    nested = ("config", "libraries", "machine")
    return {
        name: json.loads(value) if name in nested and value is not None else value
        for name, value in row.items()
    }


@ledger_app.command()
@command
def verify(
    data: Annotated[
        list[str] | None,
        typer.Option(help="A data set that is not built in, as a path; may be repeated."),
    ] = None,
    *,
    source: DataOptions,
    place: LedgerOptions,
    slow: SlowOptions,
    show: ShowOptions,
) -> None:
    """Decode every claimed file in a fresh process, run its test set again, and record the outcome.

    Artifacts and rows are hashed again, too. Exit code 1 says that something was not confirmed.

    Example: minbits ledger verify --data my.csv --label species
    """
    given = [source.load(name) for name in data or ()]
    with open_ledger(existing_ledger(place.ledger)) as store:
        show_entry = _ignore if show.json or show.quiet else _print_entry
        found = verify_ledger(store, given, show_entry, slow.allow_slow)
    if show.json:
        print_json(_plain_verification(found))
    else:
        _print_verification(found)
    if not found.is_good:
        raise typer.Exit(EXIT_NOT_REACHED)


def _ignore(entry: VerificationEntry) -> None:
    pass


def _print_entry(entry: VerificationEntry) -> None:
    claim = entry.claim
    problem = f": {with_flags(entry.problem)}" if entry.problem else ""
    console().print(
        f"claim {claim['id']}, {claim['data_name']}, {claim['size_bits']:,} bits, "
        f"{_counts(claim['correct'], claim['n_test'])}: {entry.outcome}{problem}",
        soft_wrap=True,
    )  # fmt: skip


def _plain_verification(found: LedgerVerification) -> dict[str, Any]:
    return {
        "is_good": found.is_good,
        "claims": [
            {
                "claim": entry.claim["id"],
                "claim_uid": entry.claim["uid"],
                "data": entry.claim["data_name"],
                "artifact_sha256": entry.claim["artifact_sha256"],
                "outcome": entry.outcome,
                "problem": entry.problem,
                "seconds": round(entry.seconds, 3),
            }
            for entry in found.entries
        ],
        "artifacts": found.artifacts,
        "damaged_artifacts": found.damaged,
        "altered_rows": list(found.altered),
    }


def _print_verification(found: LedgerVerification) -> None:
    outcomes = [entry.outcome for entry in found.entries]
    counts = ", ".join(f"{outcomes.count(name)} {name}" for name in sorted(set(outcomes)))
    out = console()
    out.print(f"{len(outcomes)} claims verified" + (f": {counts}" if counts else ""))
    out.print(f"{found.artifacts:,} artifacts hashed, {len(found.damaged)} missing or damaged")
    for sha256, problem in found.damaged.items():
        out.print(f"artifact {sha256}: {problem}", soft_wrap=True)
    out.print(f"rows hashed, {len(found.altered)} altered")
    for name in found.altered:
        out.print(f"altered: {name}", soft_wrap=True)
