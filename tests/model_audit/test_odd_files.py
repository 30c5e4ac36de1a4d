"""Checkpoints and ONNX graphs as people have them: an answer, or one clean message."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from minbits.errors import MinbitsError, NetworkError, NetworkFileError
from minbits.model_audit.checkpoint_subject import checkpoint_subject
from minbits.model_audit.model_formats import open_model
from minbits.model_audit.onnx_subject import onnx_subject
from minbits.model_audit.run import audit_subject
from minbits.networks.checkpoint import load_weights, read_tensors
from minbits.networks.model_options import ModelOptions


def net() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.BatchNorm1d(6), nn.Linear(6, 2))


STATE = net().state_dict()
COUNT = 64 * 6 + 6 + 12 + 14


def renamed(prefix: str) -> dict[str, Any]:
    return {prefix + name: value for name, value in STATE.items()}


CHECKPOINTS: dict[str, Any] = {
    "plain": dict(STATE),
    **{
        prefix: renamed(prefix)
        for prefix in ("module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.",
                       "net.", "model.backbone.")
    },
    **{
        f"under {key}": {key: dict(STATE), "epoch": 3, "acc": 0.97}
        for key in ("state_dict", "model_state_dict", "model", "net", "weights", "anything")
    },
    "with accuracy as a tensor": {"net": dict(STATE), "acc": torch.tensor(93.1)},
    "with an optimizer": {
        "model": dict(STATE),
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]},
    },
    "nested": {"checkpoint": {"state_dict": renamed("model.")}, "hyper_parameters": {"lr": 1e-3}},
    "an optimizer and an odd name": {
        "ours": dict(STATE), "optimizer_state_dict": {"state": {0: {"m": torch.ones(4)}}},
    },
    "one more entry": {**STATE, "epoch": 7, "best": "yes"},
    "a part of more": {**renamed("model."), "criterion.weight": torch.ones(2)},
    "without counters": {
        name: value for name, value in STATE.items() if not name.endswith("batches_tracked")
    },
    "half": {name: value.half() if value.is_floating_point() else value
             for name, value in STATE.items()},
    "bfloat16": {name: value.bfloat16() if value.is_floating_point() else value
                 for name, value in STATE.items()},
    "double": {name: value.double() if value.is_floating_point() else value
               for name, value in STATE.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_weights_are_found_in_a_checkpoint(name: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pth.tar"
    torch.save(CHECKPOINTS[name], path)
    module = net()
    with torch.no_grad():
        for value in module.parameters():
            value.zero_()
    load_weights(module, path)
    for key, value in module.state_dict().items():
        tolerance = 1e-2 if name in ("half", "bfloat16") else 0.0
        torch.testing.assert_close(value, STATE[key], rtol=tolerance, atol=tolerance)
    subject = open_model(str(path), ModelOptions())
    assert subject.parameters == COUNT + (2 if name == "a part of more" else 0)
    assert audit_subject(subject).stored_bits == subject.stored_bits


def test_weights_are_loaded_into_what_wrappers_hold(tmp_path: Path) -> None:
    torch.save(renamed("module."), tmp_path / "w.pt")
    for wrap in (nn.DataParallel, torch.compile):
        module = wrap(net())
        load_weights(module, tmp_path / "w.pt")
        subject = open_model(module, ModelOptions(), (1, 8, 8))
        assert {tensor.name for tensor in subject.tensors} <= STATE.keys()
        assert subject.name == "Sequential"


UNREADABLE: dict[str, tuple[Any, str]] = {
    "sparse": ({"w": torch.eye(3).to_sparse()}, "the sparse tensor 'w'"),
    "complex": ({"w": torch.ones(2, dtype=torch.complex64)}, "the complex tensor 'w'"),
    "quantised": ({"w": torch.quantize_per_tensor(torch.ones(2, 2), 0.1, 0, torch.qint8)},
                  "the quantised tensor 'w'"),
    "several": ({"generator": dict(STATE), "discriminator": dict(STATE)},
                "several groups of tensors: 'generator', 'discriminator'"),
    "nothing": ({}, "no tensors"),
    "numbers": ({"epoch": 3}, "'epoch'|no tensors of weights"),
    "a list": ([1, 2], "a state dictionary"),
    "one tensor": (torch.ones(3), "a state dictionary"),
    "counters": ({"steps": torch.tensor([3])}, "no tensors of weights|Missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_checkpoint_that_says_nothing_is_one_message(name: str, tmp_path: Path) -> None:
    content, words = UNREADABLE[name]
    path = tmp_path / "w.pt"
    torch.save(content, path)
    with pytest.raises(NetworkFileError, match=words):
        checkpoint_subject(path)
    with pytest.raises(MinbitsError, match=words):
        load_weights(net(), path)


def test_a_module_and_a_checkpoint_that_do_not_fit_are_both_named(tmp_path: Path) -> None:
    torch.save({f"layer{i}.weight": torch.ones(2, 2) for i in range(9)}, tmp_path / "w.pt")
    with pytest.raises(NetworkError, match=r"'layer0\.weight'.* and 3 more.*'1\.weight'"):
        load_weights(net(), tmp_path / "w.pt")
    torch.save({**STATE, "1.weight": torch.ones(6, 64, dtype=torch.int8)}, tmp_path / "w.pt")
    with pytest.raises(NetworkError, match=r"integers for '1\.weight'"):
        load_weights(net(), tmp_path / "w.pt")


def test_stored_integers_are_counted_at_their_width(tmp_path: Path) -> None:
    state = {
        "a.weight": torch.randint(-127, 128, (6, 64), dtype=torch.int8),
        "a.weight_scale": torch.rand(6),
        "a.zero_point": torch.zeros(6, dtype=torch.int8),
        "a.bias": torch.zeros(6, dtype=torch.int32),
        "b.weight": torch.randint(0, 255, (2, 6), dtype=torch.uint8),
        "steps": torch.tensor([5]),
    }
    torch.save(state, tmp_path / "w.pt")
    assert read_tensors(tmp_path / "w.pt").keys() == state.keys()
    subject = checkpoint_subject(tmp_path / "w.pt")
    assert subject.stored_bits == 8 * (384 + 6 + 12) + 32 * (6 + 6)
    assert subject.parameters == 384 + 6 + 6 + 12
    report = audit_subject(subject)
    assert report.smallest_bits <= subject.stored_bits + 8 * 60 * 6


def test_quantised_modules_are_counted_at_their_width() -> None:
    torch.backends.quantized.engine = torch.backends.quantized.supported_engines[-1]
    module = torch.ao.quantization.quantize_dynamic(
        nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, 2)), {nn.Linear}
    )
    subject = open_model(module, ModelOptions(), (1, 8, 8))
    weights = [tensor for tensor in subject.tensors if tensor.bits_each == 8]
    assert sum(tensor.values for tensor in weights) == 384 + 12
    assert audit_subject(subject).stored_bits < 32 * 400
    assert subject.shape is None or not subject.shape.is_whole


# ONNX graphs: 640 weights from 64 inputs to 10 logits.
N = helper.make_node
RANDOM = np.random.default_rng(0)
FLOATS = RANDOM.standard_normal((64, 10)).astype(np.float32)
INTEGERS = RANDOM.integers(-127, 128, (64, 10)).astype(np.int8)
SCALES = {"s": np.float32(0.01), "z": np.int8(0), "xs": np.float32(0.01), "xz": np.uint8(0),
          "ys": np.float32(0.1), "yz": np.uint8(128)}  # fmt: skip
PLAIN = [N("MatMul", ["x", "w"], ["y"])]


def graph(
    path: Path, nodes: list[Any], values: dict[str, Any], *, shape: tuple[Any, ...] = ("n", 64),
    kind: int = TensorProto.FLOAT, opset: int = 17,
) -> Path:  # fmt: skip
    used = {name for node in nodes for name in node.input}
    stored = [numpy_helper.from_array(np.asarray(v), k) for k, v in values.items() if k in used]
    out = kind if kind != TensorProto.UINT8 else TensorProto.FLOAT
    made = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", out, [shape[0], 10])], stored,
    )  # fmt: skip
    versions = [helper.make_opsetid("", opset)]
    model = helper.make_model(made, opset_imports=versions, ir_version=8 if opset < 19 else 10)
    path.write_bytes(model.SerializeToString())
    return path


QDQ = [
    N("DequantizeLinear", ["w", "s", "z"], ["wd"]), N("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
    N("DequantizeLinear", ["q", "xs", "xz"], ["xd"]), N("MatMul", ["xd", "wd"], ["y"]),
]  # fmt: skip
CHANNELS = [N("DequantizeLinear", ["w", "s", "z"], ["wd"], axis=1), N("MatMul", ["x", "wd"], ["y"])]
DYNAMIC = [
    N("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
    N("MatMulInteger", ["q", "w", "qz", "z"], ["i"]), N("Cast", ["i"], ["f"], to=1),
    N("Mul", ["qs", "s"], ["t"]), N("Mul", ["f", "t"], ["y"]),
]  # fmt: skip
LINEAR = [
    N("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
    N("QLinearMatMul", ["q", "xs", "xz", "w", "s", "z", "ys", "yz"], ["r"]),
    N("DequantizeLinear", ["r", "ys", "yz"], ["y"]),
]  # fmt: skip
CONVOLVED = [
    N("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
    N("QLinearConv", ["q", "xs", "xz", "w", "s", "z", "ys", "yz", "b"], ["r"]),
    N("DequantizeLinear", ["r", "ys", "yz"], ["d"]), N("Flatten", ["d"], ["y"]),
]  # fmt: skip
W8, W32 = {**SCALES, "w": INTEGERS}, {"w": FLOATS}
PER_CHANNEL = {"w": INTEGERS, "s": np.full(10, 0.01, np.float32), "z": np.zeros(10, np.int8)}
KERNELS = {**SCALES, "w": INTEGERS.T.reshape(10, 1, 8, 8), "b": np.zeros(10, np.int32)}
TRANSPOSED = [N("Transpose", ["w"], ["t"], perm=[1, 0]), N("MatMul", ["x", "t"], ["y"])]

# Arguments of `graph`, the bits of the weights, and the parameters of the layers.
GRAPHS: dict[str, tuple[dict[str, Any], int, int]] = {
    **{f"QDQ at opset {n}": ({"nodes": QDQ, "values": W8, "opset": n}, 5120, 640)
       for n in (13, 17, 19, 21)},
    **{f"QDQ by channel at opset {n}": ({"nodes": CHANNELS, "values": PER_CHANNEL, "opset": n},
                                        5120, 640) for n in (13, 17, 21)},
    "MatMulInteger": ({"nodes": DYNAMIC, "values": W8}, 5120, 640),
    "QLinearMatMul": ({"nodes": LINEAR, "values": W8}, 5120, 640),
    "QLinearConv": ({"nodes": CONVOLVED, "values": KERNELS, "shape": ("n", 1, 8, 8)},
                    5120 + 320, 650),
    "Transpose": ({"nodes": TRANSPOSED, "values": {"w": FLOATS.T.copy()}}, 20480, 640),
    "Identity": ({"nodes": [N("Identity", ["w"], ["v"]), N("MatMul", ["x", "v"], ["y"])],
                  "values": W32}, 20480, 640),
    "Cast": ({"nodes": [N("Cast", ["w"], ["v"], to=1), N("MatMul", ["x", "v"], ["y"])],
              "values": {"w": FLOATS.astype(np.float16)}}, 10240, 640),
    "Constant": ({"nodes": [N("Constant", [], ["w"], value=numpy_helper.from_array(FLOATS)),
                            *PLAIN], "values": {}}, 20480, 640),
    "float16": ({"nodes": PLAIN, "values": {"w": FLOATS.astype(np.float16)},
                 "kind": TensorProto.FLOAT16}, 10240, 640),
    "float64": ({"nodes": PLAIN, "values": {"w": FLOATS.astype(np.float64)},
                 "kind": TensorProto.DOUBLE}, 40960, 640),
    **{f"batches of {n}": ({"nodes": PLAIN, "values": W32, "shape": (n, 64)}, 20480, 640)
       for n in (1, 3, 32)},
    "bytes": ({"nodes": [N("Cast", ["x"], ["f"], to=1), N("MatMul", ["f", "w"], ["y"])],
               "values": W32, "kind": TensorProto.UINT8}, 20480, 640),
    "no sizes": ({"nodes": [N("Flatten", ["x"], ["f"]), N("MatMul", ["f", "w"], ["y"])],
                  "values": W32, "shape": ("n", "c", "h", "w")}, 20480, 640),
    "rows": ({"nodes": [N("Flatten", ["x"], ["f"]), N("MatMul", ["f", "w"], ["y"])],
              "values": W32, "shape": ("n", 8, 8)}, 20480, 640),
    "from the left": ({"nodes": [N("Transpose", ["x"], ["t"]), N("MatMul", ["w", "t"], ["u"]),
                                 N("Transpose", ["u"], ["y"])], "values": {"w": FLOATS.T.copy()}},
                      20480, 640),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_is_counted_and_run(name: str, tmp_path: Path) -> None:
    settings, bits, in_layers = GRAPHS[name]
    subject = onnx_subject(graph(tmp_path / "m.onnx", **settings), 8)
    weights = [
        tensor for tensor in subject.tensors if tensor.values > 9 and tensor.name not in "sz"
    ]
    assert sum(tensor.stored_bits for tensor in weights) == bits
    assert subject.shape is not None
    assert subject.shape.parameters == in_layers
    assert subject.shape.is_whole
    inputs = RANDOM.integers(0, 256, (7, 1, 8, 8)).astype(np.uint8)
    assert subject.runner is not None
    logits = subject.runner.logits(inputs)
    values = settings["values"].get("w", FLOATS)
    weights_used = INTEGERS * np.float32(0.01) if values.dtype == np.int8 else FLOATS
    wanted = (inputs.reshape(7, 64) / 256) @ weights_used
    if name == "bytes":
        wanted = np.zeros_like(wanted)  # scaled bytes are cut to whole numbers
    tolerance = 0.06 if values.dtype in (np.int8, np.float16) else 1e-4
    np.testing.assert_allclose(logits, wanted, atol=tolerance * np.abs(wanted).max() + 1e-6)
    assert subject.runner.activity(inputs) == ()
    same = {tensor.name: tensor.load() for tensor in subject.tensors}
    np.testing.assert_allclose(subject.runner.with_tensors(same, inputs), logits, atol=1e-5)
    for tensor in subject.tensors:
        assert 8 * len(tensor.load_bytes()) >= tensor.stored_bits
    assert audit_subject(subject).stored_bits == subject.stored_bits


def test_numbers_of_four_bits_take_four_bits(tmp_path: Path) -> None:
    nodes = [N("DequantizeLinear", ["w", "s"], ["d"]), N("MatMul", ["x", "d"], ["y"])]
    path = graph(tmp_path / "m.onnx", nodes, {"s": np.float32(0.1)}, opset=21)
    model = onnx.load(str(path))
    levels = RANDOM.integers(-8, 8, 640)
    model.graph.initializer.append(helper.make_tensor("w", TensorProto.INT4, [64, 10], levels))
    path.write_bytes(model.SerializeToString())
    subject = onnx_subject(path)
    found = {tensor.name: tensor for tensor in subject.tensors}["w"]
    assert found.stored_bits == 4 * 640 == 8 * len(found.load_bytes())
    assert (found.load().ravel() == levels).all()


UNSEEN: dict[str, tuple[list[Any], dict[str, Any], set[str]]] = {
    "LSTM": (
        [N("Reshape", ["x", "a"], ["r"]), N("LSTM", ["r", "W", "R"], ["", "h"], hidden_size=4),
         N("Reshape", ["h", "b"], ["f"]), N("MatMul", ["f", "w"], ["y"])],
        {"W": RANDOM.random((1, 16, 8), np.float32), "R": RANDOM.random((1, 16, 4), np.float32),
         "a": np.array([8, -1, 8]), "b": np.array([-1, 4]), "w": FLOATS[:4]}, {"W", "R"}),
    "Einsum": (
        [N("Einsum", ["x", "v"], ["h"], equation="nk,kj->nj"), N("MatMul", ["h", "w"], ["y"])],
        {"v": FLOATS, "w": FLOATS[:10]}, {"v"}),
    "Mul": ([N("MatMul", ["x", "w"], ["h"]), N("Mul", ["h", "g"], ["y"])],
            {"w": FLOATS, "g": FLOATS[0]}, {"g"}),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSEEN)
def test_weights_that_no_layer_of_a_graph_has_are_named(name: str, tmp_path: Path) -> None:
    nodes, values, unseen = UNSEEN[name]
    subject = onnx_subject(graph(tmp_path / "m.onnx", nodes, values))
    assert subject.shape is not None
    assert set(subject.shape.unseen) == unseen
    lines = {line.key: line for line in audit_subject(subject).capacity}
    assert lines["raw_storage"].value == subject.stored_bits
    for key in ("counting_capacity", "maximum_equivocation", "vc_existence"):
        assert lines[key].value is None
        assert all(word in (lines[key].objection or "") for word in unseen)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"shape": ("n", 32), "values": {"w": FLOATS[:32]}}, "takes examples of 32"),
        ({"shape": ("n", 3, 8, 8)}, "takes examples of 3x8x8"),
        ({"shape": (4,)}, "takes examples of nothing|cannot be followed|no valid"),
        ({"kind": TensorProto.STRING}, "fails on these inputs|no valid|cannot be followed"),
    ],
)
def test_inputs_that_a_graph_does_not_take_are_one_message(
    settings: dict[str, Any], words: str, tmp_path: Path
) -> None:
    made: Callable[[], Any] = lambda: onnx_subject(  # noqa: E731
        graph(tmp_path / "m.onnx", **{"nodes": PLAIN, "values": W32, **settings})
    )
    with pytest.raises(NetworkFileError, match=words) as caught:
        made().runner.logits(np.zeros((2, 1, 8, 8), np.float32))
    assert "\n" not in str(caught.value)
