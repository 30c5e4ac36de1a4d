from __future__ import annotations

import pytest

from minbits.codec.architecture import Architecture, multiply_accumulate_count
from minbits.errors import NetworkError
from minbits.networks.grammar import parse_layers
from minbits.training import choice
from minbits.training.choice import GPU_MULTIPLY_ACCUMULATES, choose_engine
from minbits.types import TrainingRecipe

RECIPE = TrainingRecipe(1, 1)
DROPPING = TrainingRecipe(1, 1, dropout=0.5)


def network(text: str) -> Architecture:
    return Architecture((1, 12, 12), 8, parse_layers(text, 1))


SMALL = network("conv 5 k5 s2 p2 relu; avgpool all; linear 4")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "_has_gpu", lambda: False)


def test_auto_takes_lanes_where_they_cover_the_training() -> None:
    assert choose_engine("auto", SMALL, RECIPE, 64).name == "lanes"
    assert choose_engine("lanes", SMALL, RECIPE, 64).name == "lanes"
    assert choose_engine("torch", SMALL, RECIPE, 64).name == "torch"


@pytest.mark.parametrize(
    ("text", "recipe", "batch", "reason"),
    [
        ("linear 2", RECIPE, 50, "multiple of 32"),
        ("linear 2", RECIPE, 0, "multiple of 32"),
        ("linear 2", DROPPING, 64, "dropout"),
        ("conv 2 k1 p1; avgpool all", RECIPE, 64, "padding 1"),
        ("conv 1 k3 p1; add 1 hard_swish; linear 2", RECIPE, 64, "hard swish"),
    ],
)
def test_what_lanes_do_not_cover_goes_to_pytorch(
    text: str, recipe: TrainingRecipe, batch: int, reason: str
) -> None:
    assert choose_engine("auto", network(text), recipe, batch).name == "torch"
    with pytest.raises(NetworkError, match=reason):
        choose_engine("lanes", network(text), recipe, batch)


def test_a_gpu_trains_what_is_large_enough_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    large = network("conv 64 k3 p1 relu; conv 64 k3 p1 relu; avgpool all; linear 4")
    assert multiply_accumulate_count(large) > GPU_MULTIPLY_ACCUMULATES
    assert choose_engine("auto", large, RECIPE, 64).name == "lanes"
    monkeypatch.setattr(choice, "_has_gpu", lambda: True)
    assert choose_engine("auto", large, RECIPE, 64).name == "torch"
    assert choose_engine("auto", SMALL, RECIPE, 64).name == "lanes"
    assert choose_engine("lanes", large, RECIPE, 64).name == "lanes"
