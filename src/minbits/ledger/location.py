"""Where a ledger is: a file's path, or the URL of a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from platformdirs import user_data_path
from sqlalchemy.engine import URL

from minbits.errors import LedgerError

LEDGER_FILE = "ledger.sqlite"
POSTGRESQL_DRIVER = "postgresql+psycopg"
_EXAMPLE = f"{POSTGRESQL_DRIVER}://user@host/database"

# What names a ledger everywhere: on the command line and in the library's calls.
LedgerTarget = str | Path


def default_ledger_path() -> Path:
    """Return the ledger's place in the platform's user data directory."""
    return user_data_path("minbits") / LEDGER_FILE


def parse_target(target: LedgerTarget) -> Path | URL:
    """Return the path of a ledger's file, or the URL of its database.

    ``postgresql://`` and ``postgres://`` stand for ``postgresql+psycopg://``; ``sqlite:///PATH``
    for the path.

    Raises:
        LedgerError: if it is neither.
    """
    text = str(target)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _bad_target(f"{text}, which is not UTF-8") from error
    if isinstance(target, Path) or "://" not in text:
        return Path(text)
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        # The text is not repeated: it may hold a password.
        raise _bad_target("a URL that cannot be read") from error
    if url.drivername in {"postgresql", "postgres", POSTGRESQL_DRIVER}:
        return url.set(drivername=POSTGRESQL_DRIVER)
    if url.drivername == "sqlite" and url.database:
        return Path(url.database)
    raise _bad_target(f"a URL of {url.drivername}")


def ledger_name(target: LedgerTarget) -> str:
    """Return how a ledger is called in what is printed: never with a password."""
    place = parse_target(target)
    return str(place) if isinstance(place, Path) else place.render_as_string(hide_password=True)


def ledger_exists(target: LedgerTarget) -> bool:
    """Return whether there is something to open: a URL is taken at its word."""
    place = parse_target(target)
    return not isinstance(place, Path) or place.exists()


def _bad_target(got: str) -> LedgerError:
    return LedgerError("--ledger", got, f"a path or {_EXAMPLE}", "Choose another with --ledger.")
