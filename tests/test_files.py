"""Outputs are checked before they are needed, and a full disk is called so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from minbits.errors import OutputError
from minbits.files import (
    check_outputs,
    check_writable,
    refusal,
    scratch_folder,
    storage_trouble,
    temporary_prefix,
    write_atomically,
)

LONGEST = 255


@pytest.mark.parametrize(
    "name", ["a" * LONGEST, "é" * 127 + "x", "[best]\x1b[31m\n", " ", "漢" * 85]
)
def test_every_name_that_a_file_can_have_can_be_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    check_writable(path)
    assert list(tmp_path.iterdir()) == []
    write_atomically(path, b"new")
    write_atomically(path, b"newer")
    check_writable(path)
    assert path.read_bytes() == b"newer"
    assert list(tmp_path.iterdir()) == [path]


KILLED_AT_EVERY_EVENT = """
import os, signal, sys
from pathlib import Path
from minbits.files import check_writable

path = Path(sys.argv[1])
left = 10**9

def count(event, arguments):
    global left
    if event != "os.kill" and event.split(".")[0] in {"open", "os", "tempfile", "shutil"}:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
for moment in range(100):
    child = os.fork()
    if child == 0:
        left = moment
        check_writable(path)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(os.waitstatus_to_exitcode(status), path.exists())
    if status == 0:
        break
"""


def test_a_kill_at_any_moment_of_the_check_leaves_no_file_of_that_name(tmp_path: Path) -> None:
    path = tmp_path / "found.data.json"
    lines = subprocess.run(
        [sys.executable, "-c", KILLED_AT_EVERY_EVENT, str(path)],
        check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    assert len(lines) > 4
    assert lines == [f"{-signal.SIGKILL} False"] * (len(lines) - 1) + ["0 False"]


def test_long_names_that_differ_have_temporary_names_that_differ() -> None:
    first, second = (temporary_prefix(Path("a" * 250 + end)) for end in "xy")
    assert first != second
    assert len(os.fsencode(first)) + 8 <= LONGEST


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * (LONGEST + 1), "File name too long"),
        ("é" * 128, "File name too long"),
        ("there", "a folder"),
        ("pipe", "no regular file"),
        ("file/below", "exists|Not a directory"),
        ("nul\0l", "null"),
        ("/dev/null", "no regular file"),
        ("/proc/none/x", "No such file"),
    ],
)
def test_what_cannot_be_written_is_told_and_nothing_is_left(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "file").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError, match=message):
        check_writable(tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_no_output_takes_the_place_of_another_or_of_an_input(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path)
    one, other = tmp_path / "a.png", tmp_path / "b.png"
    kept = {"the data": tmp_path / "data.csv"}
    check_outputs({"one": one, "the other": other}, kept)
    for outputs in (
        {"one": one, "the other": one},
        {"one": one, "the other": tmp_path / "link" / "a.png"},
        {"one": one, "the other": tmp_path / "x" / ".." / "a.png"},
        {"one": tmp_path / "data.csv"},
        {"one": tmp_path / "link" / "data.csv"},
    ):
        with pytest.raises(OutputError, match="as well as of"):
            check_outputs(outputs, kept)
    assert (tmp_path / "data.csv").read_text() == "kept"


def test_other_trouble_is_not_called_a_full_disk(tmp_path: Path) -> None:
    assert storage_trouble(PermissionError(13, "no")) is None
    assert "no space left on the disk that holds /x" in str(storage_trouble(OSError(28, "", "/x")))
    assert refusal(tmp_path) is None
    with pytest.raises(ValueError, match="mine"), scratch_folder("minbits-test-"):
        raise ValueError("mine")


def test_a_limit_of_files_is_told(tmp_path: Path) -> None:
    program = (
        "import resource, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from minbits.errors import MinbitsError\n"
        "from minbits.files import scratch_folder, write_atomically\n"
        "from minbits.ledger.store import Ledger\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40960, 40960))\n"
        "def save():\n"
        "    with scratch_folder('minbits-test-') as folder:\n"
        "        np.save(folder / 'a.npy', np.zeros(10000))\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "for act in (save, lambda: write_atomically(folder / 'x', bytes(50000)),\n"
        "            lambda: Ledger(folder / 'l.sqlite')):\n"
        "    try:\n"
        "        act()\n"
        "    except MinbitsError as error:\n"
        "        print(error)\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    assert all("ulimit -f" in line for line in lines)
