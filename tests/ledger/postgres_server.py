"""A real PostgreSQL server for the tests, from Debian's package, on a socket of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg

PATIENCE_SECONDS = 60.0
USER = "minbits"


def server_binaries() -> Path | None:
    """Return the folder of the newest installed server's programs, or None."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if found:
        return max(found, key=lambda folder: float(folder.parent.name))
    tool = shutil.which("initdb")
    return None if tool is None else Path(tool).resolve().parent


class PostgresServer:
    """A server in a temporary folder, which ends with the process that started it."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        # Not in pytest's folder: the server's user may not look into root's.
        self.folder = Path(tempfile.mkdtemp(prefix="minbits-postgres-"))
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
            self._as_user = [
                "setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups",
            ]  # fmt: skip
        self._data = self.folder / "data"
        self._names = count(1)
        subprocess.run(
            [
                *self._as_user, str(binaries / "initdb"), "-D", str(self._data), "-U", USER,
                "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
            ],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        self._process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server and wait until it answers."""
        as_user = [*self._as_user, "--pdeathsig=QUIT"] if self._as_user else []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *as_user, str(self._binaries / "postgres"), "-D", str(self._data),
                    "-k", str(self.folder), "-c", "listen_addresses=", "-c", "fsync=off",
                ],
                stdout=log, stderr=log, cwd="/",
            )  # fmt: skip
        patience = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < patience
                time.sleep(0.05)
            else:
                return self._process

    def stop(self) -> None:
        """End the server and all its connections at once, as a crash does."""
        self._process.send_signal(3)  # SIGQUIT: immediate shutdown
        self._process.wait(PATIENCE_SECONDS)

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def execute(self, statement: str) -> None:
        """Run one statement."""
        place = f"host={self.folder} user={USER} dbname=postgres"
        with psycopg.connect(place, autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def new_place(self, name: str = "") -> str:
        """Make an empty schema, and return a URL that leads to it."""
        name = name or f"ledger{next(self._names)}"
        self.execute(f"CREATE SCHEMA {name}")
        path = f"options=-csearch_path%3D{name}"
        return f"postgresql+psycopg://{USER}@/postgres?host={self.folder}&{path}"
