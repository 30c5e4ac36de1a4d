"""An ONNX graph as a subject; it is run by the reference evaluator of the onnx package."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.errors import NetworkFileError
from minbits.files import regular_size
from minbits.model_audit.onnx_layers import GraphReader
from minbits.model_audit.subject import (
    FloatArray,
    StoredTensor,
    Subject,
    UnitActivity,
    layer_of,
)

BATCH = 200
_LONGEST_REASON = 200
_FLOATS = {1: 32, 10: 16, 11: 64, 16: 16}  # TensorProto's FLOAT, FLOAT16, DOUBLE and BFLOAT16


def _onnx() -> Any:
    try:
        import onnx  # an extra, and heavy
        import onnx.reference
    except ImportError as error:
        raise NetworkFileError(
            "ONNX graph", "no onnx package", "one", "Run pip install 'minbits[audit]'."
        ) from error
    return onnx


def onnx_subject(path: Path, input_exponent: int = 0) -> Subject:
    """Return an ONNX file as a subject.

    Raises:
        NetworkFileError: if the file is no valid graph with one input and one output.
    """
    onnx = _onnx()
    try:
        regular_size(path)
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
        inferred = onnx.shape_inference.infer_shapes(model)
    except OSError as error:
        reason = error.strerror or str(error)
        raise NetworkFileError(str(path), reason, "a readable file", "Check the path.") from error
    except Exception as error:  # whatever protobuf or the checker raises on bytes that are no graph
        reason = _first_line(error)
        raise NetworkFileError(
            str(path), f"no valid ONNX graph ({reason})", "one", "Export the model again."
        ) from error
    try:
        return _subject(onnx, model, inferred, path, input_exponent)
    except NetworkFileError:
        raise
    except Exception as error:  # the checker lets pass what NumPy and formulas cannot follow
        raise NetworkFileError(
            str(path),
            f"a graph that cannot be followed ({type(error).__name__}: {_first_line(error)})",
            "a classifier with consistent tensors",
            "Export the model again.",
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:_LONGEST_REASON]


def _subject(onnx: Any, model: Any, inferred: Any, path: Path, input_exponent: int) -> Subject:
    """Return the subject of a graph that the checker found valid."""
    graph = model.graph
    initial = {item.name: item for item in graph.initializer}
    inputs = [item for item in graph.input if item.name not in initial]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise NetworkFileError(
            str(path),
            f"{len(inputs)} inputs and {len(graph.output)} outputs",
            "one of each",
            "Export a classifier of one input.",
        )
    shapes = {
        item.name: _dimensions(item)
        for item in (*inferred.graph.value_info, *inferred.graph.output, *inputs)
    }
    reader = GraphReader(
        {name: tuple(item.dims) for name, item in initial.items()},
        {name: math.prod(dims[1:]) for name, dims in shapes.items() if all(dims[1:])},
        {name for name, item in initial.items() if item.data_type in _FLOATS},
    )
    reader.read(graph.node)
    buffers = {
        name
        for node in graph.node
        if node.op_type == "BatchNormalization"
        for name in node.input[3:5]
    }
    tensors = _tensors(onnx, initial, buffers)
    if not tensors:
        raise NetworkFileError(str(path), "no float initialisers", "weights", "Export them too.")
    shape = reader.shape(path.name, math.prod(shapes[inputs[0].name][1:]) or 1)
    note = "nodes of the graph in its order"
    if not reader.is_whole:
        note += "; it has values outside them that may be trained"
    if reader.foreign:
        note += f"; not piecewise linear: {', '.join(sorted(set(reader.foreign)))}"
    batch = shapes[inputs[0].name][0]
    runner = OnnxRunner(str(path), model, inputs[0].name, batch, input_exponent, reader)
    return Subject(path.name, "ONNX graph", tensors, shape, note, runner)


def _dimensions(item: Any) -> tuple[int, ...]:
    """Return the dimensions of a value, 0 where one is a name."""
    return tuple(int(d.dim_value) for d in item.type.tensor_type.shape.dim)


def _tensors(onnx: Any, initial: Mapping[str, Any], buffers: set[str]) -> tuple[StoredTensor, ...]:
    result = []
    for name, item in initial.items():
        if item.data_type not in _FLOATS:
            continue
        array = onnx.numpy_helper.to_array(item)
        result.append(
            StoredTensor(
                name=name,
                layer=layer_of(name),
                dimensions=tuple(array.shape),
                bits_each=_FLOATS[item.data_type],
                is_parameter=name not in buffers,
                load=lambda array=array: np.asarray(array, np.float32),  # type: ignore[misc]
                load_bytes=lambda array=array: array.tobytes(),  # type: ignore[misc]
            )
        )
    return tuple(result)


class OnnxRunner:
    """Runs a graph with NumPy, slowly but exactly as its operators are defined."""

    def __init__(
        self,
        name: str,
        model: Any,
        input_name: str,
        batch: int,
        input_exponent: int,
        reader: GraphReader,
    ) -> None:
        self._name = name
        self._model = model
        self._input = input_name
        self._batch = batch or BATCH
        self._scale = np.float32(2.0**-input_exponent)
        self._reader = reader

    def _run(self, model: Any, inputs: npt.NDArray[Any], names: list[str]) -> list[FloatArray]:
        found: list[list[FloatArray]] = [[] for _ in names]
        try:
            evaluator = _onnx().reference.ReferenceEvaluator(model)
            for start in range(0, len(inputs), self._batch):
                batch = np.asarray(inputs[start : start + self._batch], np.float32) * self._scale
                values = evaluator.run(names, {self._input: batch})
                for place, value in zip(found, values, strict=True):
                    place.append(np.asarray(value, np.float32))
            return [np.concatenate(parts) for parts in found]
        except Exception as error:  # operators raise whatever NumPy does on shapes that do not fit
            raise NetworkFileError(
                self._name,
                f"a graph that fails on these inputs ({_first_line(error)})",
                f"a classifier of inputs of shape {inputs.shape[1:]}",
                "Use the data set that the model was made for, or export it again.",
            ) from error

    def logits(self, inputs: npt.NDArray[Any]) -> FloatArray:
        """Return logits ``(examples, classes)``."""
        (found,) = self._run(self._model, inputs, [self._model.graph.output[0].name])
        return found.reshape(len(inputs), -1)

    def with_tensors(
        self, values: Mapping[str, FloatArray], inputs: npt.NDArray[Any]
    ) -> FloatArray:
        """Return the logits of a copy of the graph with some initialisers replaced."""
        onnx = _onnx()
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        for item in model.graph.initializer:
            if item.name in values:
                before = onnx.numpy_helper.to_array(item)
                value = values[item.name].astype(before.dtype).reshape(before.shape)
                item.CopyFrom(onnx.numpy_helper.from_array(value, item.name))
        (found,) = self._run(model, inputs, [model.graph.output[0].name])
        return found.reshape(len(inputs), -1)

    def activity(self, inputs: npt.NDArray[Any]) -> tuple[UnitActivity, ...]:
        """Return, for every Relu, how many units are dead or never bent."""
        onnx = _onnx()
        relus = [node for node in self._model.graph.node if node.op_type == "Relu"]
        if not relus:
            return ()
        model = onnx.ModelProto()
        model.CopyFrom(self._model)
        names = [node.output[0] for node in relus]
        known = {item.name for item in model.graph.output}
        for name in names:
            if name not in known:
                kind = onnx.TensorProto.FLOAT
                model.graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
        result = []
        for node, values in zip(relus, self._run(model, inputs, names), strict=True):
            axes = tuple(axis for axis in range(values.ndim) if axis != 1)
            high, low = values.max(axes), values.min(axes)
            result.append(
                UnitActivity(
                    self._layer_before(node),
                    len(high),
                    int((high <= 0).sum()),
                    int((low > 0).sum()),
                )
            )
        return tuple(result)

    def _layer_before(self, node: Any) -> str:
        """Return the layer of the weights behind whose output a node stands."""
        makers = {name: item for item in self._model.graph.node for name in item.output}
        dims = {item.name for item in self._model.graph.initializer}
        here = node
        while here is not None:
            weights = [name for name in here.input if name in dims]
            if here.op_type in ("Conv", "Gemm", "MatMul") and weights:
                return layer_of(weights[0])
            here = makers.get(here.input[0]) if here.input else None
        return str(node.name)
