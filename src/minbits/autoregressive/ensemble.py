"""Autoregressive networks as rungs of the ladder."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minbits.autoregressive.member import Clock, MemberJob, MemberResult
from minbits.autoregressive.workers import Kind, train_members
from minbits.information.coarsen import coarsen
from minbits.information.rung import FittedModel, FloatArray
from minbits.information.symbols import SymbolArray, SymbolSet
from minbits.workers.environment import usable_cores

_SEED = 0
_SYMBOLS_OF_GREY = 256
_LEVELS = 16
# Enough to see the bound by; the others would only cost time.
_CHOSEN_BY = 1000


def _small(symbols: SymbolArray) -> npt.NDArray[np.uint8]:
    return symbols.astype(np.uint8)


def _code_lengths(chances: list[npt.NDArray[np.float32]]) -> FloatArray:
    """Return each example's code length when the members' predictions are averaged."""
    total = np.zeros(chances[0].shape)
    for item in chances:
        total += item
    result: FloatArray = -np.log2(total / len(chances)).sum(axis=1)
    return result


def _fitted(
    results: list[MemberResult], within: tuple[FloatArray, FloatArray, FloatArray], extra_bits: int
) -> FittedModel:
    train, validation, test = (
        _code_lengths([getattr(item, f"{part}_chances") for item in results])
        for part in ("train", "validation", "test")
    )
    train += within[0][: len(train)]
    validation += within[1][: len(validation)]
    first = results[0]
    seconds = max(item.seconds for item in results)
    cpu_seconds = sum(item.cpu_seconds for item in results)
    return FittedModel(
        test_bits=test + within[2],
        validation_bits=float(validation.mean()),
        train_bits=float(train.mean()),
        surprise_bits=float(max(train.max(), validation.max())),
        parameter_bits=sum(item.parameter_bits for item in results) + extra_bits,
        settings=f"{first.settings}; {first.parameters:,} weights, {first.epochs:.1f} epochs"
        + (f"; the predictions of {len(results)} of them averaged" if len(results) > 1 else "")
        + f"; {seconds:.0f} s on {len(results)} thread{'s' if len(results) > 1 else ''}, "
        f"{cpu_seconds:.0f} s of processor time",
    )


class AutoregressiveNetwork:
    """A network that predicts each variable from the ones before it, in fresh processes."""

    most_seconds = float("inf")

    def __init__(self, kind: Kind, members: int | None = None, clock: Clock = "wall") -> None:
        self._kind = kind
        self._clock: Clock = clock
        self._members = members
        if kind == "patch":
            self.key = "autoregressive_network"
            self.title = "autoregressive network"
            self.source = (
                "causal patches after van den Oord et al. 2016; weights kept by running average, "
                "Polyak & Juditsky 1992"
            )
        else:
            self.key = "masked_network"
            self.title = "masked autoregressive network"
            self.source = "MADE, Germain et al. 2015"

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Images take the patch network, tables the masked one."""
        if self._kind == "patch":
            if symbols.image_shape is None:
                return "it is for images"
            if symbols.sizes.max() > _SYMBOLS_OF_GREY:
                return f"it is for at most {_SYMBOLS_OF_GREY} grey values"
            return None
        if symbols.image_shape is not None:
            return "images take the causal patch network"
        return "it needs two variables" if symbols.variables < 2 else None

    def least_seconds(self, symbols: SymbolSet) -> float:
        """Return about how long a run must be that beats the counting models."""
        if self._kind == "patch":
            held_out = symbols.validation.size + symbols.test.size
            training = min(60.0, symbols.train.size * 2e-6)
            return 12.0 + training + held_out * (1 + float(symbols.sizes.max()) / 64) * 6e-6
        return 10.0

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Train members for the time given; average their predictions."""
        coarse = None if self._kind == "patch" else coarsen(symbols, _LEVELS)
        codes = symbols if coarse is None else coarse.codes
        grey = codes.grey
        job = MemberJob(
            train=_small(codes.train),
            validation=_small(codes.validation[:_CHOSEN_BY]),
            test=_small(codes.test),
            sizes=codes.sizes,
            image_shape=codes.image_shape,
            grey=None if grey is None else grey[: len(codes.train)],
            seed=_SEED,
            seconds=seconds,
            clock=self._clock,
        )
        results = train_members(self._kind, job, self._members or usable_cores())
        if coarse is not None:
            return _fitted(results, coarse.within_bits, coarse.parameter_bits)
        nothing = (
            np.zeros(len(codes.train)),
            np.zeros(len(codes.validation)),
            np.zeros(len(codes.test)),
        )
        return _fitted(results, nothing, 0)


NEURAL_MODELS: tuple[AutoregressiveNetwork, ...] = (
    AutoregressiveNetwork("patch"),
    AutoregressiveNetwork("masked"),
)
