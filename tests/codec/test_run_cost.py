"""What running a network costs is known before it is spent, and bounded."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec import run_cost
from minbits.codec.architecture import (
    Architecture,
    activation_shapes,
    multiply_accumulate_count,
    run_order,
)
from minbits.codec.forward import last_uses
from minbits.codec.inference import predict, predict_logits
from minbits.codec.network import Network
from minbits.codec.run_cost import RunCost, batch_bytes, check_cost, thread_count
from minbits.errors import CostError
from minbits.front_ends.area import Area
from minbits.front_ends.directions import Directions
from minbits.front_ends.moments import Moments
from minbits.layers import convolution_numpy
from minbits.layers.addition import Addition
from minbits.layers.base import Layer
from minbits.layers.convolution import Convolution
from minbits.layers.convolution_numpy import met_lines, tiles
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from tests.codec.streams import edge_architecture
from tests.strategies import architectures, random_network

IDENTITY = Pooling("max", 1)
# Little work an example, and much memory for whoever makes padding, columns or activations whole.
WIDE_KERNEL = Architecture((64, 32, 32), 8, (Convolution(1, 31, 1, 15), Pooling("max", 0)))
WIDE_PADDING = Architecture(
    (65_536, 1, 1), 8, (Convolution(65_536, 1, 31, 31, depthwise=True), Pooling("max", 0))
)
DENSE_PADDING = Architecture((65_536, 1, 1), 8, (Convolution(8, 1, 31, 31),))
MANY_KEPT = Architecture(
    (1, 1024, 1024), 8, (*[IDENTITY] * 32, *[Addition(32, "hard_swish") for _ in range(32)])
)
MANY_VIEWS = Architecture((1, 1024, 1024), 8, (IDENTITY,) * 8, views=5)
ONE_PLACE = Architecture((1024, 31, 31), 8, (Convolution(1, 31),))
# Inputs of as many values as may be, behind front ends that read many places of them.
FRONT_ENDS = [
    Architecture(shape, 8, (Pooling("max", 0),), views, front_end)
    for shape, views, front_end in (
        ((65_536, 1, 1), 1, Moments(1)),
        ((65_536, 4, 4), 5, Moments(4)),
        ((256, 1, 4096), 1, Moments(64)),
        ((1, 1024, 1024), 5, Moments(64)),
        ((65_536, 4, 4), 5, Area(4)),
        ((1, 1024, 1024), 5, Area(256)),
        ((8192, 1, 1), 1, Directions(1)),
        ((8192, 4, 4), 5, Directions(4)),
        ((1, 1024, 1024), 5, Directions(32)),
    )
]
HOSTILE = [
    WIDE_KERNEL, WIDE_PADDING, DENSE_PADDING, MANY_KEPT, MANY_VIEWS, ONE_PLACE, *FRONT_ENDS,
]  # fmt: skip
ENDLESS = Architecture((1, 28, 28), 8, (*[Convolution(20, 1, 1, 31)], *[Convolution(20, 1)] * 50))
MIB = 1 << 20


def inputs_for(architecture: Architecture, examples: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (examples, *architecture.input_shape)).astype(np.uint8)


def named(architecture: Architecture) -> str:
    return f"{architecture.front_end or architecture.layers[0]}"[:12]


@pytest.mark.parametrize("architecture", HOSTILE, ids=named)
def test_no_network_takes_much_memory(architecture: Architecture) -> None:
    network, inputs = random_network(architecture, 0), inputs_for(architecture, 2)
    tracemalloc.start()
    try:
        predict(network, inputs, threads=4)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    threads = thread_count(architecture, 4)
    assert peak < 200 * MIB
    assert peak < 1.5 * threads * batch_bytes(architecture) + 64 * MIB


def test_all_logits_of_many_examples_are_never_kept_for_their_classes() -> None:
    architecture = Architecture((16, 1, 1), 8, (Linear(50_000, bias=False),))
    network, inputs = random_network(architecture, 0), inputs_for(architecture, 400)
    tracemalloc.start()
    try:
        predict(network, inputs)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 * MIB  # of 80 MB


@settings(max_examples=60, deadline=None)
@given(architectures(), st.integers(0, 1000), st.integers(1, 40))
def test_tiles_change_nothing(architecture: Architecture, seed: int, values: int) -> None:
    network, inputs = (
        random_network(architecture, seed, step_index=-12),
        inputs_for(architecture, 3),
    )
    whole = predict_logits(network, inputs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution_numpy, "TILE_VALUES", values)
        found = predict_logits(network, inputs)
    assert np.allclose(found, whole, rtol=1e-4, atol=1e-4 * max(1e-6, np.abs(whole).max()))


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 2000))
def test_tiles_cover_an_image_once(height: int, width: int, places: int) -> None:
    seen = np.zeros((height, width), int)
    for rows, columns in tiles(height, width, places):
        assert len(rows) * len(columns) <= places
        seen[rows.start : rows.stop, columns.start : columns.stop] += 1
    assert (seen == 1).all()


@given(
    st.integers(1, 12), st.integers(1, 5), st.integers(0, 9), st.integers(1, 4), st.integers(1, 30)
)
def test_met_lines_are_counted(
    kernel: int, stride: int, padding: int, dilation: int, side: int
) -> None:
    layer = Convolution(1, kernel, stride, padding, dilation=dilation)
    outputs = layer.geometry.output_side(side, 0)
    if outputs < 1:
        return
    met = np.array([
        [0 <= place * stride + line * dilation - padding < side for place in range(outputs)]
        for line in range(kernel)
    ])  # fmt: skip
    assert met_lines(layer.geometry, 0, side, outputs) == (met.any(1).sum(), met.sum())


def test_activations_are_let_go_after_their_last_use() -> None:
    layers: tuple[Layer, ...] = (IDENTITY, IDENTITY, Addition(2), IDENTITY, Addition(1))
    assert last_uses(run_order(Architecture((1, 4, 4), 8, layers))) == [2, 1, 2, 4, 4, 5]


def test_overflow_is_infinite_and_no_warning() -> None:
    layers = tuple(Linear(2, bias=False) for _ in range(4))
    network = random_network(Architecture((2, 1, 1), -64, layers), 0, 1e5, step_index=256)
    logits = predict_logits(network, np.full((3, 2), 255, np.uint8))
    assert not np.isfinite(logits).all()
    assert predict(network, np.full((3, 2), 255, np.uint8)).shape == (3,)


def test_no_examples_have_no_logits() -> None:
    network = random_network(Architecture((2, 1, 1), 8, (Linear(3),)), 0)
    assert predict_logits(network, np.zeros((0, 2))).shape == (0, 3)
    assert predict(network, np.zeros((0, 2))).shape == (0,)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 10**6))
def test_cost_grows_with_examples_and_views(seed: int, examples: int) -> None:
    architecture = edge_architecture(np.random.default_rng(seed), 500)
    cost = run_cost.run_cost(architecture, examples)
    assert cost.multiply_accumulates == multiply_accumulate_count(architecture)
    assert cost.seconds > 0
    twice = run_cost.run_cost(architecture, 2 * examples)
    assert twice.seconds == pytest.approx(2 * cost.seconds)
    # Not one value of an activation, and no product, is free.
    values = sum(np.prod(shape) for shape in activation_shapes(architecture)[1:])
    work = architecture.views * values + cost.multiply_accumulates
    assert cost.seconds >= examples * work * 1e-11


def test_a_run_that_takes_hours_is_refused_before_it_starts() -> None:
    network = Network(random_network(ENDLESS, 0), 0)
    inputs = np.broadcast_to(np.zeros((1, 28, 28), np.uint8), (10**6, 28, 28))
    start = time.perf_counter()
    for run in (network.predict, network.predict_logits):
        with pytest.raises(CostError, match=r"162,162,000 .* 1,000,000 .* hours .*allow_slow") as e:
            run(inputs)
        assert e.value.got == str(network.cost(10**6))
    assert time.perf_counter() - start < 5


def test_what_is_allowed_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(random_network(Architecture((4, 1, 1), 8, (Linear(3),)), 0), 0)
    inputs = np.ones((5, 4), np.uint8)
    expected = network.predict(inputs)
    monkeypatch.setattr(run_cost, "MAX_SECONDS", 0.0)
    with pytest.raises(CostError):
        network.predict(inputs)
    assert np.array_equal(network.predict(inputs, allow_slow=True), expected)
    assert network.predict_logits(inputs, allow_slow=True).shape == (5, 3)


def test_logits_that_fill_the_memory_are_refused() -> None:
    architecture = Architecture((16, 1, 1), 8, (Linear(50_000, bias=False),))
    check_cost(architecture, 10_000)
    with pytest.raises(CostError, match="2,000,000,000 bytes"):
        check_cost(architecture, 10_000, with_logits=True)


def test_durations_are_told_in_their_unit() -> None:
    told = [str(RunCost(1, 1, seconds)) for seconds in (0.0123, 3.0, 600.0, 7200.0)]
    assert [text.split("about ")[1] for text in told] == [
        "0.012 s on one core", "3 s on one core", "10 minutes on one core",
        "2.0 hours on one core",
    ]  # fmt: skip
