"""Commands made from records of options: flags, files of options, and what wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.here import Here

FLAGS = {
    "entropy": "threshold binarise step minutes dimension pictures heat-map features ladder label "
    "categorical resize json quiet options",
    "size": "accuracy minutes trials target-bits reliability sampler moves no-moves halving "
    "no-halving space seed workers network architecture rate-weight engine executor worker-memory "
    "curve out force label categorical resize ledger json quiet options",
    "compress": "data label categorical resize accuracy checkpoint weights layers no-data error "
    "input input-shape input-scale input-mean input-std epochs thinning-epochs recovery-epochs "
    "smallest rate-weight views learning-rate augmentation minutes seed engine out force ledger "
    "json quiet options",
    "verify": "data accuracy label categorical resize ledger any-data allow-slow json quiet",
    "inspect": "json",
    "audit": "data weights checkpoint layers input input-shape accuracy examples label categorical "
    "resize compress minutes force figure ledger records allow-slow json options",
    "need": "accuracy measure no-measure seed label categorical resize ledger records allow-slow "
    "json quiet options",
}


@pytest.mark.parametrize("command", FLAGS)
def test_every_flag_is_on_the_help_page(here: Here, command: str) -> None:
    done = here(command, "--help")
    assert done.returncode == 0
    words = {word.strip(",") for word in done.stdout.split()}
    assert not {f"--{name}" for name in FLAGS[command].split()} - words


def test_the_command_line_wins_over_the_file(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "o.toml"
    path.write_text('network = "none"\n')
    command = ("size", "iris", "--options", path, "--out", "/proc/none/x.mbn")
    done = here(*command)
    assert done.returncode == 2
    assert "--network: got 'none'" in done.stderr
    done = here(*command, "--network", "pytorch-example")
    assert done.returncode == 2
    assert "/proc/none" in done.stderr


def test_a_default_that_is_named_wins_too(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "o.toml"
    path.write_text('executor = "none"\n')
    command = ("size", "iris", "--options", path, "--out", "/proc/none/x.mbn")
    assert "--executor: got 'none'" in here(*command).stderr
    assert "/proc/none" in here(*command, "--executor", "processes").stderr


def test_the_file_wins_over_an_environment_variable(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINBITS_LEDGER", "/proc/none/environment.sqlite")
    command = ("size", "iris", "--out", tmp_path / "x.mbn")
    assert "/proc/none/environment.sqlite" in here(*command).stderr
    (tmp_path / "o.toml").write_text('ledger = "/proc/none/file.sqlite"\n')
    assert "/proc/none/file.sqlite" in here(*command, "--options", tmp_path / "o.toml").stderr


def test_a_bad_file_of_options_is_one_message_and_exit_code_2(here: Here, tmp_path: Path) -> None:
    path = tmp_path / "o.toml"
    for text, shown in (("minuets = 3", "minuets: got an unknown key"), ("x", "a TOML file")):
        path.write_text(text)
        done = here("size", "iris", "--options", path)
        assert done.returncode == 2
        assert done.stderr.startswith(f"minbits: {path}")
        assert shown in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_pictures_are_drawn_where_they_are_asked_for(here: Here, tmp_path: Path) -> None:
    assert here("entropy", "iris", "--minutes", 0, cwd=tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == []
    done = here("entropy", "iris", "--minutes", 0, "--pictures", "charts", cwd=tmp_path)
    assert done.returncode == 0
    assert "charts/iris-features.png" in done.stdout
    assert [path.name for path in (tmp_path / "charts").iterdir()] == ["iris-features.png"]
