"""Names of any kind through every command: shown as they are, and nothing else happens."""

from __future__ import annotations

import csv
import functools
import importlib.util
import io
import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import minbits.jobs.size_search
from minbits.codec.architecture import Architecture
from minbits.codec.file_format import encode_network
from minbits.layers.linear import Linear
from minbits.plain_text import is_visible, visible
from tests.cli.here import Done, Here
from tests.faults.quick import quick_trial
from tests.strategies import random_network
from tests.test_plain_text import NAMES

# A file's name may hold anything but a slash and NUL.
COMMANDING = "$a_{$ x[best] [bold] \x1b]0;owned\x07 \x1b[31m \u202egpj <script> two\nlines 漢字"
BYTES = os.fsdecode(b"caf\xe9")
LONG = "n" * 180 + "[x]"
STEMS = [COMMANDING, LONG]
# Columns of a table may hold a slash, too.
COLUMNS = [name for name in NAMES if name.strip() and "\udce9" not in name and "\n" not in name]


def check(done: Done, code: int = 0, *shown: str) -> Done:
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    assert "Traceback" not in text
    assert all(is_visible(c) for c in text.replace("\n", "")), text
    joined = "".join(text.split())
    for name in shown:
        assert "".join(visible(name).split()) in joined, (name, text)
    return done


def table_text(columns: list[str], classes: tuple[str, str]) -> str:
    generator = np.random.default_rng(0)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([*columns, "the [label]"])
    for row in range(60):
        values = generator.normal(size=len(columns)).round(2)
        values[0] = row % 2 + values[0] / 10
        writer.writerow([*values, classes[row % 2]])
    return out.getvalue()


def own_table(folder: Path, stem: str) -> Path:
    path = folder / f"{stem}.csv"
    path.write_text(table_text(["a", "b"], ("no", "yes")))
    return path


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = minbits.jobs.size_search.SearchSettings
    quickly = functools.partial(settings, runner=quick_trial)
    monkeypatch.setattr(minbits.jobs.size_search, "SearchSettings", quickly)


def test_columns_and_classes(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(table_text(COLUMNS, ("[/]", "[bold]\x1b[31m")))
    arguments = ("entropy", path, "--label", "the [label]", "--minutes", 0)
    done = check(here(*arguments, cwd=tmp_path), 0, "in this sample speed [/s] of")
    assert "best_input_information: " in done.stdout
    found = json.loads(check(here(*arguments, "--json")).stdout)
    assert found["features"]["names"] == COLUMNS
    check(here("entropy", path, "--label", "mass [/k\x1bg]"), 2, "mass [/k\x1bg]", *COLUMNS[:10])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("stem", STEMS, ids=["commanding", "long"])
def test_files(here: Here, tmp_path: Path, stem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data, ledger, out = own_table(tmp_path, stem), f"{stem}.sqlite", Path(f"{stem}.mbn")
    size = ("size", data, "--accuracy", 0.1, "--engine", "torch", "--workers", 1, "--trials", 2)
    done = check(here(*size, "--ledger", ledger, "--out", out), 0, stem, f"network: {out}")
    ElementTree.fromstring(out.with_suffix(".svg").read_text())
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["data"] == stem
    check(here("verify", out, "--data", data), 0, f"{out}: ")
    check(here("inspect", out), 0, str(out))
    for option in ("heat-map", "features", "ladder"):
        figures = (f"--{option}", f"{option} {stem[:150]}.png")
    done = check(here("entropy", data, "--minutes", 0.01, *figures), 0, figures[1])
    assert "The ladder: " in done.stdout
    check(here("capacity", "need", data, "--no-measure", "--ledger", ledger), 0, stem)
    for arguments in (
        ("list", "trials"), ("list", "claims"), ("best",), ("show", "trials", 1), ("verify",),
        ("prune",), ("export", f"{stem}.jsonl"), ("list", "trials", "--json"),
    ):  # fmt: skip
        more = ("--data", data) if arguments[0] == "verify" else ()
        done = check(here("ledger", *arguments, *more, "--ledger", ledger))
    assert json.loads(done.stdout)[0]["data_name"] == card["data"]
    other = f"other {stem[:100]}.sqlite"
    for command in (("import", f"{stem}.jsonl"), ("merge", ledger)):
        check(here("ledger", *command, "--ledger", other), 0, other)


def test_outputs_whose_names_are_no_text(here: Here, tmp_path: Path) -> None:
    network = tmp_path / f"{BYTES}.mbn"
    network.write_bytes(encode_network(random_network(Architecture((4, 1, 1), 8, (Linear(3),)), 1)))
    verify = ("verify", network, "--data", "iris", "--any-data")
    check(here(*verify, cwd=tmp_path), 0, f"{network}: ")
    check(here("inspect", network), 0, str(network))
    figure = f"{BYTES}.png"
    check(here("capacity", "curve", "--weights", 5, "--out", figure), 0, figure)
    assert (tmp_path / figure).exists()
    found = json.loads(check(here("capacity", "curve", "--out", figure, "--json")).stdout)
    assert found["figure"] == figure


def test_modules_and_layers(here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code = (
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        f"        self.names = {COLUMNS!r}\n"
        "        for name in self.names:\n"
        "            self.add_module(name.replace('.', '_') or 'x', nn.Linear(4, 4))\n"
        "    def forward(self, x):\n"
        "        x = x.flatten(1)\n"
        "        for layer in self.children():\n"
        "            x = layer(x)\n"
        "        return x[:, :3]\n"
    )
    path = tmp_path / f"{COMMANDING}.py"
    path.write_text(code)
    figure = f"{COMMANDING}.png"
    options = ("--input", "1x1x4", "--figure", figure)
    done = check(here("audit", f"{path}:Net", *options), 0, "speed [/s]", "mass [kg]", figure)
    assert r"\x1b[31m" in done.stdout
    check(here("compress", f"{path}:Nothing[/]", "--no-data", "--input-shape", "1,1,4"), 2)
    shape = ("--no-data", "--input-shape", "1,1,4", "--out", f"{COMMANDING}.mbn")
    check(here("compress", f"{path}:Net", *shape), 2, "module")
    (tmp_path / "plain.py").write_text(
        "from torch import nn\n"
        "def build():\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(4, 3))\n"
    )
    check(here("compress", "plain.py:build", *shape), 0, f"{COMMANDING}.mbn")


@pytest.mark.parametrize(
    "arguments",
    [
        ["entropy", COMMANDING],
        ["entropy", f"{COMMANDING}[/x].csv"],
        ["verify", f"{COMMANDING}.mbn", "--data", "iris"],
        ["inspect", f"{BYTES}[/].mbn"],
        ["size", "iris", "--executor", COMMANDING],
        ["size", "iris", "--network", COMMANDING],
        ["size", "iris", "--accuracy", "0.5", "--architecture", "\x1b[31m[best]two\nlines"],
        ["size", "iris", "--space", f"{COMMANDING}.toml"],
        ["size", "iris", "--out", f"/proc/none/{COMMANDING}"],
        ["ledger", "best", "--ledger", f"{COMMANDING}.sqlite"],
        ["ledger", "import", f"{COMMANDING}.jsonl"],
        ["audit", COMMANDING],
        ["audit", f"{COMMANDING}.py:x"],
        ["capacity", "network", "\x1b[31m[best]two\nlines"],
        ["capacity", "channel", "bsc", COMMANDING],
    ],
    ids=str,
)
def test_messages_about_names(here: Here, arguments: list[str], tmp_path: Path) -> None:
    done = check(here(*arguments, cwd=tmp_path), 2)
    assert done.stdout == ""
    assert r"two\nlines" in done.stderr or r"\xe9[/]" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["size", "iris", f"--{COMMANDING}"],
        ["size", "iris", COMMANDING],
        ["ledger", "list", COMMANDING],
        [COMMANDING],
    ],
    ids=str,
)
def test_messages_of_the_argument_parser(here: Here, arguments: list[str], tmp_path: Path) -> None:
    done = check(here(*arguments, cwd=tmp_path), 2)
    assert "x[best] [bold] " in " ".join(done.stderr.split())


def test_rows_of_others(here: Here, tmp_path: Path) -> None:
    golden = Path(__file__).parent.parent / "golden" / "ledgers" / "0002"
    shutil.copytree(golden, tmp_path / "l")
    ledger = tmp_path / "l" / "ledger.sqlite"
    lines = tmp_path / "all.jsonl"
    check(here("ledger", "export", lines, "--ledger", ledger))
    text = lines.read_text().replace('"iris"', json.dumps(COMMANDING + " [/s]"))
    text = text.replace("NetworkError", json.dumps(COMMANDING)[1:-1])
    lines.write_text(text)
    other = tmp_path / "other.sqlite"
    check(here("ledger", "import", lines, "--ledger", other))
    check(here("ledger", "list", "trials", "--ledger", other), 0, "x[best]")
    check(here("ledger", "list", "--ledger", other), 0, "x[best]")
    check(here("ledger", "verify", "--ledger", other), 0, "x[best]", "no data")


def test_advice_is_printed_whole(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = importlib.util.find_spec
    absent = ("zstandard", "skdim")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in absent else whole(name)
    )
    data = own_table(tmp_path, "own")
    done = check(here("entropy", data, "--minutes", 0.01, cwd=tmp_path))
    assert "minbits[zstandard]" in "".join(done.stdout.split())
    check(here("entropy", data, "--dimension"), 2, "pip install 'minbits[dimension]'")
