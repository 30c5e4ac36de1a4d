from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from minbits.codec.architecture import Architecture, parameter_count, tensor_shapes
from minbits.networks.grammar import parse_layers
from minbits.networks.parameters import flat_parameters, parameter_layout
from minbits.networks.torch_layers import TrainingPass, run_layers
from tests.strategies import architectures

TEXT = (
    "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 4 leaky_relu; again 2; add 2; maxpool 2; "
    "conv 6 k3 hard_swish; linear 8 relu; linear 3"
)
ARCHITECTURE = Architecture((1, 8, 8), 0, parse_layers(TEXT, 1))


@given(architectures(), st.booleans())
def test_slots_fill_the_vector_without_overlap(
    architecture: Architecture, normalised: bool
) -> None:
    layout = parameter_layout(architecture, normalised)
    uses = np.zeros(layout.size, int)
    moments = np.zeros(layout.moments_size, int)
    for slot in layout.slots:
        uses[slot.weights_at : slot.weights_at + slot.outputs * slot.taps] += 1
        for start in (slot.scale_at, slot.shift_at):
            if start is not None:
                uses[start : start + slot.outputs] += 1
        if slot.moments_at is not None:
            moments[slot.moments_at : slot.moments_at + slot.outputs] += 1
    assert (uses == 1).all()
    assert (moments == 1).all()
    if not normalised:
        assert layout.size == parameter_count(architecture)
        assert not layout.is_normalised


@given(architectures(), st.integers(0, 1000))
def test_initial_values_follow_their_seed_alone(architecture: Architecture, seed: int) -> None:
    layout = parameter_layout(architecture, normalised=True)
    first = layout.initial(seed)
    assert first.dtype == np.float32
    assert np.array_equal(first, layout.initial(seed))
    if layout.size:
        assert not np.array_equal(first, layout.initial(seed + 1))


def test_initial_weights_have_the_deviation_of_he() -> None:
    architecture = Architecture((64, 1, 1), 0, parse_layers("linear 200 relu; linear 100", 64))
    layout = parameter_layout(architecture, normalised=False)
    (hidden, bias), (last, _) = layout.tensors(layout.initial(0))
    assert float(hidden.std()) == pytest.approx((2 / 64) ** 0.5, rel=0.05)
    assert float(last.std()) == pytest.approx((1 / 200) ** 0.5, rel=0.05)
    assert bias is not None
    assert not bias.any()


@settings(max_examples=60)
@given(architectures(), st.integers(0, 1000))
def test_folding_normalisation_changes_no_logit(architecture: Architecture, seed: int) -> None:
    """Normalise sums by given moments, as in evaluation, and compare with the folded weights."""
    layout = parameter_layout(architecture, normalised=True)
    generator = np.random.default_rng(seed)
    values = layout.initial(seed)
    values += generator.normal(0, 0.2, layout.size).astype(np.float32)
    means = generator.normal(0, 0.5, layout.moments_size).astype(np.float32)
    variances = generator.uniform(0.3, 3, layout.moments_size).astype(np.float32)
    plain = parameter_layout(architecture, normalised=False)
    folded = plain.tensors(layout.fold(values, means, variances))
    for slot, (weights, shift) in zip(layout.slots, folded, strict=True):
        raw = values[slot.weights_at : slot.weights_at + slot.outputs * slot.taps]
        x = generator.normal(size=slot.taps)
        sums = raw.reshape(slot.outputs, slot.taps).astype(float) @ x
        summand = 0.0 if slot.shift_at is None else values[slot.shift_at :][: slot.outputs]
        if slot.scale_at is not None and slot.moments_at is not None:
            part = slice(slot.moments_at, slot.moments_at + slot.outputs)
            scale = values[slot.scale_at : slot.scale_at + slot.outputs]
            sums = (sums - means[part]) / np.sqrt(variances[part] + 1e-5) * scale
        expected = sums + summand
        found = weights.reshape(slot.outputs, slot.taps) @ x + (0.0 if shift is None else shift)
        assert np.allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_folding_the_moments_of_a_batch_gives_the_logits_of_training() -> None:
    layout = parameter_layout(ARCHITECTURE, normalised=True)
    values = layout.initial(3)
    images = torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    run = TrainingPass(layout, 40, 0.0, torch.Generator())
    logits, means, variances = run.logits(torch.from_numpy(values), images)
    plain = parameter_layout(ARCHITECTURE, normalised=False)
    folded = plain.tensors(layout.fold(values, means.numpy(), variances.numpy()))
    tensors = [
        (torch.from_numpy(w.copy()), None if b is None else torch.from_numpy(b.copy()))
        for w, b in folded
    ]
    # Training divides by the biased variance, folding by the unbiased one.
    assert torch.allclose(logits, run_layers(ARCHITECTURE, tensors, images), rtol=1e-2, atol=1e-2)


def test_repeated_layers_are_not_normalised() -> None:
    layout = parameter_layout(ARCHITECTURE, normalised=True)
    scaled = [slot.layer_index for slot in layout.slots if slot.scale_at is not None]
    assert scaled == [0, 6]


@given(architectures(), st.integers(0, 1000))
def test_tensors_and_the_vector_are_inverse(architecture: Architecture, seed: int) -> None:
    layout = parameter_layout(architecture, normalised=False)
    values = layout.initial(seed)
    tensors = layout.tensors(values)
    assert [weights.shape for weights, _ in tensors] == [
        shape.weights for shape in tensor_shapes(architecture)
    ]
    assert np.array_equal(flat_parameters(architecture, tensors), values)


def test_what_does_not_fit_is_refused() -> None:
    normalised = parameter_layout(ARCHITECTURE, normalised=True)
    with pytest.raises(ValueError, match="fold"):
        normalised.tensors(normalised.initial(0))
    plain = parameter_layout(ARCHITECTURE, normalised=False)
    with pytest.raises(ValueError, match="parameters"):
        flat_parameters(ARCHITECTURE, plain.tensors(plain.initial(0))[:-1])


@given(architectures(), st.integers(0, 1000))
def test_unfolding_is_undone_by_folding(architecture: Architecture, seed: int) -> None:
    generator = np.random.default_rng(seed)
    layout = parameter_layout(architecture, normalised=True)
    plain = generator.standard_normal(parameter_count(architecture)).astype(np.float32)
    means = generator.standard_normal(layout.moments_size).astype(np.float32)
    variances = generator.uniform(0.1, 3, layout.moments_size).astype(np.float32)
    normalised = layout.unfold(plain, means, variances)
    np.testing.assert_allclose(
        layout.fold(normalised, means, variances), plain, rtol=1e-5, atol=1e-6
    )
