"""``minbits describe``, and the same lines at the head of long work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.here import Here

ROWS = "".join(f"{i + 1},{i % 7},{'ab'[i // 20]},{i}.5\n" for i in range(40))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "my.csv"
    path.write_text("Id,n,species,x\n" + ROWS)
    return path


def test_a_table_is_described(here: Here, table: Path) -> None:
    done = here("describe", table)
    assert done.returncode == 0
    lines = done.stdout.split("\n")
    assert lines[0].startswith("my: 32 training and 8 test examples, 2 classes. Test set: a fifth")
    assert lines[1] == "Label: column 'species', by its name. Training examples: a 16, b 16."
    assert lines[2] == "Inputs: 3 from 3 columns (2 integer, 1 real)."
    assert "Leave it out with --drop 'Id'." in lines[3]
    found = json.loads(here("describe", table, "--drop", "Id", "--drop", "x", "--json").stdout)
    assert [column["name"] for column in found["columns"]] == ["n"]
    assert found["label_column"] == "species"
    assert {"key", "text", "columns"} == set(found["remarks"][0])


def test_many_columns_of_one_kind_are_not_all_lines(here: Here, tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(90)]
    rows = "".join(
        ",".join([*(str(i * 7 + c) for c in range(90)), "ab"[i % 2]]) + "\n" for i in range(30)
    )
    (tmp_path / "t.csv").write_text(",".join([*names, "label"]) + "\n" + rows)
    done = here("describe", tmp_path / "t.csv")
    assert done.stdout.count("Leave it out with --drop") == 5
    assert "The same of 85 more columns: c5, c6" in done.stdout
    assert "Columns, the first 60" in done.stdout


def test_long_work_begins_with_the_same_lines(here: Here, table: Path, tmp_path: Path) -> None:
    described = here("describe", table).stdout.partition("Columns")[0]
    done = here("entropy", table, "--minutes", "0", cwd=tmp_path)
    assert done.stderr.startswith(described)
    assert described not in done.stdout
    # Nothing can be trained on this one, so that the search ends where it begins.
    path = tmp_path / "keys.csv"
    path.write_text("key,label\n" + "".join(f"k{i},{'ab'[i % 2]}\n" for i in range(600)))
    done = here("size", path, "--ledger", tmp_path / "l.sqlite")
    assert done.returncode == 2
    described = here("describe", path).stdout.partition("Columns")[0]
    assert done.stderr.startswith(described)
    assert "too many categories" in done.stderr.removeprefix(described)
    assert done.stdout == ""
    done = here("size", path, "--ledger", tmp_path / "l.sqlite", "--quiet")
    assert done.stderr.startswith("minbits: ")


def test_data_options_stand_on_every_command(here: Here) -> None:
    for command in ("describe", "entropy", "size", "compress", "verify", "audit", "need"):
        words = {word.strip(",") for word in here(command, "--help").stdout.split()}
        assert {"--drop", "--drop-missing", "--decimal", "--shape", "--colour"} <= words
        assert {"--header", "--no-header"} <= {part for word in words for part in word.split("/")}


def test_a_flag_that_is_named_by_a_message(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("p,x,x\n" + "e,y,z\nq,y,z\n" * 5)
    done = here("describe", path)
    assert "say so with --no-header" in done.stderr
    done = here("describe", path, "--no-header", "--label", "column 1", "--drop-rare")
    assert "column 'column 1', as named. Training examples: e 4, q 4." in done.stdout
