from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from minbits.data.assemble import assemble
from minbits.errors import ArgumentError
from minbits.information.intrinsic_dimension import dimension_curves
from minbits.types import DataSet

needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("skdim") is None, reason="pip install 'minbits[dimension]'"
)


def embedded(dimensions: int, examples: int = 900, inputs: int = 12) -> DataSet:
    generator = np.random.default_rng(dimensions)
    flat = generator.random((examples, dimensions)) @ generator.normal(size=(dimensions, inputs))
    return assemble("flat", (flat, np.arange(examples) % 2), None, "test", "test")


@needs_extra
@pytest.mark.parametrize("dimensions", [2, 4])
def test_a_flat_sheet_has_its_own_dimension(dimensions: int) -> None:
    curves = dimension_curves(embedded(dimensions), (300, 600))
    assert [curve.sizes for curve in curves] == [(300, 600)] * 3
    for curve in curves:
        assert curve.means[-1] == pytest.approx(dimensions, rel=0.2), curve.estimator.key


@needs_extra
def test_a_figure_tells_the_whole_curve() -> None:
    figure = dimension_curves(embedded(2), (100, 200, 5000))[0].figure()
    assert figure.unit == "dimensions"
    assert "at 100" in figure.method
    assert "at 200" in figure.method
    assert "5,000" not in figure.method


@needs_extra
def test_too_few_examples_are_refused() -> None:
    with pytest.raises(ArgumentError, match="`dimension`"):
        dimension_curves(embedded(2, examples=16))


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ArgumentError, match=r"minbits\[dimension\]"):
        dimension_curves(embedded(2))
