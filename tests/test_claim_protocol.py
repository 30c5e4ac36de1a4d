"""The core of recipes/claim_protocol.py, whose recorded output is published."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import binom

from minbits.intervals import anytime_lower_limit, claim_lower_limit

RECIPE = Path(__file__).parents[1] / "recipes" / "claim_protocol.py"


@pytest.fixture(scope="module")
def protocol() -> ModuleType:
    spec = importlib.util.spec_from_file_location("claim_protocol", RECIPE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["claim_protocol"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_each_step_of_the_protocol_as_a_plain_loop(protocol: ModuleType) -> None:
    setting = protocol.Setting(0.9, 0.89, 50)
    assert setting.enough == 45
    assert setting.passing == pytest.approx(binom.sf(44, 50, 0.89))
    generator = np.random.default_rng(0)
    counts, files = protocol.draw_test_counts(setting, 3, 2000, generator)
    assert files == pytest.approx(1 / setting.passing, rel=0.05)
    claims, holds, among = 0, 0, []
    for run in counts:
        for look, right in enumerate(run, 1):  # noqa: B007, where it ended counts
            if right >= 45:
                break
        passed = right >= 45
        shown = right if passed else run[0]
        held = claim_lower_limit(int(shown), 50, look) <= 0.89
        claims += passed
        holds += held
        among += [held] if passed else []
    found = protocol.first_pass(counts, setting, claim_lower_limit)
    assert found == pytest.approx((claims / 2000, holds / 2000, np.mean(among)))
    best = [claim_lower_limit(int(max(run)), 50, 3) <= 0.89 for run in counts]
    assert protocol.best_of_all(counts, setting, claim_lower_limit)[1] == np.mean(best)


@pytest.mark.parametrize("rule", [claim_lower_limit, anytime_lower_limit])
@pytest.mark.parametrize(("truth", "looks"), [(0.88, 1), (0.9, 4), (0.93, 16)])
def test_the_simulation_agrees_with_the_binomial(
    protocol: ModuleType, rule: object, truth: float, looks: int
) -> None:
    setting = protocol.Setting(0.9, truth, 200)
    counts, _ = protocol.draw_test_counts(setting, looks, 20_000, np.random.default_rng(1))
    for simulated, exact in (
        (
            protocol.first_pass(counts, setting, rule)[1],
            protocol.first_pass_exactly(setting, looks, rule),
        ),
        (
            protocol.best_of_all(counts, setting, rule)[1],
            protocol.best_of_all_exactly(setting, looks, rule),
        ),
    ):
        error = math.sqrt(exact * (1 - exact) / 20_000)
        assert abs(simulated - exact) < 4 * error + 1e-12


@pytest.mark.parametrize("examples", [30, 360, 1000])
@pytest.mark.parametrize("truth", [0.95, 0.968, 0.97, 0.972, 0.99])
def test_the_limits_hold_in_95_of_100_runs(
    protocol: ModuleType, examples: int, truth: float
) -> None:
    setting = protocol.Setting(0.97, truth, examples)
    for looks in (1, 2, 5, 16, 60):
        assert protocol.first_pass_exactly(setting, looks, anytime_lower_limit) >= 0.95
        assert protocol.best_of_all_exactly(setting, looks, claim_lower_limit) >= 0.95


def test_a_level_that_counts_past_looks_alone_does_not_hold(protocol: ModuleType) -> None:
    setting = protocol.Setting(0.99, 0.988, 10_000)
    assert protocol.first_pass_exactly(setting, 16, claim_lower_limit) < 0.9
    assert protocol.first_pass_exactly(setting, 16, anytime_lower_limit) > 0.95
