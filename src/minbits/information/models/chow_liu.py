"""The Chow-Liu tree: each variable given one other, the best tree of all."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.information.coarsen import Coarsened, coarsen
from minbits.information.models.counting import (
    CHUNK,
    active_features,
    add_within,
    coarse_levels,
    feature_places,
    log_normalised,
    safe_log,
    smoothed_marginals,
    symbol_mask,
)
from minbits.information.rung import FittedModel, FloatArray, store
from minbits.information.symbols import SymbolArray, SymbolSet
from minbits.units import BITS_PER_NAT

_LEVELS = (2, 4, 8, 16)
_SMOOTHINGS = (0.1, 0.5, 2.0, 8.0, 32.0, 128.0)
# A matrix of joint counts of more features than this would leave a laptop's memory.
MAX_FEATURES = 8_000
_MULTIPLICATIONS_A_SECOND = 1.5e10

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Tree:
    """A rooted tree over variables.

    Attributes:
        parents: parent of each variable, -1 for the root, shape ``(variables,)``.
        order: variables, each after its parent.
    """

    parents: Indices
    order: Indices


class JointCounts:
    """Counts of all pairs of symbols, from one matrix product of the indicators.

    Symbol 0 has no indicator; its counts follow from the marginal ones.
    """

    def __init__(self, codes: SymbolArray, sizes: npt.NDArray[np.int64]) -> None:
        self.sizes = sizes
        self.examples = len(codes)
        self.places = feature_places(sizes)
        features = int((sizes - 1).sum())
        self.products = np.zeros((features, features), np.float32)
        # Sums of ones stay exact in single precision below 2^24 examples.
        for start in range(0, len(codes), 4 * CHUNK):
            indicators = active_features(codes[start : start + 4 * CHUNK], sizes)
            self.products += indicators.T @ indicators
        self.singles = np.diagonal(self.products).astype(np.float64)

    def with_all(self, variable: int) -> FloatArray:
        """Return joint counts of one variable with every variable.

        Returns:
            Shape ``(variables, largest size, size of the variable)``.
        """
        sizes, places = self.sizes, self.places
        size, widest = int(sizes[variable]), int(sizes.max())
        own = slice(places[variable], places[variable] + size - 1)
        block = self.products[:, own].astype(np.float64)
        counts = np.zeros((len(sizes), widest, size))
        owner = np.repeat(np.arange(len(sizes)), sizes - 1)
        symbol = np.arange(len(owner)) - places[owner] + 1
        counts[owner, symbol, 1:] = block
        counts[:, 0, 1:] = self.singles[own] - counts[:, 1:, 1:].sum(axis=1)
        counts[owner, symbol, 0] = self.singles - block.sum(axis=1)
        counts[:, 0, 0] = self.examples - counts.sum(axis=(1, 2))
        return counts

    def information_nats(self, variable: int) -> FloatArray:
        """Return the plug-in mutual information of one variable with every variable."""
        joint = self.with_all(variable)
        rows = joint.sum(axis=2)
        columns = joint.sum(axis=1)
        total = float(self.examples)
        information = (
            (joint * safe_log(joint)).sum(axis=(1, 2))
            - (rows * safe_log(rows)).sum(axis=1)
            - (columns * safe_log(columns)).sum(axis=1)
        ) / total + math.log(total)
        result: FloatArray = information
        return result


def chow_liu_tree(counts: JointCounts) -> Tree:
    """Return the tree of greatest total mutual information (Chow & Liu 1968), by Prim's method."""
    variables = len(counts.sizes)
    parents = np.full(variables, -1, np.int64)
    gain = np.full(variables, -np.inf)
    open_variables = np.ones(variables, np.bool_)
    order = np.empty(variables, np.int64)
    current = 0
    for place in range(variables):
        order[place] = current
        open_variables[current] = False
        information = counts.information_nats(current)
        better = open_variables & (information > gain)
        gain[better] = information[better]
        parents[better] = current
        if place + 1 < variables:
            current = int(np.argmax(np.where(open_variables, gain, -np.inf)))
    return Tree(parents, order)


def conditional_logs(
    counts: JointCounts, tree: Tree, marginals: FloatArray, smoothing: float
) -> FloatArray:
    """Return log-probabilities of each variable given its parent's symbol.

    Counts are drawn towards the variable's own marginal by ``smoothing`` pseudo-examples.

    Returns:
        Shape ``(variables, parent's symbols, symbols)``, nats; the root repeats its marginal.
    """
    variables, widest = marginals.shape
    chances = np.empty((variables, widest, widest))
    for variable in range(variables):
        parent = int(tree.parents[variable])
        if parent < 0:
            chances[variable] = marginals[variable]
            continue
        size = int(counts.sizes[variable])
        joint = np.zeros((widest, widest))
        joint[:, :size] = counts.with_all(variable)[parent]
        chances[variable] = (joint + smoothing * marginals[variable]) / (
            joint.sum(axis=1, keepdims=True) + smoothing
        )
    return safe_log(chances)


def tree_bits(codes: SymbolArray, tree: Tree, logs: FloatArray) -> FloatArray:
    """Return the code length of each example, shape ``(examples,)``."""
    variables = np.arange(codes.shape[1])
    parents = np.maximum(tree.parents, 0)
    parts = []
    for start in range(0, len(codes), CHUNK):
        chunk = codes[start : start + CHUNK]
        parts.append(-logs[variables, chunk[:, parents], chunk].sum(axis=1))
    result: FloatArray = np.concatenate(parts) * BITS_PER_NAT
    return result


def pick_tree(coarse: Coarsened) -> tuple[JointCounts, Tree]:
    """Count all pairs of training codes and return the best tree."""
    counts = JointCounts(coarse.codes.train, coarse.codes.sizes)
    return counts, chow_liu_tree(counts)


class ChowLiu:
    """A tree of variables; exact when the source is a tree."""

    key = "chow_liu_tree"
    title = "Chow–Liu tree"
    source = "Chow & Liu 1968"
    most_seconds = 60.0

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Refuse a matrix of joint counts that would not fit in memory."""
        if symbols.variables < 2:
            return "it needs two variables"
        if symbols.variables > MAX_FEATURES:
            return f"{symbols.variables:,} variables, more than {MAX_FEATURES:,}"
        return None

    def least_seconds(self, symbols: SymbolSet) -> float:
        """Return about how long the coarsest tree takes."""
        return len(symbols.train) * symbols.variables**2 / _MULTIPLICATIONS_A_SECOND + 0.2

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Fit trees on finer and finer codes while there is time and validation improves."""
        end = time.monotonic() + seconds
        best: FittedModel | None = None
        levels_left = [level for level in _LEVELS if level < symbols.sizes.max()]
        tried = sorted({coarse_levels(symbols, level) for level in [*levels_left, _LEVELS[-1]]})
        for levels in tried:
            started = time.monotonic()
            features = int((np.minimum(symbols.sizes, levels) - 1).sum())
            if best is not None and features > MAX_FEATURES:
                break
            found = self._fit_codes(symbols, levels)
            if best is not None and found.validation_bits >= best.validation_bits:
                break
            best = found
            # The next codes have at least twice the features, four times the work.
            if time.monotonic() + 4 * (time.monotonic() - started) > end:
                break
        assert best is not None
        return best

    @staticmethod
    def _fit_codes(symbols: SymbolSet, levels: int) -> FittedModel:
        coarse = coarsen(symbols, levels)
        codes = coarse.codes
        counts, tree = pick_tree(coarse)
        marginals = smoothed_marginals(codes.train, codes.sizes)
        candidates = []
        for smoothing in _SMOOTHINGS:
            logs = conditional_logs(counts, tree, marginals, smoothing)
            bits = float(tree_bits(codes.validation, tree, logs).mean())
            candidates.append((bits, smoothing, logs))
        _, smoothing, logs = min(candidates, key=lambda item: item[:2])
        (rounded,), parameter_bits = store(logs)
        logs = log_normalised(rounded, symbol_mask(codes.sizes)[:, None, :])
        coded = [
            add_within(coarse, index, tree_bits(part, tree, logs))
            for index, part in enumerate(codes.parts())
        ]
        edges_bits = math.ceil((symbols.variables - 1) * math.log2(max(2, symbols.variables)))
        wide = "" if levels >= symbols.sizes.max() else f" on codes of at most {levels} symbols"
        return FittedModel(
            test_bits=coded[2],
            validation_bits=float(coded[1].mean()),
            train_bits=float(coded[0].mean()),
            surprise_bits=float(max(coded[0].max(), coded[1].max())),
            parameter_bits=parameter_bits + coarse.parameter_bits + edges_bits,
            settings=f"the tree of greatest mutual information{wide}, {smoothing:g} "
            "pseudo-examples towards the marginals",
        )
