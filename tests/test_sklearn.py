"""The estimator keeps scikit-learn's contract, works in its pipelines, and gives the same again."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import minbits
from minbits.data.companion import companion_path
from minbits.errors import ArgumentError, OutputError
from minbits.sklearn import MinimalNetworkClassifier


def classifier(**changes: Any) -> MinimalNetworkClassifier:
    return MinimalNetworkClassifier(**{"accuracy": 0.9, "trials": 1, "random_state": 0, **changes})


def frame(rows: int = 120) -> tuple[pd.DataFrame, pd.Series]:
    """Return numbers, categories and gaps, and labels in words that all three columns tell."""
    generator = np.random.default_rng(0)
    kind = generator.integers(0, 3, rows)
    size = kind + generator.normal(0, 0.1, rows)
    size[::17] = np.nan
    colour = np.array(["red", "green", "blue"], object)[kind]
    colour[::13] = None
    table = pd.DataFrame({"size": size, "colour": colour, "is big": kind > 1})
    return table, pd.Series(np.array(["ant", "bee", "cat"])[kind])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([classifier()])
def test_the_contract_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def fitted() -> MinimalNetworkClassifier:
    return classifier(trials=3).fit(*frame())


def test_a_data_frame_with_words_as_labels(fitted: MinimalNetworkClassifier) -> None:
    table, labels = frame()
    assert list(fitted.classes_) == ["ant", "bee", "cat"]
    assert fitted.n_features_in_ == 3
    assert list(fitted.feature_names_in_) == ["size", "colour", "is big"]
    assert fitted.score(table, labels) > 0.9
    assert fitted.validation_accuracy_ >= fitted.target_accuracy_ == 0.9
    found = fitted.predict_proba(table)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (fitted.classes_[found.argmax(axis=1)] == fitted.predict(table)).all()
    assert fitted.size_bits_ == fitted.network_.size_bits == 8 * len(fitted.network_file_)
    with (
        pytest.warns(UserWarning, match="feature names"),
        pytest.raises(ValueError, match="must be a data frame"),
    ):
        fitted.predict(table.to_numpy())


def test_a_saved_file_predicts_the_same(fitted: MinimalNetworkClassifier, tmp_path: Path) -> None:
    table, _ = frame()
    path = tmp_path / "found.mbn"
    fitted.save(path)
    assert path.stat().st_size * 8 == fitted.size_bits_
    assert companion_path(path).is_file()
    network = minbits.read(path)
    assert (network.predict_names(table) == fitted.predict(table)).all()
    np.testing.assert_array_equal(network.predict_proba(table), fitted.predict_proba(table))
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(table), fitted.predict_proba(table))
    with pytest.raises(OutputError, match=r"NAME\.mbn"):
        fitted.save(tmp_path / "found.json")


def test_the_same_seed_gives_the_same_file_with_moves_too() -> None:
    table, labels = frame(60)
    one, two = (classifier(trials=6).fit(table, labels) for _ in range(2))
    assert one.network_file_ == two.network_file_
    assert (
        one.network_file_ != classifier(trials=6, random_state=1).fit(table, labels).network_file_
    )
    generator = np.random.RandomState(0)
    with_generator = classifier(random_state=generator).fit(table, labels)
    assert (
        with_generator.network_file_ == classifier(random_state=0).fit(table, labels).network_file_
    )


def test_more_trials_are_never_larger_on_what_is_reached() -> None:
    table, labels = frame()
    assert (
        classifier(trials=8).fit(table, labels).size_bits_
        <= classifier().fit(table, labels).size_bits_
    )


def test_pipelines_and_searches() -> None:
    table, labels = frame()
    numbers = table[["size"]].fillna(0)
    piped = make_pipeline(StandardScaler(), classifier()).fit(numbers, labels)
    assert piped.score(numbers, labels) > 0.6
    chosen = ColumnTransformer([("some", "passthrough", ["size", "colour"])])
    chosen.set_output(transform="pandas")
    assert make_pipeline(chosen, classifier()).fit(table, labels).score(table, labels) > 0.9
    search = GridSearchCV(classifier(), {"accuracy": [0.8, 0.9]}, cv=2).fit(table, labels)
    assert search.best_score_ > 0.8


def test_a_target_that_is_missed_is_an_answer_with_a_warning() -> None:
    generator = np.random.default_rng(0)
    numbers, labels = generator.normal(size=(60, 2)), generator.integers(0, 2, 60)
    with pytest.warns(ConvergenceWarning, match="no network reached 100 %"):
        found = classifier(accuracy=1.0, trials=2).fit(numbers, labels)
    assert found.predict(numbers).shape == (60,)


def test_the_clock_ends_a_search_without_a_seed() -> None:
    table, labels = frame()
    found = classifier(minutes=1e-4, trials=1000, random_state=None).fit(table, labels)
    assert found.size_bits_ > 0


def test_classes_of_one_row_and_few_rows_are_taken() -> None:
    found = classifier().fit([[0.0], [1.0], [5.0]], ["a", "a", "b"])
    assert set(found.predict([[0.5], [5.0]])) <= {"a", "b"}


def test_without_an_accuracy_simple_classifiers_tell_it() -> None:
    table, labels = frame()
    assert (
        0.5 < classifier(accuracy=None).fit(table[["size"]].fillna(0), labels).target_accuracy_ <= 1
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accuracy": 1.5}, "`accuracy`: got 1.5"),
        ({"accuracy": "high"}, "`accuracy`: got 'high'"),
        ({"minutes": 0}, "`minutes`: got 0"),
        ({"trials": 0}, "`trials`: got 0"),
        ({"trials": 1.5}, "`trials`: got 1.5"),
    ],
)
def test_parameters_out_of_range(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        classifier(**change).fit([[0], [1]], [0, 1])
