"""Classifiers whose held-out cross-entropy bounds what the inputs tell about the label.

Chosen and calibrated on training examples alone; the test set is for the claim. Any classifier
gives a valid bound, a better one a tighter bound.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.data.splits import VALIDATION_SEED, stratified_holdout
from minbits.data.tables import table_of
from minbits.errors import DataError
from minbits.information.ranks import normal_scores
from minbits.information.temperature import best_temperature
from minbits.interrupts import interrupts_kept
from minbits.types import DataSet

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

HIDDEN_UNITS = 128  # of the network
# With fewer training examples a tenth is too little to choose by: all are held out in turn.
_FOLDS_BELOW = 3000
_FOLDS = 3
_HELD_OUT = 0.1
_LOGISTIC_EXAMPLES = 10_000
_TREE_VALUES = 5_000_000
_NETWORK_VALUE_EPOCHS = 200_000_000
_MAX_VALUES = 2_000_000_000
_RANKED_VALUES = 5_000_000
# More examples move an accuracy by less than a target is rounded to, and cost minutes.
_ACCURACY_EXAMPLES = 20_000
# A column of fewer values has no tail to speak of.
_FEWEST_RANKED = 8
_SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
_MIN_PROBABILITY = 1e-12
_TEMPERATURES = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0)


@dataclass(frozen=True)
class ClassifierKind:
    """A way to fit a classifier; ``fit`` returns None where the data are too large for it.

    ``takes_scores`` asks for columns of numbers as normal scores of their ranks, in which heavy
    tails do not press all other examples together.
    """

    name: str
    fit: Callable[[FloatArray, Labels], Any]
    takes_scores: bool = False

    def fitted(self, inputs: FloatArray, labels: Labels) -> Any:
        """Return what ``fit`` returns; an interrupt is raised, whatever ``fit`` takes it for."""
        # scikit-learn's network ends its training early, and is a weaker classifier without a word.
        with interrupts_kept():
            return self.fit(inputs, labels)


def _logistic(inputs: FloatArray, labels: Labels) -> Any:
    # Imported here since scikit-learn is slow to import, and only this room's classifiers need it.
    from sklearn.linear_model import LogisticRegression

    rows = slice(None)
    if len(labels) > _LOGISTIC_EXAMPLES:
        rows = slice(_LOGISTIC_EXAMPLES)  # the rows come shuffled
    return LogisticRegression(max_iter=200, C=1.0).fit(inputs[rows], labels[rows])


def _trees(inputs: FloatArray, labels: Labels) -> Any:
    if inputs.size > _TREE_VALUES:
        return None
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(100, min_samples_leaf=2, random_state=0).fit(inputs, labels)


def _network(inputs: FloatArray, labels: Labels) -> Any:
    from sklearn.neural_network import MLPClassifier

    epochs = int(min(100, max(4, _NETWORK_VALUE_EPOCHS // inputs.size)))
    return MLPClassifier(
        (HIDDEN_UNITS,),
        batch_size=min(128, len(labels)),
        max_iter=epochs,
        learning_rate_init=2e-3,
        alpha=1e-3 if len(labels) < _FOLDS_BELOW else 1e-5,
        random_state=0,
    ).fit(inputs, labels)


LOGISTIC = ClassifierKind("logistic regression", _logistic)
TREES = ClassifierKind("extremely randomised trees", _trees)
NETWORK = ClassifierKind(f"network of {HIDDEN_UNITS} hidden units", _network)
KINDS: tuple[ClassifierKind, ...] = (LOGISTIC, TREES, NETWORK)
SCORED_KINDS: tuple[ClassifierKind, ...] = tuple(
    ClassifierKind(f"{kind.name} on normal scores of ranks", kind.fit, True) for kind in KINDS
)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What the classifier chosen on training examples says about the test examples.

    Attributes:
        name: the classifier, and how its probabilities were tempered.
        prior: class frequencies among training examples, smoothed, shape ``(classes,)``.
        probabilities: of each class, shape ``(test examples, classes)``, never 0.
        validation_bits: cross-entropy a label on the held-out training examples.
        considered: name and cross-entropy of every classifier that was tried.
    """

    name: str
    prior: FloatArray
    probabilities: FloatArray
    validation_bits: float
    considered: tuple[tuple[str, float], ...]


def _matrix(data: DataSet, inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    flat = inputs.reshape(len(inputs), -1)
    scaled = np.empty(flat.shape, np.float32)
    np.multiply(flat, np.float32(2.0**-data.input_exponent), out=scaled)
    return scaled


def _cross_entropy_bits(probabilities: FloatArray, labels: Labels) -> float:
    return float(-np.log2(probabilities[np.arange(len(labels)), labels]).mean())


def _tempered(
    probabilities: FloatArray, prior: FloatArray, temperature: float, share: float
) -> FloatArray:
    """Return probabilities raised to 1 / temperature, mixed with a share of the class frequencies.

    The share bounds every loss, so that one confident error cannot make it infinite.
    """
    logarithms = np.log(np.maximum(probabilities, _MIN_PROBABILITY)) / temperature
    powered = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
    powered /= powered.sum(axis=1, keepdims=True)
    mixed: FloatArray = (1 - share) * powered + share * prior
    return mixed


def _shares(examples: int) -> list[float]:
    """Return shares to try; an event that none of n examples showed may have probability 1 / n."""
    smallest = 1 / examples
    return [smallest, *(share for share in _SHARES if share > smallest)]


def _best_temper(
    probabilities: FloatArray, labels: Labels, prior: FloatArray
) -> tuple[float, float, float]:
    """Return cross-entropy in bits, temperature and share that suit held-out examples best."""
    return min(
        (_cross_entropy_bits(_tempered(probabilities, prior, t, s), labels), t, s)
        for t in (*_TEMPERATURES, *_temperature_beyond(probabilities, labels))
        for s in _shares(len(labels))
    )


def _temperature_beyond(probabilities: FloatArray, labels: Labels) -> list[float]:
    """Return the best temperature where it lies outside those that are always tried."""
    logits = np.log(np.maximum(probabilities, _MIN_PROBABILITY))
    best = best_temperature(logits, labels, doubt=1.0)
    usual = _TEMPERATURES[0] <= best <= _TEMPERATURES[-1]
    return [] if usual or best == np.inf else [best]


def _predict(model: Any, inputs: FloatArray, classes: int) -> FloatArray:
    """Return probabilities of all classes; a class that the model never saw gets none."""
    out = np.zeros((len(inputs), classes))
    out[:, model.classes_] = model.predict_proba(inputs)
    return out


def _held_out_parts(labels: Labels) -> list[tuple[Labels, Labels]]:
    """Return pairs of examples to fit on and to hold out."""
    if len(labels) >= _FOLDS_BELOW:
        return [stratified_holdout(labels, _HELD_OUT, VALIDATION_SEED)]
    generator = np.random.Generator(np.random.PCG64(VALIDATION_SEED))
    fold = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        start = int(generator.integers(_FOLDS))  # small classes spread over all folds
        fold[members] = (np.arange(len(members)) + start) % _FOLDS
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(_FOLDS)]


def _validated(
    kind: ClassifierKind, inputs: FloatArray, labels: Labels, classes: int
) -> tuple[FloatArray, Labels, Any] | None:
    """Return held-out probabilities, their labels, and the last model fitted."""
    found, truths = [], []
    model = None
    for kept, held_out in _held_out_parts(labels):
        if len(held_out) == 0 or len(np.unique(labels[kept])) < 2:
            continue
        order = np.random.Generator(np.random.PCG64(0)).permutation(kept)
        model = kind.fitted(inputs[order], labels[order])
        if model is None:
            return None
        found.append(_predict(model, inputs[held_out], classes))
        truths.append(labels[held_out])
    if not found:
        return None
    return np.concatenate(found), np.concatenate(truths), model


# Accuracies by data set and classifier: a target and a diagram ask for the same ones.
_ACCURACIES: dict[tuple[str, str], float | None] = {}


def held_out_accuracies(data: DataSet) -> dict[str, float]:
    """Return the accuracy of every classifier on held-out training examples, by its name.

    Fewer than 3,000 examples are held out in turn, a third at a time; of more than 20,000 that
    many are drawn. The test set is not used.

    Raises:
        DataError: if the inputs are too many to hold as numbers in memory.
    """
    counts = np.bincount(data.train_labels, minlength=data.class_count)
    found: dict[str, float | None] = {
        "the most frequent class": float(counts.max() / counts.sum()),
        **{kind.name: held_out_accuracy(data, kind) for kind in KINDS},
    }
    return {name: value for name, value in found.items() if value is not None}


def held_out_accuracy(data: DataSet, kind: ClassifierKind) -> float | None:
    """Return a classifier's accuracy as `held_out_accuracies` does; None where it is not fitted."""
    key = (data.digest, kind.name)
    if key not in _ACCURACIES:
        found = held_out_fit(data, kind)
        _ACCURACIES[key] = None if found is None else found[0]
    return _ACCURACIES[key]


def held_out_fit(data: DataSet, kind: ClassifierKind) -> tuple[float, Any] | None:
    """Return a classifier's accuracy on held-out training examples, and the model fitted last.

    Raises:
        DataError: if the inputs are too many to hold as numbers in memory.
    """
    _check_size(data)
    # See `best_classifier`.
    from threadpoolctl import threadpool_limits

    labels, given = data.train_labels, data.train_inputs
    if len(labels) > _ACCURACY_EXAMPLES:
        order = np.random.Generator(np.random.PCG64(VALIDATION_SEED)).permutation(len(labels))
        rows = np.sort(order[:_ACCURACY_EXAMPLES])
        labels, given = labels[rows], given[rows]
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held_out = _validated(kind, _matrix(data, given), labels, data.class_count)
    if held_out is None:
        return None
    probabilities, truths, model = held_out
    return float(np.mean(probabilities.argmax(1) == truths)), model


def _check_size(data: DataSet) -> None:
    if data.train_inputs.size > _MAX_VALUES:
        raise DataError(
            data.name,
            f"{data.train_inputs.size:,} training values",
            f"at most {_MAX_VALUES:,} for classifiers",
            "Give a sample of the examples.",
        )


def _scored(
    data: DataSet, train: FloatArray, test: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Return inputs whose columns of numbers are normal scores of their ranks in training.

    None for images, whose values have no tails, and where no column takes many values.
    """
    if table_of(data) is None or train.size > _RANKED_VALUES:
        return None
    many = [i for i, column in enumerate(train.T) if len(np.unique(column)) >= _FEWEST_RANKED]
    if not many:
        return None
    given = train[:, many]
    scored = []
    for part in (train, test):
        out = part.copy()
        out[:, many] = normal_scores(part[:, many], given)
        scored.append(out)
    return scored[0], scored[1]


def best_classifier(data: DataSet) -> HeldOut:
    """Fit classifiers, choose by held-out training examples, and run the choice on the test set.

    Tables of numbers are tried twice, as they are and as normal scores of their ranks.

    Raises:
        DataError: if the inputs are too many to hold as numbers in memory.
    """
    _check_size(data)
    # threadpoolctl comes with scikit-learn. On small matrices BLAS threads cost more than they
    # give, and results must not depend on their number.
    from threadpoolctl import threadpool_limits

    labels = data.train_labels
    classes = data.class_count
    plain = (_matrix(data, data.train_inputs), _matrix(data, data.test_inputs))
    scored = _scored(data, *plain)
    kinds = KINDS if scored is None else (*KINDS, *SCORED_KINDS)
    counts = np.bincount(labels, minlength=classes)
    prior = (counts + 0.5) / (counts.sum() + 0.5 * classes)
    constant = np.broadcast_to(prior, (len(plain[1]), classes))
    lowest = float(-(counts / counts.sum()) @ np.log2(prior))
    considered = [("class frequencies", lowest)]
    chosen: tuple[ClassifierKind, Any, float, float] | None = None
    with threadpool_limits(1), warnings.catch_warnings():
        # A fit that stops early is a weaker classifier, whose bound holds all the same.
        warnings.simplefilter("ignore")
        for kind in kinds:
            inputs = scored[0] if scored is not None and kind.takes_scores else plain[0]
            found = _validated(kind, inputs, labels, classes)
            if found is None:
                continue
            bits, temperature, share = _best_temper(found[0], found[1], prior)
            considered.append((kind.name, bits))
            if bits < lowest:
                lowest, chosen = bits, (kind, found[2], temperature, share)
        if chosen is None:
            return HeldOut("class frequencies", prior, constant, lowest, tuple(considered))
        kind, model, temperature, share = chosen
        inputs, test = scored if scored is not None and kind.takes_scores else plain
        if len(labels) < _FOLDS_BELOW:
            order = np.random.Generator(np.random.PCG64(0)).permutation(len(labels))
            model = kind.fitted(inputs[order], labels[order])
        raw = _predict(model, test, classes)
    name = f"{kind.name}, temperature {temperature:g}, {share:.2g} of class frequencies mixed in"
    return HeldOut(
        name, prior, _tempered(raw, prior, temperature, share), lowest, tuple(considered)
    )
