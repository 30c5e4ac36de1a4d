from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from minbits.ledger.location import LedgerTarget
from minbits.ledger.store import Ledger
from tests.ledger.postgres_server import PostgresServer


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> LedgerTarget:
    """Return where a ledger may be made, of each kind in turn."""
    if request.param == "sqlite":
        return tmp_path / "deep" / "ledger.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_place()


@pytest.fixture
def ledger(
    target: LedgerTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ledger]:
    # Copies of files from a server's ledger stay out of the user's own cache.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = Ledger(target)
    yield store
    store.close()
