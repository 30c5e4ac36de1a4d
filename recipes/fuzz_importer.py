"""Fuzzes the import of exported lines: each is taken whole and sound, or refused with one error.

``python recipes/fuzz_importer.py [INPUTS]`` (100,000). An export with rows in every table is
changed at random: values of columns, fields of configurations, whole lines, bytes; of most rows the
hash is made right again, as whoever means harm would do, so that the checks behind it are met. What
is refused must have appended nothing, no row and no file. What is taken must be read again by every
reader, without a row that is passed over. Anything but `LedgerError` ends the run.
"""

from __future__ import annotations

import base64
import json
import logging
import random
import re
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minbits.errors import LedgerError
from minbits.files import sha256_hex
from minbits.ledger.front import front
from minbits.ledger.json_lines import import_json_lines, write_json_lines
from minbits.ledger.migrate import current_version
from minbits.ledger.rows import expected_row_hash
from minbits.ledger.schema import TABLES
from minbits.ledger.store import Ledger, read_ledger

INPUTS = 100_000
REPORTS = 10
# After so many inputs a ledger is read through and thrown away.
INPUTS_A_LEDGER = 50
GOLDEN = Path("tests/golden/ledgers")
RIGHT_HASH_PART = 0.8
Lines = list[dict[str, Any]]

HOSTILE: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, 2**63, 10**30,
    10**400, 0.0, -0.0, 0.5, 1.0, 1.5, 1e308, 1e-308, float("inf"), float("nan"), "", " ", "0",
    "done", "failed", "x" * 3000, "0" * 32, "0" * 64, "F" * 64, "../../etc/passwd", "a\0b",
    "\ud800", "\x1b[2J", "{}", "[]", "null", "NaN", "[" * 2000, "linear 2", "linear \u00b2",
    "linear 99999999999999999999", "conv 4 k3; linear 2", "again 9; add 7", "views 9; linear 2",
    "2026-01-01T00:00:00+00:00", "2026-01-01", "continue", "thin x", [], {}, ["x"], {"x": 1},
    [[[[]]]],
)  # fmt: skip
_MANY = re.compile(r"'?[0-9a-f]{6,}.*|(?<=row_hash ).*|^\d+(?=, as)|(?<=in the ledger ).*")


class Mutator:
    """Changes an export at random."""

    def __init__(self, lines: Lines, generator: random.Random) -> None:
        self._lines = lines
        self._random = generator

    def input(self) -> bytes:
        """Return a changed export."""
        chosen = self._random
        lines = [dict(line) for line in self._lines]
        for _ in range(chosen.choice((1, 1, 1, 2, 3))):
            change = chosen.choice(self._changes())
            change(lines)
        content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        return self._bytes(content) if chosen.random() < 0.1 else content

    def _changes(self) -> list[Callable[[Lines], None]]:
        return [
            self._value, self._value, self._value, self._config, self._config, self._swapped_value,
            self._file, self._line, self._number,
        ]  # fmt: skip

    def _row(self, lines: Lines) -> dict[str, Any]:
        return self._random.choice(lines) if lines else {}

    def _value(self, lines: Lines) -> None:
        row = self._row(lines)
        if row:
            row[self._random.choice(list(row))] = self._random.choice(HOSTILE)
            self._hash(row)

    def _number(self, lines: Lines) -> None:
        row = self._row(lines)
        names = [name for name, value in row.items() if isinstance(value, int | float)]
        if names:
            name = self._random.choice(names)
            row[name] += self._random.choice((-1, 1, 8, -8, 0.5, row[name]))
            self._hash(row)

    def _swapped_value(self, lines: Lines) -> None:
        """Put a value of one row into another: a digest, a uid, a count that stands somewhere."""
        one, other = self._row(lines), self._row(lines)
        names = [name for name in one if name in other]
        if names:
            name = self._random.choice(names)
            one[name] = other[name]
            self._hash(one)

    def _config(self, lines: Lines) -> None:
        rows = [row for row in lines if isinstance(row.get("config"), str)]
        if not rows:
            return
        row = self._random.choice(rows)
        try:
            config = json.loads(row["config"])
        except (ValueError, RecursionError):
            return
        place = config
        if isinstance(config, dict) and isinstance(config.get("recipe"), dict):
            place = self._random.choice((config, config["recipe"], config["recipe"]))
        if not isinstance(place, dict) or not place:
            return
        name = self._random.choice(list(place))
        if self._random.random() < 0.2:
            del place[name]
        else:
            place[name] = self._random.choice(HOSTILE)
        row["config"] = json.dumps(config)
        self._hash(row)

    def _file(self, lines: Lines) -> None:
        """Change an artifact's content; sometimes with all that names it, as if it had been so."""
        rows = [row for row in lines if isinstance(row.get("content"), str)]
        if not rows:
            return
        row = self._random.choice(rows)
        content = self._random.randbytes(self._random.choice((0, 1, 3, 40)))
        before, after = row.get("sha256"), sha256_hex(content)
        row["content"] = base64.b64encode(content).decode()
        if self._random.random() < 0.6:
            row.update(sha256=after, size_bytes=len(content))
        if self._random.random() < 0.6:
            for other in lines:
                if other.get("artifact_sha256") == before:
                    other["artifact_sha256"] = after
                    if "size_bits" in other:
                        other["size_bits"] = 8 * len(content)
                    self._hash(other)

    def _line(self, lines: Lines) -> None:
        """Leave a line out, write one twice, or move one."""
        if not lines:
            return
        place = self._random.randrange(len(lines))
        kind = self._random.randrange(4)
        if kind == 0:
            lines.pop(place)
        elif kind == 1:
            lines.insert(self._random.randrange(len(lines) + 1), dict(lines[place]))
        elif kind == 2:
            lines.insert(self._random.randrange(len(lines)), lines.pop(place))
        else:
            lines[place] = self._random.choice(({}, {"table": "trials"}, dict(lines[0])))

    def _hash(self, row: dict[str, Any]) -> None:
        """Make a row's hash right again, as whoever altered it can."""
        table = row.get("table")
        if not isinstance(table, str) or table not in TABLES or "row_hash" not in row:
            return
        if self._random.random() < RIGHT_HASH_PART:
            try:
                row["row_hash"] = expected_row_hash(table, row)
            except (UnicodeEncodeError, KeyError):
                return

    def _bytes(self, content: bytes) -> bytes:
        found = bytearray(content)
        for _ in range(self._random.choice((1, 1, 2, 5))):
            place = self._random.randrange(len(found) + 1)
            kind = self._random.randrange(3)
            if kind == 0:
                found[place:place] = self._random.randbytes(self._random.choice((1, 2, 9)))
            elif kind == 1:
                del found[place : place + self._random.choice((1, 5, 500))]
            elif place < len(found):
                found[place] ^= 1 << self._random.randrange(8)
        return bytes(found)


class Warnings(logging.Handler):
    """Counts rows that readers pass over."""

    count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        self.count += "is passed over" in record.getMessage()


def base_lines(folder: Path) -> Lines:
    """Return an export of golden ledgers: trials of every status, claims, verifications."""
    made = Ledger(folder / "base.sqlite")
    for version in ("0003", current_version()):
        reader = read_ledger(GOLDEN / version / "ledger.sqlite")
        write_json_lines(reader, folder / "golden.jsonl")
        reader.close()
        import_json_lines(folder / "golden.jsonl", made)
    write_json_lines(made, folder / "all.jsonl")
    made.close()
    return [json.loads(line) for line in (folder / "all.jsonl").read_text().splitlines()]


def state_of(ledger: Ledger, artifacts: Path) -> tuple[int, ...]:
    """Return how many rows there are, table by table, and how many files."""
    files = sum(path.is_file() for path in artifacts.rglob("*")) if artifacts.exists() else 0
    return (*(ledger.row_count(table) for table in TABLES), files)


def require(condition: bool, otherwise: str) -> None:
    """End the run where something does not hold."""
    if not condition:
        raise AssertionError(otherwise)


def read_through(ledger: Ledger, folder: Path, warnings: Warnings) -> None:
    """Ask a ledger all that it can be asked; none of its rows may be a bad one."""
    for table in TABLES:
        require(len(ledger.rows(table)) == ledger.row_count(table), f"a bad row of {table}")
    for digest in {row["data_digest"] for row in ledger.rows("trials")}:
        for outcome in ledger.trial_outcomes(digest):
            accuracy = outcome.validation_accuracy
            require(accuracy is None or 0 <= accuracy <= 1, f"accuracy {accuracy}")
        ledger.files_to_claim(digest, 0.5, float("inf"))
        ledger.test_accuracies(digest)
    front(ledger, None, None)
    require(ledger.faulty_rows() == [], "a faulty row")
    write_json_lines(ledger, folder / "again.jsonl")
    again = Ledger(folder / "again" / "ledger.sqlite")
    import_json_lines(folder / "again.jsonl", again)
    again.close()
    shutil.rmtree(folder / "again")
    require(warnings.count == 0, "a row that was passed over")


def main() -> None:
    """Change, import, compare; print what came out."""
    inputs = int(sys.argv[1]) if len(sys.argv) > 1 else INPUTS
    counts: Counter[str] = Counter()
    longest = 0.0
    start = time.monotonic()
    warnings = Warnings()
    logger = logging.getLogger("minbits.ledger.queries")
    logger.addHandler(warnings)
    logger.propagate = False
    with tempfile.TemporaryDirectory(prefix="minbits-fuzz-") as name:
        folder = Path(name)
        mutator = Mutator(base_lines(folder), random.Random(4))
        path, place = folder / "input.jsonl", folder / "target" / "ledger.sqlite"
        artifacts = place.parent / "ledger-artifacts"
        ledger = Ledger(place)
        for number in range(1, inputs + 1):
            path.write_bytes(mutator.input())
            before = state_of(ledger, artifacts)
            moment = time.perf_counter()
            try:
                import_json_lines(path, ledger)
                counts["taken"] += 1
            except LedgerError as error:
                counts["refused"] += 1
                # Of digests and numbers there are many.
                counts[f"expected {_MANY.sub('…', error.expected)[:48]}"] += 1
                require(state_of(ledger, artifacts) == before, f"{error}: something was appended")
                text = str(error)
                require(text.isprintable() and len(text) < 2000, "a message that cannot be shown")
            longest = max(longest, time.perf_counter() - moment)
            # A ledger that took a bad twin of a row refuses the row from then on, and nearly every
            # input with it: so none is kept for long.
            if number % INPUTS_A_LEDGER == 0:
                read_through(ledger, folder, warnings)
                ledger.close()
                shutil.rmtree(place.parent)
                ledger = Ledger(place)
            if number % (inputs // REPORTS) == 0:
                seconds = time.monotonic() - start
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(
                    f"{number:,} inputs in {seconds:,.0f} s: {counts['taken']:,} taken, "
                    f"{counts['refused']:,} refused; longest {longest:.2f} s, {peak:,.0f} MB",
                    flush=True,
                )
        read_through(ledger, folder, warnings)
        ledger.close()
    print("what was expected instead, of the most frequent:")
    for reason, count in counts.most_common(42):
        if reason.startswith("expected "):
            print(f"  {count:,}: {reason.removeprefix('expected ')}")
    print("nothing else than LedgerError; no refused input appended anything; no row passed over")


if __name__ == "__main__":
    main()
