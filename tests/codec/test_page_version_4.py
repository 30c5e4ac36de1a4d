"""docs/format.md is enough for version 4 too: fields, front ends, and what is refused."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from minbits.codec.adaptive_bits import BitEncoder
from minbits.codec.architecture import MAX_PARAMETERS, VIEW_SHIFTS, Architecture, parameter_count
from minbits.codec.architecture_code import names_in
from minbits.codec.file_format import _encode, decode_network, version_of
from minbits.errors import NetworkError
from minbits.front_ends.base import seen_images
from minbits.front_ends.registry import FRONT_ENDS, NO_FRONT_END
from minbits.networks.grammar import parse_architecture, parse_front_end
from minbits.types import DataSet
from tests.codec.page_decoder.architecture import KINDS, NAMED_KINDS
from tests.codec.page_decoder.bits import Contexts, RefusedError
from tests.codec.page_decoder.file import LEAN_VERSION, read
from tests.codec.page_decoder.front_ends import UNIT, on_grid
from tests.codec.page_decoder.lean import OWN_KINDS, LeanArchitectureReader
from tests.codec.page_decoder.levels import LevelReader
from tests.codec.streams import with_checksum
from tests.codec.test_page_decoder import (
    GOLDEN,
    as_page_front_end,
    check_run,
    check_same,
    refused,
    turned_file,
)
from tests.strategies import dependent, random_network

MOST_PARAMETERS = 2_000
Random = np.random.Generator
Images = npt.NDArray[np.float32]
LEAN_GOLDEN = [
    content
    for content in (path.read_bytes() for path in GOLDEN)
    if version_of(content) == LEAN_VERSION
]
FRONTS = [
    "moments 28",
    "moments 14 s9",
    "moments 5 s20",
    "moments 1 s1",
    "area 1",
    "area 3",
    "directions 14",
    "directions 3 s9",
]
FRONT_SHAPES = [(1, 28, 28), (3, 7, 16), (2, 33, 5), (1, 65, 3)]


def test_golden_files_have_every_field() -> None:
    networks = [decode_network(content).architecture for content in LEAN_GOLDEN]
    keys = {a.front_end.key if a.front_end else NO_FRONT_END for a in networks}
    assert keys == {*FRONT_ENDS, NO_FRONT_END}
    assert {a.views for a in networks} == {1, 5}
    kinds = {layer["kind"] for content in LEAN_GOLDEN for layer in read(content)[0].layers}
    assert kinds == {*KINDS, *NAMED_KINDS, "addition", "again"}
    flags = {tensor.is_dependent for content in LEAN_GOLDEN for tensor, _ in read(content)[1]}
    assert flags == {False, True}


def images_of(random: Random, shape: tuple[int, ...]) -> list[Images]:
    """Return smooth images, noise, one bright pixel, nothing, and what is no usual number."""
    noise = random.standard_normal(shape).astype(np.float32)
    lone, odd = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    lone[0, -1, 0] = 1
    values = [np.nan, np.inf, -np.inf, 1e30, -9.0, 1e-40, 0.5 / 4096, 1.5 / 4096, -2.5 / 4096]
    odd.ravel()[: len(values)] = values
    return [np.abs(noise.cumsum(2)) / 9, noise, lone, np.zeros(shape, np.float32), odd]


@pytest.mark.parametrize("shape", FRONT_SHAPES, ids=str)
@pytest.mark.parametrize("text", FRONTS)
def test_front_ends_agree_to_the_last_bit(text: str, shape: tuple[int, int, int]) -> None:
    front_end = parse_front_end(text)
    other = as_page_front_end(front_end)
    assert other is not None
    assert other.output_shape(shape) == front_end.output_shape(shape)
    images = images_of(np.random.default_rng(3), shape)
    expected = seen_images(front_end, np.stack(images), VIEW_SHIFTS)
    for shift, wanted in zip(VIEW_SHIFTS, expected, strict=True):
        for image, pixels in zip(images, wanted, strict=True):
            grid = [[[on_grid(value) for value in row] for row in part] for part in image.tolist()]
            found = np.array(other.apply(grid, *shift)) * UNIT
            np.testing.assert_array_equal(found, pixels)


# Each is said once in the usual way and once in another one, as chance has it.
_UNNAMED = ("", "", "relu", "leaky_relu", "hard_swish")
_ACTIVATIONS = (*_UNNAMED, "gelu", "leaky0.25", "sigmoid_3bit")
_PIECES: dict[str, tuple[str, ...]] = {
    "conv": (
        "conv {n} k3 {p} {a}", "conv {n} k{k} s{s} {p} d{d} {a} nobias", "conv {n} k3 flat {a}",
    ),
    "depthwise": ("depthwise k3 {p}", "depthwise k{k} {p} d{d} {a} bias", "depthwise k3"),
    "pointwise": ("pointwise {n} {a}", "pointwise {n} leaky_relu", "pointwise 3 {a} nobias"),
    "pooling": ("avgpool all", "maxpool 2", "avgpool {k}", "maxpool all"),
    "linear": ("linear 10", "linear {n} {a}", "linear 10 nobias"),
    "addition": ("add {s} {a}", "add {k}"),
    "again": ("again {s}", "again {s} from {k}"),
    "named": (
        "normalise each", "normalise 1 e3", "prelu", "maxwindow 3 s2 p1 ceil", "avgwindow {k} s{s}",
        "grouped {n} by {s} k3 {p} {a}",
    ),
    "rmsnorm": ("rmsnorm",),
    "shared": ("shared k3 {p}", "shared k{k} s{s} {p} d{d}", "shared k3 flat {p}"),
}  # fmt: skip
# Networks that need no names; few kinds, so that kernels are shared often.
_WITHOUT_NAMES = ("conv", "depthwise", "pointwise", "pooling", "rmsnorm", "shared", "shared")


def random_layer(random: Random, has_names: bool) -> str:
    """Draw the text of a layer; whether it fits is for the caller to see."""
    # Most places do not suit a layer that shares kernels: it is drawn more often.
    kinds = (*_PIECES, "conv", "shared", "shared", "shared") if has_names else _WITHOUT_NAMES
    of_kind = _PIECES[kinds[int(random.integers(len(kinds)))]]
    return of_kind[int(random.integers(len(of_kind)))].format(
        n=random.choice([1, 2, 3, 4, 6, 10]),
        k=random.integers(1, 6),
        s=random.integers(1, 4),
        d=random.integers(1, 3),
        p=random.choice(["", "p1", "p2", "p3"]),
        a=random.choice(_ACTIVATIONS if has_names else _UNNAMED),
    )


def random_architecture(random: Random) -> Architecture:
    """Draw a small network of all kinds of layers, perhaps with views and a front end."""
    shapes = [(1, 28, 28), (1, 28, 20), (2, 9, 9), (1, 1, 28), (3, 12, 7), (7, 1, 1)]
    shape = shapes[int(random.integers(len(shapes)))]
    starts = ["", "", "views 5; "]
    fronts = [
        "",
        "",
        "moments 28; ",
        "moments 14; ",
        "moments 6 s13; ",
        "area 14; ",
        "area 3; ",
        "directions 14; ",
        "directions 4 s13; ",
    ]
    start = str(random.choice(starts)) + str(random.choice(fronts))
    wanted, layers, has_names = int(random.integers(1, 8)), list[str](), random.random() < 0.6
    for _ in range(40):
        try:
            text = start + "; ".join([*layers, random_layer(random, has_names)])
            if parameter_count(parse_architecture(text, shape, 8)) > MOST_PARAMETERS:
                continue
        except NetworkError:
            continue
        layers = text.removeprefix(start).split("; ")
        if len(layers) == wanted:
            return parse_architecture(text, shape, 8)
    return random_architecture(random)


SEEDS = range(100)


def test_networks_of_all_kinds_are_drawn() -> None:
    drawn = [names_in(random_architecture(np.random.default_rng(seed))) for seed in SEEDS]
    own = [set(kinds) for kinds, activations in drawn if {*kinds, *activations} <= {*OWN_KINDS}]
    assert all(kinds in own for kinds in ({"rmsnorm"}, {"shared"}, {"rmsnorm", "shared"}, set()))
    named = [set(kinds) & {*OWN_KINDS} for kinds, _ in drawn if set(kinds) not in own]
    assert all({kind} in named for kind in OWN_KINDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_small_networks_are_read_alike(seed: int) -> None:
    random = np.random.default_rng(seed)
    network = random_network(random_architecture(random), seed, scale=random.choice([0.3, 2, 30]))
    check_same(_encode(network if seed % 3 else dependent(network), LEAN_VERSION))


@pytest.mark.parametrize("seed", range(8))
def test_other_flags_are_read_or_refused_alike(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Compiled loops would write past the turning.
    monkeypatch.setattr("minbits.codec.tensor_code.SMALL_TENSOR", MAX_PARAMETERS + 1)
    network = random_network(random_architecture(np.random.default_rng(seed)), seed)
    outcomes = [refused(turned_file(network, LEAN_VERSION, number)) for number in range(20)]
    assert any(outcomes)


@pytest.mark.parametrize("text", [*FRONTS[:2], "area 9"])
@pytest.mark.parametrize("views", ["", "views 5; "])
def test_digits_are_run_alike(text: str, views: str, mnist: DataSet) -> None:
    layers = "conv 3 k3 s2 leaky_relu; depthwise k3 p1; pointwise 4 relu; avgpool all; linear 10"
    architecture = parse_architecture(f"{views}{text}; {layers}", (1, 28, 28), 8)
    content = _encode(random_network(architecture, 6), LEAN_VERSION)
    check_run(content, mnist.test_inputs[:3].astype(np.float32))


def test_a_damaged_header_is_refused() -> None:
    for content in LEAN_GOLDEN:
        for byte in range(256):
            assert refused(bytes([byte]) + content[1:]) == (byte != content[0])
    assert refused(b"")
    assert refused(b"\xdf")


class Script:
    """Stands where the bits of a file stand: says what is asked for, and writes it."""

    def __init__(self) -> None:
        self.encoder = BitEncoder()
        self.next: deque[int] = deque()

    def bit(self, p: int) -> int:
        return self.encoder.code(self.next.popleft() if self.next else 0, p)


class ScriptedContexts(Contexts):
    """Says 0, but where ``said`` has another bit or number of the same name."""

    def __init__(self, said: dict[str, int]) -> None:
        self.script: Any = Script()
        super().__init__(self.script, 7)
        self.said = said

    def _coded(self, name: tuple[str, ...], zeros: int) -> int:
        if not self.script.next:
            self.script.next.append(self.said.get(" ".join(name), 0))
        return super()._coded(name, zeros)

    def unsigned(self, *name: str, order: int = 0) -> int:
        """Say a number in Exp-Golomb code."""
        number = self.said.get(" ".join(name), 0) + (1 << order)
        digits = f"{number:b}"[1:]
        self.script.next += [1] * (len(digits) - order) + [0] + [int(digit) for digit in digits]
        return super().unsigned(*name, order=order)


def scripted_file(said: dict[str, int]) -> bytes:
    """Return a file of these bits and numbers, whether it is allowed or not."""
    contexts = ScriptedContexts(said)
    with suppress(RefusedError):  # what was said before is a file as well
        network = LeanArchitectureReader(contexts, LEAN_VERSION).read()
        LevelReader(contexts, network, LEAN_VERSION).read()
    return with_checksum(contexts.script.encoder.payload(), LEAN_VERSION)


# By default: moments 28, and convolutions; with these, one linear layer of ten features.
LINEAR = {"kind start 0": 1}
# A strided convolution, then a linear layer, without a front end.
STRIDED = {
    "front end 0": 1, "convolution strided": 1,
    **{f"kind convolution {rank}": 1 for rank in range(3)},
}  # fmt: skip
OTHER_PADDING = {"padding another": 1, "padding rank 0": 1}
ONE_KERNEL = {
    "convolution kernel not zero": 1, "convolution kernel negative": 1,
    "convolution kernel magnitude": 1,
}  # fmt: skip
OTHER_SIDE = LINEAR | {"moments side another": 1, "moments side rank 0": 1}
SPREAD = {"moments spread not zero": 1}
# A normalisation behind the linear layer.
ROOT = {"names": 1, "used rmsnorm": 1, **{f"kind rmsnorm {rank}": 1 for rank in range(5)}}
NEEDLESS: dict[str, tuple[dict[str, int], dict[str, int]]] = {
    "side 28": (LINEAR | {"other side": 1}, {"height": 27}),
    "a square": (LINEAR | {"not square": 1}, {"width": 27}),
    "ten features": (LINEAR | {"not ten": 1}, {"out features": 9}),
    "moments 28": (OTHER_SIDE, {"moments side": 27}),
    "moments 14": (OTHER_SIDE, {"moments side": 13}),
    "moments 65": (OTHER_SIDE, {"moments side": 64}),
    "spread 33": (LINEAR | SPREAD, {"moments spread magnitude": 20}),
    "padding of half a kernel": (STRIDED | OTHER_PADDING, {"padding": 0}),
    "padding of half a kernel of one": (STRIDED | {"padding another": 1}, ONE_KERNEL),
    "no names": (LINEAR, {"names": 1}),
    "a kind that no layer has": (LINEAR | ROOT, {"kind linear 0": 1}),
    "a fifth front end": (
        LINEAR | {"front end 0": 1},
        {"front end 1": 1, "front end 2": 1, "front end 3": 1},
    ),
}


@pytest.mark.parametrize("name", NEEDLESS)
def test_what_says_nothing_or_too_much_is_refused(name: str) -> None:
    said, wrong = NEEDLESS[name]
    right = {field: 11 for field in ("height", "width", "out features", "moments side", "padding")}
    assert not refused(scripted_file(right | said))
    assert refused(scripted_file(right | said | wrong))


@pytest.mark.parametrize("text", ["conv 3 k3; rmsnorm", "depthwise k3; shared k3; rmsnorm"])
def test_names_of_what_needs_none_are_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = random_network(parse_architecture(text, (1, 9, 9), 8), 1)
    assert not refused(_encode(network, LEAN_VERSION))
    with monkeypatch.context() as patched:
        patched.setattr("minbits.codec.lean_architecture._is_own", lambda names: False)
        named = _encode(network, LEAN_VERSION)
        assert decode_network(named).architecture == network.architecture
    assert refused(named)
