"""What trainability costs in bits: how often trainings reach an accuracy, against the file's size.

Two routes lead to a small file: a small network, tried from many initialisations, and a large one
that is compressed harder. Each training goes through both phases of the main job and ends as a
file. Its accuracy is that of the decoded file on the validation examples.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Sequence

from minbits.codec.architecture import class_count
from minbits.errors import ArgumentError
from minbits.networks.parameters import parameter_layout
from minbits.networks.zoo import architecture_for
from minbits.search.ladder import START_RUNG, ladder, own_candidate
from minbits.studies.price_statistics import Route, SizeSetting
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.types import DataSet, Plain, TrainingRecipe, TrialConfig
from minbits.workers.work import WorkerContext

# Layers whose units are a free choice, with their number.
_UNITS = re.compile(r"\b(conv|pointwise|linear) (\d+)")


def scaled_units(architecture: str, factor: float) -> str:
    """Return a network with so many times the units in every layer but the last; at least one."""
    *hidden, last = architecture.split("; ")

    def more(match: re.Match[str]) -> str:
        return f"{match[1]} {max(1, round(factor * int(match[2])))}"

    return "; ".join([*(_UNITS.sub(more, layer) for layer in hidden), last])


def size_settings(
    data: DataSet,
    architecture: str | None,
    scales: Sequence[float],
    strengths: Sequence[float],
    epochs: int,
) -> list[SizeSetting]:
    """Return the kinds of trainings: by size from the smallest, then by strength of compression.

    Sizes that come to the same network after rounding are one.

    Args:
        data: the data set.
        architecture: the base network; None takes the one of the main job's ladder.
        scales: factors of the base network's units.
        strengths: factors of the rate weight, of the largest network.
        epochs: of each of the two phases.

    Raises:
        ArgumentError: if the base network has another number of classes.
        NetworkError: if a network is not in the grammar or does not fit the data.
    """
    rung = ladder(data)[START_RUNG]
    base = rung if architecture is None else own_candidate(architecture, 1.0, data)
    recipe = dataclasses.replace(base.recipe, float_epochs=epochs, quantized_epochs=epochs)
    found: dict[str, SizeSetting] = {}
    for scale in sorted(scales):
        text = scaled_units(base.architecture, scale)
        found.setdefault(text, _setting("size", scale, text, recipe, data))
    largest = list(found)[-1]
    harder = [
        _setting(
            "compression", strength, largest,
            dataclasses.replace(recipe, rate_weight=recipe.rate_weight * strength), data,
        )
        for strength in sorted(set(strengths))
    ]  # fmt: skip
    return [*found.values(), *harder]


def _setting(
    route: Route, factor: float, text: str, recipe: TrainingRecipe, data: DataSet
) -> SizeSetting:
    architecture = architecture_for(text, data)
    if class_count(architecture) != data.class_count:
        raise ArgumentError(
            "`architecture`", f"{class_count(architecture)} logits",
            f"{data.class_count}, one a class of {data.name}", "Change the last layer.",
        )  # fmt: skip
    layout = parameter_layout(architecture, normalised=False)
    settings: dict[str, Plain] = {"architecture": text, **vars(recipe)}
    return SizeSetting(route, factor, text, layout.size, settings)


def price_tasks(
    kinds: Sequence[SizeSetting], seeds: int, done: Sequence[set[int]]
) -> list[StudyTask]:
    """Return the tasks that are left, one a training, all kinds in turn.

    Args:
        kinds: of trainings.
        seeds: of each kind.
        done: of each kind, the seeds that are measured already.
    """
    return [
        StudyTask(kind.settings, (seed,), kind.parameters + 500.0)
        for seed in range(seeds)
        for kind, known in zip(kinds, done, strict=True)
        if seed not in known
    ]


def measure(task: StudyTask, data: DataSet, context: WorkerContext) -> Sequence[Measured]:
    """Train, quantise, write, decode and validate one network a seed.

    ``cpu_seconds`` is the time of the processor, which other programs on the machine do not change.

    Raises:
        StoppedError: if asked to stop.
    """
    # In the worker alone: compiled code takes a second to load, which the parent does not need.
    from minbits.search.trial import run_trial
    from minbits.training.loop import StoppedError

    fields = dict(task.settings)
    architecture = str(fields.pop("architecture"))
    recipe = TrainingRecipe(**fields)  # type: ignore[arg-type]
    results = []
    for seed in task.seeds:
        start = time.process_time()
        outcome = run_trial(TrialConfig(architecture, recipe, seed), data, seed, context)
        if outcome.status == "interrupted":
            raise StoppedError
        result: dict[str, Plain] = {"failed": outcome.error or outcome.status}
        if outcome.status == "done":
            result = {
                "size_bits": outcome.size_bits,
                "validation_correct": outcome.validation_correct,
                "validation_examples": outcome.validation_examples,
                "training_correct": outcome.training_correct,
                "training_examples": outcome.training_examples,
                "cpu_seconds": time.process_time() - start,
            }
        results.append(Measured(task.settings, seed, result, outcome.seconds))
    return results


PRICE = Study("price", measure, "Choromanska et al. 2015, The Loss Surfaces of Multilayer Networks")
