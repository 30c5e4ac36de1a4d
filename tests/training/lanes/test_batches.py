"""Cross-entropy and whole batches, several networks at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture
from minbits.networks.grammar import parse_layers
from minbits.networks.parameters import parameter_layout
from minbits.training.lanes.batches import _cross_entropy, workspace, write_inputs
from minbits.training.lanes.plan import make_plan
from minbits.training.lanes.vector_code import LANES


@settings(max_examples=40)
@given(
    st.integers(1, 3), st.integers(2, 12), st.sampled_from([0.0, 0.1, 0.6]),
    st.sampled_from([0.0, 0.3, 1.0]),
)  # fmt: skip
def test_cross_entropy(blocks: int, classes: int, smoothing: float, soft_weight: float) -> None:
    architecture = Architecture((3, 1, 1), 0, parse_layers(f"linear {classes}", 3))
    plan = make_plan(parameter_layout(architecture, normalised=False), blocks)
    generator = np.random.default_rng(classes)
    batch = blocks * LANES
    logits = (generator.normal(size=(batch, classes)) * 5).astype(np.float32)
    labels, chosen = generator.integers(0, classes, 2 * batch), generator.permutation(2 * batch)
    chosen = chosen[:batch]
    soft = generator.dirichlet(np.ones(classes), 2 * batch).astype(np.float32)
    for n, row in enumerate(logits):
        # Example n of a batch is lane n // blocks of block n % blocks.
        start = plan.logits_at + n % blocks * plan.logits_block + n // blocks
        plan.arena[start : start + classes * LANES : LANES] = row
    total = sum(
        _cross_entropy(plan, block, labels, chosen, smoothing, soft, soft_weight)
        for block in range(blocks)
    )
    shifted = logits.astype(float) - logits.max(1, keepdims=True)
    probabilities = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    target = (1 - smoothing) * np.eye(classes)[labels[chosen]] + smoothing / classes
    target = (1 - soft_weight) * target + soft_weight * soft[chosen]
    assert total == pytest.approx(-(target * np.log(probabilities)).sum(), rel=1e-4)
    for n, expected in enumerate((probabilities - target) / batch):
        start = plan.errors_at + n % blocks * plan.errors_block + n // blocks
        found = plan.arena[start : start + classes * LANES : LANES]
        assert np.allclose(found, expected, atol=1e-6)


@settings(max_examples=30)
@given(
    st.integers(1, 3), st.integers(1, 7), st.integers(1, 7), st.integers(1, 3), st.booleans()
)  # fmt: skip
def test_images_are_written_to_lanes(
    channels: int, rows: int, columns: int, blocks: int, bordered: bool
) -> None:
    text = "conv 2 k3 p1; linear 2" if bordered else "linear 2"
    architecture = Architecture((channels, rows, columns), 0, parse_layers(text, channels))
    plan = make_plan(parameter_layout(architecture, normalised=False), blocks)
    generator = np.random.default_rng(rows)
    images = generator.normal(size=(2 * blocks * LANES, *architecture.input_shape))
    images = images.astype(np.float32)
    chosen = generator.permutation(len(images))[: blocks * LANES]
    nothing, no_fields = np.zeros((0, 0, 0), np.float32), np.zeros((0, 0, 0, 0), np.float32)
    for block in range(blocks):
        write_inputs(plan, block, images, chosen, nothing, no_fields, workspace(images))
        places = np.add.outer(
            np.arange(channels) * plan.input_channel,
            np.add.outer(np.arange(rows) * plan.input_row, np.arange(columns * LANES)),
        )
        found = plan.arena[plan.input_at + block * plan.input_block + places]
        expected = images[chosen[block::blocks]].transpose(1, 2, 3, 0)
        assert np.array_equal(found.reshape(expected.shape), expected)
