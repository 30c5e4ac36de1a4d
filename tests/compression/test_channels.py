from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture, parameter_count
from minbits.codec.file_format import encode_network
from minbits.codec.inference import predict_logits
from minbits.compression.channels import channel_groups, group_cost, keep_channels, shrink
from minbits.compression.rounding import bits_at, level_bits, round_network
from minbits.compression.thinning import FEWEST_CHANNELS, ThinningPlan, thin
from minbits.layers.addition import Addition
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.networks.from_torch import Extracted, network_logits
from minbits.networks.parameters import parameter_layout
from minbits.training.choice import choose_engine
from minbits.training.context import TrainingContext
from minbits.training.engine import Engine
from minbits.training.loop import training_data
from minbits.types import DataSet, TrainingRecipe

KINDS: st.SearchStrategy[str] = st.sampled_from(["none", "relu", "leaky_relu", "hard_swish"])


@st.composite
def chains(draw: st.DrawFn) -> Architecture:
    """Return networks with every layer that a channel can meet on its way."""
    width, wider = draw(st.integers(2, 6)), draw(st.integers(2, 6))
    padding, kernel = draw(st.sampled_from([0, 1])), draw(st.sampled_from([1, 3]))
    activation = draw(KINDS)
    changer = Convolution(
        width, 3, 1, draw(st.sampled_from([0, 1])), True, draw(st.booleans()), draw(KINDS)
    )
    return Architecture(
        (1, 14, 14),
        0,
        (
            Convolution(width, 3, 1, padding, activation=activation),
            changer,
            Pooling(draw(st.sampled_from(["max", "average"])), 2),
            Convolution(wider, kernel, 1, padding, False, draw(st.booleans()), draw(KINDS)),
            Linear(5, activation="relu"),
            Linear(3),
        ),
    )


def with_dead_channels(architecture: Architecture, seed: int) -> np.ndarray:
    """Return random parameters in which half of all rows, kernels and columns are zero."""
    generator = np.random.default_rng(seed)
    layout = parameter_layout(architecture, normalised=False)
    values = generator.standard_normal(layout.size).astype(np.float32)
    for weights, bias in layout.tensors(values):
        weights[generator.random(len(weights)) < 0.5] = 0
        if weights.shape[1] > 1:
            weights[:, generator.random(weights.shape[1]) < 0.2] = 0
        if bias is not None:
            bias[generator.random(len(bias)) < 0.5] = 0
    return values


@settings(max_examples=50)
@given(chains(), st.integers(0, 2**31), st.booleans())
def test_a_shrunk_network_computes_the_same(
    architecture: Architecture, seed: int, fold: bool
) -> None:
    values = with_dead_channels(architecture, seed)
    small, kept = shrink(architecture, values, fold)
    assert parameter_count(small) == len(kept) <= len(values)
    x = np.random.default_rng(seed + 1).standard_normal((4, 1, 14, 14)).astype(np.float32)
    before = network_logits(Extracted(architecture, values), x)
    after = network_logits(Extracted(small, kept), x)
    np.testing.assert_allclose(after, before, rtol=1e-4, atol=1e-4)
    if not fold:
        # What stays is unchanged to the last bit: every value is one of the given ones.
        assert set(kept.tolist()) <= set(values.tolist())
    again, same = shrink(small, kept, fold)
    assert again == small
    assert np.array_equal(same, kept)


def test_all_zero_layers_keep_one_channel() -> None:
    architecture = Architecture((1, 4, 4), 0, (Convolution(6, 3), Linear(3)))
    small, values = shrink(architecture, np.zeros(parameter_count(architecture), np.float32))
    assert small.layers[0] == Convolution(1, 3)
    assert not values.any()


def test_ties_between_channels_are_left_alone() -> None:
    layers = (Convolution(4, 3, 1, 1), Convolution(4, 3, 1, 1), Addition(1), Linear(2))
    architecture = Architecture((1, 5, 5), 0, layers)
    assert channel_groups(architecture) == ()
    values = np.zeros(parameter_count(architecture), np.float32)
    assert shrink(architecture, values)[0] == architecture


@given(chains(), st.integers(0, 2**31))
def test_the_cost_of_a_channel_is_what_its_removal_saves(
    architecture: Architecture, seed: int
) -> None:
    values = with_dead_channels(architecture, seed)
    for group in channel_groups(architecture):
        layout = parameter_layout(architecture, normalised=False)
        mask = np.ones(layout.slots[group.producer].outputs, bool)
        mask[0] = False
        small, kept = keep_channels(architecture, values, {group.producer: mask})
        assert len(values) - len(kept) == group_cost(architecture, group)
        assert parameter_count(small) == len(kept)


def test_thinning_ends_at_the_size_asked_for(tiny: DataSet) -> None:
    layers = (Convolution(12, 3), Pooling("max", 2), Linear(16, activation="relu"), Linear(2))
    architecture = Architecture((1, 8, 8), 8, layers)
    layout = parameter_layout(architecture, normalised=False)
    data = training_data(tiny, np.arange(300))
    recipe = TrainingRecipe(1, 1, batch_size=32, batch_normalisation=False, augmentation=0.0)
    held_out = training_data(tiny, np.arange(300, 400))

    def choose(network: Architecture) -> Engine:
        return choose_engine("auto", network, recipe, 32)

    context = TrainingContext(recipe, 0, data, held_out, choose(architecture))
    plan = ThinningPlan(10, 200, 5e-3)
    found = list(thin(architecture, layout.initial(0), plan, context, choose))
    sizes = [parameter_count(item.architecture) for item in found]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] <= 200 + 80  # at most one channel above: channels go whole
    assert found[-1].architecture.layers[0].out_channels >= FEWEST_CHANNELS
    assert found[-1].validation_accuracy > 0.7


@given(st.lists(st.integers(-40, 40), min_size=1, max_size=200))
def test_bits_of_levels_are_a_code(levels: list[int]) -> None:
    magnitudes = np.arange(max(abs(level) for level in levels) + 3.0)
    bits = bits_at(magnitudes, level_bits(np.array(levels)))
    weights = np.where(magnitudes == 0, 1.0, 2.0)  # both signs
    assert (np.exp2(-bits) * weights).sum() <= 1 + 1e-9  # Kraft's inequality
    # Never far above the entropy of what it was fitted to.
    counts = np.unique(levels, return_counts=True)[1]
    entropy_bits = float(-(counts * np.log2(counts / len(levels))).sum())
    assert bits[np.abs(levels)].sum() >= entropy_bits - 1e-9


def test_coarser_rounding_is_smaller_and_finer_rounding_nearer() -> None:
    architecture = Architecture((1, 8, 8), 0, (Convolution(6, 3), Linear(16), Linear(4)))
    values = parameter_layout(architecture, normalised=False).initial(0)
    x = np.random.default_rng(0).standard_normal((20, 1, 8, 8)).astype(np.float32)
    exact = network_logits(Extracted(architecture, values), x).numpy()
    sizes, errors = [], []
    for error in (0.001, 0.005, 0.02):
        network = round_network(architecture, values, error)
        logits = predict_logits(network, x)
        # Steps are shared between layers, which scales the logits: compare directions.
        logits = logits * (exact * logits).sum() / (logits * logits).sum()
        sizes.append(len(encode_network(network)))
        errors.append(float(np.abs(logits - exact).mean()))
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors)
