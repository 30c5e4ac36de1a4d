"""Disks that are full or read-only."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from minbits.child_processes import python_command
from minbits.ledger.migrate import current_version, known_versions
from tests.cli.here import Here
from tests.faults.runs import Runner, assert_whole, reading

GOLDEN = Path(__file__).parent.parent / "golden" / "ledgers"


def mount(*arguments: str) -> None:
    """Mount something, or skip: as root under CI nothing is skipped."""
    if os.geteuid() != 0:
        pytest.skip("mounting file systems takes root")
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = f"mount {' '.join(arguments)}: {done.stderr}"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that is a file system of 1 MiB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=1m", "minbits-test", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_ends_the_search_and_loses_nothing(runner: Runner, disk: Path) -> None:
    ledger = disk / "ledger.sqlite"
    full = runner.search(ledger, "--trials", 1_000_000)
    assert full.wait() == 2, full.text()
    last = full.text().strip().splitlines()[-1]
    assert last.startswith("minbits: ")
    assert f"no space left on the disk that holds {disk}" in last
    assert "Traceback" not in full.text()
    rows = assert_whole(ledger)
    assert set(full.rows_told()) == rows != set()

    again = runner.search(ledger, "--trials", 1_000_000)
    assert again.wait() == 2, again.text()
    assert assert_whole(ledger) >= rows

    mount("-o", "remount,size=64m", str(disk))
    rows = assert_whole(ledger)
    more = runner.search(ledger, "--trials", 5)
    assert more.wait() in {0, 1}, more.text()
    assert more.resumed() == len(rows)
    assert len(assert_whole(ledger)) == len(rows) + 5


@pytest.fixture
def full(disk: Path) -> Path:
    with (disk / "fill").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return disk


def test_whatever_meets_a_full_disk_says_so(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = Here(monkeypatch, capsys)
    ledger = tmp_path / "golden" / "ledger.sqlite"
    shutil.copytree(GOLDEN / current_version(), ledger.parent)
    record = Path(__file__).parents[2] / "records" / "digits-95.mbn"
    to_disk = [
        ("entropy", "iris", "--minutes", 0, "--features", full / "f.png"),
        ("capacity", "curve", "--weights", 5, "--out", full / "c.png"),
        ("ledger", "export", full / "all.jsonl", "--ledger", ledger),
        ("ledger", "export", full / "trials.csv", "--ledger", ledger),
        ("ledger", "merge", ledger, "--ledger", full / "new.sqlite"),
        ("size", "iris", "--accuracy", 0.5, "--ledger", full / "new.sqlite"),
    ]
    for arguments in to_disk:
        done = here(*arguments, cwd=tmp_path)
        assert done.returncode == 2, done.stdout + done.stderr
        assert f"no space left on the disk that holds {full}" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    monkeypatch.setattr("tempfile.tempdir", str(full))
    for arguments in (("verify", record, "--data", "digits"), ("ledger", "verify")):
        more = ("--ledger", ledger) if "ledger" in arguments else ()
        done = here(*arguments, *more)
        assert "no space left on the disk that holds" in done.stderr + done.stdout
        assert "Traceback" not in done.stderr
    assert sorted(path.name for path in full.iterdir() if path.stat().st_size) == ["fill"]


def test_a_full_disk_behind_standard_output_is_told() -> None:
    command = python_command("-m", "minbits", "capacity", "fano", "0.1", "10")
    with Path("/dev/full").open("w") as nowhere:
        done = subprocess.run(
            command, stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "minbits: no space left on the disk that is written to\n"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def assert_readable_only(runner: Runner, ledger: Path) -> None:
    before = contents(ledger.parent)
    refused = [
        runner.search(ledger, "--trials", 5),
        runner.start("ledger", "verify", "--ledger", ledger),
        runner.start("ledger", "prune", "--ledger", ledger),
    ]
    allowed = [
        runner.start("ledger", "list", "trials", "--ledger", ledger),
        runner.start("ledger", "best", "--ledger", ledger),
        runner.start("ledger", "show", "trials", 4, "--ledger", ledger),
        runner.start("ledger", "export", runner.folder / "all.jsonl", "--ledger", ledger),
        runner.start("ledger", "merge", ledger, "--ledger", runner.folder / "other.sqlite"),
    ]
    for run in refused:
        assert run.wait() == 2, run.text()
        message = run.text().strip().splitlines()[-1].lower()
        assert f"minbits: ledger {ledger}".lower() in message or "artifacts" in message
        assert "read-only" in message or "readonly" in message
        assert "searching" not in run.text()
    for run in allowed:
        assert run.wait() == 0, run.text()
    assert contents(ledger.parent) == before


@pytest.mark.parametrize("version", known_versions())
def test_a_read_only_disk_can_be_read(runner: Runner, disk: Path, version: str) -> None:
    shutil.copytree(GOLDEN / version, disk / "golden")
    mount("-o", "remount,ro", str(disk))
    assert_readable_only(runner, disk / "golden" / "ledger.sqlite")


def test_a_read_only_disk_with_a_journal_can_be_read(runner: Runner, disk: Path) -> None:
    ledger = disk / "ledger.sqlite"
    run = runner.search(ledger, "--trials", 1_000_000)
    run.wait_for("committed")
    run.kill()
    assert (disk / "ledger.sqlite-wal").stat().st_size > 0
    mount("-o", "remount,ro", str(disk))
    with reading(ledger) as reader:
        assert {row["id"] for row in reader.rows("trials")} >= set(run.rows_told()) != set()


def test_a_read_only_file_in_a_folder_that_is_not(runner: Runner, tmp_path: Path) -> None:
    folder = tmp_path / "golden"
    shutil.copytree(GOLDEN / current_version(), folder)
    ledger = folder / "ledger.sqlite"
    if os.geteuid() != 0:
        ledger.chmod(0o444)
        assert_readable_only(runner, ledger)
        return
    # Permissions mean nothing to root: the file is mounted read-only onto itself.
    mount("--bind", str(ledger), str(ledger))
    try:
        mount("-o", "remount,ro,bind", str(ledger))
        assert_readable_only(runner, ledger)
    finally:
        subprocess.run(["umount", str(ledger)], check=True)
