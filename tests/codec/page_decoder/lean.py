"""The architecture of version 4, as docs/format.md tells it."""

from __future__ import annotations

import math

from tests.codec.page_decoder.architecture import (
    ACTIVATIONS,
    EXTENDED_RANKS,
    ArchitectureReader,
    Layer,
    Network,
    Shape,
    check,
)
from tests.codec.page_decoder.bits import Contexts
from tests.codec.page_decoder.front_ends import Area, Directions, FrontEnd, Moments

LEAN_RANKS = {
    **EXTENDED_RANKS,
    "start": "convolution linear pooling pointwise depthwise",
    "convolution": "depthwise pooling convolution linear pointwise addition again end",
    "pooling": "depthwise linear convolution again pointwise pooling end addition",
    "averaged": "linear end depthwise convolution again pointwise pooling addition",
    "linear": "end linear pooling convolution depthwise pointwise addition again",
}
# Kinds that need no name where all that would be named are of these.
OWN_KINDS = ["rmsnorm", "shared"]
AFTER_OWN_KINDS = {
    "rmsnorm": "shared depthwise pooling convolution pointwise linear end again addition rmsnorm",
    "shared": "pointwise again convolution rmsnorm shared depthwise pooling linear end addition",
}
OWN_KINDS_COME_FIRST = ["convolution", "pointwise", "pooling", "linear", "addition", "again"]
USUAL_SIDE = 28
USUAL_FEATURES = 10
MAX_AVERAGED_PLACES = 49


class Habits:
    """Choices that are expected to be the last ones of their contexts."""

    def __init__(self, contexts: Contexts) -> None:
        self.contexts = contexts
        self.last: dict[tuple[str, ...], int] = {}

    def choice(self, *name: str, first: int, count: int) -> int:
        """Read one of ``count`` choices; ``first`` is expected at first."""
        expected = self.last.get(name, first)
        chosen = expected
        if self.contexts.exception(*name, "another"):
            chosen = self._other([n for n in range(count) if n != expected], name)
        self.last[name] = chosen
        return chosen

    def _other(self, others: list[int], name: tuple[str, ...]) -> int:
        for rank, choice in enumerate(others[:-1]):
            if not self.contexts.adaptive(*name, "rank", str(rank)):
                return choice
        return others[-1]


class LeanArchitectureReader(ArchitectureReader):
    """Reads the fields of an architecture of version 4."""

    def __init__(self, contexts: Contexts, version: int) -> None:
        super().__init__(contexts, version)
        self.is_extended = True
        self.habits = Habits(contexts)
        self.has_own_kinds = False

    def read(self) -> Network:
        """Return the network without its weights."""
        code = self.contexts
        front_end = self._front_end()
        shape = self._input_shape()
        exponent = 8 + code.signed("input exponent")
        views = 5 if code.adaptive("5 views") else 1
        if code.exception("names"):
            self._read_names()
        network = Network(shape, exponent, views, front_end)
        self._read_layers(network)
        return network

    def _front_end(self) -> FrontEnd | None:
        code, rank = self.contexts, 0
        while code.adaptive("front end", str(rank)):
            rank += 1
            check(rank <= 3, "no such front end")
        if rank == 0:
            side = self._moments_side()
            return Moments(side, 12 + code.signed("moments spread"))
        if rank == 3:
            side = 14 + code.signed("directions side", order=2)
            return Directions(side, 12 + code.signed("directions spread"))
        return None if rank == 1 else Area(14 + code.signed("area side", order=2))

    def _moments_side(self) -> int:
        choice = self.habits.choice("moments side", first=0, count=3)
        if choice < 2:
            return (28, 14)[choice]
        side = 1 + self.contexts.unsigned("moments side", order=4)
        check(side not in (28, 14), "a side that another choice says")
        return side

    def _input_shape(self) -> Shape:
        code, channels, height = self.contexts, 1, USUAL_SIDE
        if code.exception("several channels"):
            channels = 2 + code.unsigned("channels")
        if code.exception("other side"):
            height = 1 + code.unsigned("height", order=4)
            check(height != USUAL_SIDE, "a side of 28 that is called another")
        width = height
        if code.exception("not square"):
            width = 1 + code.unsigned("width", order=4)
            check(width != height, "'not square' for a square image")
        return (channels, height, width)

    def _read_names(self) -> None:
        self.kinds, self.activations = self._names("kinds"), self._names("activations")
        if not self.kinds and not self.activations:
            self.has_own_kinds = True
            self.kinds = [kind for kind in OWN_KINDS if self.contexts.adaptive("used", kind)]
        self._check_names()
        needs_names = bool(self.activations) or not set(self.kinds) <= set(OWN_KINDS)
        check(self.has_own_kinds != needs_names, "names of what needs none")

    def _kinds_to_name(self, network: Network) -> list[str]:
        found = super()._kinds_to_name(network)
        return [kind for kind in OWN_KINDS if kind in found] if self.has_own_kinds else found

    def _successors(self, previous: str) -> list[str]:
        if not self.has_own_kinds:
            return super()._successors(previous)
        if previous in OWN_KINDS:
            unused = set(OWN_KINDS) - set(self.kinds)
            return [kind for kind in AFTER_OWN_KINDS[previous].split() if kind not in unused]
        usual = LEAN_RANKS[previous].split()
        is_first = previous in OWN_KINDS_COME_FIRST
        return [*self.kinds, *usual] if is_first else [*usual, *self.kinds]

    def _as_previous(self, layer: Layer) -> str:
        return "averaged" if layer["kind"] == "pooling" and layer["average"] else layer["kind"]

    def _ranks(self) -> dict[str, str]:
        return LEAN_RANKS

    def _out_channels(self, kind: str, channels: int) -> int:
        code = self.contexts
        if kind == "convolution":
            return 1 + code.unsigned("out channels", order=3)
        if not code.adaptive("other than the input's"):
            return channels
        is_fewer = code.exception("fewer")
        difference = 1 + code.unsigned("difference", "fewer" if is_fewer else "more", order=1)
        return channels - difference if is_fewer else channels + difference

    def _padding(self, kind: str, usual: int) -> int:
        choice = self.habits.choice("padding", first=0, count=3)
        check(choice != 1 or usual > 0, "a padding that another choice says")
        if choice < 2:
            return (0, usual)[choice]
        padding = 1 + self.contexts.unsigned("padding")
        check(padding != usual, "a padding that another choice says")
        return padding

    def _activation(self, family: str) -> str:
        names = [*ACTIVATIONS, *self.activations]
        first = ACTIVATIONS.index("leaky_relu" if family == "convolution" else "none")
        return names[self.habits.choice(family, "activation", first=first, count=len(names))]

    def _out_features(self) -> int:
        if not self.contexts.exception("not ten"):
            return USUAL_FEATURES
        features = 1 + self.contexts.unsigned("out features", order=3)
        check(features != USUAL_FEATURES, "10 features that are called others")
        return features

    def _is_average(self, shape: Shape) -> bool:
        is_usual = math.prod(shape[1:]) <= MAX_AVERAGED_PLACES
        return is_usual != bool(self.contexts.exception("pooling", "unusual"))
