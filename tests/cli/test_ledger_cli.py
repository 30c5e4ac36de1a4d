"""``minbits ledger`` from the outside: what it prints, writes and refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Protocol

import pytest

from tests.cli.here import Done, Here

GOLDEN = Path(__file__).parent.parent / "golden" / "ledgers"
RECORDS = Path(__file__).parents[2] / "records"


class Runner(Protocol):
    """Runs ``minbits ledger``."""

    def __call__(self, *arguments: object, ledger: object = None) -> Done: ...


@pytest.fixture
def run(here: Here, monkeypatch: pytest.MonkeyPatch) -> Runner:
    def run_with(*arguments: object, ledger: object = None) -> Done:
        monkeypatch.setenv("MINBITS_LEDGER", str(ledger))
        return here("ledger", *arguments)

    return run_with


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN / "0002", tmp_path / "golden")
    return tmp_path / "golden" / "ledger.sqlite"


def test_rows_are_listed_and_shown(run: Runner, ledger: Path) -> None:
    done = run("list", "trials", "--data", "iris", "--last", "4", ledger=ledger)
    assert done.returncode == 0, done.stderr
    assert "4 of 8 trials in" in done.stdout
    assert "NetworkError" in done.stdout
    rows = json.loads(run("list", "trials", "--json", ledger=ledger).stdout)
    assert [row["status"] for row in rows].count("interrupted") == 2

    shown = json.loads(run("show", "trials", "3", "--json", ledger=ledger).stdout)
    assert shown["config"]["architecture"] == "linear 16 relu; linear 3"
    assert shown["file_is_whole"]
    assert Path(shown["file"]).stat().st_size * 8 == shown["size_bits"]
    artifact = run("show", "artifacts", shown["artifact_sha256"][:12], ledger=ledger)
    assert shown["artifact_sha256"] in artifact.stdout
    best = json.loads(run("best", "--accuracy", "0.9", "--json", ledger=ledger).stdout)
    assert [row["size_bits"] for row in best] == [496, 2208]
    assert run("best", "--accuracy", "0.999", ledger=ledger).returncode == 1


def test_a_ledger_travels_and_is_verified(
    run: Runner, ledger: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines, target = tmp_path / "all.jsonl", tmp_path / "team.sqlite"
    assert run("export", lines, ledger=ledger).returncode == 0
    first = json.loads(run("import", lines, "--json", ledger=target).stdout)
    assert first["new"] == {
        "artifacts": 5, "trials": 8, "claims": 2, "verifications": 2, "measurements": 0,
    }  # fmt: skip
    merged = run("merge", ledger, ledger=target)
    assert merged.returncode == 0, merged.stderr
    assert (
        "0 trials, 0 claims, 0 verifications, 0 measurements new; 17 rows were known"
        in merged.stdout
    )
    for name in ("trials.csv", "trials.parquet"):
        done = run("export", tmp_path / name, "--json", ledger=target)
        assert json.loads(done.stdout)["rows"] == {"trials": 8}
    verified = run("verify", ledger=target)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "claim 2, digits, 2,208 bits, 335 of 359 (93.31 %): confirmed" in verified.stdout
    assert "2 claims verified: 2 confirmed" in verified.stdout

    digest = json.loads(run("best", "--data", "iris", "--json", ledger=target).stdout)[0]
    damaged = Path(
        json.loads(run("show", "claims", digest["uid"], "--json", ledger=target).stdout)["file"]
    )
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    report = run("verify", "--json", ledger=target)
    assert report.returncode == 1
    found = json.loads(report.stdout)
    assert [claim["outcome"] for claim in found["claims"]] == ["damaged", "confirmed"]
    assert list(found["damaged_artifacts"]) == [damaged.stem]
    run("best", ledger=target)
    assert "is passed over: a damaged file" in caplog.text

    leftover = damaged.with_name(f".{damaged.name}-1")
    leftover.write_bytes(b"x")
    listed = run("prune", "--dry-run", ledger=target)
    assert f"{leftover}: 1 bytes, a write that was cut short" in listed.stdout
    assert leftover.exists()
    assert json.loads(run("prune", "--json", ledger=target).stdout)["removed"] is True
    assert not leftover.exists()


def test_a_published_file_is_imported_with_its_card(run: Runner, tmp_path: Path) -> None:
    record, target = RECORDS / "digits-95.mbn", tmp_path / "own.sqlite"
    card = json.loads(record.with_suffix(".json").read_text())
    done = run("import", record, ledger=target)
    assert done.returncode == 0, done.stderr
    counts = f"{card['size_bits']:,} bits, {card['correct']} of {card['n_test']} test examples"
    assert f"{counts} right, as its card says; trial and claim new" in done.stdout
    again = json.loads(run("import", record, "--json", ledger=target).stdout)
    assert (again["trial_is_new"], again["claim_is_new"]) == (False, False)
    assert again["verification"]["size_bits"] == card["size_bits"]
    other = run("import", record, "--data", "iris", ledger=target)
    assert (other.returncode, "Give the file's own data set" in other.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("best",), "no file; expected a ledger"),
        (("show", "trials", "1"), "no file; expected a ledger"),
        (("verify",), "no file; expected a ledger"),
        (("prune",), "no file; expected a ledger"),
        (("export", "x.jsonl"), "no file; expected a ledger"),
        (("merge", "none.sqlite"), "no file; expected a ledger"),
        (("import", "none.jsonl"), "none.jsonl: got No such file"),
        (("import", "none.jsonl", "--label", "y"), "--data: got an option of data sets"),
        (("import", "none.mbn"), "none.mbn: got No such file"),
        (("best", "--ledger", "mysql://me@host/d"), "--ledger: got a URL of mysql"),
        (("best", "--ledger", "postgresql+psycopg://me:secret@/d?host=/proc"), "ledger postgresql"),
    ],
)  # fmt: skip
def test_bad_input_is_one_message_and_exit_code_2(
    run: Runner, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run(*arguments, ledger=tmp_path / "none.sqlite")
    assert done.returncode == 2, done.stdout + done.stderr
    assert message in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "none.sqlite").exists() or arguments[0] == "import"


def test_bad_arguments_of_a_ledger_that_is_there(run: Runner, ledger: Path) -> None:
    for arguments, message in (
        (("show", "trials", "999999999"), "'999999999'; expected a row's number"),
        (("export", "x.txt"), "OUT: got x.txt; expected a name that ends in .jsonl"),
        (("best", "--accuracy", "2"), "--accuracy: got 2.0"),
        (("show", "trials", ""), "which 8 rows start with"),
        (("verify", "--data", "none.csv"), "none.csv"),
    ):
        done = run(*arguments, ledger=ledger)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr


def test_a_ledger_may_be_named_by_an_option(run: Runner, ledger: Path) -> None:
    done = run("list", "--json", "--ledger", ledger, ledger="/proc/none/l.sqlite")
    assert len(json.loads(done.stdout)) == 2


def test_before_the_first_run_there_is_nothing_to_list(run: Runner, tmp_path: Path) -> None:
    done = run("list", "trials", "--json", ledger=tmp_path / "none.sqlite")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    assert list(tmp_path.iterdir()) == []
