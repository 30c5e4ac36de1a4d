"""An ONNX graph as a subject; it is run by the reference evaluator of the onnx package."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.errors import MinbitsError, NetworkFileError
from minbits.files import regular_size
from minbits.model_audit.onnx_layers import REARRANGING, WEIGHTED, GraphReader
from minbits.model_audit.onnx_operators import older_operators
from minbits.model_audit.subject import (
    FloatArray,
    Rounding,
    StoredTensor,
    Subject,
    UnitActivity,
    layer_of,
    rounding_of_integers,
)
from minbits.model_audit.torch_subject import few
from minbits.networks.input_convention import InputConvention
from minbits.networks.user_module import example_forms, reason_of

BATCH = 200
_NIBBLE = 4
_LONGEST_REASON = 200
# TensorProto's FLOAT, FLOAT16, DOUBLE, BFLOAT16 and the four FLOAT8.
_FLOATS = {1: 32, 10: 16, 11: 64, 16: 16, 17: 8, 18: 8, 19: 8, 20: 8}
# UINT8, INT8, UINT16, INT16, INT32, UINT32, UINT4 and INT4; of 64 bits are shapes and places.
_INTEGERS = {2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 12: 32, 21: 4, 22: 4}
_WIDTHS = {**_FLOATS, **_INTEGERS}


def _onnx() -> Any:
    try:
        import onnx  # an extra, and heavy
        import onnx.reference
    except ImportError as error:
        raise NetworkFileError(
            "ONNX graph", "no onnx package", "one", "Run pip install 'minbits[audit]'."
        ) from error
    return onnx


def onnx_subject(
    path: Path, input_exponent: int = 0, convention: InputConvention | None = None
) -> Subject:
    """Return an ONNX file as a subject.

    Args:
        path: of the file.
        input_exponent: inputs are multiplied by ``2 ** -input_exponent``.
        convention: what is done to raw inputs in place of that.

    Raises:
        NetworkFileError: if the file is no valid graph with one input and one output.
    """
    onnx = _onnx()
    try:
        regular_size(path)
        model = onnx.load(str(path))
        onnx.checker.check_model(model)
        _lift_constants(model.graph)
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
        used = convention or InputConvention(2.0**-input_exponent)
        return _subject(onnx, model, inferred, path, used)
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


def _lift_constants(graph: Any) -> None:
    """Make initialisers of the constants among the nodes, so that they are counted as well."""
    kept = []
    for node in graph.node:
        values = [item.t for item in node.attribute if item.name == "value"]
        if node.op_type == "Constant" and values and values[0].data_type in _WIDTHS:
            graph.initializer.add().CopyFrom(values[0])
            graph.initializer[-1].name = node.output[0]
        else:
            kept.append(node)
    if len(kept) < len(graph.node):
        del graph.node[:]
        graph.node.extend(kept)


def _subject(
    onnx: Any, model: Any, inferred: Any, path: Path, convention: InputConvention
) -> Subject:
    """Return the subject of a graph that the checker found valid."""
    graph = model.graph
    initial = {item.name: item for item in graph.initializer}
    inputs = [item for item in graph.input if item.name not in initial]
    if len(inputs) != 1 or len(graph.output) < 1:
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
        {name: tuple(item.dims) for name, item in initial.items()}
        | _stored_dimensions(graph.node, set(initial), shapes),
        {name: math.prod(dims[1:]) for name, dims in shapes.items() if all(dims[1:])},
        {name for name, item in initial.items() if item.data_type in _WIDTHS},
    )
    reader.read(graph.node)
    buffers = {name for node in graph.node for name in _settings_of(node)}
    tensors = _tensors(onnx, initial, buffers)
    if not any(tensor.is_parameter for tensor in tensors):
        raise NetworkFileError(str(path), "no initialisers", "weights", "Export them too.")
    # A single number is a setting, such as a limit or a scale.
    trained = [part.name for part in tensors if part.is_parameter and part.values > 1]
    shape = reader.shape(path.name, math.prod(shapes[inputs[0].name][1:]) or 1, trained)
    note = "nodes of the graph in its order" if shape else "no layer with weights was seen"
    if shape is not None and not shape.is_whole:
        names = f": {few(list(shape.unseen))}" if shape.unseen else ""
        note += f"; it has values outside them that may be trained{names}"
    if reader.foreign:
        note += f"; not piecewise linear: {', '.join(sorted(set(reader.foreign)))}"
    given = GraphInput.of(onnx, inputs[0])
    runner = OnnxRunner(str(path), model, given, convention, reader)
    return Subject(path.name, "ONNX graph", tensors, shape, note, runner)


def _settings_of(node: Any) -> list[str]:
    """Return the inputs of a node that are no weights: running statistics, scales, zero points."""
    if node.op_type == "BatchNormalization":
        return list(node.input[3:5])
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        return list(node.input[1:])
    if node.op_type in ("MatMulInteger", "ConvInteger"):
        return list(node.input[2:])
    if node.op_type.startswith("QLinear"):
        weights = WEIGHTED.get(node.op_type, (None, None))
        return [name for place, name in enumerate(node.input) if place not in (0, *weights)]
    return []


def _stored_dimensions(
    nodes: Any, initial: set[str], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """Return the dimensions of what nodes make of initialisers alone, where they are inferred."""
    found: dict[str, tuple[int, ...]] = {}
    for node in nodes:
        inputs = [name for name in node.input if name]
        if node.op_type in REARRANGING and all(name in initial | found.keys() for name in inputs):
            found |= {name: shapes[name] for name in node.output if all(shapes.get(name, (0,)))}
    return found


def _dimensions(item: Any) -> tuple[int, ...]:
    """Return the dimensions of a value, 0 where one is a name."""
    return tuple(int(d.dim_value) for d in item.type.tensor_type.shape.dim)


def _tensors(onnx: Any, initial: Mapping[str, Any], buffers: set[str]) -> tuple[StoredTensor, ...]:
    result = []
    for name, item in initial.items():
        if item.data_type not in _WIDTHS:
            continue
        array = onnx.numpy_helper.to_array(item)
        width = _WIDTHS[item.data_type]
        role: tuple[bool, Rounding] = (True, "step")
        if item.data_type in _INTEGERS:
            role = rounding_of_integers(name, width)
        if name in buffers:
            role = (False, "exact")
        result.append(
            StoredTensor(
                name=name,
                layer=layer_of(name),
                dimensions=tuple(array.shape),
                bits_each=width,
                is_parameter=role[0],
                load=lambda array=array: np.asarray(array, np.float32),  # type: ignore[misc]
                load_bytes=lambda array=array, width=width: _stored_bytes(array, width),  # type: ignore[misc]
                rounding=role[1],
            )
        )
    return tuple(result)


def _stored_bytes(array: npt.NDArray[Any], width: int) -> bytes:
    """Return values as they are stored: two numbers of 4 bits a byte."""
    if width != _NIBBLE:
        return array.tobytes()
    values = np.asarray(array, np.int8).astype(np.uint8).ravel() & 0x0F
    values = np.append(values, np.zeros(len(values) % 2, np.uint8))
    return (values[::2] | values[1::2] << _NIBBLE).astype(np.uint8).tobytes()


@dataclass(frozen=True)
class GraphInput:
    """The input of a graph.

    Attributes:
        name: of the value.
        kind: NumPy's type of its numbers.
        dimensions: with the batch; 0 where one is not fixed.
    """

    name: str
    kind: npt.DTypeLike
    dimensions: tuple[int, ...]

    @classmethod
    def of(cls, onnx: Any, item: Any) -> GraphInput:
        """Return the input that a graph declares."""
        kind = onnx.helper.tensor_dtype_to_np_dtype(item.type.tensor_type.elem_type)
        return cls(item.name, kind, _dimensions(item))

    def fitted(self, examples: FloatArray) -> npt.NDArray[Any]:
        """Return examples in the form and type of the input, the last ones repeated for a batch.

        Raises:
            ValueError: if their values are not as many.
        """
        wanted = self.dimensions[1:]
        if all(wanted) and math.prod(wanted) == math.prod(examples.shape[1:]):
            examples = examples.reshape(-1, *wanted)
        elif wanted and len(wanted) != examples.ndim - 1:
            forms = example_forms(examples.shape[1:])
            form = next((form for form in forms if len(form) == len(wanted)), None)
            examples = examples if form is None else examples.reshape(-1, *form)
        sides = zip(wanted, examples.shape[1:], strict=False)
        if len(wanted) != examples.ndim - 1 or any(a not in (0, b) for a, b in sides):
            shown = "x".join(str(side or "?") for side in wanted) or "nothing"
            raise ValueError(f"its input '{self.name}' takes examples of {shown}")
        lacking = self.dimensions[0] - len(examples) if self.dimensions[0] else 0
        if lacking > 0:
            examples = np.concatenate([examples, np.repeat(examples[-1:], lacking, 0)])
        return examples.astype(self.kind)


class OnnxRunner:
    """Runs a graph with NumPy, slowly but exactly as its operators are defined."""

    def __init__(
        self,
        name: str,
        model: Any,
        given: GraphInput,
        convention: InputConvention,
        reader: GraphReader,
    ) -> None:
        self._name = name
        self._model = model
        self._given = given
        self._batch = (given.dimensions or (0,))[0] or BATCH
        self._convention = convention
        self._reader = reader

    def under(self, convention: InputConvention) -> OnnxRunner:
        """Return a runner that does something else to raw inputs."""
        return OnnxRunner(self._name, self._model, self._given, convention, self._reader)

    def _run(self, model: Any, inputs: npt.NDArray[Any], names: list[str]) -> list[FloatArray]:
        found: list[list[FloatArray]] = [[] for _ in names]
        try:
            opset = max((item.version for item in model.opset_import if not item.domain), default=1)
            evaluator = _onnx().reference.ReferenceEvaluator(
                model, new_ops=older_operators(opset)
            )  # fmt: skip
            for start in range(0, len(inputs), self._batch):
                batch = self._convention.applied(np.asarray(inputs[start : start + self._batch]))
                values = evaluator.run(names, {self._given.name: self._given.fitted(batch)})
                for place, value in zip(found, values, strict=True):
                    place.append(np.asarray(value, np.float32)[: len(batch)])
            return [np.concatenate(parts) for parts in found]
        except MinbitsError:
            raise
        except Exception as error:  # operators raise whatever NumPy does on shapes that do not fit
            raise NetworkFileError(
                self._name,
                f"a graph that fails on these inputs ({reason_of(error)})",
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
            if item.name in values and item.data_type in _FLOATS:
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
        here = node
        while here is not None:
            place, _ = WEIGHTED.get(here.op_type, (0, None))
            if place and here.output[0] in self._reader.names:
                return layer_of(self._reader.origin(here.input[place]))
            here = makers.get(here.input[0]) if here.input else None
        return str(node.name)
