from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minbits.data.assemble import assemble
from minbits.errors import ArgumentError
from minbits.information.coarsen import coarsen, code_table
from minbits.information.discretise import Discretisation, discretise
from minbits.information.models.chow_liu import (
    JointCounts,
    chow_liu_tree,
    conditional_logs,
    tree_bits,
)
from minbits.information.models.compressors import COMPRESSORS
from minbits.information.models.context_counts import ContextTables
from minbits.information.models.context_kernels import REACH, causal_neighbours
from minbits.information.models.counting import smoothed_marginals
from minbits.information.models.mixture import Mixture
from minbits.information.models.tree_kernels import count_down, send_up
from minbits.information.rung import store
from minbits.information.symbols import SymbolSet


def random_symbols(examples: int, sizes: list[int], seed: int = 0) -> SymbolSet:
    generator = np.random.default_rng(seed)
    parts = [
        np.stack([generator.integers(0, size, n) for size in sizes], axis=1).astype(np.int32)
        for n in (examples, examples // 2, examples // 2)
    ]
    return SymbolSet(
        *parts,
        sizes=np.array(sizes, np.int64),
        image_shape=None,
        ordered=np.ones(len(sizes), np.bool_),
        what="made by the tests",
    )


def test_joint_counts_equal_counting_pair_by_pair() -> None:
    symbols = random_symbols(300, [2, 3, 5, 2], 1)
    counts = JointCounts(symbols.train, symbols.sizes)
    for first in range(4):
        found = counts.with_all(first)
        for second in range(4):
            for a, b in itertools.product(range(5), range(int(symbols.sizes[first]))):
                pairs = (symbols.train[:, second] == a) & (symbols.train[:, first] == b)
                assert found[second, a, b] == pairs.sum()


def test_the_tree_is_the_best_of_all_trees() -> None:
    """Against every one of the 125 trees on five variables, by their Prüfer sequences."""
    generator = np.random.default_rng(2)
    codes = generator.integers(0, 2, (400, 5)).astype(np.int32)
    codes[:, 1] ^= codes[:, 0] & codes[:, 3]
    codes[:, 4] = (codes[:, 2] + codes[:, 1] + (generator.random(400) < 0.2)) % 2
    sizes = np.full(5, 2, np.int64)
    counts = JointCounts(codes, sizes)
    information = np.stack([counts.information_nats(j) for j in range(5)])
    tree = chow_liu_tree(counts)
    found = sum(information[j, parent] for j, parent in enumerate(tree.parents) if parent >= 0)
    best = max(
        sum(information[a, b] for a, b in pruefer_edges(list(sequence)))
        for sequence in itertools.product(range(5), repeat=3)
    )
    assert found == pytest.approx(best, abs=1e-9)


def pruefer_edges(sequence: list[int]) -> list[tuple[int, int]]:
    degrees = [1 + sequence.count(j) for j in range(len(sequence) + 2)]
    edges = []
    for node in sequence:
        leaf = degrees.index(1)
        edges.append((leaf, node))
        degrees[leaf] -= 1
        degrees[node] -= 1
    first, second = (j for j, degree in enumerate(degrees) if degree == 1)
    return [*edges, (first, second)]


def test_the_code_of_a_tree_is_a_distribution() -> None:
    symbols = random_symbols(50, [2, 3, 2], 3)
    counts = JointCounts(symbols.train, symbols.sizes)
    tree = chow_liu_tree(counts)
    marginals = smoothed_marginals(symbols.train, symbols.sizes)
    logs = conditional_logs(counts, tree, marginals, 0.5)
    everything = np.array(list(itertools.product(range(2), range(3), range(2))), np.int32)
    assert np.exp2(-tree_bits(everything, tree, logs)).sum() == pytest.approx(1)


@given(
    st.lists(st.integers(0, 40), min_size=3, max_size=30).filter(lambda c: sum(c) > 0),
    st.integers(2, 8),
    st.booleans(),
)
def test_codes_are_few_and_none_is_left_out(
    counts: list[int], levels: int, is_ordered: bool
) -> None:
    table = code_table(np.array(counts), levels, is_ordered)
    assert len(table) == len(counts)
    assert set(table.tolist()) == set(range(table.max() + 1))
    assert table.max() < levels or len(counts) <= levels
    if is_ordered:
        assert (np.diff(table) >= 0).all()


def test_codes_and_what_is_within_them_are_a_distribution() -> None:
    """Summed over every symbol, 2^-bits of code and symbol together is one."""
    symbols = random_symbols(400, [30], 4)
    everything = np.arange(30, dtype=np.int32)[:, None]
    all_symbols = SymbolSet(
        symbols.train, symbols.validation, everything, symbols.sizes, None, symbols.ordered, ""
    )
    coarse = coarsen(all_symbols, 4)
    within = np.exp2(-coarse.within_bits[2])
    sums = np.bincount(coarse.codes.test[:, 0], weights=within)
    assert np.allclose(sums, 1)


def test_context_kernels_equal_the_plain_loops() -> None:
    generator = np.random.default_rng(5)
    images = (generator.random((6, 5, 7)) < 0.3).astype(np.int32)
    orders = (2, 5)
    tables = ContextTables((1, 5, 7), orders)
    tables.count(images.reshape(6, -1))
    plain = [np.zeros(((1 << order) + 35, 2), int) for order in orders]
    cells = np.zeros((6, 5, 7, 2), int)
    for image, row, column, index in itertools.product(range(6), range(5), range(7), range(2)):
        context = 0
        for bit, (down, right) in enumerate(causal_neighbours(orders[index])):
            y, x = row + down, column + right
            if y >= 0 and 0 <= x < 7:
                context |= int(images[image, y, x]) << bit
        cell = context or (1 << orders[index]) + row * 7 + column
        cells[image, row, column, index] = cell
        plain[index][cell, images[image, row, column]] += 1
    assert np.array_equal(tables.counts, np.concatenate(plain))
    bits = np.zeros((6, 2))
    for image, row, column in itertools.product(range(6), range(5), range(7)):
        chance = 0.5
        for index in range(2):
            off, on = plain[index][cells[image, row, column, index]]
            chance = (on + 4 * chance) / (off + on + 4)
            bits[image, index] -= np.log2(chance if images[image, row, column] else 1 - chance)
    assert np.allclose(tables.bits(images.reshape(6, -1), 4.0), bits)


def test_neighbours_come_before_the_pixel() -> None:
    offsets = causal_neighbours(22)
    assert len({tuple(offset) for offset in offsets.tolist()}) == 22
    assert all(row < 0 or (row == 0 and column < 0) for row, column in offsets)
    assert np.abs(offsets).max() <= REACH


def test_parameters_are_rounded_as_they_are_stored() -> None:
    values = np.array([0.1, -3.3333, 1e-3])
    (rounded,), bits = store(values)
    assert np.array_equal(rounded, values.astype(np.float16).astype(float))
    assert bits % 8 == 0
    assert bits > 8 * 6


def test_a_mixture_of_one_variable_is_refused() -> None:
    assert Mixture().obstacle(random_symbols(10, [2])) is not None


@pytest.mark.parametrize("compressor", COMPRESSORS, ids=lambda item: item.key)
def test_compressors_never_beat_fair_coins(compressor: object) -> None:
    generator = np.random.default_rng(6)
    parts = [generator.integers(0, 2, (n, 64)).astype(np.int32) for n in (10, 300, 300)]
    symbols = SymbolSet(
        *parts, np.full(64, 2, np.int64), (1, 8, 8), np.ones(64, np.bool_), "fair coins"
    )
    if compressor.obstacle(symbols):  # type: ignore[attr-defined]
        pytest.skip("an extra is missing")
    fitted = compressor.fit(symbols, 1.0)  # type: ignore[attr-defined]
    assert fitted.test_bits.mean() > 64
    assert fitted.is_whole_set


@pytest.mark.parametrize("how", ["static", "stochastic"])
def test_sampled_pixels_have_their_grey_value_as_probability(how: str) -> None:
    images = np.zeros((4000, 2, 2), np.uint8)
    images[:, 0, 1], images[:, 1, 0] = 255, 51
    data = assemble("grey", (images, np.arange(4000) % 2), None, "test", "test")
    symbols = discretise(data, Discretisation(how))  # type: ignore[arg-type]
    assert symbols.train.mean(axis=0) == pytest.approx([0, 1, 0.2, 0], abs=0.03)
    assert (symbols.grey is not None) == (how == "stochastic")
    again = discretise(data, Discretisation(how))  # type: ignore[arg-type]
    assert np.array_equal(symbols.test, again.test)


def test_real_columns_are_quantised_at_the_step_asked_for() -> None:
    values = np.random.default_rng(7).normal(size=(200, 2))
    data = assemble("reals", (values, np.arange(200) % 2), None, "test", "test")
    symbols = discretise(data, Discretisation(step=0.5))
    assert "0.5" in symbols.what
    spread = data.train_inputs.max() - data.train_inputs.min()
    assert symbols.sizes.max() <= spread / 0.5 + 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"binarise": "maybe"}, "`binarise`"),
        ({"threshold": float("nan")}, "`threshold`"),
        ({"step": 0.0}, "`step`"),
        ({"step": float("inf")}, "`step`"),
    ],
)
def test_bad_discretisations_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Discretisation(**arguments)  # type: ignore[arg-type]


def test_a_step_too_fine_names_the_column() -> None:
    values = np.random.default_rng(8).normal(size=(50, 1)).repeat(2, axis=1)
    data = assemble("reals", (values, np.arange(50) % 2), None, "test", "test")
    with pytest.raises(ArgumentError, match="input 1"):
        discretise(data, Discretisation(step=1e-9))


def plain_propagation(
    transitions: np.ndarray, emissions: np.ndarray, root: np.ndarray, parents: list[int],
    codes: list[int],
) -> tuple[float, np.ndarray, np.ndarray]:  # fmt: skip
    """Return likelihood, posteriors and pair posteriors of one example by trying every path."""
    variables, states = len(parents), len(root)
    posteriors = np.zeros((variables, states))
    pairs = np.zeros((variables, states, states))
    for hidden in itertools.product(range(states), repeat=variables):
        weight = root[hidden[0]]
        for variable, state in enumerate(hidden):
            if variable:
                weight *= transitions[variable, hidden[parents[variable]], state]
            weight *= emissions[variable, codes[variable], state]
        for variable, state in enumerate(hidden):
            posteriors[variable, state] += weight
            if variable:
                pairs[variable, hidden[parents[variable]], state] += weight
    likelihood = posteriors[0].sum()
    return float(likelihood), posteriors / likelihood, pairs / likelihood


@given(st.integers(1, 6), st.integers(1, 20), st.integers(0, 2**31))
def test_compiled_propagation_on_a_tree_equals_trying_every_path(
    states: int, examples: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    variables, symbols = 4, 3
    parents = np.array([0, *(generator.integers(0, v) for v in range(1, variables))])
    transitions = generator.dirichlet(np.ones(states), (variables, states)).astype(np.float32)
    emissions = generator.dirichlet(np.ones(symbols), (variables, states)).transpose(0, 2, 1)
    emissions = np.ascontiguousarray(emissions, np.float32)
    root = generator.dirichlet(np.ones(states)).astype(np.float32)
    codes = generator.integers(0, symbols, (variables, examples)).astype(np.int32)
    beliefs = np.empty((variables, states, examples), np.float32)
    messages, likelihoods = np.empty_like(beliefs), np.zeros(examples)
    pairs, shown = np.zeros((variables, states, states)), np.zeros((variables, symbols, states))
    send_up(transitions, emissions, parents, codes, beliefs, messages, likelihoods)
    likelihoods += np.log(root @ beliefs[0])
    beliefs[0] *= root[:, None]
    beliefs[0] /= beliefs[0].sum(axis=0)
    count_down(transitions, parents, codes, beliefs, messages, pairs, shown)
    expected_pairs, expected_shown = np.zeros_like(pairs), np.zeros_like(shown)
    for example in range(examples):
        likelihood, posteriors, found = plain_propagation(
            transitions, emissions, root, parents.tolist(), codes[:, example].tolist()
        )
        assert likelihoods[example] == pytest.approx(np.log(likelihood), abs=1e-4)
        expected_pairs += found
        for variable in range(variables):
            expected_shown[variable, codes[variable, example]] += posteriors[variable]
    np.testing.assert_allclose(pairs * transitions, expected_pairs, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(shown, expected_shown, rtol=1e-3, atol=1e-4)
