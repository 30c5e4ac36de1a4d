"""The smallest network as an estimator of scikit-learn.

>>> from minbits.sklearn import MinimalNetworkClassifier
>>> classifier = MinimalNetworkClassifier(accuracy=0.95, trials=20, random_state=0).fit(X, y)
>>> classifier.size_bits_
344
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from minbits.codec.file_format import decode_network
from minbits.codec.network import Network
from minbits.data.companion import companion_bytes, companion_path
from minbits.data.frames import data_of_columns, frame_columns
from minbits.errors import ArgumentError, OutputError
from minbits.files import write_atomically
from minbits.jobs.fit import FitPlan, fit_network
from minbits.units import bytes_to_bits


class MinimalNetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier whose network file is as small as the search finds.

    A part of the rows is held out to choose the network by and to fit the scale of probabilities;
    nothing is claimed of new rows. Columns of a data frame may hold numbers or categories, and
    values may be missing (NaN). Where there are fewer than 32 rows to train on, rows are repeated,
    and those that are held out are not new. Everything runs in this process, on one core.

    Args:
        accuracy: aimed at on the rows that are held out, in (0, 1]; None takes what simple
            classifiers reach, nearly. If no network reaches it, the nearest one is kept, with a
            warning.
        minutes: for the search where ``random_state`` is None, else not used: the same seed gives
            the same network, however fast the machine is.
        trials: most networks that are trained.
        random_state: seed, generator, or None.

    Attributes:
        classes_: the labels, shape ``(classes,)``.
        n_features_in_: the number of columns.
        feature_names_in_: the names of the columns, where they have any.
        network_: the network, with its companion (`minbits.codec.network.Network`).
        network_file_: the bytes of the network file.
        size_bits_: 8 x bytes of the network file.
        validation_accuracy_: on the rows that were held out.
        target_accuracy_: what was aimed at.
    """

    def __init__(
        self,
        accuracy: float | None = None,
        minutes: float = 1.0,
        trials: int = 50,
        random_state: Any = None,
    ) -> None:
        self.accuracy = accuracy
        self.minutes = minutes
        self.trials = trials
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.non_deterministic = self.random_state is None
        return tags

    def fit(self, X: Any, y: Any) -> Self:
        """Find a small network for rows and their labels.

        Args:
            X: a data frame, or numbers of shape ``(rows, columns)``.
            y: labels, shape ``(rows,)``.

        Raises:
            ValueError: if they do not fit together, or there is one class alone.
            ArgumentError: if a parameter is out of its range.
        """
        self._check_parameters()
        columns, y = self._checked(X, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has 1 class ({self.classes_[0]!r}); at least 2 are needed")
        data = data_of_columns(columns, codes.reshape(-1))
        names = tuple(str(label) for label in self.classes_)
        if len(set(names)) == len(names):
            data = dataclasses.replace(data, class_names=names)
        is_seeded = self.random_state is not None
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        seconds = math.inf if is_seeded else 60 * self.minutes
        found = fit_network(data, FitPlan(self.accuracy, seconds, self.trials, seed))
        self.network_file_ = found.content
        self.size_bits_ = bytes_to_bits(len(found.content))
        self.network_ = Network(decode_network(found.content), self.size_bits_, found.companion)
        self.target_accuracy_ = found.accuracy
        correct, examples = found.validation
        self.validation_accuracy_ = correct / examples
        if not found.is_reached:
            warnings.warn(
                f"no network reached {100 * found.accuracy:g} % of the {examples:,} rows that were "
                f"held out; the best has {100 * self.validation_accuracy_:.2f} %. Allow more "
                f"trials or minutes, or a lower accuracy.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _check_parameters(self) -> None:
        checks: list[tuple[str, bool, str]] = [
            (
                "accuracy",
                self.accuracy is None or (_is_a(Real, self.accuracy) and 0 < self.accuracy <= 1),
                "a number above 0 and at most 1, or None",
            ),
            ("minutes", _is_a(Real, self.minutes) and 0 < self.minutes < 1e6, "a positive number"),
            ("trials", _is_a(Integral, self.trials) and self.trials >= 1, "a whole number from 1"),
        ]
        for name, is_good, expected in checks:
            if not is_good:
                got = repr(getattr(self, name))
                raise ArgumentError(f"`{name}`", got, expected, "Give another value.")

    def _checked(self, X: Any, y: Any) -> tuple[dict[str, Any], npt.NDArray[Any]]:
        """Return columns by name, and labels."""
        columns = frame_columns(X)
        if columns is not None:
            validate_data(self, X, skip_check_array=True)
            if y is None:
                raise ValueError("requires y to be passed, but the target y is None")
            y = column_or_1d(y, warn=True)
            if len(X) != len(y):
                raise ValueError(f"X has {len(X)} rows and y has {len(y)}")
            return columns, y
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        return self._numbers(X), y

    def _numbers(self, X: npt.NDArray[np.float64]) -> dict[str, Any]:
        names = getattr(self, "feature_names_in_", [f"x{place}" for place in range(X.shape[1])])
        return dict(zip(names, X.T, strict=True))

    def _rows(self, X: Any) -> dict[str, Any]:
        check_is_fitted(self)
        assert self.network_.companion is not None
        columns = self.network_.companion.columns
        assert columns is not None
        if any(column.kind == "categorical" for column in columns):
            validate_data(self, X, reset=False, skip_check_array=True)
            found = frame_columns(X, always=True)
            if found is None:
                raise ValueError("X has columns of categories, so that it must be a data frame")
            return found
        X = validate_data(self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan")
        return self._numbers(X)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the label of each row, shape ``(rows,)``."""
        rows = self._rows(X)
        found: npt.NDArray[Any] = self.classes_[self.network_.predict(rows, allow_slow=True)]
        return found

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each label, shape ``(rows, classes)``.

        Their scale was fitted on the rows that were held out.
        """
        rows = self._rows(X)
        return self.network_.predict_proba(rows, allow_slow=True)

    def save(self, path: str | Path) -> None:
        """Write the network file and its companion, ``NAME.data.json`` beside ``NAME.mbn``.

        Raises:
            OutputError: if one cannot be written, or the companion would have the file's name.
        """
        check_is_fitted(self)
        file = Path(path)
        if file.suffix != ".mbn":
            raise OutputError(str(path), f"the suffix '{file.suffix}'", ".mbn", "Call it NAME.mbn.")
        assert self.network_.companion is not None
        write_atomically(file, self.network_file_)
        write_atomically(companion_path(file), companion_bytes(self.network_.companion))


def _is_a(kind: type, value: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)
