from __future__ import annotations

import io
from pathlib import Path

import pytest

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


CONFIG = TrialConfig("linear 2", TrainingRecipe(1, 1), 0)
DONE = TrialOutcome(CONFIG, "done", 0.1, None, b"f", 9, 10)
PROPOSAL = Proposal(Candidate("one", CONFIG.architecture, CONFIG.recipe))


def shown(is_terminal: bool, quiet: bool = False, verbose: bool = True) -> str:
    file = io.StringIO()
    console = PlainConsole(file=file, force_terminal=is_terminal, width=120)
    with SearchProgress(console, 600.0, quiet, verbose) as progress:
        for sign in SIGNS:
            progress.sign(sign)
    return file.getvalue()


def test_plain_lines_name_stages_without_epochs() -> None:
    assert shown(False).splitlines() == [
        "trial 3: compiling",
        "trial 3: planning",
        "trial 3: training, epoch 1/2, validation 50.00 %",
        "trial 3: training, epoch 2/2, validation 75.00 %",
        "trial 3: quantising, epoch 1/1, validation 70.00 %, about 1,234 bits",
    ]


def test_long_stages_have_few_lines_though_signs_skip_epochs() -> None:
    file = io.StringIO()
    with SearchProgress(PlainConsole(file=file, width=120), 600.0, False, True) as progress:
        for epoch in [*range(1, 450, 7), 450]:
            progress.sign(Progress(0, "training", epoch, 450, 0.5))
    epochs = [int(line.split("epoch ")[1].split("/")[0]) for line in file.getvalue().splitlines()]
    assert epochs == [78, 155, 225, 302, 379, 450]


def test_results_that_come_at_once_share_a_line() -> None:
    file = io.StringIO()
    with SearchProgress(PlainConsole(file=file, width=120), 600.0, False, True) as progress:
        for number in range(100):
            progress.results([Finished(PROPOSAL, CONFIG, DONE, number)])
        failed = TrialOutcome(CONFIG, "failed", 0.1, "a reason")
        progress.results([Finished(PROPOSAL, CONFIG, failed, 100)])
    lines = file.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[1] == "99 more trials ended meanwhile"
    assert lines[2].endswith("failed: a reason")


def test_the_status_is_one_line_that_is_drawn_over() -> None:
    text = shown(True, verbose=False)
    assert "10:00 left | quantising 1/1" in text
    assert text.count("\n") == 1  # gone when the search ends


def test_a_pipe_gets_the_status_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("minbits.cli.progress.time.monotonic", lambda: now[0])
    file = io.StringIO()
    with SearchProgress(PlainConsole(file=file, width=120), 120.0, False) as progress:
        for number in range(120):
            now[0] += 1
            progress.sign(Progress(number, "training", 1, 2, 0.5))
            progress.results([Finished(PROPOSAL, CONFIG, DONE, number)])
            if number == 69:
                progress.best(DONE, Path("x.so-far.mbn"))
    lines = file.getvalue().splitlines()
    nearest = "none accepted yet, at most 90.00 % validated"
    assert lines == [
        f"1:30 left | {nearest} | 29 trials, 58/min | training 1/2",
        f"1:00 left | {nearest} | 59 trials, 59/min | training 1/2",
        "the best file so far that passes validation is kept in x.so-far.mbn",
        "0:50 left | best 8 bits, 90.00 % validated | 70 trials, 60/min | training 1/2",
        "0:20 left | best 8 bits, 90.00 % validated | 99 trials, 59/min | training 1/2",
    ]


def test_the_first_failure_is_told() -> None:
    file = io.StringIO()
    failed = TrialOutcome(CONFIG, "failed", 0.1, "a reason")
    with SearchProgress(PlainConsole(file=file, width=120), 600.0, False) as progress:
        for number in range(3):
            progress.results([Finished(PROPOSAL, CONFIG, failed, number)])
    assert file.getvalue().splitlines() == ["a trial failed: a reason"]


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
        assert r"x[best]\x1b]0;owned\x07[/].mbn …" in file.getvalue()
        assert "\x1b]0" not in file.getvalue()
        assert "\x1b[31m" not in file.getvalue()
