"""Where a ledger is: a file's path, or the URL of a PostgreSQL database."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from platformdirs import user_data_path
from sqlalchemy.engine import URL

from minbits.errors import LedgerError
from minbits.ledger.secrets import shown_url

LEDGER_FILE = "ledger.sqlite"
POSTGRESQL_DRIVER = "postgresql+psycopg"
# What other programs take in the place of a URL.
_NO_PATH = re.compile(r"(?i)postgres\w*(\+\w+)?:|(.*\s)?(password|host|dbname)\s*=")
# Named in a message; whatever else stands before "://" may be a secret in the wrong place.
_OTHER_SCHEMES = {"mysql", "mariadb", "mssql", "oracle", "sqlite", "http", "https", "file"}
_EXAMPLE = f"{POSTGRESQL_DRIVER}://user@host/database"

# What names a ledger everywhere: on the command line and in the library's calls.
LedgerTarget = str | Path


def default_ledger_path() -> Path:
    """Return the ledger's place in the platform's user data directory."""
    return user_data_path("minbits") / LEDGER_FILE


def chosen_ledger(target: LedgerTarget | None) -> LedgerTarget:
    """Return the ledger that was named, or the one in the user data directory."""
    return target or default_ledger_path()


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
    if isinstance(target, Path):
        return target
    if "://" not in text:
        if _NO_PATH.match(text):
            # Not repeated: it may hold a password, and a file of this name would show it.
            raise _bad_target("a server's address that is no URL")
        return Path(text)
    try:
        url = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        # Neither the text nor the error is repeated: they may hold a password.
        raise _bad_target("a URL that cannot be read") from None
    if url.drivername in {"postgresql", "postgres", POSTGRESQL_DRIVER}:
        return url.set(drivername=POSTGRESQL_DRIVER)
    if url.drivername == "sqlite" and url.database:
        return Path(url.database)
    scheme = url.drivername.split("+")[0]
    raise _bad_target(f"a URL of {scheme if scheme in _OTHER_SCHEMES else 'something else'}")


def ledger_name(target: LedgerTarget) -> str:
    """Return how a ledger is called in what is printed: never with a password."""
    place = parse_target(target)
    return str(place) if isinstance(place, Path) else shown_url(place)


def ledger_exists(target: LedgerTarget) -> bool:
    """Return whether there is something to open: a URL is taken at its word."""
    place = parse_target(target)
    return not isinstance(place, Path) or place.exists()


def _bad_target(got: str) -> LedgerError:
    return LedgerError("`ledger`", got, f"a path or {_EXAMPLE}", "Choose another with `ledger`.")
