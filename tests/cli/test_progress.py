from __future__ import annotations

import io

from rich.console import Console

from minbits.cli.progress import SearchProgress
from minbits.records import Progress

SIGNS = [
    Progress(3, "compiling", 0, 0),
    Progress(3, "planning", 0, 0),
    Progress(3, "training", 1, 2, 0.5),
    Progress(3, "training", 2, 2, 0.75),
    Progress(3, "quantising", 1, 1, 0.7, 1234.5),
]


def shown(is_terminal: bool, quiet: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=is_terminal, width=120)
    with SearchProgress(console, 600.0, quiet) as progress:
        for sign in SIGNS:
            progress.sign(sign)
            progress._bar.refresh()
    return file.getvalue()


def test_plain_lines_name_stages_without_epochs() -> None:
    lines = [line.rsplit(", ", 1)[0] for line in shown(False).splitlines()]
    assert lines == [
        "trial 3: compiling",
        "trial 3: planning",
        "trial 3: training, epoch 1/2, validation 50.00 %",
        "trial 3: training, epoch 2/2, validation 75.00 %",
        "trial 3: quantising, epoch 1/1, validation 70.00 %, about 1,234 bits",
    ]


def test_the_live_display_shows_every_stage() -> None:
    text = shown(True)
    assert "compiling" in text
    assert "epoch 0/" not in text
    assert "epoch 2/2" in text
    assert "about 1,234 bits" in text


def test_quiet_shows_nothing() -> None:
    assert shown(True, quiet=True).strip() == ""
