from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minbits.errors import ArgumentError
from minbits.jobs.surface import plain_surface, surface_job
from minbits.jobs.trainability_request import SurfaceRequest
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.studies.surface import bend, slice_directions
from minbits.studies.surface_statistics import barrier, surface_row, surface_statements
from minbits.types import DataSet
from tests.cli.here import Here


def test_a_curve_runs_from_end_to_end_and_is_straight_with_the_middle_for_control() -> None:
    one, two = np.float32([0, 4]), np.float32([2, 0])
    control = np.float32([5, 5])
    assert bend(one, control, two, 0.0) == pytest.approx(one)
    assert bend(one, control, two, 1.0) == pytest.approx(two)
    assert bend(one, control, two, 0.5) == pytest.approx(one / 4 + control / 2 + two / 4)
    assert bend(one, (one + two) / 2, two, 0.25) == pytest.approx(0.75 * one + 0.25 * two)


def test_a_barrier_is_the_rise_over_the_line_between_the_ends() -> None:
    assert barrier([1.0, 3.0, 2.0]) == pytest.approx(1.5)
    assert barrier([1.0, 1.5, 2.0]) == 0
    assert barrier([1.0, 0.0, 2.0]) == 0


def test_directions_are_as_long_as_each_units_weights() -> None:
    architecture = parse_architecture("linear 5 relu; linear 3", (1, 2, 2), 0)
    layout = parameter_layout(architecture, normalised=False)
    values = layout.initial(0)
    across, down = slice_directions(layout, values, 1)
    for direction in (across, down):
        for (weights, shift), (moved, still) in zip(
            layout.tensors(values), layout.tensors(direction), strict=True
        ):
            assert shift is not None
            norms = [
                np.linalg.norm(part.reshape(len(part), -1), axis=1) for part in (weights, moved)
            ]
            assert norms[0] == pytest.approx(norms[1], rel=1e-5)
            assert still is not None
            assert not still.any()
    assert not np.array_equal(across, down)


def result(height: float, sharpness: float) -> dict[str, object]:
    return {
        "line": [1.0, 1.0 + height, 1.0], "curve": [1.0, 1.0, 1.0], "least": -0.1,
        "largest": sharpness, "plane": [[1.0, 2.0], [3.0, 4.0]], "negative": 6,
    }  # fmt: skip


def test_what_falls_with_the_width_is_seen_to_fall() -> None:
    rows = [
        surface_row(
            width, 10 * width, [result(5.0 / width + part, width) for part in (0, 0.01, 0.02)]
        )
        for width in (4, 16, 64)
    ]
    found = {item.key: item.verdict for item in surface_statements(rows)}
    assert found == {
        "line_barrier_falls": "yes", "curve_barrier_falls": "open", "sharpness_falls": "no",
    }  # fmt: skip
    assert rows[0].index == 0.15
    assert rows[0].least_shares == pytest.approx(-0.1 / 4)
    with pytest.raises(ArgumentError, match="1 of 2 pairs ended well, one with why"):
        surface_row(4, 40, [result(1.0, 1.0), {"failed": "why"}])


def request(folder: Path, pairs: int, **changes: object) -> SurfaceRequest:
    usual = {"epochs": 2, "workers": 1, "batch_size": 64, "ledger": folder / "ledger.sqlite"}
    return SurfaceRequest((4, 16), pairs=pairs, **(usual | changes))  # type: ignore[arg-type]


def test_a_surface_in_parts_is_the_surface_in_one_piece(tmp_path: Path, tiny: DataSet) -> None:
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = plain_surface(surface_job(tiny, request(tmp_path / "whole", 3)))
    surface_job(tiny, request(tmp_path / "parts", 2))
    picture = tmp_path / "surface.png"
    parts = surface_job(tiny, request(tmp_path / "parts", 3, figure=picture))
    again = plain_surface(parts)
    assert (again["widths"], again["statements"]) == (whole["widths"], whole["statements"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    # The curve is trained to have a smaller loss than the line: it never is much worse.
    assert all(row.curves.mean() < row.lines.mean() + 0.05 for row in parts.rows)


def test_the_command_tells_the_surface(here: Here, tmp_path: Path) -> None:
    words = ("trainability", "surface", "iris", "--widths", "2,8", "--pairs", 2, "--epochs", 2)
    more = ("--batch-size", 32, "--workers", 1, "--ledger", tmp_path / "ledger.sqlite")
    done = here(*words, *more, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"line_barrier_falls"' in done.stdout
    table = here(*words, *more, cwd=tmp_path)
    assert "4 of 4 trainings, all done." in table.stdout
