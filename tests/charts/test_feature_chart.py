from __future__ import annotations

import io

import numpy as np
from PIL import Image

from minbits.charts.feature_chart import (
    MAX_BARS,
    MAX_CHANNELS,
    draw_feature_chart,
    feature_numbers,
)
from minbits.data import from_arrays, load
from minbits.information.features import feature_information


def test_the_most_informative_columns_come_first() -> None:
    features = feature_information(load("breast_cancer"))
    numbers = feature_numbers(features)
    assert len(numbers.names) == MAX_BARS
    assert numbers.left_out == 30 - MAX_BARS
    assert (np.diff(numbers.information_bits) <= 0).all()
    assert numbers.information_bits[0] == features.information_bits.max()
    image = Image.open(io.BytesIO(draw_feature_chart(numbers, "breast_cancer").picture()))
    assert min(image.size) > 400


def test_images_keep_their_shape() -> None:
    generator = np.random.default_rng(0)
    data = from_arrays(
        generator.integers(0, 256, (200, 3, 6, 5)).astype(np.uint8), np.arange(200) % 2
    )
    numbers = feature_numbers(feature_information(data))
    assert numbers.information_bits.shape == (3, 6, 5)
    assert numbers.names == ()
    assert Image.open(io.BytesIO(draw_feature_chart(numbers, "noise").picture())).format == "PNG"


def test_many_channels_and_noise_are_said() -> None:
    generator = np.random.default_rng(1)
    data = from_arrays(
        generator.integers(0, 256, (100, 30, 6, 5)).astype(np.uint8), np.arange(100) % 5
    )
    numbers = feature_numbers(feature_information(data))
    assert numbers.information_bits.shape == (MAX_CHANNELS, 6, 5)
    assert numbers.left_out == 30 - MAX_CHANNELS
    assert "chance" in str(numbers.note)
    image = Image.open(io.BytesIO(draw_feature_chart(numbers, "noise").picture()))
    assert max(image.size) < 8000
