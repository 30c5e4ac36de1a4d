"""Compression of anybody's module: thin, quantise, write, validate, verify, record.

As the main job: selection on validation, one look at the test set, in a fresh process, and every
trial in the ledger.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from minbits.claims.claiming import Claimant, Scope
from minbits.claims.publishing import Publisher
from minbits.claims.replacing import check_replaceable
from minbits.codec.architecture import Architecture, class_count, parameter_count
from minbits.codec.file_format import encode_network
from minbits.compression.channels import shrink
from minbits.compression.quantized_phase import train_quantized
from minbits.compression.symmetries import remove_symmetries
from minbits.compression.thinning import ThinningPlan, thin
from minbits.compression.warm_start import with_usual_logits
from minbits.data.splits import validation_split
from minbits.energy import EnergyMeter
from minbits.errors import NetworkError
from minbits.evaluation.evaluate import Evaluation, evaluate
from minbits.evaluation.goal import Goal
from minbits.information.entropy_table import entropy_table
from minbits.interrupts import answer_interrupt
from minbits.jobs.compress_plan import CompressPlan
from minbits.jobs.compress_request import CompressReport
from minbits.jobs.kept_figures import keep_counts
from minbits.jobs.rounding_search import RoundingSearch
from minbits.ledger.provenance import current_provenance
from minbits.ledger.store import Ledger, open_ledger
from minbits.networks.from_torch import Extracted
from minbits.networks.grammar import format_layers
from minbits.search.device import device_name
from minbits.search.planning import measure_epoch_seconds
from minbits.training.choice import choose_engine
from minbits.training.context import EpochReport, TrainingContext
from minbits.training.engine import Engine, accuracy
from minbits.training.float_phase import train_float
from minbits.training.loop import batch_of, training_data
from minbits.types import (
    DataSet,
    EngineName,
    TrainingRecipe,
    TrialConfig,
    TrialOutcome,
    TrialStatus,
)

# Thinning may go on while validation errors stay below this many times those allowed: what it costs
# is won back where the learning rate falls.
_ERRORS_WHILE_THINNING = 2.5
_EPOCHS_BELOW = 3
_THINNING_TIME_PART = 0.4
_RECOVERY_TIME_PART = 0.35
_CLAIM_TIME_PART = 0.1
# With normalisation, as in recovery, training bears a higher learning rate.
_RECOVERY_RATE_FACTOR = 4.0
_RERUN = "minbits compress with this config on the same module gives the same weights"


@dataclass
class _Job:
    data: DataSet
    request: CompressPlan
    ledger: Ledger
    say: Callable[[str], None]
    outcomes: list[TrialOutcome] = field(default_factory=list)
    rounding: RoundingSearch | None = None

    def __post_init__(self) -> None:
        self.provenance = current_provenance(device_name(), 1)
        self.start = time.perf_counter()
        kept, held_out = validation_split(self.data)
        self.held_out = held_out
        self.goal = Goal(self.request.accuracy, len(held_out))
        self.examples = training_data(self.data, kept)
        self.validation = training_data(self.data, held_out)

    def recipe(self, rate_weight: float, epochs: int) -> TrainingRecipe:
        request = self.request
        return TrainingRecipe(
            float_epochs=request.thinning_epochs,
            quantized_epochs=epochs,
            batch_size=request.batch_size,
            learning_rate=request.learning_rate,
            quantized_learning_rate=request.learning_rate,
            augmentation=request.augmentation,
            elastic=request.elastic,
            rate_weight=rate_weight,
            batch_normalisation=False,
            step_training_end=0.3,
            freezing_start=0.4,
        )

    def context(
        self, architecture: Architecture, recipe: TrainingRecipe,
        report: Callable[[EpochReport], None] = lambda report: None,
    ) -> TrainingContext:  # fmt: skip
        return TrainingContext(
            recipe, self.request.seed, self.examples, self.validation, self.engine(architecture),
            report,
        )  # fmt: skip

    def engine(self, architecture: Architecture) -> Engine:
        recipe = self.recipe(1.0, 1)
        batch = batch_of(self.examples, recipe.batch_size)
        return choose_engine(self.request.engine, architecture, recipe, batch)

    def measured(self, extracted: Extracted) -> float:
        engine = self.engine(extracted.architecture)
        return accuracy(engine, extracted.architecture, extracted.values, self.validation)

    def with_usual_logits(self, given: Extracted) -> Extracted:
        """Return the network with logits that the loss can read as probabilities."""
        values = with_usual_logits(
            given.architecture, given.values, self.engine(given.architecture), self.examples
        )
        return dataclasses.replace(given, values=values)

    @property
    def claim_seconds(self) -> float:
        """The time that the search leaves to the claim, of what there is in all."""
        return _CLAIM_TIME_PART * 60 * (self.request.minutes or 0.0)

    def seconds_left(self) -> float:
        if self.request.minutes is None:
            return float("inf")
        return 60 * self.request.minutes - (time.perf_counter() - self.start)

    def thinned(self, given: Extracted, report: CompressReport) -> Extracted:
        """Return the smallest network that thinning leaves within reach of the target."""
        request = self.request
        if request.thinning_epochs == 0:
            return given
        least = 1 - _ERRORS_WHILE_THINNING * (1 - request.accuracy)
        plan = ThinningPlan(
            request.thinning_epochs, request.smallest_parameters, request.learning_rate
        )
        best, below = given, 0
        total = self.seconds_left()

        def tell(done: EpochReport) -> None:
            self.say(
                f"thinning, epoch {done.epoch}/{plan.epochs}: {done.parameters:,} parameters, "
                f"validation {100 * done.validation_accuracy:.2f} %"
            )

        context = self.context(given.architecture, self.recipe(1.0, 1), tell)
        for found in thin(given.architecture, given.values, plan, context, self.engine):
            parameters = parameter_count(found.architecture)
            text = format_layers(found.architecture.layers)
            report.thinned.append((parameters, found.validation_accuracy, text))
            if found.validation_accuracy >= least:
                best, below = Extracted(found.architecture, found.values), 0
            else:
                below += 1
            if below >= _EPOCHS_BELOW or self.seconds_left() < (1 - _THINNING_TIME_PART) * total:
                break
        architecture, values = shrink(best.architecture, best.values)
        return Extracted(architecture, values)

    def recovered(self, thinned: Extracted) -> Extracted:
        """Return the thinned network after training in full precision, if that did it good."""
        request = self.request
        epochs = self.fitted(thinned, request.recovery_epochs, "float_phase", _RECOVERY_TIME_PART)
        if epochs == 0:
            return thinned
        recipe = dataclasses.replace(
            self.recipe(1.0, 1), float_epochs=epochs, batch_normalisation=True,
            learning_rate=_RECOVERY_RATE_FACTOR * request.learning_rate,
        )  # fmt: skip

        def tell(done: EpochReport) -> None:
            if _is_told(done.epoch, epochs):
                self.say(
                    f"recovery, epoch {done.epoch}/{epochs}: validation "
                    f"{100 * done.validation_accuracy:.2f} %"
                )

        context = self.context(thinned.architecture, recipe, tell)
        values = train_float(thinned.architecture, context, thinned.values)
        found = Extracted(thinned.architecture, values)
        return found if self.measured(found) >= self.measured(thinned) else thinned

    def fitted(
        self, start: Extracted, wanted: int, phase: Literal["float_phase", "quantized_phase"],
        part: float,
    ) -> int:  # fmt: skip
        """Return the epochs that fit into a part of the time left, where there is a limit."""
        if self.request.minutes is None or wanted == 0:
            return wanted
        recipe = self.recipe(self.request.rate_weights[0], 1)
        context = self.context(start.architecture, recipe)
        epoch = measure_epoch_seconds(start.architecture, context)
        return min(wanted, int(part * self.seconds_left() / getattr(epoch, phase)))

    def epochs(self, start: Extracted) -> int:
        """Return the epochs of a trial, fitted to the time where there is a limit."""
        wanted, part = self.request.quantized_epochs, 1 / len(self.request.rate_weights)
        return max(1, self.fitted(start, wanted, "quantized_phase", part))

    def trial(self, start: Extracted, rate_weight: float, epochs: int) -> TrialOutcome:
        def tell(done: EpochReport) -> None:
            if _is_told(done.epoch, epochs):
                self.say(
                    f"rate {rate_weight:g}, epoch {done.epoch}/{epochs}: validation "
                    f"{100 * done.validation_accuracy:.2f} %, about {done.size_bits:,.0f} bits"
                )

        recipe = self.recipe(rate_weight, epochs)
        context = self.context(start.architecture, recipe, tell)

        def make() -> bytes:
            quantized = train_quantized(start.architecture, start.values, context)
            shown = dataclasses.replace(quantized.architecture, views=self.request.views)
            return encode_network(
                remove_symmetries(dataclasses.replace(quantized, architecture=shown))
            )

        return self.evaluated(start.architecture, recipe, context.engine.name, make)

    def evaluated(
        self, architecture: Architecture, recipe: TrainingRecipe, engine: EngineName,
        make: Callable[[], bytes],
    ) -> TrialOutcome:  # fmt: skip
        """Run a trial, evaluate its decoded file on validation, and append it to the ledger."""
        text = format_layers(architecture.layers)
        if self.request.train and self.request.views > 1:
            text = f"views {self.request.views}; {text}"
        config = TrialConfig(text, recipe, self.request.seed, engine)
        begin = time.perf_counter()
        status: TrialStatus = "done"
        content: bytes | None = None
        counts: Evaluation | None = None
        reason: str | None = None
        stopped: KeyboardInterrupt | None = None
        meter = EnergyMeter()
        try:
            with meter:
                content = make()
                counts = evaluate(content, self.data, allow_slow=True)
        except KeyboardInterrupt as error:
            status, stopped, content = "interrupted", error, None
        except (FloatingPointError, NetworkError) as error:
            status, reason = "failed", f"{type(error).__name__}: {error}"
        seconds = time.perf_counter() - begin
        outcome = TrialOutcome(
            config, status, seconds, reason, content, energy_joules=meter.joules,
            candidate=f"compress {self.request.name}: {text} @ rate {recipe.rate_weight:g}",
        )  # fmt: skip
        if counts is not None:
            outcome = counts.counted(outcome)
        number = self.ledger.append_trial(
            self.data, self.request.accuracy, outcome, self.provenance
        )
        self.outcomes.append(outcome.without_file())
        if stopped is not None:
            raise stopped
        if content is not None and counts is not None:
            self.goal.learn(outcome)
            found = counts.validation
            self.say(
                f"ledger row {number}: {8 * len(content):,} bits, validation "
                f"{100 * found.correct / found.examples:.2f} %"
            )
        else:
            self.say(f"ledger row {number}: failed, {reason}")
        return outcome

    def rounded(self, given: Extracted) -> None:
        """Round alone, as coarsely as the accuracy on validation allows.

        The search takes what is just good enough, which is as likely luck as not: it is asked for
        a standard error more, where there is a rounding of that. What the time ends, or an
        interrupt, leaves the smallest file that was good enough by then.
        """
        self.rounding = search = RoundingSearch(
            self.data, self.held_out, self.request.accuracy, self.say,
            lambda: self.seconds_left() > self.claim_seconds,
        )  # fmt: skip
        self.keep_rounding(given, search.run(given))

    def keep_rounding(self, given: Extracted, content: bytes | None) -> None:
        """Append a rounded file to the ledger as a trial."""
        recipe = dataclasses.replace(self.recipe(1.0, 1), float_epochs=0, quantized_epochs=0)
        if content is not None:
            found = content
            self.evaluated(given.architecture, recipe, self.request.engine, lambda: found)

    def claim(self, report: CompressReport) -> None:
        """Put a file of this run to the test as the main job does, and write what is to be left."""
        own = {one.sha256 for one in self.outcomes if one.sha256 is not None}
        if not own:
            return
        claimant = Claimant(
            self.data, self.goal, self.ledger, self.provenance, lambda: Scope(files=own), self.say,
            allow_slow=True,
        )  # fmt: skip
        outcome = claimant.claim()
        report.missed, report.claim_count = outcome.missed, outcome.looks
        report.lower_limit = outcome.lower_limit
        if outcome.written is None:
            return
        publisher = Publisher(
            self.data,
            self.request.accuracy,
            self.ledger,
            self.request.out,
            _RERUN,
            self.request.force,
        )
        table = entropy_table(self.data)
        keep_counts(self.ledger, self.data, table, self.provenance)
        found = publisher.publish(outcome, table, None)
        report.outputs = publisher.outputs
        if outcome.best is None:
            report.nearest = found
        else:
            report.best = found

    def run(self, given: Extracted) -> CompressReport:
        report = CompressReport(
            self.data.name, self.request.accuracy, parameter_count(given.architecture),
            self.measured(given),
        )  # fmt: skip
        self.say(
            f"given: {report.given_parameters:,} parameters, validation "
            f"{100 * report.given_accuracy:.2f} %"
        )
        try:
            if self.request.train:
                start = self.recovered(self.thinned(self.with_usual_logits(given), report))
                epochs = self.epochs(start)
                for rate_weight in self.request.rate_weights:
                    self.trial(start, rate_weight, epochs)
            else:
                self.rounded(given)
        except KeyboardInterrupt:
            answer_interrupt()  # by what follows: the best file is put to the test
            report.interrupted = True
            if self.rounding is not None and not self.outcomes:
                self.keep_rounding(given, self.rounding.content)
        if self.rounding is not None and not self.outcomes:
            report.tried_accuracy = self.rounding.best_accuracy
        report.trials = [
            (one.status, one.size_bits or 0, one.validation_accuracy)
            for one in self.outcomes
            if one.validation_accuracy is not None
        ]
        self.claim(report)
        return report


def _is_told(epoch: int, epochs: int) -> bool:
    """Whether an epoch is one of the dozen of which a line is said."""
    return epoch % max(1, epochs // 12) == 0 or epoch == epochs


def compress_job(
    given: Extracted, data: DataSet, request: CompressPlan, say: Callable[[str], None]
) -> CompressReport:
    """Compress a network that was extracted from a module; see `CompressRequest`.

    Raises:
        NetworkError: if the network does not fit the data set.
        OutputError: if something else is in the place of an output.
        LedgerError: if the ledger cannot be used.
    """
    if class_count(given.architecture) != data.class_count:
        raise NetworkError(
            "module", f"{class_count(given.architecture)} logits",
            f"{data.class_count}, one a class of {data.name}", "Pass another data set or module.",
        )  # fmt: skip
    with open_ledger(request.ledger) as ledger:
        check_replaceable([request.out], data, request.accuracy, ledger, force=request.force)
        return _Job(data, request, ledger, say).run(given)
