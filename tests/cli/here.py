"""The command line run in this process: a fresh one takes seconds to import everything."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from minbits.cli.app import main
from tests.cli.json_schemas import check_output


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Here:
    """Runs ``minbits`` in this process."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: object, cwd: Path | None = None) -> Done:
        self.monkeypatch.setattr(sys, "argv", ["minbits", *map(str, arguments)])
        if cwd is not None:
            self.monkeypatch.chdir(cwd)
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        assert isinstance(code, int)
        done = Done(code, *self.capsys.readouterr())
        check_output(arguments, done.stdout)
        return done
