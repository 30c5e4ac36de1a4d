"""``minbits ledger export``, ``import``, ``merge`` and ``prune``: rows and files in and out."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from minbits.claims.outputs import kept_files
from minbits.claims.published_file import Adopted, adopt_file, read_card
from minbits.cli.commands import command
from minbits.cli.data_options import DataOptions
from minbits.cli.ledger_options import LedgerTable, existing_ledger
from minbits.cli.output import JsonOptions, console, print_json
from minbits.data.families import is_named
from minbits.errors import ArgumentError
from minbits.files import check_outputs
from minbits.jobs.shared_options import LedgerOptions, SlowOptions
from minbits.ledger.artifacts import SUFFIX
from minbits.ledger.exchange import LedgerSource, Taken, take
from minbits.ledger.json_lines import import_json_lines, write_json_lines
from minbits.ledger.location import chosen_ledger, ledger_name
from minbits.ledger.prune import prune as prune_files
from minbits.ledger.store import open_ledger, read_ledger
from minbits.ledger.table_files import TABLE_WRITERS, write_table

JSON_LINES = ".jsonl"

exchange_app = typer.Typer(rich_markup_mode=None)


@exchange_app.command()
@command
def export(
    out: Annotated[Path, typer.Argument(help="A name that ends in .jsonl, .csv or .parquet.")],
    table: Annotated[
        LedgerTable, typer.Option(help="Which table; .jsonl takes all of them.")
    ] = LedgerTable.trials,
    files: Annotated[
        bool, typer.Option("--files/--no-files", help="The artifacts' bytes too, in .jsonl.")
    ] = True,
    *,
    place: LedgerOptions,
    show: JsonOptions,
) -> None:
    """Write the whole ledger as JSON lines, or one table as CSV or Parquet.

    Example: minbits ledger export everything.jsonl
    """
    suffix = out.suffix.lower()
    if suffix != JSON_LINES and suffix not in TABLE_WRITERS:
        expected = f"a name that ends in {JSON_LINES}, {' or '.join(TABLE_WRITERS)}"
        raise ArgumentError("OUT", str(out), expected, "Name another file.")
    check_outputs({"OUT": out}, kept_files(chosen_ledger(place.ledger)))
    with read_ledger(chosen_ledger(place.ledger)) as reader:
        if suffix == JSON_LINES:
            counts = write_json_lines(reader, out, files)
        else:
            counts = {table.value: write_table(reader, table.value, out)}
    if show.json:
        print_json({"file": str(out), "rows": counts})
        return
    rows = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    console().print(f"{out}: {rows}", soft_wrap=True)


@exchange_app.command("import")
@command
def import_file(
    file: Annotated[
        Path,
        typer.Argument(help="JSON lines that `export` wrote, or a .mbn file with its card beside."),
    ],
    data: Annotated[
        str | None,
        typer.Option(
            help="The data set of a .mbn file, as a path.", show_default="as its card says"
        ),
    ] = None,
    *,
    source: DataOptions,
    slow: SlowOptions,
    place: LedgerOptions,
    show: JsonOptions,
) -> None:
    """Append the rows and files of exported JSON lines that the ledger does not have.

    Every line is checked before the first one is appended.

    Of a network file, the trial on its card is appended, and a claim: a fresh process decodes the
    file and runs the test set, which must give what the card says. Searches then start from it.

    Example: minbits ledger import records/mnist-99.mbn
    """
    if file.suffix.lower() == SUFFIX:
        card = read_card(file)
        name = data or card.data_name
        if data is None and not is_named(name):  # a card names no path to be opened
            raise ArgumentError(
                "--data", "nothing", f"the data set of the file, '{name}' on its card",
                "Give its path.",
            )  # fmt: skip
        own = source.load(name)
        with open_ledger(chosen_ledger(place.ledger)) as store:
            adopted = adopt_file(file, card, own, store, slow.allow_slow)
        _tell_adopted(adopted, file, store.name, show.json)
        return
    if data is not None or source != DataOptions():
        raise ArgumentError(
            "--data", "an option of data sets", f"a FILE that ends in {SUFFIX}", "Leave it out."
        )
    with open_ledger(chosen_ledger(place.ledger)) as store:
        taken = import_json_lines(file, store)
    _tell(taken, str(file), store.name, show.json)


@exchange_app.command()
@command
def merge(
    source: Annotated[str, typer.Argument(help="The ledger to take from: a file or a URL.")],
    *,
    place: LedgerOptions,
    show: JsonOptions,
) -> None:
    """Append the rows and files of another ledger that this one does not have.

    The other one stays as it is. Merging twice finds nothing to do.

    Example: minbits ledger merge laptop.sqlite --ledger postgresql+psycopg://me@db/team
    """
    with read_ledger(source) as reader, open_ledger(chosen_ledger(place.ledger)) as store:
        taken = take(LedgerSource(reader), store)
    _tell(taken, reader.name, store.name, show.json)


def _tell_adopted(adopted: Adopted, file: Path, target: str, as_json: bool) -> None:
    found = adopted.verification
    if as_json:
        print_json(
            {
                "trial_is_new": adopted.trial_is_new,
                "claim_is_new": adopted.claim_is_new,
                "verification": dataclasses.asdict(found),
            }
        )
        return
    new = [
        name
        for name, is_new in (("trial", adopted.trial_is_new), ("claim", adopted.claim_is_new))
        if is_new
    ]
    console().print(
        f"{file} into {target}: {found.size_bits:,} bits, {found.correct:,} of {found.n_test:,} "
        f"test examples right, as its card says; {' and '.join(new) or 'nothing'} new",
        soft_wrap=True,
    )


def _tell(taken: Taken, source: str, target: str, as_json: bool) -> None:
    if as_json:
        print_json({"new": taken.new, "known": taken.known, "lost_artifacts": taken.lost})
        return
    new = ", ".join(f"{count:,} {name}" for name, count in taken.new.items())
    out = console()
    out.print(
        f"{source} into {target}: {new} new; {sum(taken.known.values()):,} rows were known",
        soft_wrap=True,
    )
    for sha256, problem in taken.lost.items():
        out.print(f"artifact {sha256} could not be taken along: {problem}", soft_wrap=True)


@exchange_app.command()
@command
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list them.")] = False,
    *,
    place: LedgerOptions,
    show: JsonOptions,
) -> None:
    """Remove files beside the ledger that no row names, and what cut-short writes left.

    Rows are never removed.

    Example: minbits ledger prune --dry-run
    """
    target = existing_ledger(place.ledger)
    with open_ledger(target) as store:
        found = prune_files(store, dry_run)
    if show.json:
        plain = [
            {"path": str(item.path), "size_bytes": item.size_bytes, "reason": item.reason}
            for item in found
        ]
        print_json({"removed": not dry_run, "files": plain})
        return
    for item in found:
        console().print(f"{item.path}: {item.size_bytes:,} bytes, {item.reason}", soft_wrap=True)
    size = sum(item.size_bytes for item in found)
    verb = "would be removed" if dry_run else "removed"
    console().print(
        f"{len(found)} files of {size:,} bytes {verb} beside {ledger_name(target)}", soft_wrap=True
    )
