"""Networks behind a front end: as text, as a file, run in batches, exported, with their cost."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from minbits.codec.architecture import VIEW_SHIFTS, activation_shapes, tensor_shapes
from minbits.codec.file_format import (
    decode_network,
    encode_network,
    size_parts,
    version_of,
)
from minbits.codec.inference import predict, predict_logits
from minbits.codec.run_cost import batch_bytes, run_cost
from minbits.errors import NetworkError
from minbits.exports.numpy_arrays import NumpyArrays
from minbits.exports.protocol import export_checked
from minbits.front_ends.base import seen_images
from minbits.front_ends.moments import Moments
from minbits.label_codes.exact_logits import ExactNetwork, measured_ranges
from minbits.networks.grammar import (
    format_architecture,
    input_class,
    parse_architecture,
    parse_front_end,
    split_front_end,
    with_front_end,
)
from minbits.networks.to_torch import to_torch
from tests.strategies import random_network, same_network

LAYERS = "conv 3 k3 leaky_relu; depthwise k3; pointwise 4 leaky_relu; avgpool all; linear 10"
FRONTS = [
    "moments 28",
    "moments 14",
    "moments 9 s11",
    "area 7",
    "directions 14",
    "directions 13 s11",
]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("views", ["", "views 5; "])
def test_texts_come_back(front: str, views: str) -> None:
    text = f"{views}{front}; {LAYERS}"
    architecture = parse_architecture(text, (1, 28, 28), 8)
    assert format_architecture(architecture) == text
    assert split_front_end(text) == (front, views + LAYERS)
    assert with_front_end(text, None) == views + LAYERS
    assert with_front_end(views + LAYERS, front) == text
    assert (input_class(text), input_class(LAYERS)) == ("normalised", "raw")
    assert activation_shapes(architecture)[0] == parse_front_end(front).output_shape((1, 28, 28))


@pytest.mark.parametrize(
    "text",
    [
        "moments",
        "moments x",
        "moments 14 t3",
        "area 3 4",
        "moments -1",
        "directions",
        "directions 3 4",
    ],
)
def test_other_texts_are_no_front_ends(text: str) -> None:
    with pytest.raises(NetworkError, match=r"moments N|number|'"):
        parse_architecture(f"{text}; {LAYERS}", (1, 28, 28), 8)
    with pytest.raises(NetworkError, match=r"front end.*moments N, area N"):
        parse_front_end("squares 3")


@pytest.mark.parametrize("front", FRONTS)
def test_files_hold_front_ends_in_some_bits(front: str) -> None:
    network = random_network(parse_architecture(f"{front}; {LAYERS}", (1, 28, 28), 8), 1)
    content = encode_network(network)
    assert version_of(content) == 4
    assert same_network(decode_network(content), network)
    parts = {part.name: part.size_bits for part in size_parts(content)}
    assert parts["front end"] < 18
    assert parts["magic, version, checksum"] == 8


def test_a_side_that_no_image_has_is_refused_in_a_file() -> None:
    good = parse_architecture("area 9; " + LAYERS, (1, 9, 30), 8)
    with pytest.raises(NetworkError, match="at most 256 a side"):
        parse_front_end("area 1").output_shape((1, 1, 4096))
    with pytest.raises(NetworkError, match="a side of 1 to 9"):
        tensor_shapes(dataclasses.replace(good, front_end=parse_front_end("area 10")))


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 20, 34)])
@pytest.mark.parametrize("front", FRONTS)
def test_views_and_batches_do_not_change_logits(front: str, shape: tuple[int, int, int]) -> None:
    architecture = parse_architecture(f"views 5; {front}; {LAYERS}", shape, 8)
    network = random_network(architecture, 2, step_index=-12)
    inputs = np.random.default_rng(3).integers(0, 256, (70, *shape)).astype(np.uint8)
    whole = predict_logits(network, inputs)
    alone = np.concatenate([predict_logits(network, image[None]) for image in inputs[:9]])
    assert np.allclose(whole[:9], alone, rtol=1e-5, atol=1e-5 * np.abs(whole).max())
    # The same network without a front end, on what the front end gives, view by view.
    front_end = architecture.front_end
    assert front_end is not None
    seen = seen_images(front_end, inputs.astype(np.float32) / 256, VIEW_SHIFTS)
    plain = dataclasses.replace(
        architecture, front_end=None, views=1, input_exponent=0, input_shape=seen[0].shape[1:]
    )
    behind = dataclasses.replace(network, architecture=plain)
    mean = np.mean([predict_logits(behind, view) for view in seen], axis=0)
    assert np.allclose(whole, mean, rtol=1e-4, atol=1e-4 * np.abs(mean).max())


def test_a_torch_module_and_arrays_compute_the_same(tmp_path: Path) -> None:
    architecture = parse_architecture(f"views 5; moments 9; {LAYERS}", (1, 20, 20), 8)
    network = random_network(architecture, 5, step_index=-12)
    inputs = np.random.default_rng(4).integers(0, 256, (20, 1, 20, 20)).astype(np.uint8)
    expected = predict_logits(network, inputs)
    with torch.no_grad():
        found = to_torch(network)(torch.from_numpy(inputs)).numpy()
    assert np.allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    (path,) = export_checked(NumpyArrays(), network, tmp_path / "n.npz", inputs)
    assert path.exists()


def test_exact_arithmetic_takes_front_ends_too() -> None:
    architecture = parse_architecture(f"views 5; area 7; {LAYERS}", (1, 20, 20), 8)
    network = random_network(architecture, 5, scale=1.0, step_index=-12)
    inputs = np.random.default_rng(4).integers(0, 256, (20, 1, 20, 20)).astype(np.uint8)
    exact = ExactNetwork(network, measured_ranges(network, inputs))
    assert (exact.logits(inputs).argmax(1) == predict(network, inputs)).mean() > 0.8


def test_a_front_end_counts_in_time_and_memory() -> None:
    # As many layers and places, on inputs of other sizes.
    large = parse_architecture(f"moments 28; {LAYERS}", (1, 1000, 1000), 8)
    small = parse_architecture(LAYERS, (1, 28, 28), 8)
    assert run_cost(large, 10).seconds > 10 * run_cost(small, 10).seconds
    assert batch_bytes(large) > 4 * 1000 * 1000
    views = parse_architecture(f"views 5; moments 28; {LAYERS}", (1, 28, 28), 8)
    assert run_cost(views, 10).seconds > 4 * run_cost(small, 10).seconds


def test_inputs_that_are_too_large_are_refused_before_the_front_end() -> None:
    architecture = parse_architecture(f"moments 14; {LAYERS}", (1, 1025, 1024), 8)
    with pytest.raises(NetworkError, match="activation 0"):
        tensor_shapes(architecture)
    assert Moments(14).workspace((1, 28, 28)) > 0
