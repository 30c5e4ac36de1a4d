from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from minbits.codec.architecture import parameter_count
from minbits.codec.inference import predict_logits
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.errors import ArgumentError, NetworkError
from minbits.layers.base import Shape
from minbits.layers.repetition import Repetition
from minbits.layers.rms_normalisation import RmsNormalisation
from minbits.networks.from_torch import (
    Extracted,
    from_torch,
    network_logits,
)
from minbits.networks.grammar import format_layers
from minbits.networks.input_convention import InputConvention
from minbits.networks.to_torch import to_torch
from tests.strategies import networks


def same(module: nn.Module, extracted: Extracted, form: tuple[int, ...] | None = None) -> None:
    """Compare on inputs that the conversion did not see."""
    shape = extracted.architecture.input_shape
    raw = torch.randn(5, *shape, generator=torch.Generator().manual_seed(7))
    with torch.no_grad():
        wanted = module(raw.reshape(5, *(form or shape)))
    got = network_logits(extracted, raw.numpy())
    assert got.shape == wanted.flatten(1).shape
    torch.testing.assert_close(got, wanted.flatten(1), rtol=1e-4, atol=1e-4)


def settle(module: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """Give batch norm statistics and factors that are not those of a fresh layer."""
    torch.manual_seed(3)
    module.train()
    for _ in range(3):
        module(torch.randn(16, *shape) + 0.3)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) and part.affine:
            nn.init.normal_(part.weight)
            nn.init.normal_(part.bias)
    return module.eval()


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.block = nn.Sequential(
            nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(),
            nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6),
        )  # fmt: skip
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.stem(x)))
        for _ in range(2):
            x = functional.relu(self.block(x) + x)
        return self.head(x.mean((2, 3)))


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 5, 3)
        self.drop = nn.Dropout2d()
        self.fc = nn.Linear(5 * 2 * 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(functional.max_pool2d(self.conv1(x), 2))
        x = functional.max_pool2d(functional.relu(self.drop(self.conv2(x))), 2)
        x = x.view(x.size(0), -1)
        return functional.log_softmax(self.fc(x), dim=1)


MODULES: dict[str, tuple[nn.Module, Shape, tuple[int, ...] | None]] = {
    "sequence": (
        nn.Sequential(
            nn.Conv1d(2, 5, 5, stride=2, padding=2), nn.BatchNorm1d(5), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(5, 5, 3, groups=5, dilation=2), nn.Conv1d(5, 6, 1), nn.Hardswish(),
            nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(6, 3),
        ), (2, 1, 30), (2, 30),
    ),
    "vector": (
        nn.Sequential(
            nn.BatchNorm1d(7), nn.Linear(7, 9), nn.BatchNorm1d(9), nn.LeakyReLU(0.125),
            nn.Dropout(), nn.Linear(9, 3, bias=False),
        ), (7, 1, 1), (7,),
    ),
    "image": (
        nn.Sequential(
            nn.Conv2d(3, 8, 5, 2, 2), nn.AvgPool2d(2), nn.ReLU(), nn.BatchNorm2d(8),
            nn.Conv2d(8, 8, 3, padding="same", groups=8), nn.Conv2d(8, 6, 1), nn.MaxPool2d(2),
            nn.Hardswish(), nn.Conv2d(6, 8, (1, 3), padding=(0, 1), groups=2),
            nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(8, 4), nn.Softmax(1),
        ), (3, 24, 24), None,
    ),
    "tall kernel": (
        nn.Sequential(nn.Conv2d(1, 3, (5, 1), padding=(2, 0)), nn.ReLU(), nn.Flatten(),
                      nn.Linear(3 * 36, 2)),
        (1, 6, 6), None,
    ),
    "residual": (Residual(), (1, 8, 8), None),
    "functional": (Functional(), (1, 14, 14), None),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_module_gives_the_same_outputs(name: str) -> None:
    module, shape, form = MODULES[name]
    settle(module, form or shape)
    extracted = from_torch(module, shape, 0)
    assert len(extracted.values) == parameter_count(extracted.architecture)
    if name in ("image", "functional"):  # a softmax is left out: compare with what enters it
        raw = torch.randn(5, *shape)
        got = network_logits(extracted, raw.numpy()).log_softmax(1)
        with torch.no_grad():
            wanted = module(raw)
        wanted = wanted.log() if name == "image" else wanted
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-3)
    else:
        same(module, extracted, form)


def test_a_block_that_is_called_twice_is_written_once() -> None:
    module = settle(Residual(), (1, 8, 8))
    extracted = from_torch(module, (1, 8, 8), 0)
    text = format_layers(extracted.architecture.layers)
    assert any(isinstance(layer, Repetition) for layer in extracted.architecture.layers), text
    assert text.count("conv ") <= 3


class Branch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(1, 4, 3), nn.Conv2d(1, 4, 3)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head((self.left(x) + self.right(x)).mean((2, 3)))


class Deciding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x.flatten(1))
        return x if x.sum() > 0 else -x


class Nested(nn.Module):
    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.body = nn.ModuleDict({"odd": part})
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body["odd"](x.flatten(1)))


@pytest.mark.parametrize(
    ("module", "shape", "place"),
    [
        (Nested(nn.Mish()), (1, 2, 2), "body.odd"),
        (Nested(nn.ELU(0.5)), (1, 2, 2), "body.odd"),
        (Nested(nn.Softmax(1)), (1, 2, 2), "body.odd"),
        (nn.Sequential(nn.MaxPool2d(3, 2, dilation=2), nn.Flatten(), nn.Linear(4, 2)), (1, 8, 8),
         "module, 0"),
        (nn.Sequential(nn.AvgPool2d(2, padding=1), nn.Flatten(), nn.Linear(25, 2)), (1, 8, 8), "0"),
        (nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect")), (1, 8, 8), "0"),
        (nn.Sequential(nn.Conv2d(1, 2, 3, stride=(2, 1))), (1, 8, 8), "0"),
        (Branch(), (1, 8, 8), "right"),
        (Deciding(), (4, 1, 1), "traced"),
        (nn.Linear(5, 2), (1, 2, 2), "maps float32 batches"),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named(module: nn.Module, shape: Shape, place: str) -> None:
    with pytest.raises(NetworkError, match=place):
        from_torch(module, shape, 0)


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("bias", [False, True])
def test_input_scaling_is_folded_exactly(padding: int, bias: bool) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=padding, bias=bias), nn.ReLU(), nn.Flatten(),
        nn.LazyLinear(5),
    ).eval()  # fmt: skip
    module(torch.zeros(1, 3, 6, 6))
    convention = InputConvention(1 / 255, (0.48, 0.45, 0.4), (0.2, 0.22, 0.25))
    extracted = from_torch(module, (3, 6, 6), 8, convention)
    raw = np.random.default_rng(0).integers(0, 256, (9, 3, 6, 6)).astype(np.float32)
    mean = torch.tensor(convention.mean)[:, None, None]
    deviation = torch.tensor(convention.deviation)[:, None, None]
    with torch.no_grad():
        wanted = module((torch.from_numpy(raw) / 255 - mean) / deviation)
    torch.testing.assert_close(network_logits(extracted, raw), wanted, rtol=1e-3, atol=1e-4)


def test_a_convention_that_does_not_fit_is_refused() -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    for convention in (
        InputConvention(mean=(0.1, 0.2)),
        InputConvention(deviation=(0.0,)),
        InputConvention(factor=-1.0),
    ):
        with pytest.raises(ArgumentError):
            from_torch(module, (1, 2, 2), 0, convention)


@settings(max_examples=30)
@given(networks(), st.integers(0, 2**31))
def test_files_and_modules_are_equal_both_ways(network: QuantizedNetwork, seed: int) -> None:
    shape = network.architecture.input_shape
    reach = 2.0**network.architecture.input_exponent
    raw = (np.random.default_rng(seed).random((4, *shape)) * reach).astype(np.float32)
    module = to_torch(network)
    with torch.no_grad():
        logits = module(torch.from_numpy(raw)).numpy()
    wanted = predict_logits(network, raw)
    scale = max(float(np.abs(wanted).max()), 1e-30)
    np.testing.assert_allclose(logits / scale, wanted / scale, atol=1e-4)
    if network.architecture.views > 1:  # a mean over shifted images is no chain of layers
        return
    # PyTorch's RMSNorm adds an epsilon, which the layer without one does not say.
    assume(not any(isinstance(layer, RmsNormalisation) for layer in network.architecture.layers))
    back = from_torch(module, shape, network.architecture.input_exponent)
    again = network_logits(back, raw).numpy()
    np.testing.assert_allclose(again / scale, wanted / scale, atol=1e-4)
