from __future__ import annotations

from minbits.networks.blocks import blocks_of, droppable, shareable
from minbits.networks.grammar import parse_architecture

THIN = (
    "conv 4 k3 leaky_relu; maxpool 2; depthwise k3; pointwise 6 leaky_relu; "
    "depthwise k3; pointwise 8 leaky_relu; depthwise k3; pointwise 8 relu; avgpool all; linear 3"
)


def test_blocks_end_with_what_mixes_channels() -> None:
    blocks = blocks_of(parse_architecture(THIN, (1, 28, 28), 8))
    assert [(list(b.layers), b.inputs, b.outputs) for b in blocks] == [
        ([0], 1, 4), ([2, 3], 4, 6), ([4, 5], 6, 8), ([6, 7], 8, 8),
    ]  # fmt: skip
    assert [(b.input_tensor, b.output_tensor) for b in blocks] == [(-1, 0), (0, 2), (2, 4), (4, 6)]


def test_what_can_go_and_what_can_be_shared() -> None:
    architecture = parse_architecture(THIN, (1, 28, 28), 8)
    assert droppable(architecture) == (1, 2, 3)
    # Block 1 comes after pooling and another form, block 3 has another activation.
    assert shareable(architecture) == (2,)


def test_layers_that_are_tied_to_others_are_left_alone() -> None:
    text = "conv 4 k3 p1 relu; conv 4 k3 p1 relu; again 1; avgpool all; linear 3"
    architecture = parse_architecture(text, (1, 8, 8), 8)
    assert blocks_of(architecture) == droppable(architecture) == shareable(architecture) == ()


def test_a_network_without_convolutions_has_no_blocks() -> None:
    assert blocks_of(parse_architecture("linear 4 relu; linear 3", (5, 1, 1), 0)) == ()


def test_normalisations_belong_to_the_block_before_and_logits_to_the_last_one() -> None:
    text = (
        "conv 4 k3 relu; rmsnorm; depthwise k3; pointwise 5 relu; rmsnorm; depthwise k3; "
        "pointwise 6 relu; rmsnorm; depthwise k3; pointwise 7 relu; depthwise k3; pointwise 3; "
        "avgpool all"
    )
    architecture = parse_architecture(text, (1, 28, 28), 8)
    assert [list(block.layers) for block in blocks_of(architecture)] == [
        [0, 1], [2, 3, 4], [5, 6, 7], [8, 9], [10, 11],
    ]  # fmt: skip
    assert droppable(architecture) == (1, 2, 3)
    # Block 3 has no normalisation.
    assert shareable(architecture) == (2,)
    same = parse_architecture("conv 4 k3; conv 4 k3; conv 4 k3; avgpool all", (1, 28, 28), 8)
    assert (droppable(same), shareable(same)) == ((1,), ())
    sloped = parse_architecture("conv 4 k3; conv 4 k3; prelu; avgpool all", (1, 28, 28), 8)
    assert droppable(sloped) == ()
