"""``minbits report`` as it is called: its JSON, and what it says of bad input."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.here import Here
from tests.reports.examples import whole_ledger


def test_the_command_writes_the_page_and_tells_the_answer(here: Here, tmp_path: Path) -> None:
    ledger = whole_ledger(tmp_path, "one", "two")
    done = here("report", "--ledger", ledger, "--json", cwd=tmp_path)
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["size_bytes"] == (tmp_path / "report.html").stat().st_size
    assert [item["name"] for item in found["data"]] == ["one", "two"]
    assert found["data"][0]["has_ladder"]
    done = here("report", "two", "--ledger", ledger, "--out", "two.html", cwd=tmp_path)
    assert "two needs at most" in done.stdout
    assert "page: two.html" in done.stdout


def test_bad_input_is_one_message_and_exit_code_2(here: Here, tmp_path: Path) -> None:
    ledger = whole_ledger(tmp_path, "one")
    for arguments, word in (
        (("onee",), "Did you mean 'one'"),
        (("--out", "page.txt"), "ends in .html"),
        (("--x", "weight"), "label_code_bits"),
    ):
        done = here("report", *arguments, "--ledger", ledger, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert word in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "report.html").exists()
