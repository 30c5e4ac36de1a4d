from __future__ import annotations

import io

from minbits.cli.output import PlainConsole
from minbits.cli.progress import SearchProgress
from minbits.search.driver import Finished
from minbits.search.space import Candidate
from minbits.search.strategy import Proposal
from minbits.types import Progress, TrainingRecipe, TrialConfig, TrialOutcome

SIGNS = [
    Progress(3, "compiling", 0, 0),
    Progress(3, "planning", 0, 0),
    Progress(3, "training", 1, 2, 0.5),
    Progress(3, "training", 2, 2, 0.75),
    Progress(3, "quantising", 1, 1, 0.7, 1234.5),
]


def shown(is_terminal: bool, quiet: bool = False) -> str:
    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=is_terminal, width=120)
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


def test_long_stages_have_few_lines_though_signs_skip_epochs() -> None:
    file = io.StringIO()
    with SearchProgress(PlainConsole(file=file, width=120), 600.0, False) as progress:
        for epoch in [*range(1, 450, 7), 450]:
            progress.sign(Progress(0, "training", epoch, 450, 0.5))
    epochs = [int(line.split("epoch ")[1].split("/")[0]) for line in file.getvalue().splitlines()]
    assert epochs == [78, 155, 225, 302, 379, 450]


def test_results_that_come_at_once_share_a_line() -> None:
    file = io.StringIO()
    config = TrialConfig("linear 2", TrainingRecipe(1, 1), 0)
    candidate = Candidate("one", config.architecture, config.recipe)
    with SearchProgress(PlainConsole(file=file, width=120), 600.0, False) as progress:
        for number in range(100):
            done = TrialOutcome(config, "done", 0.1, None, b"f", 9, 10)
            progress.results([Finished(Proposal(candidate), config, done, number)])
        failed = TrialOutcome(config, "failed", 0.1, "a reason")
        progress.results([Finished(Proposal(candidate), config, failed, 100)])
    lines = file.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[1] == "99 more trials ended meanwhile"
    assert lines[2].endswith("failed: a reason")


def test_the_live_display_shows_every_stage() -> None:
    text = shown(True)
    assert "compiling" in text
    assert "epoch 0/" not in text
    assert "epoch 2/2" in text
    assert "about 1,234 bits" in text


def test_quiet_shows_nothing() -> None:
    assert shown(True, quiet=True).strip() == ""


def test_names_in_progress_are_plain_text() -> None:
    text = "best so far: 8 bits, in x[best]\x1b]0;owned\x07[/].mbn"
    for is_terminal in (False, True):
        file = io.StringIO()
        console = PlainConsole(file=file, force_terminal=is_terminal, width=200)
        with SearchProgress(console, 600.0, False) as progress:
            progress.stage(text)
            progress.sign(Progress(3, "[/]\x1b[31m", 1, 2, 0.5))
            progress._bar.refresh()
        assert r"x[best]\x1b]0;owned\x07[/].mbn …" in file.getvalue()
        assert "\x1b]0" not in file.getvalue()
        assert "\x1b[31m" not in file.getvalue()
