"""The climb: models one after another, each bounding H(X) on held-out examples."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from minbits.information.entropy_estimators import CONFIDENCE
from minbits.information.input_models import INPUT_MODELS
from minbits.information.rung import FittedModel, InputModel, Rung, standard_error
from minbits.information.symbols import SymbolSet
from minbits.types import Quantity

# A bound this much above the fit to its own training examples says little about the entropy.
_LOOSE_RATIO = 1.1


@dataclass(frozen=True)
class Skipped:
    """A model that gave no bound, and why."""

    key: str
    title: str
    reason: str


@dataclass(frozen=True)
class InputLadder:
    """Upper bounds of the entropy of one example.

    Attributes:
        what: what an example's symbols are.
        variables: how many symbols an example has.
        train_examples: how many examples the models were fitted to.
        validation_examples: how many they were chosen by.
        test_examples: how many the bounds are stated on.
        rungs: in the order of climbing.
        skipped: models that do not suit the data, or that time did not suffice for.
        stopped: where the climb stopped for want of time, in words; None where it reached the top.
        seconds: how long it took.
    """

    what: str
    variables: int
    train_examples: int
    validation_examples: int
    test_examples: int
    rungs: tuple[Rung, ...]
    skipped: tuple[Skipped, ...]
    stopped: str | None
    seconds: float

    @property
    def tightest(self) -> Rung:
        """The rung with the smallest mean code length."""
        return min(self.rungs, key=lambda rung: rung.example_bits)

    @property
    def bound_bits(self) -> float:
        """What all rungs together bound the entropy by, at 95 %.

        The smallest of several upper ends is too small more often than one: each is taken at a
        level divided by their number (Bonferroni). A compressor's length has no interval.
        """
        tail = (1 - CONFIDENCE) / 2 / len(self.rungs)
        ends = [rung.ends_bits(tail) or (0.0, rung.example_bits) for rung in self.rungs]
        return min(high for _, high in ends)

    def figures(self) -> tuple[Quantity, ...]:
        """Return bounds and model costs as figures, in the order of climbing."""
        return tuple(figure for rung in self.rungs for figure in rung.figures())


def _warning(fitted: FittedModel, symbols: SymbolSet) -> str | None:
    """Return why a bound is loose: it must say so where examples are few beside the states."""
    mean = float(fitted.test_bits.mean())
    uniform = float(np.log2(symbols.sizes).sum())
    if not fitted.is_whole_set and mean > uniform + 1e-9:
        return (
            f"worse than log2 of the number of states ({uniform:,.2f} bits): too few examples for "
            "this model"
        )
    if mean > _LOOSE_RATIO * fitted.train_bits:
        return (
            f"{mean - fitted.train_bits:,.2f} bits above the fit to the training examples: too few "
            "examples for this model, the entropy may be far below"
        )
    return None


def _surprise_bits(fitted: FittedModel, symbols: SymbolSet) -> float | None:
    """Return how long the code of one more example may be.

    As long as any that the model met, and no shorter than one that shows what nobody has seen yet:
    a symbol beyond the alphabet costs an escape of about log2(N + 1) bits.
    """
    if fitted.is_whole_set:
        return None
    escape = math.log2(len(symbols.train) + 1)
    return max(fitted.surprise_bits, float(fitted.test_bits.mean()) + escape)


def _rung(model: InputModel, fitted: FittedModel, symbols: SymbolSet, seconds: float) -> Rung:
    examples = len(fitted.test_bits)
    return Rung(
        key=model.key,
        title=model.title,
        example_bits=float(fitted.test_bits.mean()),
        standard_error_bits=None if fitted.is_whole_set else standard_error(fitted.test_bits),
        surprise_bits=_surprise_bits(fitted, symbols),
        validation_bits=fitted.validation_bits,
        model_bits=float(fitted.parameter_bits),
        train_examples=len(symbols.train),
        test_examples=examples,
        variables=symbols.variables,
        method=(
            f"mean code length of {examples:,} test examples ({symbols.what}) under: "
            f"{fitted.settings} ({model.source})"
        ),
        seconds=seconds,
        warning=_warning(fitted, symbols),
    )


def _no_report(text: str) -> None:
    del text


def climb(
    symbols: SymbolSet,
    seconds: float,
    models: Sequence[InputModel] = INPUT_MODELS,
    report: Callable[[str], None] = _no_report,
) -> InputLadder:
    """Fit models one after another until time runs out.

    The first model always runs, so that there is a bound.

    Args:
        symbols: the examples.
        seconds: about how long it may take.
        models: in the order of climbing.
        report: called with a sentence before each model.
    """
    started = time.monotonic()
    rungs: list[Rung] = []
    skipped: list[Skipped] = []
    stopped: str | None = None
    for model in models:
        obstacle = model.obstacle(symbols)
        if obstacle is not None:
            skipped.append(Skipped(model.key, model.title, obstacle))
            continue
        left = seconds - (time.monotonic() - started)
        needed = model.least_seconds(symbols)
        if rungs and needed > left:
            reason = f"it needs about {needed:,.0f} s, {max(0.0, left):,.0f} s were left"
            skipped.append(Skipped(model.key, model.title, reason))
            stopped = stopped or f"before {model.title}: {reason}"
            continue
        report(f"{model.title}, up to {min(left, model.most_seconds):,.0f} s")
        model_started = time.monotonic()
        fitted = model.fit(symbols, max(0.0, min(left, model.most_seconds)))
        rungs.append(_rung(model, fitted, symbols, time.monotonic() - model_started))
    return InputLadder(
        what=symbols.what,
        variables=symbols.variables,
        train_examples=len(symbols.train),
        validation_examples=len(symbols.validation),
        test_examples=len(symbols.test),
        rungs=tuple(rungs),
        skipped=tuple(skipped),
        stopped=stopped,
        seconds=time.monotonic() - started,
    )
