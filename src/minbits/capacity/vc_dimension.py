"""The VC dimension: the most points whose every labelling some weights realise.

Bounds for piecewise linear networks after Bartlett, Harvey, Liaw & Mehrabian 2019, "Nearly-tight
VC-dimension and pseudodimension bounds for piecewise linear neural networks". On N examples the
signs that layer i produces are signs of polynomials in the weights of layers 1 to i, of degree i;
Warren's theorem bounds how many sign patterns those have, and the layers' counts multiply.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from minbits.capacity.network_shape import NetworkShape
from minbits.errors import ArgumentError


@dataclass(frozen=True)
class _SignedLayer:
    """Polynomials whose signs a layer decides by, for one example."""

    polynomials: int
    degree: int
    parameters: int


def perceptron_vc_dimension(inputs: int, bias: bool = True) -> int:
    """Return the VC dimension of a threshold unit: its weights, the bias included (exact).

    Raises:
        ArgumentError: with fewer than one input.
    """
    if inputs < 1:
        raise ArgumentError("perceptron_vc_dimension", f"{inputs} inputs", "1 or more", "Add some.")
    return inputs + bias


def is_piecewise_linear(shape: NetworkShape) -> bool:
    """Return whether every unit is linear or has kinks only, so that the bounds apply."""
    return all(layer.units != "other" for layer in shape.layers)


def _require_piecewise_linear(shape: NetworkShape) -> None:
    if not is_piecewise_linear(shape):
        raise ArgumentError(
            "VC dimension",
            f"units that are not piecewise linear in {shape.name}",
            "ReLU, leaky ReLU or linear units, max or average pooling",
            "Use another network; for smooth units only looser bounds are known.",
        )


def _signed_layers(shape: NetworkShape) -> list[_SignedLayer]:
    result: list[_SignedLayer] = []
    parameters = 0
    last = len(shape.layers) - 1
    for index, layer in enumerate(shape.layers):
        parameters += layer.parameters
        kinks = layer.rows * layer.positions if layer.units == "piecewise linear" else 0
        polynomials = kinks + layer.comparisons
        if index == last:
            # The class is the largest logit: every pair is compared; one logit shows its sign.
            polynomials += max(1, shape.logits * (shape.logits - 1) // 2)
        if polynomials:
            result.append(_SignedLayer(polynomials, index + 1, parameters))
    return result


def log2_growth_bound(shape: NetworkShape, examples: int) -> float:
    """Return an upper bound of log2 of the labellings of ``examples`` that some weights produce.

    The product, over the layers, of ``2 (2 e m k_i i / W_i) ** W_i`` (their theorem 7, for degree
    1 and one kink), and of ``2 ** (m k_i)`` where that is smaller.

    Raises:
        ArgumentError: if a unit is not piecewise linear, or with no examples.
    """
    _require_piecewise_linear(shape)
    if examples < 1:
        raise ArgumentError("log2_growth_bound", f"{examples} examples", "1 or more", "Add some.")
    return _log2_growth(_signed_layers(shape), float(examples))


def _log2_growth(layers: list[_SignedLayer], examples: float) -> float:
    total = 0.0
    for layer in layers:
        signs = examples * layer.polynomials
        patterns = signs
        if signs >= layer.parameters:
            ratio = 2 * math.e * signs * layer.degree / layer.parameters
            patterns = min(signs, 1 + layer.parameters * math.log2(ratio))
        total += patterns
    return total


def vc_upper_bound(shape: NetworkShape) -> int:
    """Return an upper bound of the VC dimension of the indicator of any one class.

    The largest m whose ``2 ** m`` labellings the growth bound allows. The growth bound is concave
    in m, so there is one place where m overtakes it.

    Raises:
        ArgumentError: if a unit is not piecewise linear.
    """
    _require_piecewise_linear(shape)
    layers = _signed_layers(shape)
    high = 1
    while _log2_growth(layers, float(high)) >= high:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if _log2_growth(layers, float(middle)) >= middle:
            low = middle
        else:
            high = middle
    return low


def closed_form_size(shape: NetworkShape) -> int:
    """Return ``R = sum i k_i``, which the closed form needs to be 3 or more."""
    return sum(layer.degree * layer.polynomials for layer in _signed_layers(shape))


def vc_upper_bound_closed(shape: NetworkShape) -> float:
    """Return ``L + sum W_i log2(4 e R log2(2 e R))`` with ``R = sum i k_i``, looser but closed.

    Their theorem 7 for degree 1 and one kink a unit, ``sum W_i`` being the weights times their
    effective depth; pairs compared by pooling and by the largest logit count as units of a layer.

    Raises:
        ArgumentError: if a unit is not piecewise linear, or R is below 3, where it does not hold.
    """
    _require_piecewise_linear(shape)
    layers, size = _signed_layers(shape), closed_form_size(shape)
    if size < 3:
        raise ArgumentError("vc_upper_bound_closed", f"R = {size}", "R >= 3", "Use vc_upper_bound.")
    inner = 2 * math.e * size
    weights = sum(layer.parameters for layer in layers)
    return len(layers) + weights * math.log2(2 * inner * math.log2(inner))


def vc_lower_bound(shape: NetworkShape) -> int:
    """Return a lower bound of the VC dimension of a fully connected ReLU network.

    Baum 1988: a layer of k threshold units over n values shatters n·k points in general position.
    Two ReLU units act as one threshold unit on finitely many points; layers before pass on as many
    values as the narrowest of them has, layers after pass on one. A single threshold unit shatters
    inputs + 1 points.

    Raises:
        ArgumentError: if the network is not fully connected and piecewise linear with biases.
    """
    _require_piecewise_linear(shape)
    if not shape.is_fully_connected or not all(layer.bias for layer in shape.layers):
        raise ArgumentError(
            "vc_lower_bound",
            f"{shape.name}, which is not fully connected with biases",
            "a chain such as 784-300-10",
            "No lower bound of ours covers shared weights.",
        )
    best = shape.inputs + 1
    narrowest = shape.inputs
    for layer in shape.layers[:-1]:
        if layer.units == "piecewise linear":
            best = max(best, narrowest * (layer.rows // 2))
        narrowest = min(narrowest, layer.rows)
    return best


def vc_existence_scale(parameters: int, depth: int) -> float:
    """Return ``W L log2(W / L)``, their lower bound up to a universal constant factor.

    Theorem 3: for W weights and L layers with W well above L, *some* ReLU network of at most that
    size has a VC dimension of at least this over a constant C. It says nothing of a given one.

    Raises:
        ArgumentError: unless ``parameters > depth >= 1``.
    """
    if not parameters > depth >= 1:
        raise ArgumentError(
            "vc_existence_scale", f"W = {parameters}, L = {depth}", "W > L >= 1", "Add weights."
        )
    return parameters * depth * math.log2(parameters / depth)
