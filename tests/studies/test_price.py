from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from minbits.errors import ArgumentError
from minbits.jobs.price import plain_price, price_job
from minbits.jobs.price_request import PriceRequest
from minbits.ledger.store import read_ledger
from minbits.studies.price import scaled_units, size_settings
from minbits.studies.price_statistics import (
    PriceRow,
    SizeSetting,
    best_of_hour,
    half_outside,
    price,
    price_row,
    success_probability,
)
from minbits.types import DataSet
from tests.cli.here import Here

BASE = "conv 2 k3 relu; avgpool all; linear 2"


def test_units_are_scaled_in_every_layer_but_the_last() -> None:
    text = "views 5; conv 10 k3 relu; depthwise k3; pointwise 16 relu; avgpool all; linear 10"
    expected = "views 5; conv 2 k3 relu; depthwise k3; pointwise 3 relu; avgpool all; linear 10"
    assert scaled_units(text, 0.2) == expected
    assert scaled_units("linear 3 relu; linear 2", 0.01) == "linear 1 relu; linear 2"


def test_sizes_that_round_to_one_network_are_one(tiny: DataSet) -> None:
    kinds = size_settings(tiny, BASE, (2.0, 1.0, 1.1), (3.0,), 5)
    assert [(kind.route, kind.factor) for kind in kinds] == [
        ("size", 1.0), ("size", 2.0), ("compression", 3.0),
    ]  # fmt: skip
    assert kinds[2].architecture == kinds[1].architecture
    assert [kind.settings["rate_weight"] for kind in kinds] == [1.0, 1.0, 3.0]
    assert all(kind.settings["float_epochs"] == 5 for kind in kinds)
    with pytest.raises(ArgumentError, match="4 logits"):
        size_settings(tiny, "linear 4", (1.0,), (), 5)


def kind(parameters: int, route: str = "size") -> SizeSetting:
    return SizeSetting(route, 1.0, f"{parameters}", parameters, {})  # type: ignore[arg-type]


def results(probability: float, bits: int, count: int) -> list[Mapping[str, object]]:
    """Return trainings of which the first so many succeed, with files of different sizes."""
    return [
        {
            "size_bits": bits + 8 * (seed % 10), "validation_examples": 20, "cpu_seconds": 2.0,
            "validation_correct": 19 if seed < probability * count else 18,
        }
        for seed in range(count)
    ]  # fmt: skip


def test_the_price_is_the_half_point_over_the_first_success() -> None:
    sizes = np.array([100, 200, 400, 800, 1600])
    # A logistic curve in the logarithm of the size, with its half point at 400.
    shares = 1 / (1 + (400 / sizes) ** 4.0)
    rows = [
        price_row(kind(size), results(share, 10 * size, 400), 0.95)
        for size, share in zip(sizes.tolist(), shares.tolist(), strict=True)
    ]
    found = price(rows, "parameters")
    assert found is not None
    assert found.half.value == pytest.approx(400, rel=0.05)
    assert found.half.slope == pytest.approx(4.0, rel=0.15)
    assert found.smallest == 100
    assert found.is_at_least
    assert found.price.low <= found.price.value <= found.price.high
    assert found.price.value == pytest.approx(4.0, rel=0.05)
    assert success_probability(found.half, np.array([found.half.value])) == pytest.approx(0.5)
    in_bits = price(rows, "bits")
    assert in_bits is not None
    assert in_bits.half.value == pytest.approx(4036, rel=0.05)
    assert price(rows[:2], "bits") is None
    assert half_outside(rows) is None
    assert not found.is_open_above


def of_shares(shares: Sequence[float], count: int = 20) -> list[PriceRow]:
    sizes = [100 * 2**index for index in range(len(shares))]
    return [
        price_row(kind(size), results(share, 10 * size, count), 0.95)
        for size, share in zip(sizes, shares, strict=True)
    ]


@pytest.mark.parametrize(
    ("shares", "side"),
    [
        ((0.0, 0.05, 0.2), "above"),
        ((0.0, 0.0, 0.0), "above"),
        ((0.0, 0.0, 0.5, 0.1), "above"),  # half at one size by chance, and less beyond it
        ((1.0, 1.0, 1.0), "below"),
        ((0.9, 1.0, 1.0), "below"),
    ],
)
def test_no_price_is_told_of_a_half_point_that_was_not_measured(
    shares: tuple[float, ...], side: str
) -> None:
    rows = of_shares(shares)
    assert half_outside(rows) == side
    assert price(rows, "bits") is None
    assert price(rows, "parameters") is None


def test_an_interval_that_ends_where_nothing_was_tried_says_so() -> None:
    rows = of_shares((0.0, 0.1, 0.5))
    found = price(rows, "parameters")
    assert found is not None
    assert found.is_open_above
    wide = price(of_shares((0.0, 0.1, 0.5, 1.0, 1.0)), "parameters")
    assert wide is not None
    assert not wide.is_open_above


def test_an_accuracy_is_compared_by_counts() -> None:
    # 0.95 * 20 is a little more than 19 as a float.
    assert price_row(kind(1), results(1.0, 80, 4), 0.95).successes.all()
    assert not price_row(kind(1), results(1.0, 80, 4), 0.951).successes.any()


def test_what_failed_is_no_success_and_waiting_follows_from_the_share() -> None:
    lost: list[Mapping[str, object]] = [{"failed": "why"}] * 5
    found = price_row(kind(1), [*results(0.5, 800, 5), *lost], 0.95)
    assert (found.trainings, found.failed, int(found.successes.sum())) == (10, 5, 3)
    assert found.probability.value == 0.3
    assert found.seconds_to_success == pytest.approx(2.0 * 10 / 3)
    # An hour holds 1,800 trainings, more than there were: the smallest success is found.
    assert found.hour_bits == 800
    with pytest.raises(ArgumentError, match="0 of 5 trainings ended with a file, one with why"):
        price_row(kind(1), lost, 0.95)


def test_a_slow_training_gives_a_typical_file_in_an_hour() -> None:
    slow = [{**row, "cpu_seconds": 3600.0} for row in results(1.0, 800, 11)]
    assert price_row(kind(1), slow, 0.95).hour_bits == 800 + 8 * 4  # the median, of one training
    half = price_row(kind(1), [{**row, "cpu_seconds": 3600.0} for row in results(0.3, 8, 10)], 0.95)
    assert half.hour_bits is None
    quick = price_row(kind(2, "compression"), results(1.0, 88, 4), 0.95)
    assert best_of_hour([half, quick], "size") is None
    assert best_of_hour([half, quick], "compression") is quick


def request(folder: Path, seeds: int, **changes: object) -> PriceRequest:
    usual = {
        "architecture": BASE, "scales": (1.0, 2.0), "strengths": (4.0,), "epochs": 2, "workers": 1,
        "ledger": folder / "ledger.sqlite", "seeds": seeds,
    }  # fmt: skip
    return PriceRequest(0.5, **(usual | changes))  # type: ignore[arg-type]


def of_trainings(report: dict[str, object]) -> dict[str, object]:
    """Return what does not depend on the clock."""
    clock = {"cpu_seconds", "seconds_to_success", "hour_bits"}
    kinds = [{k: v for k, v in row.items() if k not in clock} for row in report["kinds"]]  # type: ignore[attr-defined]
    return {"kinds": kinds, "prices": report["prices"]}


def test_a_price_in_parts_is_the_price_in_one_piece(tmp_path: Path, tiny: DataSet) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = plain_price(price_job(tiny, request(tmp_path / "whole", 3)))
    price_job(tiny, request(tmp_path / "parts", 1))
    picture = tmp_path / "price.png"
    parts = price_job(tiny, request(tmp_path / "parts", 3, figure=picture))
    assert of_trainings(plain_price(parts)) == of_trainings(whole)
    assert (parts.done, parts.total, parts.interrupted) == (9, 9, False)
    assert picture.read_bytes().startswith(b"\x89PNG")
    with read_ledger(tmp_path / "parts" / "ledger.sqlite") as ledger:
        rows = ledger.rows("measurements")
    assert [row["study"] for row in rows] == ["price"] * 9
    assert len({(row["settings"], row["seed"]) for row in rows}) == 9


def test_the_command_tells_the_price(here: Here, tmp_path: Path) -> None:
    words = ("trainability", "price", "iris", "--accuracy", 0.6, "--epochs", 2, "--seeds", 2)
    more = ("--scales", "0.5,1", "--strengths", "2", "--workers", 1)
    place = ("--ledger", tmp_path / "ledger.sqlite")
    done = here(*words, *more, *place, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"hour_bits"' in done.stdout
    table = here(*words, *more, *place, cwd=tmp_path)
    assert "6 of 6 trainings, all done." in table.stdout
    assert here(*words, "--scales", "0", *place).returncode == 2
