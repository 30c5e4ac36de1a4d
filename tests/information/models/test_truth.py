"""Every bound of H(X) on sources whose entropy is known exactly."""

from __future__ import annotations

import dataclasses

import pytest

from minbits.data import sample
from minbits.distributions import (
    BarsAndStripes,
    IndependentBits,
    IsingTree,
    MarkovChain,
    Source,
    ising_chain,
)
from minbits.information.discretise import Discretisation, discretise
from minbits.information.input_ladder import climb
from minbits.information.input_models import INPUT_MODELS
from minbits.information.models.chow_liu import ChowLiu
from minbits.information.models.context_counts import ContextCounts
from minbits.information.models.hidden_tree import HiddenChowLiu
from minbits.information.models.independent import Independent
from minbits.information.models.mixture import Mixture
from minbits.information.rung import InputModel, Rung, standard_error
from minbits.types import DataSet

TREE = IsingTree(parents=(0, 0, 1, 1, 2, 2, 3), couplings=(0.6, 0.9, 0.4, 1.2, 0.7, 0.5, 0.8))
MARKOV = MarkovChain((0.5, 0.3, 0.2), ((0.7, 0.2, 0.1), (0.1, 0.8, 0.1), (0.3, 0.3, 0.4)), 8)
SOURCES: dict[str, Source] = {
    "bits": IndependentBits((0.1, 0.5, 0.9, 0.3, 0.02, 0.6)),
    "tree": TREE,
    "ising chain": ising_chain(10, 0.7),
    "markov": MARKOV,
    "bars and stripes": BarsAndStripes(4),
}
PLAIN = Rung("plain", "plain", 0.0, None, None, None, 0.0, 1, 400, 8, "none", 0.0)


def truth_bits(data: DataSet) -> float:
    return next(item.value for item in data.truth if item.key == "true_input_entropy")


def bound(model: InputModel, data: DataSet) -> Rung:
    return climb(discretise(data, Discretisation()), 20.0, [model]).tightest


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("examples", [200, 2000])
def test_no_bound_lies_below_the_truth_by_more_than_its_error(name: str, examples: int) -> None:
    data = sample(SOURCES[name], examples, 4000, seed=1)
    truth = truth_bits(data)
    ladder = climb(discretise(data, Discretisation()), 30.0, INPUT_MODELS)
    assert len(ladder.rungs) >= 6
    for rung in ladder.rungs:
        # Four standard errors: one of some hundred comparisons may be three off by chance alone.
        # A compressor knows nothing beforehand, so that its whole-set code has no such error.
        error = 0.0 if rung.standard_error_bits is None else 4 * rung.standard_error_bits
        assert rung.example_bits >= truth - max(error, 1e-9), rung


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("bits", Independent()),
        ("bits", ChowLiu()),
        ("tree", ChowLiu()),
        ("tree", HiddenChowLiu()),
        ("ising chain", ChowLiu()),
        ("markov", ChowLiu()),
        ("markov", HiddenChowLiu()),
    ],
)
def test_a_bound_is_tight_on_the_source_that_it_can_express(name: str, model: InputModel) -> None:
    data = sample(SOURCES[name], 20_000, 20_000, seed=2)
    rung = bound(model, data)
    assert rung.standard_error_bits is not None
    slack = 3 * rung.standard_error_bits + 0.01 * truth_bits(data)
    assert rung.example_bits == pytest.approx(truth_bits(data), abs=slack)
    assert rung.warning is None


def test_independence_pays_for_every_bit_of_mutual_information() -> None:
    data = sample(TREE, 20_000, 20_000, seed=3)
    gap = bound(Independent(), data).example_bits - bound(ChowLiu(), data).example_bits
    # Spins are fair, so that the marginal entropies sum to their number.
    assert gap == pytest.approx(8 - truth_bits(data), abs=0.05)


def test_a_mixture_is_found_by_the_mixture() -> None:
    source = BarsAndStripes(3)
    data = sample(source, 20_000, 10_000, seed=4)
    found = bound(Mixture(), data)
    # Ten fair lines and columns of few images: components can name every image.
    assert found.example_bits < truth_bits(data) + 0.25
    assert found.example_bits < bound(ChowLiu(), data).example_bits


def test_contexts_learn_what_a_picture_repeats() -> None:
    data = sample(BarsAndStripes(8), 4000, 2000, seed=5)
    found = bound(ContextCounts(), data)
    assert truth_bits(data) <= found.example_bits < 1.5 * truth_bits(data)
    assert bound(Independent(), data).example_bits > 60


@pytest.mark.parametrize("model", [ChowLiu(), Mixture(), HiddenChowLiu()])
def test_bounds_converge_with_the_number_of_examples(model: InputModel) -> None:
    values = [
        bound(model, sample(MARKOV, examples, 20_000, seed=6)).example_bits
        for examples in (60, 600, 20_000)
    ]
    assert values[0] > values[1] > values[2] - 0.02


def test_too_few_examples_are_said_to_be_too_few() -> None:
    fair = IndependentBits((0.5,) * 60)
    ladder = climb(discretise(sample(fair, 30, 300, seed=7), Discretisation()), 20.0)
    by_key = {rung.key: rung for rung in ladder.rungs}
    assert by_key["chow_liu_tree"].warning is not None
    assert all(rung.example_bits > 59 for rung in ladder.rungs)


def test_the_stated_interval_covers_the_expected_code_length() -> None:
    """A 95 % interval from each of 200 test sets of 400 examples, against the mean over all."""
    symbols = discretise(sample(TREE, 3000, 80_000, seed=8), Discretisation())
    lengths = ChowLiu().fit(symbols, 5.0).test_bits.reshape(200, 400)
    covered = 0
    for part in lengths:
        error = standard_error(part)
        assert error is not None
        rung = dataclasses.replace(PLAIN, example_bits=part.mean(), standard_error_bits=error)
        low, high = rung.interval_bits or (0.0, 0.0)
        covered += low <= lengths.mean() <= high
    assert covered >= 180
