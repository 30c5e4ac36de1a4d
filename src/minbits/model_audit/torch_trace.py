"""One forward pass of a PyTorch module, watched: which weights are used, in which order, and how.

A mode of PyTorch's function protocol sees every call, so that activations written as functions are
seen as well as those written as modules, and nothing has to be traceable.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from minbits.capacity.network_shape import LayerShape, UnitKind

# Units with one kink, or two. A slope that is trained makes the layer another polynomial.
TWO_KINKS = frozenset({"relu6", "hardtanh", "hardtanh_"})
KINKED = frozenset({"relu", "relu_", "leaky_relu", "leaky_relu_"}) | TWO_KINKS
# Of these, units are counted as dead where they never exceed zero.
RECTIFIERS = frozenset({"relu", "relu_", "relu6"})
MAX_POOLING = frozenset(
    {"max_pool1d", "max_pool2d", "max_pool3d", "_max_pool1d", "_max_pool2d", "_max_pool3d"}
)
ADAPTIVE_MAX_POOLING = frozenset(
    {"adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"}
)
CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
_NEUTRAL_WORDS = """
add add_ __add__ __radd__ __iadd__ sub __sub__ mean sum flatten view reshape permute transpose
contiguous cat stack chunk split squeeze unsqueeze getitem __getitem__ dropout dropout_
feature_dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout pad avg_pool1d
avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d to float size
dim expand clone detach type shape __get__ numel is_floating_point interpolate type_as swapaxes
movedim narrow __len__ ndim dtype device is_cuda requires_grad identity unfold is_nested
is_contiguous T mT
"""
# Linear in the activations, or without any arithmetic on them.
NEUTRAL = frozenset(_NEUTRAL_WORDS.split())
ADDITIONS = frozenset({"add", "add_", "__add__", "__radd__", "__iadd__"})
MONOTONE = frozenset({"softmax", "log_softmax"})
NORMALISATIONS = frozenset({"layer_norm", "group_norm", "instance_norm", "rms_norm"})
# The same values in another arrangement.
_VIEW_WORDS = """
t T mT __get__ transpose permute view reshape flatten contiguous detach squeeze unsqueeze
"""
VIEWS = frozenset(_VIEW_WORDS.split())


def _unit_comparisons(argument: Any, outputs: int) -> int:
    sides = argument if isinstance(argument, tuple | list) else (argument, argument)
    window = math.prod(int(side) for side in sides)
    return outputs * window * (window - 1) // 2


def _adaptive_window(before: tuple[int, ...], after: tuple[int, ...]) -> int:
    """Return the most values that one output of adaptive pooling is the largest of."""
    sides = zip(before[2:], after[2:], strict=True)
    return math.prod(
        inside if outside == 1 else min(inside, -(-inside // outside) + 1)
        for inside, outside in sides
    )


class ForwardTrace(TorchFunctionMode):
    """Records the layers of one forward pass of a batch of one example.

    Attributes:
        layers: as they were met.
        has_branches: whether two activations were added, as in a residual network.
        has_repeats: whether weights were used twice.
        counted: ids of the parameters that the layers account for.
        foreign: functions that are neither linear nor kinked.
        called: the layers that a call of a convolution or a linear layer stands for, in order.
    """

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self._names = dict(names)
        self._originals: dict[int, int] = {}  # of a parameter in another arrangement
        self._kept: list[Tensor] = []  # so that no other tensor takes its place, and its id
        self.called: list[str] = []
        self.layers: list[LayerShape] = []
        self.has_branches = False
        self.has_repeats = False
        self.counted: set[int] = set()
        self.foreign: list[str] = []
        self._pending_monotone = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function and record it."""
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", str(func))
        self._record(name, args, kwargs or {}, result)
        return result

    def _record(self, name: str, args: Any, kwargs: dict[str, Any], result: Any) -> None:
        if not isinstance(result, Tensor) or not result.is_floating_point():
            return
        if name in VIEWS and args and id(args[0]) in self._names:
            self._rearrange(args[0], result)
            return
        if name in CONVOLUTIONS or name == "linear":
            self._weighted(name, args, kwargs, result)
        elif name in ("matmul", "__matmul__", "mm", "addmm", "bmm"):
            self._product(name, args, result)
        elif name == "batch_norm":
            self._fold_normalisation(args, kwargs)
        elif name in NORMALISATIONS:
            self._normalise(name, args, kwargs, result)
        elif not self.layers or id(result) in self._names:
            return  # before the first weights, or a parameter that is only handed on
        else:
            self._follow(name, args, kwargs, result)

    def _rearrange(self, parameter: Tensor, result: Tensor) -> None:
        """Take a parameter in another arrangement for that parameter."""
        if id(result) not in self._names:
            self._kept.append(result)
            self._names[id(result)] = self._names[id(parameter)]
            self._originals[id(result)] = self._originals.get(id(parameter), id(parameter))

    def _normalise(self, name: str, args: Any, kwargs: dict[str, Any], result: Tensor) -> None:
        """Record factors and summands of a normalisation by what the example holds itself."""
        values = [part for part in (*args, *kwargs.values()) if id(part) in self._names]
        if values:
            label, rows = self._names[id(values[0])], int(values[0].numel())
            self._count(*values)
            outputs = int(result.numel())
            self._append(label, "normalisation", 1, rows, max(1, outputs // rows),
                         len(values) > 1, outputs)  # fmt: skip
        if self.layers:
            self._set_foreign(name)

    def _follow(self, name: str, args: Any, kwargs: dict[str, Any], result: Tensor) -> None:
        """Record a function without weights, behind some layer."""
        if name in KINKED:
            self._set_units("piecewise linear", result)
            if name in TWO_KINKS:  # the second kinks are more signs of the same degree
                self._compare(int(result.numel()))
        elif name in MAX_POOLING:
            size = args[1] if len(args) > 1 else kwargs.get("kernel_size", 2)
            self._compare(_unit_comparisons(size, int(result.numel())))
            self._set_outputs(result)
        elif name in ADAPTIVE_MAX_POOLING:
            window = _adaptive_window(tuple(args[0].shape), tuple(result.shape))
            self._compare(int(result.numel()) * window * (window - 1) // 2)
            self._set_outputs(result)
        elif name in MONOTONE:
            self._pending_monotone = True
        elif name in ADDITIONS:
            self._add(args, result)
        elif name in NEUTRAL:
            self._set_outputs(result)
        else:
            self._set_foreign(name)

    def _weighted(self, name: str, args: Any, kwargs: dict[str, Any], result: Tensor) -> None:
        weight = args[1] if len(args) > 1 else kwargs["weight"]
        bias = args[2] if len(args) > 2 else kwargs.get("bias")
        rows = int(weight.shape[0])
        fan_in = int(math.prod(weight.shape[1:]))
        outputs = int(result.numel())
        label = self._names.get(id(weight), f"{name} {len(self.layers)}")
        self.called.append(label)
        self._count(weight, bias)
        kind = "linear" if name == "linear" else "convolution"
        self._append(label, kind, fan_in, rows, max(1, outputs // rows), bias is not None, outputs)

    def _product(self, name: str, args: Any, result: Tensor) -> None:
        for argument in args:
            if isinstance(argument, Tensor) and id(argument) in self._names:
                rows = int(result.shape[-1])
                fan_in = int(argument.numel()) // rows
                outputs = int(result.numel())
                label = self._names[id(argument)]
                self._count(argument, args[0] if name == "addmm" else None)
                self._append(
                    label, "linear", fan_in, rows, max(1, outputs // rows), name == "addmm", outputs
                )
                return
        if self.layers:
            self._set_foreign(f"{name} of two activations")

    def _append(
        self,
        label: str,
        kind: str,
        fan_in: int,
        rows: int,
        positions: int,
        bias: bool,
        outputs: int,
    ) -> None:
        if self._pending_monotone:
            self._pending_monotone = False
            self._set_foreign("softmax inside the network")
        layer = LayerShape(label, kind, fan_in, rows, positions, bias, "linear", outputs)
        self.layers.append(layer)

    def _replace_last(self, **changes: Any) -> None:
        facts = {**vars(self.layers[-1]), **changes}
        self.layers[-1] = LayerShape(**facts)

    def _count(self, *parameters: Any) -> None:
        """Note parameters that a layer accounts for."""
        for parameter in parameters:
            if id(parameter) in self._names:
                original = self._originals.get(id(parameter), id(parameter))
                self.has_repeats |= original in self.counted
                self.counted.add(original)

    def _add(self, args: Any, result: Tensor) -> None:
        parameters = [a for a in args[:2] if id(a) in self._names]
        if all(isinstance(a, Tensor) for a in args[:2]) and not parameters:
            self.has_branches = True
        for parameter in parameters:
            last = self.layers[-1]
            if last.units == "linear" and not last.bias and parameter.numel() == last.rows:
                self._replace_last(bias=True)
                self._count(parameter)
        self._set_outputs(result)

    def _fold_normalisation(self, args: Any, kwargs: dict[str, Any]) -> None:
        self._count(*args[3:5], kwargs.get("weight"), kwargs.get("bias"))
        if self.layers and self.layers[-1].units == "linear":
            # At inference it is a scale and a shift of each row, which the weights absorb.
            self._replace_last(bias=True)
        elif self.layers:
            self._set_foreign("batch normalisation behind an activation")

    def _set_units(self, units: UnitKind, result: Tensor) -> None:
        if self.layers[-1].units == "linear":
            self._replace_last(units=units, outputs=int(result.numel()))

    def _set_outputs(self, result: Tensor) -> None:
        self._replace_last(outputs=int(result.numel()))

    def _compare(self, signs: int) -> None:
        self._replace_last(comparisons=self.layers[-1].comparisons + signs)

    def _set_foreign(self, name: str) -> None:
        self.foreign.append(name)
        self._replace_last(units="other")


class ActivityTrace(TorchFunctionMode):
    """Keeps the largest and smallest output of every rectified unit, over many batches.

    Attributes:
        largest: by call, shape ``(units,)``.
        smallest: by call, shape ``(units,)``.
    """

    def __init__(self, layer_name: Callable[[int], str]) -> None:
        super().__init__()
        self._layer_name = layer_name
        self._call = 0
        self._weighted = -1
        self.names: list[str] = []
        self.largest: list[Tensor] = []
        self.smallest: list[Tensor] = []

    def start_batch(self) -> None:
        """Begin a forward pass."""
        self._call, self._weighted = 0, -1

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the function and note what its units do."""
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "")
        if name in CONVOLUTIONS or name == "linear":
            self._weighted += 1
        elif name in RECTIFIERS and isinstance(result, Tensor) and result.dim() > 1:
            self._note(result.detach())
        return result

    def _note(self, values: Tensor) -> None:
        # Features are in dimension 1 of images, and last elsewhere.
        unit = 1 if values.dim() in (2, 4, 5) else values.dim() - 1
        others = tuple(index for index in range(values.dim()) if index != unit)
        high, low = values.amax(others), values.amin(others)
        if self._call == len(self.largest):
            self.names.append(self._layer_name(self._weighted))
            self.largest.append(high)
            self.smallest.append(low)
        else:
            self.largest[self._call] = self.largest[self._call].maximum(high)
            self.smallest[self._call] = self.smallest[self._call].minimum(low)
        self._call += 1
