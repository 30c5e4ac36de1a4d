"""Points from Optuna's samplers by ask-and-tell (Akiba et al. 2019)."""

from __future__ import annotations

import math
import warnings
from typing import Any

from minbits.errors import ArgumentError
from minbits.evaluation.goal import Goal
from minbits.search.family import Choices, Domain, Family, Point, Value
from minbits.search.sampled import draw_point, rounded
from minbits.types import TrialOutcome

_STARTUP_TRIALS = 8
_POPULATION = 16


def _optuna() -> Any:
    # Half a second to import, and needed by these samplers alone.
    try:
        import optuna
    except ImportError as error:
        raise ArgumentError(
            "`sampler`", "a sampler of Optuna, which is not installed", "the package optuna",
            "Run: pip install 'minbits[optuna]'",
        ) from error  # fmt: skip
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _sampler(optuna: Any, name: str, seed: int) -> Any:
    samplers = optuna.samplers
    with warnings.catch_warnings():
        # Of experimental options; they are pinned by the version.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "tpe":
            return samplers.TPESampler(
                n_startup_trials=_STARTUP_TRIALS, multivariate=True, group=True,
                constant_liar=True, seed=seed,
            )  # fmt: skip
        if name == "nsga2":
            return samplers.NSGAIISampler(population_size=_POPULATION, seed=seed)
        if name == "gp":
            return samplers.GPSampler(n_startup_trials=_STARTUP_TRIALS, seed=seed)
        return samplers.CmaEsSampler(
            n_startup_trials=_STARTUP_TRIALS, seed=seed, warn_independent_sampling=False
        )


class OptunaPoints:
    """Points as one of Optuna's samplers asks for them.

    NSGA-II makes bits and errors small together; the others a score of both (`Goal.score`).

    Args:
        name: a `SamplerName`.
        goal: what is aimed at.
        seed: of the sampler.

    Raises:
        ArgumentError: if Optuna, or what a sampler needs, is not installed.
    """

    def __init__(self, name: str, goal: Goal, seed: int) -> None:
        self._optuna = _optuna()
        self._goal = goal
        self._has_two_values = name == "nsga2"
        try:
            sampler = _sampler(self._optuna, name, seed)
        except ImportError as error:
            raise ArgumentError(
                f"`sampler`: {name}",
                str(error),
                "its package",
                "Run: pip install 'minbits[optuna]'",
            ) from error
        directions = ["minimize", "minimize"] if self._has_two_values else ["minimize"]
        self._study = self._optuna.create_study(directions=directions, sampler=sampler)

    def ask(self, family: Family) -> tuple[Any, Point]:
        """Return the next point, and Optuna's trial."""
        trial = self._study.ask()

        def suggest(name: str, domain: Domain) -> Value:
            if isinstance(domain, Choices):
                choice: Value = trial.suggest_categorical(name, domain.values)
                return choice
            if domain.is_whole:
                return int(
                    trial.suggest_int(
                        name, int(domain.low), int(domain.high), log=domain.is_logarithmic
                    )
                )
            value = trial.suggest_float(name, domain.low, domain.high, log=domain.is_logarithmic)
            return rounded(value)

        return trial, draw_point(family, suggest)

    def tell(self, token: Any, outcome: TrialOutcome | None) -> None:
        """Tell Optuna how its trial ended; one without a file has failed."""
        values = None if outcome is None else self._values(outcome)
        if values is None:
            self._study.tell(token, state=self._optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(token, values)

    def add(self, family: Family, point: Point, outcome: TrialOutcome) -> None:
        """Add a trial that Optuna did not ask for."""
        values = self._values(outcome)
        if values is None:
            return
        distributions: dict[str, Any] = {}

        def note(name: str, domain: Domain) -> Value:
            distributions[name] = self._distribution(domain)
            return point[name]

        try:
            parameters = draw_point(family, note)
        except KeyError:
            return  # the point lacks a value that the space has
        known = {name: parameters[name] for name in distributions}
        self._study.add_trial(
            self._optuna.trial.create_trial(
                params=known, distributions=distributions, values=values
            )
        )

    def _distribution(self, domain: Domain) -> Any:
        kinds = self._optuna.distributions
        if isinstance(domain, Choices):
            return kinds.CategoricalDistribution(domain.values)
        if domain.is_whole:
            return kinds.IntDistribution(
                int(domain.low), int(domain.high), log=domain.is_logarithmic
            )
        return kinds.FloatDistribution(domain.low, domain.high, log=domain.is_logarithmic)

    def _values(self, outcome: TrialOutcome) -> list[float] | None:
        if outcome.milestones and outcome.status == "stopped":
            # As bad as what it reached, and of a size that tempts nobody.
            outcome_score = 20.0 + self._goal.missing_standard_errors_at(outcome.milestones[-1])
            return None if self._has_two_values else [outcome_score]
        if outcome.validation_accuracy is None or not outcome.size_bits:
            return None
        if self._has_two_values:
            return [math.log2(outcome.size_bits), 1 - outcome.validation_accuracy]
        score = self._goal.score(outcome)
        return None if score is None else [score]
