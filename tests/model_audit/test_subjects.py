from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
import torch
import torchinfo
from onnx import TensorProto, helper
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from minbits.capacity.bounds import capacity_table
from minbits.capacity.network_shape import parse_network
from minbits.capacity.vc_dimension import vc_upper_bound
from minbits.errors import ArgumentError, NetworkError, NetworkFileError
from minbits.model_audit.checkpoint_subject import checkpoint_subject
from minbits.model_audit.onnx_layers import GraphReader
from minbits.model_audit.onnx_subject import onnx_subject
from minbits.model_audit.sources import open_model
from minbits.model_audit.torch_subject import torch_subject
from minbits.networks.examples import LeNet300100, PyTorchExample, ResNet18, resnet18_for_digits
from minbits.networks.model_options import ModelOptions


@pytest.mark.parametrize(
    ("module", "shape", "parameters"),
    [
        (PyTorchExample(), (1, 28, 28), 21_840),
        (LeNet300100(), (1, 28, 28), 266_610),
        (ResNet18(), (3, 64, 64), 11_689_512),
        (resnet18_for_digits(), (1, 8, 8), None),
    ],
)
def test_parameters_are_counted_as_torchinfo_counts(
    module: nn.Module, shape: tuple[int, ...], parameters: int | None
) -> None:
    subject = torch_subject(module, "m", shape)
    summary = torchinfo.summary(module, input_size=(1, *shape), verbose=0)
    assert subject.parameters == summary.total_params
    assert parameters is None or subject.parameters == parameters
    names = {name.rpartition(".")[0] for name, _ in module.named_parameters()}
    assert {tensor.layer for tensor in subject.tensors} <= names


def test_a_watched_module_has_the_shape_of_its_text() -> None:
    watched = torch_subject(PyTorchExample(), "m", (1, 28, 28)).shape
    # The module pools before the ReLU and the text after it; the counts are the same.
    written = parse_network("pytorch-example")
    assert watched is not None
    for one, other in zip(watched.layers, written.layers, strict=True):
        assert (one.fan_in, one.rows, one.positions, one.bias) == (
            other.fan_in, other.rows, other.positions, other.bias,
        )  # fmt: skip
        assert (one.units, one.outputs, one.comparisons) == (
            other.units, other.outputs, other.comparisons,
        )  # fmt: skip
    dense = torch_subject(LeNet300100(), "m", (1, 28, 28)).shape
    assert dense is not None
    assert dense.is_fully_connected
    residual = torch_subject(resnet18_for_digits(), "m", (1, 16, 16))
    assert residual.shape is not None
    assert not residual.shape.is_chain
    assert len(residual.shape.layers) == 21
    assert "branches" in residual.shape_note


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.second = nn.Linear(6, 6)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(functional.gelu(self.first(x.flatten(1))))


def test_shared_weights_count_once_and_smooth_units_are_named() -> None:
    subject = torch_subject(Tied(), "tied", (6, 1, 1))
    assert subject.parameters == 36 + 12
    assert subject.shape is not None
    assert subject.shape.layers[0].units == "other"
    assert "gelu" in subject.shape_note


class Wider(nn.Module):
    """One of each thing that a mode must see: matmul, softmax inside, a norm, modules as units."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.randn(4, 5))
        self.body = nn.Sequential(nn.Linear(5, 7, bias=False), nn.BatchNorm1d(7), nn.LeakyReLU())
        self.out = nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        return functional.log_softmax(self.out(self.body(x.flatten(1) @ self.matrix)), 1)


class Odd(nn.Module):
    """What an upper bound must not overlook, one at a time."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 2)
        if what == "prelu":
            self.units: nn.Module = nn.PReLU()
        elif what in ("relu6", "hardtanh"):
            self.units = {"relu6": nn.ReLU6, "hardtanh": nn.Hardtanh}[what]()
        else:
            self.units = nn.ReLU()
        if what == "shift":
            self.shift = nn.Parameter(torch.ones(6))
        if what == "embedding":
            self.table = nn.Embedding(3, 6)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        if self.what == "embedding":
            x = self.table(x[:, 0].long().clamp(0, 2))
        x = self.units(self.first(x))
        if self.what == "repeat":
            x = self.units(self.first(x))
        if self.what == "shift":
            x = x + self.shift
        return self.second(x)


@pytest.mark.parametrize("what", ["prelu", "shift", "embedding"])
def test_an_upper_bound_that_would_miss_trained_values_is_not_given(what: str) -> None:
    shape = torch_subject(Odd(what), what, (6, 1, 1)).shape
    assert shape is not None
    assert not shape.is_whole
    lines = {line.key: line for line in capacity_table(shape, 100)}
    assert lines["vc_upper"].value is None
    assert lines["vc_upper"].objection == "trained values outside the layers"
    assert lines["vc_upper_closed"].value is None
    assert lines["raw_storage"].value is not None


@pytest.mark.parametrize("what", ["relu6", "hardtanh"])
def test_two_kinks_are_two_signs_of_a_unit(what: str) -> None:
    one, two = (torch_subject(Odd(name), name, (6, 1, 1)).shape for name in ("relu", what))
    assert one is not None
    assert two is not None
    assert one.is_whole
    assert two.is_whole
    assert [layer.comparisons for layer in one.layers] == [0, 0]
    assert [layer.comparisons for layer in two.layers] == [6, 0]
    assert vc_upper_bound(two) > vc_upper_bound(one)


def test_a_lower_bound_is_not_given_where_weights_are_used_twice() -> None:
    subject = torch_subject(Odd("repeat"), "repeat", (6, 1, 1))
    assert subject.shape is not None
    assert subject.shape.is_whole
    assert not subject.shape.is_chain
    assert "used twice" in subject.shape_note
    lines = {line.key: line for line in capacity_table(subject.shape, 100)}
    assert lines["vc_lower"].value is None
    assert lines["vc_upper"].value is not None


def test_adaptive_pooling_compares_all_that_it_pools() -> None:
    sizes = {}
    for pool in (nn.AdaptiveMaxPool2d(1), nn.MaxPool2d(6), nn.AdaptiveMaxPool2d(4)):
        module = nn.Sequential(nn.Conv2d(1, 2, 3), pool, nn.ReLU(), nn.Flatten())
        shape = torch_subject(nn.Sequential(*module), "m", (1, 8, 8)).shape
        assert shape is not None
        sizes[str(pool)] = shape.layers[0].comparisons
    whole, same, parts = sizes.values()
    assert whole == same == 2 * 36 * 35 // 2
    assert parts >= 2 * 16 * (2 * 2) * (2 * 2 - 1) // 2  # 6 rows into 4 windows of 2, overlapping


def test_functions_and_modules_are_seen_alike() -> None:
    shape = torch_subject(Wider(), "w", (4, 1, 1)).shape
    assert shape is not None
    assert [(layer.fan_in, layer.rows) for layer in shape.layers] == [(4, 5), (5, 7), (7, 3)]
    assert [layer.units for layer in shape.layers] == ["linear", "piecewise linear", "linear"]
    assert [layer.bias for layer in shape.layers] == [False, True, True]


def test_dead_and_never_bent_units_are_counted() -> None:
    module = PyTorchExample()
    with torch.no_grad():
        module.hidden.bias[:3] = -1e4
        module.hidden.bias[3:5] = 1e4
        module.first.weight[0] = 0.0
        module.first.bias[0] = -1.0
    inputs = np.random.default_rng(0).integers(0, 256, (50, 1, 28, 28)).astype(np.uint8)
    subject = torch_subject(module, "m", (1, 28, 28), 8)
    assert subject.runner is not None
    found = {item.layer: item for item in subject.runner.activity(inputs)}
    assert found["hidden"].dead >= 3
    assert found["hidden"].linear >= 2
    assert found["hidden"].units == 50
    assert found["first"].dead >= 1
    # By hand, through hooks of the module.
    with torch.no_grad():
        x = torch.from_numpy(inputs).float() / 256
        x = functional.relu(functional.max_pool2d(module.first(x), 2))
        x = functional.relu(functional.max_pool2d(module.second(x), 2))
        hidden = functional.relu(module.hidden(x.flatten(1)))
    assert found["hidden"].dead == int((hidden.amax(0) <= 0).sum())
    assert found["second"].dead == int((x.amax((0, 2, 3)) <= 0).sum())


def test_replaced_tensors_are_put_back() -> None:
    module = LeNet300100().train()
    subject = torch_subject(module, "m", (1, 28, 28))
    assert module.training
    assert subject.runner is not None
    inputs = np.random.default_rng(0).standard_normal((5, 1, 28, 28)).astype(np.float32)
    before = subject.runner.logits(inputs)
    zeros = {"out.weight": np.zeros((10, 100), np.float32)}
    replaced = subject.runner.with_tensors(zeros, inputs)
    assert np.allclose(replaced, module.out.bias.detach().numpy())
    assert np.array_equal(subject.runner.logits(inputs), before)


def test_modules_that_do_not_fit_are_refused() -> None:
    with pytest.raises(NetworkError, match="takes inputs of shape"):
        torch_subject(PyTorchExample(), "m", (3, 8, 8))
    with pytest.raises(ArgumentError, match=r"torch\.nn\.Module"):
        torch_subject(3, "m", None)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="without parameters"):
        torch_subject(nn.ReLU(), "m", None)


def onnx_file(module: PyTorchExample, path: Path) -> Path:
    """Write the network of PyTorch's example as an ONNX graph, node by node."""
    state = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    nodes = [
        helper.make_node("Conv", ["x", "first.weight", "first.bias"], ["c1"], kernel_shape=[5, 5]),
        helper.make_node("MaxPool", ["c1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Relu", ["p1"], ["r1"]),
        helper.make_node(
            "Conv", ["r1", "second.weight", "second.bias"], ["c2"], kernel_shape=[5, 5]
        ),
        helper.make_node("MaxPool", ["c2"], ["p2"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Relu", ["p2"], ["r2"]),
        helper.make_node("Flatten", ["r2"], ["f"]),
        helper.make_node("Gemm", ["f", "hidden.weight", "hidden.bias"], ["h"], transB=1),
        helper.make_node("Relu", ["h"], ["r3"]),
        helper.make_node("Gemm", ["r3", "out.weight", "out.bias"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "example",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 28, 28])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])],
        [onnx.numpy_helper.from_array(value, name) for name, value in state.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path


def test_an_onnx_graph_is_the_module_that_it_came_from(tmp_path: Path) -> None:
    module = PyTorchExample()
    subject = onnx_subject(onnx_file(module, tmp_path / "m.onnx"), 8)
    other = torch_subject(module, "m", (1, 28, 28), 8)
    assert subject.parameters == 21_840
    assert subject.stored_bits == other.stored_bits
    assert subject.shape is not None
    assert other.shape is not None
    for one, two in zip(subject.shape.layers, other.shape.layers, strict=True):
        assert {**vars(one), "name": ""} == {**vars(two), "name": ""}
    assert subject.runner is not None
    assert other.runner is not None
    inputs = np.random.default_rng(0).integers(0, 256, (6, 1, 28, 28)).astype(np.uint8)
    assert np.allclose(subject.runner.logits(inputs), other.runner.logits(inputs), atol=1e-4)
    assert subject.runner.activity(inputs) == other.runner.activity(inputs)
    zeros = {"out.weight": np.zeros((10, 50), np.float32)}
    assert np.allclose(subject.runner.with_tensors(zeros, inputs), module.out.bias.detach().numpy())


def layers_of(nodes: list[onnx.NodeProto], values: dict[str, np.ndarray]) -> GraphReader:
    dimensions = {name: value.shape for name, value in values.items()}
    floats = {name for name, value in values.items() if value.dtype == np.float32}
    reader = GraphReader(dimensions, {"h": 6, "r": 6}, floats)
    reader.read(nodes)
    return reader


def test_a_graph_says_what_bounds_would_overlook() -> None:
    weights = np.ones((6, 6), np.float32)
    gemm = helper.make_node("Gemm", ["x", "w"], ["h"], transB=1)
    clip = helper.make_node("Clip", ["h"], ["r"])
    again = helper.make_node("Gemm", ["r", "w"], ["y"], transB=1)
    plain = layers_of([gemm, helper.make_node("Relu", ["h"], ["r"])], {"w": weights})
    assert (plain.is_whole, plain.has_repeats, plain.layers[0].comparisons) == (True, False, 0)
    clipped = layers_of([gemm, clip, again], {"w": weights})
    assert clipped.has_repeats
    assert clipped.layers[0].comparisons == 6  # the second kinks
    shape = clipped.shape("g", 6)
    assert shape is not None
    assert not shape.is_chain
    table = helper.make_node("Gather", ["t", "x"], ["e"])
    assert not layers_of([table, gemm], {"t": weights, "w": weights}).is_whole
    # Indices into a shape are no trained values, nor is one number that all inputs are shifted by.
    pick = helper.make_node("Gather", ["s", "i"], ["n"])
    shift = helper.make_node("Sub", ["x", "m"], ["z"])
    values = {"i": np.array([0]), "m": np.float32(0.5).reshape(()), "w": weights}
    assert layers_of([pick, shift, gemm], values).is_whole
    slopes = helper.make_node("PRelu", ["h", "a"], ["r"])
    reader = layers_of([gemm, slopes], {"w": weights, "a": np.ones(6, np.float32)})
    assert reader.layers[0].units == "other"


def test_checkpoints_are_read_and_nothing_in_them_is_run(tmp_path: Path) -> None:
    module = LeNet300100()
    torch.save({"state_dict": module.state_dict()}, tmp_path / "m.pt")
    save_file(module.state_dict(), tmp_path / "m.safetensors")
    for name in ("m.pt", "m.safetensors"):
        subject = checkpoint_subject(tmp_path / name)
        assert subject.parameters == 266_610
        assert subject.runner is None
    residual = tmp_path / "r.pt"
    torch.save(resnet18_for_digits().state_dict(), residual)
    subject = checkpoint_subject(residual)
    assert subject.shape is None
    assert any(not tensor.is_parameter for tensor in subject.tensors)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("evil-was-run"),))  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["plain.pt", "zip.pt"])
def test_a_pickle_that_wants_to_run_code_is_refused(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if name == "plain.pt":
        (tmp_path / name).write_bytes(pickle.dumps(Evil()))
    else:
        torch.save({"weights": Evil()}, tmp_path / name)
    with pytest.raises(NetworkFileError, match=r"was not opened"):
        checkpoint_subject(tmp_path / name)
    assert not (tmp_path / "evil-was-run").exists()


@pytest.mark.parametrize("name", ["no.pt", "no.onnx", "no.safetensors"])
def test_files_that_are_not_there_or_not_valid_are_refused(tmp_path: Path, name: str) -> None:
    for content in (None, b"not what it says"):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(NetworkFileError, match="; expected "):
            open_model(str(tmp_path / name), ModelOptions())


@pytest.mark.parametrize(
    "text", ["nonsense", "no_such_package:f", "minbits.networks.examples:none", "pathlib:Path"]
)
def test_names_that_make_no_module_are_refused(text: str) -> None:
    with pytest.raises(ArgumentError, match="; expected "):
        open_model(text, ModelOptions())


def test_weights_are_loaded_into_a_module(tmp_path: Path) -> None:
    module = LeNet300100()
    save_file(module.state_dict(), tmp_path / "m.safetensors")
    name = "minbits.networks.examples:LeNet300100"
    subject = open_model(name, ModelOptions(weights=tmp_path / "m.safetensors"))
    loaded = {tensor.name: tensor.load() for tensor in subject.tensors}
    assert np.array_equal(loaded["first.weight"], module.first.weight.detach().numpy())
    with pytest.raises(NetworkError, match="tensors of"):
        open_model(
            "minbits.networks.examples:PyTorchExample",
            ModelOptions(weights=tmp_path / "m.safetensors"),
        )


def dense_graph(path: Path, weights: np.ndarray, **changes: object) -> Path:
    """Write a graph of one dense layer; ``changes`` are fields of its weights, set afterwards."""
    tensor = onnx.numpy_helper.from_array(weights, "w")
    for name, value in changes.items():
        if name == "dims":
            del tensor.dims[:]
            tensor.dims.extend(value)
        else:
            setattr(tensor, name, value)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, len(weights)])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])],
        [tensor],
    )
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path


@pytest.mark.parametrize(
    "changes",
    [{"dims": [0, 3]}, {"dims": [4, 0]}, {"dims": []}, {"dims": [10**6, 10**6]},
     {"raw_data": b"\0"}, {"dims": [-1, 3]}],
)  # fmt: skip
def test_graphs_whose_tensors_do_not_fit_are_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    path = dense_graph(tmp_path / "m.onnx", np.zeros((4, 3), np.float32), **changes)
    with pytest.raises(NetworkFileError, match=r"m\.onnx: got .*; expected"):
        onnx_subject(path).runner.logits(np.zeros((2, 4), np.float32))


def test_a_graph_that_fails_on_its_inputs_is_one_error(tmp_path: Path) -> None:
    path = dense_graph(tmp_path / "m.onnx", np.zeros((4, 3), np.float32))
    runner = onnx_subject(path).runner
    assert runner is not None
    assert runner.logits(np.zeros((2, 4), np.float32)).shape == (2, 3)
    with pytest.raises(NetworkFileError, match="a graph that fails on these inputs"):
        runner.logits(np.zeros((2, 7), np.float32))


def test_a_graph_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.onnx")
    with pytest.raises(NetworkFileError, match="a pipe and no regular file"):
        onnx_subject(tmp_path / "m.onnx")
