"""PyTorch's normalisations of each example as ours, and a factor and a summand a channel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minbits.layers.torch_call import Converter, TorchCall, as_array

# Returns the layer of so many groups and decimal digits.
_Make = Callable[[int, int], Any]
# Normalisation by the root mean square has no epsilon of ours. One up to this makes no difference
# that counts, unless all values of an example are tiny.
_MAX_RMS_EPSILON = 1e-5


def normalisation_converters(torch: Any, make: _Make) -> Mapping[Any, Converter]:
    """Return how PyTorch's modules and functions become normalisations.

    Args:
        torch: the module of that name.
        make: returns the layer of a number of groups (0: each channel) and of digits.
    """
    nn, functional = torch.nn, torch.nn.functional

    def group(call: TorchCall, module: Any) -> Any:
        found = (module.num_groups, module.weight, module.bias, module.eps)
        return _normalised(call, make, *found)

    def group_call(call: TorchCall, module: Any) -> Any:
        return _normalised(
            call, make, call.argument(1, "num_groups"), call.constant(2, "weight"),
            call.constant(3, "bias"), call.argument(4, "eps", 1e-5),
        )  # fmt: skip

    def layer(call: TorchCall, module: Any) -> Any:
        _check_whole(call, module.normalized_shape)
        return _normalised(call, make, 1, module.weight, module.bias, module.eps)

    def layer_call(call: TorchCall, module: Any) -> Any:
        _check_whole(call, call.argument(1, "normalized_shape"))
        return _normalised(
            call, make, 1, call.constant(2, "weight"), call.constant(3, "bias"),
            call.argument(4, "eps", 1e-5),
        )  # fmt: skip

    def instance(call: TorchCall, module: Any) -> Any:
        if module.track_running_stats:
            raise call.unsupported("instance norm with running statistics", "without them")
        return _normalised(call, make, 0, module.weight, module.bias, module.eps)

    def instance_call(call: TorchCall, module: Any) -> Any:
        return _normalised(
            call, make, 0, call.constant(3, "weight"), call.constant(4, "bias"),
            call.argument(7, "eps", 1e-5),
        )  # fmt: skip

    return {
        nn.GroupNorm: group,
        functional.group_norm: group_call,
        torch.group_norm: group_call,
        nn.LayerNorm: layer,
        functional.layer_norm: layer_call,
        torch.layer_norm: layer_call,
        nn.InstanceNorm1d: instance,
        nn.InstanceNorm2d: instance,
        functional.instance_norm: instance_call,
    }


def rms_converters(torch: Any, make: Callable[[], Any]) -> Mapping[Any, Converter]:
    """Return how PyTorch's normalisation by the root mean square becomes ours.

    Args:
        torch: the module of that name.
        make: returns the layer.
    """
    nn, functional = torch.nn, torch.nn.functional

    def converted(call: TorchCall, sides: Any, weight: Any, epsilon: float | None) -> Any:
        _check_whole(call, sides)
        if epsilon is not None and not 0 <= epsilon <= _MAX_RMS_EPSILON:
            raise call.unsupported(
                f"RMS norm with epsilon {epsilon}", f"one of at most {_MAX_RMS_EPSILON:g}"
            )
        call.need_newest()
        result = call.append(make())
        return result if weight is None else call.append_affine(_by_channel(call, weight), None)

    def module_call(call: TorchCall, module: Any) -> Any:
        return converted(call, module.normalized_shape, module.weight, module.eps)

    def function_call(call: TorchCall, module: Any) -> Any:
        return converted(
            call, call.argument(1, "normalized_shape"), call.constant(2, "weight"),
            call.argument(3, "eps", None),
        )  # fmt: skip

    return {
        nn.RMSNorm: module_call,
        functional.rms_norm: function_call,
        torch.rms_norm: function_call,
    }


def _check_whole(call: TorchCall, normalised: Any) -> None:
    """Check that a normalisation is over all values of an example."""
    sides = [normalised] if isinstance(normalised, int) else list(normalised)
    if math.prod(sides) != math.prod(call.shape):
        raise call.unsupported(f"normalisation over {sides}", "one over all values of an example")


def _normalised(
    call: TorchCall, make: _Make, groups: int, weight: Any, bias: Any, epsilon: float
) -> Any:
    call.need_newest()
    digits = round(-math.log10(epsilon)) if epsilon > 0 else 0
    if not math.isclose(10.0**-digits, epsilon, rel_tol=1e-6):
        raise call.unsupported(f"normalisation with epsilon {epsilon}", "a power of ten below 1")
    result = call.append(make(groups, digits))
    if weight is None and bias is None:
        return result
    channels = call.shape[0]
    factors, summands = (
        np.full(channels, usual, np.float32) if part is None else _by_channel(call, part)
        for part, usual in ((weight, 1.0), (bias, 0.0))
    )
    return call.append_affine(factors, None if bias is None else summands)


def _by_channel(call: TorchCall, tensor: Any) -> Any:
    """Return one value a channel, for values of every place where they are alike in a channel."""
    values = as_array(tensor).reshape(call.shape[0], -1)
    if (values != values[:, :1]).any():
        raise call.unsupported("a factor for every place of an image", "one a channel")
    return values[:, 0].copy()
