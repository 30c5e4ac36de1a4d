"""Nothing that minbits starts imports from the current folder, or from a script's."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import minbits
from minbits.child_processes import Child, child_environment, import_path, python_command
from tests.traps import lay_traps, run_minbits, run_script, sprung

ROOT = Path(__file__).parents[1]


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    folder = lay_traps(tmp_path / "trap")
    yield folder
    assert sprung(folder) == ""


def check(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def test_the_traps_would_snap(tmp_path: Path) -> None:
    folder = lay_traps(tmp_path / "trap")
    subprocess.run([sys.executable, "-c", "import hashlib"], cwd=folder, check=False)
    assert sprung(folder) == "hashlib\n"


def test_commands_start_processes_that_see_no_trap(trap: Path) -> None:
    ledger = trap / "ledger.sqlite"
    size = (
        "size", "iris", "--accuracy", 0.3, "--trials", 2, "--workers", 2, "--minutes", 0.2,
        "--ledger", ledger, "--out", trap / "found.mbn", "--verbose",
    )  # fmt: skip
    assert "ledger row" in run_minbits(trap, *size).stderr
    verify = ("verify", trap / "found.mbn", "--data", "iris")
    assert "test examples correct" in check(run_minbits(trap, *verify))
    assert "confirmed" in check(run_minbits(trap, "ledger", "verify", "--ledger", ledger))


def test_processes_are_started_in_one_place() -> None:
    ways = re.compile(r"sys\.executable|multiprocessing\.get_context|ProcessPoolExecutor|os\.exec")
    package = Path(minbits.__file__).parent
    found = {path.name for path in package.rglob("*.py") if ways.search(path.read_text())}
    assert found == {"child_processes.py"}


def test_networks_of_the_ladder_see_no_trap(trap: Path) -> None:
    code = """
import numpy as np
from minbits.autoregressive.member import MemberJob
from minbits.autoregressive.workers import train_members
def bits(n):
    return np.random.default_rng(n).integers(0, 2, (n, 4)).astype(np.uint8)
job = MemberJob(bits(60), bits(10), bits(20), np.full(4, 2), None, None, 0, 0.5)
print([result.test_chances.shape for result in train_members("masked", job, 2)])
"""
    script = trap.parent / "ladder.py"
    script.write_text(code)
    assert "[(20, 4), (20, 4)]" in check(run_script(script, cwd=trap))


def test_code_that_the_user_names_is_found_and_nothing_else(trap: Path) -> None:
    # Named on purpose: the module, and what it needs from beside it.
    (trap / "mynet.py").write_text(
        "import mylayers\nimport json, types\nbuild = mylayers.build\nassert json.dumps(1)\n"
    )
    (trap / "mylayers.py").write_text(
        "from torch import nn\n"
        "def build():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3))\n"
    )
    compress = ("compress", "mynet.py:build", "--no-data", "--input-shape", "1,1,4")
    check(run_minbits(trap, *compress, "--out", "small.mbn"))
    assert (trap / "small.mbn").exists()
    audit = ("audit", "mynet:build", "--input", "1x1x4", "--json")
    found = json.loads(check(run_minbits(trap, *audit)))
    assert found["parameters"] == 15


def test_a_named_file_takes_no_other_modules_place(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    (there / "json.py").write_text(
        "from torch import nn\nfrom beside import Net\ndef build():\n    return Net(4, 3)\n"
    )
    (there / "beside.py").write_text("from torch.nn import Linear as Net\n")
    done = run_minbits(here, "audit", there / "json.py:build", "--input", "1x1x4", "--json")
    assert json.loads(check(done))["parameters"] == 15


def test_workers_of_a_script_see_neither_its_folder_nor_the_script(tmp_path: Path) -> None:
    # The traps come once the script itself has imported what it needs.
    script = tmp_path / "script.py"
    script.write_text(
        f"""
import sys
sys.path.append({str(ROOT)!r})
from pathlib import Path
from minbits.workers.processes import ProcessExecutor
from tests.traps import lay_traps
lay_traps(Path(__file__).parent)
print("once")
with ProcessExecutor(2, {{"any": 1}}) as executor:
    print(executor.submit(eval, "__import__('json').dumps(__import__('sys').path)").result())
"""
    )
    out = check(run_script(script, cwd=tmp_path)).splitlines()
    assert out[0] == "once"  # no guard against being imported again is needed
    assert str(tmp_path) not in json.loads(out[1])
    assert str(ROOT) in json.loads(out[1])  # what the script named is found
    assert sprung(tmp_path) == ""


IMPORT = "from minbits.child_processes import import_path, protect_process; "
PRINT_PATH = IMPORT + "print(*import_path(), sep='\\n')"
# As `minbits` does it: this process first, then each child.
PRINT_PROTECTED = IMPORT + "protect_process(); import_path(); print(*import_path(), sep='\\n')"


def path_of(folder: Path, *flags: str, **variables: str) -> list[str]:
    command = [sys.executable, *flags]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


@pytest.mark.parametrize("code", [PRINT_PATH, PRINT_PROTECTED])
def test_only_what_python_added_by_itself_is_left_out(tmp_path: Path, code: str) -> None:
    (tmp_path / "m.py").write_text(code)
    folder = str(tmp_path.resolve())
    here = os.environ.get("PYTHONPATH", "")
    named = os.pathsep.join(filter(None, [folder, here]))
    for flags in (("-c", code), ("m.py",), ("-m", "m"), ("-P", "-c", code)):
        assert folder not in path_of(tmp_path, *flags)
        assert "" not in path_of(tmp_path, *flags)
        assert folder in path_of(tmp_path, *flags, PYTHONPATH=named)
        empty_part = os.pathsep.join(["", *filter(None, [here]), "/x"])
        assert folder not in path_of(tmp_path, *flags, PYTHONPATH=empty_part)


def test_the_package_itself_is_always_found(tmp_path: Path) -> None:
    assert any((Path(entry) / "minbits" / "errors.py").exists() for entry in import_path())
    command = python_command("-c", "import minbits.errors; print(minbits.__file__)")
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path, env=child_environment()
    )
    assert done.stdout.strip() == minbits.__file__


def test_a_child_says_how_it_ended() -> None:
    child = Child(_leave, 3)
    assert child.join(60)
    assert child.exitcode == 3
    child.end(0)
    deaf = Child(_listen)
    assert deaf.connection.recv() == "ready"
    os.kill(deaf.pid, signal.SIGINT)
    os.kill(deaf.pid, signal.SIGTERM)  # the parent decides
    assert not deaf.join(0.3)
    deaf.connection.send("more")
    assert deaf.connection.recv() == "more"
    deaf.end(60)
    assert deaf.exitcode == 0
    killed = Child(_listen)
    killed.kill()
    assert killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    killed.end(0)


def test_children_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = (
        "import time\n"
        "from minbits.child_processes import Child\n"
        "from tests.test_child_processes import nap\n"
        "children = [Child(nap) for _ in range(2)]\n"
        "print(*[child.connection.recv() for child in children], flush=True)\n"
        "time.sleep(600)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(f"import sys\nsys.path.append({str(ROOT)!r})\n{code}")
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        pids = process.stdout.readline().split()
        process.kill()
    assert len(pids) == 2
    patience = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < patience
        time.sleep(0.05)


def nap(connection) -> None:  # type: ignore[no-untyped-def]
    connection.send(os.getpid())
    time.sleep(600)


def _leave(connection: object, code: int) -> None:
    os._exit(code)


def _listen(connection) -> None:  # type: ignore[no-untyped-def]
    connection.send("ready")
    try:
        while True:
            connection.send(connection.recv())
    except EOFError:
        return
