from __future__ import annotations

import json
from pathlib import Path

import pytest

from minbits.charts.curve import curve_data, draw_curve
from minbits.claims.verification import verify_file
from minbits.jobs import curve as curve_module
from minbits.jobs.curve import curve_job, plain_curve
from minbits.jobs.size_request import SizeRequest
from minbits.search.driver import SearchEvents
from minbits.types import DataSet


def test_every_point_is_a_verified_file_and_none_is_beaten_by_a_stricter_one(
    tmp_path: Path, tiny: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curve_module, "CURVE_TARGETS", (0.6, 0.9))
    request = SizeRequest(
        accuracy=0.5, minutes=0.4, trials=1, seed=0, workers=1,
        ledger=tmp_path / "ledger.sqlite", out=tmp_path / "curve.mbn",
    )  # fmt: skip
    report = curve_job(tiny, request, SearchEvents())
    assert [point.target for point in report.points] == [0.9, 0.6]
    strict, loose = (point.found for point in report.points)
    assert strict is not None
    assert loose is not None
    assert loose.size_bits <= strict.size_bits
    for point, found in ((0.9, strict), (0.6, loose)):
        again = verify_file(Path(found.path), tiny)
        assert again.sha256 == found.sha256
        assert again.correct >= point * again.n_test
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(json.dumps(plain_curve(report)))["points"][0]["target_accuracy"] == 0.9


def test_the_picture_depends_on_its_numbers_alone() -> None:
    points = [(0.99, 0.991, 5000), (0.98, 0.983, 3000), (0.9, 0.93, 900)]
    data = curve_data("mnist", points)
    assert {item.name for item in data.published} >= {"MIRACLE, LeNet-5"}
    assert draw_curve(data).picture() == draw_curve(data).picture()
    assert draw_curve(data).picture() != draw_curve(curve_data("mnist", points[:2])).picture()


def test_strict_targets_get_more_time() -> None:
    shares = curve_module.time_shares((0.9, 0.99, 0.9975))
    assert sum(shares) == pytest.approx(1)
    assert shares[1] == pytest.approx(shares[0] * 10**0.5)
    assert shares[2] == pytest.approx(shares[1] * 2)
