from __future__ import annotations

from pathlib import Path

import pytest

from minbits.energy import EnergyMeter, rapl_counters


def domain(powercap: Path, folder: str, name: str, microjoules: int, largest: int = 10**9) -> Path:
    """Write a RAPL domain as the kernel shows it, and return its counter's file."""
    place = powercap / folder
    place.mkdir(parents=True)
    (place / "name").write_text(f"{name}\n")
    (place / "max_energy_range_uj").write_text(f"{largest}\n")
    (place / "energy_uj").write_text(f"{microjoules}\n")
    return place / "energy_uj"


def test_packages_and_memory_are_added_up(tmp_path: Path) -> None:
    first = domain(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    second = domain(tmp_path, "intel-rapl:1", "package-1", 0)
    memory = domain(tmp_path, "intel-rapl:0:2", "dram", 1_000_000)
    cores = domain(tmp_path, "intel-rapl:0:0", "core", 0)
    platform = domain(tmp_path, "intel-rapl:2", "psys", 0)
    with EnergyMeter(rapl_counters(tmp_path)) as meter:
        first.write_text("7500000")
        second.write_text("250000")
        memory.write_text("1250000")
        cores.write_text("2000000")  # a part of package 0
        platform.write_text("9000000")  # holds all of them
    assert meter.joules == pytest.approx(2.5 + 0.25 + 0.25)


def test_a_counter_that_starts_again_is_followed(tmp_path: Path) -> None:
    counter = domain(tmp_path, "intel-rapl:0", "package-0", 9_000_000, largest=10_000_000)
    with EnergyMeter(rapl_counters(tmp_path)) as meter:
        counter.write_text("1000000")
        meter.sample()
        counter.write_text("8000000")
        meter.sample()
        counter.write_text("500000")
    assert meter.joules == pytest.approx(2.0 + 7.0 + 2.5)


def test_a_machine_that_does_not_tell_gives_none(tmp_path: Path) -> None:
    with EnergyMeter(rapl_counters(tmp_path / "none")) as meter:
        pass
    assert meter.joules is None
    counter = domain(tmp_path, "intel-rapl:0", "package-0", 0)
    counter.write_text("not a number")
    assert rapl_counters(tmp_path) == []
    counter.write_text("1")
    with EnergyMeter(rapl_counters(tmp_path)) as meter:
        counter.unlink()
    assert meter.joules is None


def test_the_meter_of_this_machine_is_a_number_or_none() -> None:
    with EnergyMeter() as meter:
        sum(range(100_000))
    assert meter.joules is None or 0 <= meter.joules < 10_000
