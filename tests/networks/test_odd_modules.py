"""Modules as people write them: each becomes a network of equal outputs, or one clean message."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from minbits.errors import MinbitsError
from minbits.layers.base import Shape
from minbits.model_audit.run import audit_subject
from minbits.model_audit.torch_subject import torch_subject
from minbits.networks.from_torch import from_torch, network_logits
from minbits.networks.grammar import format_layers
from minbits.networks.two_logits import with_two_logits
from minbits.networks.user_module import example_forms, unwrapped

IMAGE, VECTOR, SEQUENCE = (1, 8, 8), (4, 1, 1), (2, 1, 12)


class Written(nn.Module):
    """A module whose forward pass is a function of itself and its input."""

    def __init__(self, forward: Callable[..., Any], **parts: Any) -> None:
        super().__init__()
        self._forward = forward
        for name, part in parts.items():
            if isinstance(part, Tensor) and not isinstance(part, nn.Parameter):
                self.register_buffer(name, part)
            else:
                setattr(self, name, part)

    def forward(self, x: Tensor) -> Any:
        return self._forward(self, x)


class Defaults(Written):
    def forward(self, x: Tensor, scale: float = 2.0, mask: Tensor | None = None) -> Any:
        x = self._forward(self, x) * scale
        return x if mask is None else x * mask


class OwnLinear(nn.Linear):
    pass


class Scaled(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * 0.5, self.bias)


class Raising(nn.Module):
    def __init__(self, error: type[BaseException], text: str = "oh dear\nand more") -> None:
        super().__init__()
        self.fc, self.error, self.text = nn.Linear(64, 2), error, text

    def forward(self, x: Tensor) -> Tensor:
        raise self.error(self.text)


def matrix(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns) / rows**0.5)


def head(n: int = 64, classes: int = 2) -> nn.Linear:
    return nn.Linear(n, classes)


def body(*parts: nn.Module, n: int) -> nn.Module:
    return nn.Sequential(*parts, nn.Flatten(), head(n))


def flat(x: Tensor) -> Tensor:
    return x.flatten(1)


def uneven(module: nn.RMSNorm) -> nn.Module:
    with torch.no_grad():
        module.weight.copy_(torch.arange(module.weight.numel()).reshape(module.weight.shape))
    return module


def tied() -> nn.Module:
    module = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), head()
    )
    module[3].weight, module[3].bias = module[1].weight, module[1].bias
    return module


def asserting(m: Any, x: Tensor) -> Any:
    assert x.shape[1:] == (1, 8, 8), f"not {x.shape}"
    assert x.dim() == 4
    assert x.ndim == 4
    assert len(x) > 0
    return m.fc(x.reshape(len(x), -1))


def sized(m: Any, x: Tensor) -> Any:
    rest = x.size()[1:]
    count = 1
    for side in rest:
        count *= side
    n, *_ = x.shape
    return m.fc(x.view(n, count))


def branching(m: Any, x: Tensor) -> Any:
    if x.dim() == 4 and x.shape[1] == 1 and not m.training:
        x = (x - 0.1307) / 0.3081
    return m.fc(flat(x))


def chunked(m: Any, x: Tensor) -> Any:
    a, b = flat(x).chunk(2, 1)
    return m.fc(a) + m.fc(b)


def conv_call(m: Any, x: Tensor) -> Any:
    x = F.relu(F.conv2d(x, m.w, m.b, stride=2, padding=1))
    return F.linear(flat(x), m.v)


def norm_call(m: Any, x: Tensor) -> Any:
    x = F.conv2d(x, m.w)
    x = F.batch_norm(x, m.mean, m.var, m.g, m.s, False, 0.1, 1e-3)
    return m.fc(flat(F.leaky_relu(x, 0.2)))


PARTS = {"w": nn.Parameter(torch.randn(3, 1, 3, 3)), "b": nn.Parameter(torch.randn(3))}
MAKE: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    # activations
    **{
        type(unit).__name__ + str(number): (
            lambda unit=unit: body(nn.Conv2d(1, 3, 3), unit, n=108), IMAGE  # type: ignore[misc]
        )
        for number, unit in enumerate([
            nn.ReLU(), nn.LeakyReLU(), nn.LeakyReLU(0.2), nn.LeakyReLU(0.125), nn.PReLU(),
            nn.PReLU(3), nn.ReLU6(), nn.Tanh(), nn.Sigmoid(), nn.SiLU(), nn.GELU(),
            nn.GELU("tanh"), nn.ELU(), nn.Hardswish(), nn.GroupNorm(3, 3), nn.GroupNorm(1, 3),
            nn.InstanceNorm2d(3), nn.InstanceNorm2d(3, affine=True), nn.BatchNorm2d(3),
            nn.LayerNorm([3, 6, 6], elementwise_affine=False), nn.Dropout2d(), nn.Identity(),
            nn.LeakyReLU(0.0), nn.AlphaDropout(), nn.RMSNorm([3, 6, 6], elementwise_affine=False),
        ])
    },
    **{
        f"F.{name}": (lambda call=call: Written(  # type: ignore[misc]
            lambda m, x: m.fc(flat(call(m.conv(x)))), conv=nn.Conv2d(1, 3, 3), fc=head(108)
        ), IMAGE)
        for name, call in {
            "leaky_relu": F.leaky_relu, "tanh": torch.tanh, "method tanh": lambda x: x.tanh(),
            "sigmoid": torch.sigmoid, "silu": F.silu, "gelu": F.gelu, "elu": F.elu,
            "relu6": F.relu6, "relu_": F.relu_, "instance_norm": F.instance_norm,
            "group_norm": lambda x: F.group_norm(x, 3),
            "layer_norm": lambda x: F.layer_norm(x, x.shape[1:]), "negative": lambda x: -x,
            "rms_norm": lambda x: F.rms_norm(x, x.shape[1:], torch.ones(3, 6, 6) * 0.5),
            "scaled": lambda x: x * 2 + 1, "from one": lambda x: 1 - x, "half": lambda x: x / 2,
        }.items()
    },
    # pooling
    **{
        f"pool {number}": (lambda pool=pool, n=n: body(nn.Conv2d(1, 2, 3), nn.ReLU(), pool, n=n),  # type: ignore[misc]
                           (1, 12, 11))
        for number, (pool, n) in enumerate([
            (nn.MaxPool2d(3, 2), 32), (nn.MaxPool2d(3, 2, 1), 50),
            (nn.MaxPool2d(2, ceil_mode=True), 50), (nn.MaxPool2d(3, 2, ceil_mode=True), 40),
            (nn.MaxPool2d(3, 1), 112), (nn.AvgPool2d(3, 2), 32), (nn.AvgPool2d(2, 1), 144),
            (nn.MaxPool2d(2), 40), (nn.AdaptiveAvgPool2d(1), 2), (nn.AdaptiveMaxPool2d(1), 2),
        ])
    },
    # functional forms and parameters
    "F.linear": (lambda: Written(lambda m, x: F.linear(flat(x), m.w), w=matrix(2, 64)), IMAGE),
    "x @ W": (lambda: Written(lambda m, x: F.relu(flat(x) @ m.w + m.b) @ m.v, w=matrix(64, 5),
                              b=nn.Parameter(torch.randn(5)), v=matrix(5, 2)), IMAGE),
    "W.t()": (lambda: Written(lambda m, x: torch.matmul(flat(x), m.w.t()), w=matrix(2, 64)),
              IMAGE),
    "matmul of a list": (lambda: Written(lambda m, x: flat(x).matmul(m.ws[0]),
                                         ws=nn.ParameterList([matrix(64, 2)])), IMAGE),
    "F.conv2d": (lambda: Written(conv_call, **copy.deepcopy(PARTS), v=matrix(2, 48)), IMAGE),
    "F.batch_norm": (lambda: Written(norm_call, w=PARTS["w"], mean=torch.randn(3),
                                     var=torch.rand(3) + 0.5, g=torch.randn(3), s=torch.randn(3),
                                     fc=head(108)), IMAGE),
    "F.prelu": (lambda: Written(lambda m, x: m.fc(flat(F.prelu(m.c(x), m.a))),
                                c=nn.Conv2d(1, 3, 3), a=nn.Parameter(torch.rand(3)),
                                fc=head(108)), IMAGE),
    "F.conv1d": (lambda: Written(lambda m, x: m.fc(flat(F.conv1d(x, m.w, padding=1))),
                                 w=nn.Parameter(torch.randn(3, 2, 3)), fc=head(36)), SEQUENCE),
    "masked weights": (lambda: Written(lambda m, x: F.linear(flat(x), m.w * m.mask),
                                       w=matrix(2, 64), mask=torch.ones(2, 64)), IMAGE),
    "layer scale": (lambda: Written(lambda m, x: m.fc(flat(m.c(x) * m.g[None, :, None, None])),
                                    c=nn.Conv2d(1, 3, 3), g=nn.Parameter(torch.rand(3)),
                                    fc=head(108)), IMAGE),
    "weight norm": (lambda: nn.Sequential(nn.Flatten(), torch.nn.utils.parametrizations
                                          .weight_norm(head())), IMAGE),
    # shapes, constants, arguments
    "asserts": (lambda: Written(asserting, fc=head()), IMAGE),
    "sizes": (lambda: Written(sized, fc=head()), IMAGE),
    "branch on shapes": (lambda: Written(branching, fc=head()), IMAGE),
    "normalised inside": (lambda: Written(lambda m, x: m.c((x - 0.1307) / 0.3081).mean((2, 3)),
                                          c=nn.Conv2d(1, 2, 3, padding=1)), IMAGE),
    "buffers": (lambda: Written(lambda m, x: m.fc(flat((x - m.mean) / m.std)),
                                mean=torch.tensor([0.3]).view(1, 1, 1, 1),
                                std=torch.tensor([0.2]).view(1, 1, 1, 1), fc=head()), IMAGE),
    "twice the input": (lambda: Written(lambda m, x: m.fc(flat(2 * x - 1)), fc=head()), IMAGE),
    "defaults": (lambda: Defaults(lambda m, x: m.fc(flat(x)), fc=head()), IMAGE),
    "a bias of ours": (lambda: Written(lambda m, x: m.fc(flat(x)) + m.b, fc=head(),
                                       b=nn.Parameter(torch.randn(2))), IMAGE),
    "unsqueezed": (lambda: Written(lambda m, x: m.c(x.unsqueeze(1)).mean((2, 3)),
                                   c=nn.Conv2d(1, 2, 3)), IMAGE),
    "to and detach": (lambda: Written(lambda m, x: m.fc(flat(x.to(torch.float32).detach())),
                                      fc=head()), IMAGE),
    # wrappers and classes
    "DataParallel": (lambda: nn.DataParallel(body(nn.Conv2d(1, 2, 3), n=72)), IMAGE),
    "compiled": (lambda: torch.compile(body(nn.Conv2d(1, 2, 3), n=72)), IMAGE),  # type: ignore[dict-item]
    "compiled inside": (lambda: Written(lambda m, x: m.fc(m.c(x).flatten(1)),
                                        c=nn.DataParallel(nn.Conv2d(1, 2, 3)), fc=head(72)), IMAGE),
    "a subclass": (lambda: nn.Sequential(nn.Flatten(), OwnLinear(64, 2)), IMAGE),
    "another subclass": (lambda: nn.Sequential(nn.Flatten(), Scaled(64, 2)), IMAGE),
    "half": (lambda: body(nn.Conv2d(1, 2, 3), n=72).half(), IMAGE),
    "bfloat16": (lambda: body(nn.Conv2d(1, 2, 3), n=72).bfloat16(), IMAGE),
    "double": (lambda: body(nn.Conv2d(1, 2, 3), n=72).double(), IMAGE),
    "lazy": (lambda: nn.Sequential(nn.LazyConv2d(2, 3), nn.Flatten(), nn.LazyLinear(2)), IMAGE),
    "tied": (tied, IMAGE),
    "grouped": (lambda: body(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 6, 3, groups=2), n=96), IMAGE),
    "grouped rows": (lambda: body(nn.Conv1d(2, 4, 3, groups=2), n=40), SEQUENCE),
    # inputs
    "a vector": (lambda: nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), VECTOR),
    "a vector of pixels": (lambda: nn.Linear(64, 2), IMAGE),
    "rows": (lambda: Written(lambda m, x: m.fc(x.reshape(x.shape[0], 64)), fc=head()), IMAGE),
    "a sequence": (lambda: nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(), nn.Flatten(), head(30)),
                   SEQUENCE),
    "one logit": (lambda: nn.Sequential(nn.Flatten(), head(64, 1)), IMAGE),
    "one probability": (lambda: nn.Sequential(nn.Flatten(), head(64, 1), nn.Sigmoid()), IMAGE),
    "squeezed": (lambda: Written(lambda m, x: m.fc(flat(x)).squeeze(-1), fc=head(64, 1)), IMAGE),
    "softmax": (lambda: nn.Sequential(nn.Flatten(), head(), nn.Softmax(1)), IMAGE),
}  # fmt: skip

# What no chain of layers can say: the words of the message.
REFUSED: dict[str, tuple[Callable[[], nn.Module], Shape, str]] = {
    "chunks": (lambda: Written(chunked, fc=head(32)), IMAGE, "module, call"),
    "a branch on values": (
        lambda: Written(lambda m, x: m.fc(flat(x)) if x.sum() > 0 else m.fc(-flat(x)), fc=head()),
        IMAGE, "cannot be traced"),
    "LSTM": (lambda: Written(lambda m, x: m.fc(m.rnn(x[:, 0])[0][:, -1]), fc=head(4),
                             rnn=nn.LSTM(8, 4, batch_first=True)), IMAGE, "module"),
    "GRU": (lambda: Written(lambda m, x: m.fc(m.rnn(x[:, 0])[0][:, -1]), fc=head(4),
                            rnn=nn.GRU(8, 4, batch_first=True)), IMAGE, "module"),
    "attention": (lambda: Written(lambda m, x: m.fc(m.a(x[:, 0], x[:, 0], x[:, 0])[0].mean(1)),
                                  a=nn.MultiheadAttention(8, 2, batch_first=True), fc=head(8)),
                  IMAGE, "module"),
    "einsum": (lambda: Written(lambda m, x: torch.einsum("nk,kj->nj", flat(x), m.w),
                               w=matrix(64, 2)), IMAGE, "einsum"),
    "embedding": (lambda: Written(lambda m, x: m.fc(m.e(flat(x).long().clamp(0, 3)).mean(1)),
                                  e=nn.Embedding(4, 5), fc=head(5)), IMAGE, "module"),
    "transposed": (lambda: body(nn.ConvTranspose2d(1, 2, 3), n=200), IMAGE, "ConvTranspose2d"),
    "two results": (lambda: Written(lambda m, x: (m.fc(flat(x)), x), fc=head()), IMAGE,
                    "not the last layer's"),
    "a factor for each place": (
        lambda: Written(lambda m, x: m.c(x * m.g).mean((2, 3)), c=nn.Conv2d(1, 2, 3),
                        g=nn.Parameter(torch.rand(8, 8))), IMAGE, "a constant of shape"),
    "a product of activations": (lambda: Written(lambda m, x: m.fc(flat(x * x)), fc=head()),
                                 IMAGE, "mul of two activations"),
    "layer norm of places": (lambda: body(nn.Conv2d(1, 2, 3), nn.LayerNorm(6), n=72), IMAGE,
                             "one over all values"),
    "RMS norm of places": (lambda: body(nn.Conv2d(1, 2, 3), nn.RMSNorm(6), n=72), IMAGE,
                           "one over all values"),
    "RMS norm with a large epsilon": (
        lambda: body(nn.Conv2d(1, 2, 3), nn.RMSNorm([2, 6, 6], eps=0.1), n=72), IMAGE,
        "at most 1e-05"),
    "RMS norm with a factor for each place": (
        lambda: body(nn.Conv2d(1, 2, 3), uneven(nn.RMSNorm([2, 6, 6])), n=72), IMAGE,
        "one a channel"),
}  # fmt: skip

FAILING: dict[str, tuple[Callable[[], nn.Module], Shape, str]] = {
    **{
        f"raises {error.__name__}": (lambda error=error: Raising(error), IMAGE, error.__name__)  # type: ignore[misc]
        for error in (
            RuntimeError, ValueError, TypeError, AssertionError, IndexError, KeyError,
            AttributeError, NotImplementedError, ZeroDivisionError, StopIteration, RecursionError,
            OSError, MemoryError,
        )
    },
    "raises without words": (lambda: Raising(RuntimeError, ""), IMAGE, "RuntimeError"),
    "no forward": (lambda: Written(nn.Module.forward, fc=head()), IMAGE,
                   "Error"),
    "wrong inputs": (lambda: nn.Linear(5, 2), IMAGE, "takes inputs of shape"),
    "None": (lambda: Written(lambda m, x: None, fc=head()), IMAGE, "one row an example"),
    "a scalar": (lambda: Written(lambda m, x: m.fc(flat(x)).sum(), fc=head()), IMAGE,
                 "one row an example"),
    "a string": (lambda: Written(lambda m, x: "yes", fc=head()), IMAGE, "one row an example"),
    "meta": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 2, device="meta")), IMAGE, "meta"),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKE)
def test_an_odd_module_becomes_a_network_of_equal_outputs(name: str) -> None:
    make, shape = MAKE[name]
    torch.manual_seed(5)
    module = make().eval()
    before = {key: value.dtype for key, value in module.state_dict().items()
              if not isinstance(value, nn.UninitializedParameter)}  # fmt: skip
    extracted = from_torch(module, shape, 0)
    after = {key: value.dtype for key, value in module.state_dict().items()}
    assert before.items() <= after.items()
    assert not [key for key in vars(module) if key.startswith("_tensor_constant")]
    assert format_layers(extracted.architecture.layers)
    raw = torch.rand(5, *shape, generator=torch.Generator().manual_seed(7))
    kind = next(module.parameters()).dtype
    for form in example_forms(shape):
        try:
            with torch.no_grad():
                wanted = unwrapped(copy.deepcopy(module)).float()(raw.reshape(5, *form)).float()
        except Exception:  # noqa: BLE001 - another form, then
            continue
        break
    got = network_logits(extracted, raw.numpy())
    if name == "softmax":
        got = got.softmax(1)
    elif name == "one probability":
        got = got.sigmoid()
    tolerance = 1e-4 if kind in (torch.float32, torch.float64) else 1e-2
    torch.testing.assert_close(got, wanted.reshape(got.shape), rtol=tolerance, atol=tolerance)


def test_weights_of_groups_and_ties_are_written_once() -> None:
    counts = {}
    for name in ("grouped", "tied", "DataParallel"):
        module = MAKE[name][0]()
        counts[name] = (
            len(from_torch(module, IMAGE, 0).values), sum(p.numel() for p in module.parameters())
        )  # fmt: skip
    assert all(ours == theirs for ours, theirs in counts.values()), counts


@pytest.mark.parametrize("ending", [nn.Identity(), nn.Tanh(), nn.Sequential(nn.Tanh(), head(1, 1))])
def test_one_logit_becomes_two(ending: nn.Module) -> None:
    module = nn.Sequential(nn.Flatten(), head(64, 1), ending)
    one = from_torch(module, IMAGE, 0)
    raw = np.random.default_rng(0).standard_normal((5, *IMAGE)).astype(np.float32)
    found = network_logits(with_two_logits(one), raw)
    wanted = network_logits(one, raw)
    torch.testing.assert_close(found, torch.cat([torch.zeros(5, 1), wanted], 1))


@pytest.mark.parametrize("name", [*REFUSED, *FAILING])
def test_what_cannot_be_compressed_is_one_message(name: str) -> None:
    make, shape, words = (REFUSED | FAILING)[name]
    with pytest.raises(MinbitsError, match=words) as caught:
        from_torch(make(), shape, 0)
    assert "; expected " in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [*MAKE, *REFUSED])
def test_an_odd_module_is_audited(name: str) -> None:
    make, shape = (MAKE | {key: value[:2] for key, value in REFUSED.items()})[name]
    torch.manual_seed(5)
    module = make()
    subject = torch_subject(module, name, shape)
    assert subject.runner is not None
    logits = subject.runner.logits(np.zeros((3, *shape), np.float32))
    assert logits.shape[0] == 3
    assert np.isfinite(logits).all()
    report = audit_subject(subject)
    assert report.parameters == sum(p.numel() for p in module.parameters())
    lines = {line.key: line for line in report.capacity}
    seen = subject.shape is not None and subject.shape.is_whole
    if lines and not seen:
        named = lines["counting_capacity"].objection or ""
        assert "tensors in no layer that was seen: " in named
        assert lines["memorisation_2_per_weight"].value is None
        assert lines["raw_storage"].value == subject.stored_bits
    if subject.shape is not None and seen:
        layers = subject.shape.parameters
        assert layers >= 0.5 * report.parameters, "most of the weights are in the layers"


@pytest.mark.parametrize("name", FAILING)
def test_what_cannot_be_audited_is_one_message(name: str) -> None:
    make, shape, words = FAILING[name]
    with pytest.raises(MinbitsError, match=words) as caught:
        torch_subject(make(), name, shape)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "attention", "einsum", "embedding"])
def test_weights_outside_the_layers_are_named(name: str) -> None:
    make, shape, _ = REFUSED[name]
    found = torch_subject(make(), name, shape).shape
    if found is None:
        return  # nothing was seen at all, and no capacity is printed
    assert not found.is_whole
    assert found.unseen
