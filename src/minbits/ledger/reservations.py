"""Seeds that a process has reserved, so that several do not run the same trials.

A reservation only saves work: where one is lost, two processes run the same trial, and both rows
are kept. So nothing else depends on it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from minbits.errors import LedgerError
from minbits.ledger.config_check import MAX_INTEGER
from minbits.ledger.row_checks import is_uid
from minbits.ledger.rows import now
from minbits.ledger.running import Runs
from minbits.ledger.schema import RESERVATIONS, TRIALS

# Seeds are looked through in windows that grow, since a ledger may have a million trials.
_MIN_WINDOW = 64
_MAX_WINDOW = 16_384
# Any number, the same in every version: whoever reserves on a server holds this lock.
_SERVER_LOCK = 7_021_988_432
_SERVER_LOCK_MILLISECONDS = 10_000


@dataclass(frozen=True)
class SeedRequest:
    """What is to be reserved.

    Attributes:
        data_digest: of the data set that the trials are on.
        first: the least seed that is wanted.
        count: how many.
        run: for whom, 32 hexadecimal digits.
        given: those that the run has been given already.
    """

    data_digest: str
    first: int
    count: int
    run: str
    given: Collection[int] = ()


def reserve_seeds(connection: Connection, request: SeedRequest, runs: Runs, name: str) -> list[int]:
    """Reserve the smallest free seeds, within a transaction that writes; see `Ledger`.

    Doing it twice gives the same seeds: what the run has reserved and was not given is free to it.

    Raises:
        LedgerError: if there are not so many.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_SERVER_LOCK_MILLISECONDS}")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SERVER_LOCK)))
    found: list[int] = []
    low, window = request.first, max(_MIN_WINDOW, 2 * request.count)
    while len(found) < request.count:
        if low > MAX_INTEGER:
            raise LedgerError(
                f"ledger {name}", f"fewer than {request.count} free seeds from {request.first} on",
                f"some up to {MAX_INTEGER}", "Give a smaller `seed`.",
            )  # fmt: skip
        seeds = range(low, min(low + window, MAX_INTEGER + 1))
        free = _free(connection, request, runs, seeds)[: request.count - len(found)]
        _reserve(connection, request, free)
        found += [seed for seed, _ in free]
        low, window = seeds.stop, min(2 * window, _MAX_WINDOW)
    return found


def _free(
    connection: Connection, request: SeedRequest, runs: Runs, seeds: range
) -> list[tuple[int, int]]:
    """Return the free seeds of a window, each with the turn to reserve it by; 0: it is ours."""
    used = _used(connection, request.data_digest, seeds)
    reserved = _reserved(connection, request.data_digest, seeds)
    others = {run for _, run in reserved.values() if run is not None} - {request.run}
    alive = runs.alive(connection, others)
    free: list[tuple[int, int]] = []
    for seed in seeds:
        turn, run = reserved.get(seed, (0, None))
        if seed in used or run in alive or turn == MAX_INTEGER:
            continue
        if run == request.run and seed in request.given:
            continue
        free.append((seed, 0 if run == request.run else turn + 1))
    return free


def _reserve(connection: Connection, request: SeedRequest, free: Sequence[tuple[int, int]]) -> None:
    rows = [
        {
            "data_digest": request.data_digest,
            "seed": seed,
            "turn": turn,
            "run": request.run,
            "created_at": now(),
        }
        for seed, turn in free
        if turn
    ]
    if rows:
        connection.execute(sa.insert(RESERVATIONS), rows)


def _used(connection: Connection, data_digest: str, seeds: range) -> set[int]:
    query = sa.select(TRIALS.c.seed).where(
        TRIALS.c.data_digest == data_digest,
        TRIALS.c.seed >= seeds.start,
        TRIALS.c.seed <= seeds[-1],
    )
    return set(connection.execute(query).scalars())


def _reserved(
    connection: Connection, data_digest: str, seeds: range
) -> dict[int, tuple[int, str | None]]:
    """Return of each reserved seed the last turn, and the run that has it.

    Rows that minbits did not write reserve nothing: only a seed without a further turn is lost.
    """
    query = sa.select(RESERVATIONS.c.seed, RESERVATIONS.c.turn, RESERVATIONS.c.run).where(
        RESERVATIONS.c.data_digest == data_digest,
        RESERVATIONS.c.seed >= seeds.start,
        RESERVATIONS.c.seed <= seeds[-1],
    )
    found: dict[int, tuple[int, str | None]] = {}
    for seed, turn, run in connection.execute(query.order_by(RESERVATIONS.c.turn)):
        last = turn if isinstance(turn, int) and turn < MAX_INTEGER else MAX_INTEGER
        found[seed] = (max(0, last), run if is_uid(run) else None)
    return found
