"""The hidden Chow-Liu tree: a tree of hidden symbols, each of which emits one variable."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.information.coarsen import coarsen
from minbits.information.models.chow_liu import MAX_FEATURES, JointCounts, Tree, chow_liu_tree
from minbits.information.models.counting import add_within
from minbits.information.models.tree_kernels import count_down, send_up
from minbits.information.rung import FittedModel, FloatArray, store
from minbits.information.symbols import SymbolArray, SymbolSet
from minbits.units import BITS_PER_NAT

_LEVELS = 8
_STATES = 16
_MAX_PASSES = 40
_MIN_GAIN_BITS = 1e-3
_SMOOTHING = 0.3
_BATCH = 128
_SECONDS_A_CELL = 1.2e-9

Floats32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class HiddenTree:
    """A tree-shaped hidden Markov model.

    Attributes:
        root: distribution of the root's hidden symbol, shape ``(states,)``.
        transitions: hidden symbol of each variable given its parent's, shape
            ``(variables, states, states)``; the root's is not used.
        emissions: distribution of each variable given its hidden symbol, shape
            ``(variables, symbols, states)``.
    """

    root: Floats32
    transitions: Floats32
    emissions: Floats32


@dataclass
class _Expected:
    """Expected counts, of the shapes of a `HiddenTree`; of pairs over their transitions."""

    root: FloatArray
    pairs: FloatArray
    emissions: FloatArray


class _Levels:
    """The variables of a tree, renumbered by depth, so that a parent comes before its children."""

    def __init__(self, tree: Tree) -> None:
        depth = np.zeros(len(tree.parents), np.int64)
        for variable in tree.order[1:]:
            depth[variable] = depth[tree.parents[variable]] + 1
        self.order = np.argsort(depth, kind="stable")
        place = np.empty_like(self.order)
        place[self.order] = np.arange(len(place))
        self.parents = place[np.maximum(tree.parents[self.order], 0)]


class _Propagation:
    """Belief propagation on batches of examples, in buffers that are allocated once."""

    def __init__(self, model: HiddenTree, parents: npt.NDArray[np.int64]) -> None:
        self._model = model
        self._parents = parents
        self._beliefs = np.empty((len(parents), len(model.root), _BATCH), np.float32)
        self._messages = np.empty_like(self._beliefs)

    def up(self, codes: SymbolArray) -> FloatArray:
        """Return log-likelihoods in nats of at most a batch of examples.

        Args:
            codes: shape ``(examples, variables)``, variables by depth.
        """
        count = len(codes)
        if count != self._beliefs.shape[2]:
            self._beliefs = np.empty((*self._beliefs.shape[:2], count), np.float32)
            self._messages = np.empty_like(self._beliefs)
        likelihoods = np.zeros(count)
        send_up(
            self._model.transitions, self._model.emissions, self._parents,
            np.ascontiguousarray(codes.T), self._beliefs, self._messages, likelihoods,
        )  # fmt: skip
        result: FloatArray = likelihoods + np.log(self._model.root @ self._beliefs[0])
        return result

    def count(self, codes: SymbolArray, expected: _Expected) -> None:
        """Add the expected counts of a batch."""
        self.up(codes)
        self._beliefs[0] *= self._model.root[:, None]
        self._beliefs[0] /= self._beliefs[0].sum(axis=0)
        expected.root += self._beliefs[0].sum(axis=1)
        count_down(
            self._model.transitions, self._parents, np.ascontiguousarray(codes.T), self._beliefs,
            self._messages, expected.pairs, expected.emissions,
        )  # fmt: skip


class _Learner:
    """Expectation maximisation from a first guess that tells local patterns apart."""

    def __init__(self, codes: SymbolSet, seconds_end: float) -> None:
        counts = JointCounts(codes.train, codes.sizes)
        tree = chow_liu_tree(counts)
        self._levels = _Levels(tree)
        self._end = seconds_end
        order = self._levels.order
        self.train, self.validation, self.test = (part[:, order] for part in codes.parts())
        self._sizes = codes.sizes[order]
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        self._near = place[_nearest(counts, order)]
        self.edges_bits = int(np.ceil((len(order) - 1) * np.log2(max(2, len(order)))))

    def first_guess(self) -> HiddenTree:
        """Return the model whose hidden symbols are hashes of a variable and its nearest ones."""
        expected = self._nothing()
        for start in range(0, len(self.train), _BATCH):
            codes = self.train[start : start + _BATCH]
            hidden = np.zeros(codes.shape, np.int64)
            for rank in range(self._near.shape[1]):
                hidden = hidden * int(self._sizes.max()) + codes[:, self._near[:, rank]]
            hidden %= _STATES
            self._count_hidden(codes, hidden, expected)
        return self._maximise(expected, expected.pairs)

    def _count_hidden(
        self, codes: SymbolArray, hidden: npt.NDArray[np.int64], expected: _Expected
    ) -> None:
        variables = np.arange(codes.shape[1])
        np.add.at(expected.root, hidden[:, 0], 1)
        above = hidden[:, self._levels.parents]
        np.add.at(expected.pairs, (variables, above, hidden), 1)
        np.add.at(expected.emissions, (variables, codes, hidden), 1)

    def _nothing(self) -> _Expected:
        variables, symbols = self.train.shape[1], int(self._sizes.max())
        return _Expected(
            np.zeros(_STATES),
            np.zeros((variables, _STATES, _STATES)),
            np.zeros((variables, symbols, _STATES)),
        )

    def _maximise(self, expected: _Expected, moves: FloatArray) -> HiddenTree:
        """Return the model that fits expected counts, each drawn towards its variable's average.

        Args:
            expected: of the root and of the symbols.
            moves: of pairs of a parent's and a variable's hidden symbol.
        """
        root = expected.root + _SMOOTHING / _STATES
        average = moves.sum(axis=1, keepdims=True) + 1e-3
        average /= average.sum(axis=2, keepdims=True)
        transitions = moves + _SMOOTHING * average
        mask = (np.arange(expected.emissions.shape[1]) < self._sizes[:, None])[:, :, None]
        shown = expected.emissions.sum(axis=2, keepdims=True) + 0.5 * mask
        shown /= shown.sum(axis=1, keepdims=True)
        emissions = expected.emissions + _SMOOTHING * shown
        return HiddenTree(
            (root / root.sum()).astype(np.float32),
            (transitions / transitions.sum(axis=2, keepdims=True)).astype(np.float32),
            (emissions / emissions.sum(axis=1, keepdims=True)).astype(np.float32),
        )

    def improve(self, model: HiddenTree, train: SymbolArray) -> HiddenTree:
        """Return the model after one pass of expectation maximisation."""
        expected = self._nothing()
        propagation = _Propagation(model, self._levels.parents)
        for start in range(0, len(train), _BATCH):
            propagation.count(train[start : start + _BATCH], expected)
        return self._maximise(expected, expected.pairs * model.transitions)

    def bits(self, model: HiddenTree, codes: SymbolArray) -> FloatArray:
        """Return the code length of each example (variables by depth)."""
        propagation = _Propagation(model, self._levels.parents)
        parts = [
            -propagation.up(codes[start : start + _BATCH]) for start in range(0, len(codes), _BATCH)
        ]
        result: FloatArray = np.concatenate(parts) * BITS_PER_NAT
        return result

    def learn(self) -> tuple[HiddenTree, int]:
        """Return the best model on validation, and the number of passes."""
        model = self.first_guess()
        held_out = self.validation[:2000]
        best = (float(self.bits(model, held_out).mean()), model, 0)
        for turn in range(1, _MAX_PASSES + 1):
            started = time.monotonic()
            model = self.improve(model, self.train)
            bits = float(self.bits(model, held_out).mean())
            gain = best[0] - bits
            if gain > 0:
                best = (bits, model, turn)
            spent = time.monotonic() - started
            if gain < _MIN_GAIN_BITS * bits or time.monotonic() + spent > self._end:
                break
        return best[1], best[2]


def _nearest(counts: JointCounts, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return each variable with the ones that tell most about it, itself last.

    Returns:
        Shape ``(variables, kept)``, original numbers, rows in ``order``.
    """
    kept = max(1, int(np.log(_STATES) / np.log(int(counts.sizes.max())) + 1e-9))
    rows = np.empty((len(order), min(kept, len(order))), np.int64)
    for row, variable in enumerate(order):
        information = counts.information_nats(int(variable))
        information[variable] = np.inf
        rows[row] = np.argsort(-information, kind="stable")[: rows.shape[1]][::-1]
    return rows


class HiddenChowLiu:
    """Sixteen hidden symbols a variable on the Chow-Liu tree, by EM."""

    key = "hidden_chow_liu_tree"
    title = "hidden Chow–Liu tree"
    source = "Liu & Van den Broeck 2021, on Chow & Liu 1968; EM by belief propagation, Pearl 1988"
    most_seconds = 120.0

    def obstacle(self, symbols: SymbolSet) -> str | None:
        """Refuse what the tree refuses."""
        if symbols.variables < 3:
            return "it needs three variables"
        if symbols.variables * (min(int(symbols.sizes.max()), _LEVELS) - 1) > MAX_FEATURES:
            return f"more than {MAX_FEATURES:,} pairs of variable and symbol"
        return None

    def least_seconds(self, symbols: SymbolSet) -> float:
        """Return about how long two passes take."""
        return 2 * symbols.train.size * _STATES**2 * _SECONDS_A_CELL / 4

    def fit(self, symbols: SymbolSet, seconds: float) -> FittedModel:
        """Learn while validation improves and there is time."""
        end = time.monotonic() + 0.85 * seconds
        coarse = coarsen(symbols, _LEVELS)
        learner = _Learner(coarse.codes, end)
        model, passes = learner.learn()
        (root, transitions, emissions), parameter_bits = store(
            np.log(np.maximum(model.root, 1e-26)),
            np.log(np.maximum(model.transitions, 1e-26)),
            np.log(np.maximum(model.emissions, 1e-26)),
        )
        rounded = HiddenTree(
            _distribution(root, 0), _distribution(transitions, 2), _distribution(emissions, 1)
        )
        coded = [
            add_within(coarse, index, learner.bits(rounded, part))
            for index, part in ((1, learner.validation), (2, learner.test))
        ]
        some = learner.train[:2000]
        train_bits = learner.bits(rounded, some) + coarse.within_bits[0][: len(some)]
        wide = "" if symbols.sizes.max() <= _LEVELS else f", on codes of at most {_LEVELS} symbols"
        return FittedModel(
            test_bits=coded[1],
            validation_bits=float(coded[0].mean()),
            train_bits=float(train_bits.mean()),
            surprise_bits=float(max(train_bits.max(), coded[0].max())),
            parameter_bits=parameter_bits + coarse.parameter_bits + learner.edges_bits,
            settings=f"{_STATES} hidden symbols a variable, {passes} passes of EM{wide}",
        )


def _distribution(logarithms: FloatArray, axis: int) -> Floats32:
    values = np.exp(logarithms)
    values[logarithms < -59] = 0
    result: Floats32 = (values / values.sum(axis=axis, keepdims=True)).astype(np.float32)
    return result
