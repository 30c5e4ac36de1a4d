"""Which front ends a search may use, and which one it takes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from minbits.codec.file_format import encode_network, size_parts
from minbits.compression.quantizer import Quantizer
from minbits.compression.steps import share_steps, with_one_bias_step
from minbits.data import load
from minbits.errors import ArgumentError, NetworkError
from minbits.evaluation.goal import Goal
from minbits.files import sha256_hex
from minbits.networks.grammar import format_architecture, parse_architecture, split_front_end
from minbits.networks.parameters import parameter_layout
from minbits.networks.zoo import architecture_for
from minbits.search.family import FRONT_END
from minbits.search.front_ends import ByFrontEnd, check_front_end, front_ends_for
from minbits.search.ladder import START_RUNG, family_behind, ladder
from minbits.search.moves.front_end import ChangeFrontEnd
from minbits.search.options import SearchOptions
from minbits.search.sampled import RandomPoints, draw_point
from minbits.search.space import Candidate
from minbits.search.space_file import parse_space, read_space
from minbits.search.strategy import Proposal
from minbits.search.strategy_choice import FIRST_SECONDS, StrategyRequest, make_strategy
from minbits.search.tasks import TrialTask
from minbits.search.trial import run_task
from minbits.types import DataSet, TrainingRecipe, TrialConfig, TrialOutcome
from minbits.workers.work import WorkerContext
from tests.search.outcomes import RECIPE, answer

GOAL = Goal(0.9, 1000)
BAR_BITS = 70
# Each layer that shares kernels, or normalises, is named; that they have no weights saves far more.
SHARED_BAR_BITS = 85


@pytest.fixture(scope="module")
def digits28() -> DataSet:
    """Return images as large as those of MNIST, of which nothing is known."""
    inputs = np.zeros((300, 1, 28, 28), np.uint8)
    labels = np.zeros(300, np.int64)
    names = tuple("0123456789")
    return DataSet("zeros", inputs, labels, inputs[:1], labels[:1], names, 8, "0" * 64, "test")


def test_images_may_have_front_ends_and_nothing_else_has(digits28: DataSet, tiny: DataSet) -> None:
    space = read_space()
    assert front_ends_for(digits28, "auto", space) == ("moments 28", None)
    assert front_ends_for(digits28, "none", space) == (None,)
    assert front_ends_for(digits28, "moments", space) == ("moments 28",)
    assert front_ends_for(digits28, "moments 14 s12", space) == ("moments 14",)
    assert front_ends_for(tiny, "auto", space) == (None,)  # no family names one for small images
    assert front_ends_for(tiny, "moments", space) == ("moments 8",)
    iris = load("iris")
    assert front_ends_for(iris, "auto", space) == (None,)
    with pytest.raises(ArgumentError, match=r"`front_end`: got 'area 2' for inputs of shape"):
        front_ends_for(iris, "area 2", space)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 24, 40), (2, 8, 8)], ids=str)
@pytest.mark.parametrize(
    "front", [None, "moments 28", "moments 14", "directions 14", "directions 28", "area 8"]
)
def test_the_ladder_has_networks_behind_each_front_end(
    shape: tuple[int, int, int], front: str | None
) -> None:
    # Kernels of several channels cannot be shared, and small results take fewer layers.
    inputs = np.zeros((300, *shape), np.uint8)
    labels = np.zeros(300, np.int64)
    names = tuple("0123456789")
    data = DataSet("zeros", inputs, labels, inputs[:1], labels[:1], names, 8, "0" * 64, "test")
    for rung in ladder(data, front):
        assert split_front_end(rung.architecture)[0] == front
        architecture_for(rung.architecture, data)
    family = family_behind(data, front)
    points = RandomPoints(0)
    found = 0
    for _ in range(40):
        try:
            family.candidate(points.ask(family)[1], data)
            found += 1
        except NetworkError:
            continue
    assert found > 5


def test_options_that_cannot_be_are_refused(tmp_path: Path) -> None:
    check_front_end(SearchOptions(front_end="moments"))
    check_front_end(SearchOptions(front_end="area 14"))
    with pytest.raises(ArgumentError, match=r"`front_end`.*moments N, area N"):
        check_front_end(SearchOptions(front_end="squares"))
    with pytest.raises(ArgumentError, match="`front_end`"):
        check_front_end(SearchOptions(front_end="moments many"))
    with pytest.raises(ArgumentError, match="with `space`"):
        check_front_end(SearchOptions(front_end="moments", space=tmp_path / "s.toml"))


class Base:
    """Proposes networks of one front end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.told = 0

    def propose(self, seconds_left: float) -> Proposal | None:
        return Proposal(Candidate(self.text, self.text, RECIPE))

    def tell(self, outcome: TrialOutcome) -> None:
        self.told += 1


def test_each_is_tried_and_the_better_one_is_mostly_taken() -> None:
    normalised, raw = Base("moments 14; linear 2"), Base("linear 2")
    strategy = ByFrontEnd({"moments 14": normalised, None: raw}, GOAL)
    counts: dict[str, int] = {}
    for number in range(52):
        proposal = strategy.propose(100)
        assert proposal is not None
        text = proposal.candidate.architecture
        if number < 2:
            assert text == ("moments 14; linear 2", "linear 2")[number]
        else:
            counts[text] = counts.get(text, 0) + 1
        strategy.tell(answer(proposal, 2000 if text == "linear 2" else 3000, 950))
    assert counts == {"linear 2": 40, "moments 14; linear 2": 10}
    assert normalised.told == raw.told == 52


def test_a_search_begins_with_a_short_trial_behind_a_front_end(digits28: DataSet) -> None:
    request = StrategyRequest(digits28, GOAL, 3600.0, lambda sha256: None, SearchOptions())
    strategy = make_strategy(request)
    first, second = strategy.propose(3600.0), strategy.propose(3600.0)
    assert first is not None
    assert second is not None
    assert split_front_end(first.candidate.architecture)[0] == "moments 28"
    assert split_front_end(second.candidate.architecture)[0] is None
    assert first.seconds == FIRST_SECONDS
    assert second.seconds is not None
    assert second.seconds > FIRST_SECONDS


@pytest.mark.parametrize("sampler", ["ladder", "random", "mixed"])
@pytest.mark.parametrize("front", ["none", "area 7", "moments 20"])
def test_a_front_end_that_is_wanted_stands_before_all(
    digits28: DataSet, sampler: str, front: str
) -> None:
    options = SearchOptions(sampler=sampler, front_end=front, moves=False)
    strategy = make_strategy(StrategyRequest(digits28, GOAL, 600.0, lambda sha256: None, options))
    for _ in range(4):
        proposal = strategy.propose(600.0)
        assert proposal is not None
        found = split_front_end(proposal.candidate.architecture)[0]
        assert found == (None if front == "none" else front)


def test_a_normalised_ladder_fits_and_its_overhead_is_small(digits28: DataSet) -> None:
    rungs = ladder(digits28, "moments 28")
    assert len({rung.key for rung in rungs}) == len(rungs) > START_RUNG
    for rung in rungs:
        architecture = architecture_for(rung.architecture, digits28)
        values = parameter_layout(architecture, normalised=False).initial(0)
        quantizer = Quantizer(architecture, values, 0.3)
        quantizer.fix_steps()
        steps = with_one_bias_step(architecture, quantizer.step_indices)
        quantizer.step_indices[:] = steps
        network = share_steps(quantizer.export())
        found = {layer.bias.step_index for layer in network.layers if layer.bias is not None}
        assert len(found) == 1
        parts = size_parts(encode_network(network))
        overhead = sum(part.size_bits for part in parts if not part.values)
        assert overhead <= (SHARED_BAR_BITS if "shared" in rung.architecture else BAR_BITS)


SPACE = """
version = 1
[[family]]
name = "small"
front_end = ["none", "moments 6", "area 5"]
architecture = ["views {views}", "conv {stem} k3 p1 relu", "avgpool all", "linear {classes}"]
[family.architecture_values]
views = [1, 5]
stem = { from = 2, to = 9 }
[family.training]
float_epochs = 2
quantized_epochs = 2
"""


def test_a_space_may_name_front_ends(tiny: DataSet) -> None:
    family = parse_space(SPACE, "space").family_for(tiny)
    source, seen = RandomPoints(0), set()
    for _ in range(40):
        point = draw_point(family, source.draw)
        candidate = family.candidate(point, tiny)
        seen.add(point[FRONT_END])
        config = TrialConfig(candidate.architecture, candidate.recipe, 0)
        assert family.point_of(config, 2) == point
    assert seen == {"none", "moments 6", "area 5"}
    other = TrialConfig("moments 7; conv 3 k3 p1 relu; avgpool all; linear 2", RECIPE, 0)
    assert family.point_of(other, 2) is None


@pytest.mark.parametrize("text", ['"squares 3"', "3", "[]", '["moments 6", "moments x"]'])
def test_other_front_ends_of_a_space_are_named(text: str) -> None:
    changed = SPACE.replace('["none", "moments 6", "area 5"]', text)
    with pytest.raises(ArgumentError, match="family 'small', front_end"):
        parse_space(changed, "space")


def test_a_move_changes_the_front_end(tiny: DataSet) -> None:
    text = "conv 3 k3 p1 relu; avgpool all; linear 2"
    recipe = TrainingRecipe(2, 2, batch_size=64, augmentation=0.2)
    first = run_task(TrialTask(TrialConfig(text, recipe, 1), 0), tiny, WorkerContext())
    assert first.network_file is not None
    content, wanted = first.network_file, text
    for move, front in (("front 1", "moments 8 s13"), ("front -1", "moments 8")):
        config = TrialConfig(
            "whatever", dataclasses.replace(recipe, float_epochs=0), 2,
            parent=sha256_hex(content), move=move,
        )  # fmt: skip
        found = run_task(TrialTask(config, 0, parent_file=content), tiny, WorkerContext())
        assert found.status == "done", found.error
        assert found.network_file is not None
        content, wanted = found.network_file, f"{front}; {text}"
        assert found.config.architecture == wanted


def test_a_move_of_front_ends_fits_images_alone(tiny: DataSet) -> None:
    move = ChangeFrontEnd()
    for text, shape, fits in (
        ("linear 2", (4, 1, 1), False),
        ("linear 2", (1, 1, 40), False),
        ("linear 2", (1, 9, 12), False),
        ("linear 2", (1, 12, 12), True),
        ("moments 6; linear 2", (1, 9, 12), True),
        ("area 6; linear 2", (1, 12, 12), False),
    ):
        architecture = parse_architecture(text, shape, 8)
        assert move.fits(architecture) == fits, format_architecture(architecture)
    with pytest.raises(NetworkError, match="a spread of 1 to 32"):
        parse_architecture("moments 6 s33; linear 2", (1, 9, 9), 8)
