"""What the second phase does with a float network: variants of it from the same starts, paired.

``python recipes/second_phase.py run SET SEED … [--main]`` trains. SET is ``digits`` (1,000
examples, 438 on validation) or ``mnist`` (10,000 and 10,000 of MNIST's training examples at 14 × 14
pixels). On MNIST and with ``--main`` only the main variants run. Each run is a line of
``recipes/second_phase.jsonl``; those that are in it already are not run again.
``python recipes/second_phase.py`` prints the comparison. No test set is looked at.

``python recipes/second_phase.py swings SEED …`` tells why accuracy swings during the second phase:
runs on digits without freezing, each with one cause taken away. It prints the mean change of the
validation accuracy from epoch to epoch in the second half, and the share of levels that change.

For each seed a network is trained in full precision once. All variants of the second phase start
from it, with the same order of examples and the same distortions. Bits are those of the whole file.
The cross-entropy of validation examples says more than their accuracy: it has less noise.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import numpy.typing as npt

import minbits
from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.file_format import encode_network
from minbits.codec.quantized_network import STEPS_PER_OCTAVE
from minbits.compression.finishing import finish
from minbits.compression.quantized_phase import FREEZING_PERIOD, STEP_RATE_FACTOR, share_frozen
from minbits.compression.quantizer import Quantizer
from minbits.compression.steps import share_steps
from minbits.compression.symmetries import remove_symmetries
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.training.context import TrainingContext
from minbits.training.float_phase import train_float
from minbits.training.lanes.engine import LanesEngine
from minbits.training.lanes.sampling import sample_images
from minbits.training.loop import Draw, LoopSettings, TrainingData, run_epochs
from minbits.training.optimizers import AdamW
from minbits.training.schedule import cosine, one_cycle
from minbits.types import TrainingRecipe
from minbits.units import bits_to_nats, bytes_to_bits

Float = npt.NDArray[np.float32]
RECORD = Path(__file__).with_suffix(".jsonl")


@dataclass(frozen=True)
class Variant:
    """One way to run the second phase.

    Attributes:
        changes: of the recipe.
        factor: of the learning rate of steps; None: the usual one.
        noise: whether weights get additive uniform noise until freezing starts, and no rounding.
        soft: whether values go from the weights to their levels evenly until freezing starts.
        teacher: share of the target that the float network gives, on the same distorted images.
        is_averaged: whether weights are averaged from 30 % on and replaced as freezing starts.
        annealed: progress at which the rate, which rises evenly from 0, is all there.
        is_warmed: whether the learning rate rises over the first tenth.
        are_steps_fixed: whether steps are on the grid of the format from the start.
        is_rounded: whether weights are rounded at all.
        is_traced: whether accuracy and levels are kept of epochs in the second half.
    """

    changes: dict[str, Any]
    factor: float | None = None
    noise: bool = False
    soft: bool = False
    teacher: float = 0.0
    is_averaged: bool = False
    annealed: float = 0.0
    is_warmed: bool = False
    are_steps_fixed: bool = False
    is_rounded: bool = True
    is_traced: bool = False


@dataclass(frozen=True)
class Experiment:
    """A data set, a network, and the variants in the order of the table."""

    network: str
    recipe: TrainingRecipe
    variants: dict[str, Variant]


MAIN = (
    "as it is", "rate weight × 0.67", "rate weight × 1.5", "epochs × 1.75", "finishing",
    "finishing, rate weight × 1.5",
)  # fmt: skip


def _variants(epochs: int, rate: float) -> dict[str, Variant]:
    def less(part: float) -> dict[str, Any]:
        return {"rate_weight": round(part * rate, 3)}

    finishing = round(0.75 * epochs)
    return {
        "as it is": Variant({}),
        "rate weight × 0.67": Variant(less(0.67)),
        "rate weight × 1.5": Variant(less(1.5)),
        "epochs × 1.75": Variant({"quantized_epochs": round(1.75 * epochs)}),
        "finishing": Variant({"finishing_epochs": finishing}),
        "finishing, rate weight × 1.5": Variant({"finishing_epochs": finishing, **less(1.5)}),
        "learning rate 3e-4": Variant({"quantized_learning_rate": 3e-4}),
        "learning rate 3e-3": Variant({"quantized_learning_rate": 3e-3}),
        "warm-up": Variant({}, is_warmed=True),
        "warm-up, learning rate 3e-3": Variant({"quantized_learning_rate": 3e-3}, is_warmed=True),
        "additive noise until 40 %, rate weight × 0.67": Variant(less(0.67), noise=True),
        "soft to hard until 40 %, rate weight × 0.67": Variant(less(0.67), soft=True),
        "float net as teacher 0.9, epochs × 0.6": Variant(
            {"quantized_epochs": round(0.6 * epochs)}, teacher=0.9
        ),
        "weights averaged before freezing": Variant({}, is_averaged=True),
        "rate annealed up to 80 %, rate weight × 1.5": Variant(less(1.5), annealed=0.8),
        "steps learned 4 × as fast": Variant({}, factor=4 * STEP_RATE_FACTOR),
        "freezing from 70 % on": Variant({"freezing_start": 0.7}),
    }


EXPERIMENTS = {
    "digits": Experiment(
        "conv 8 k3 p1 relu; depthwise k3 p1; pointwise 12 relu; maxpool 2; depthwise k3 p1; "
        "pointwise 12 relu; avgpool all; linear 10",
        TrainingRecipe(
            200, 800, 64, rate_weight=1.5, augmentation=0.8, step_training_end=0.3,
            freezing_start=0.4,
        ),
        _variants(800, 1.5),
    ),
    "mnist": Experiment(
        "conv 8 k3 leaky_relu; depthwise k3; pointwise 8 leaky_relu; depthwise k3; "
        "pointwise 12 leaky_relu; depthwise k3; pointwise 14 leaky_relu; depthwise k3; "
        "pointwise 14 leaky_relu; avgpool all; linear 10",
        TrainingRecipe(
            40, 60, 128, rate_weight=1.4, augmentation=0.5, step_training_end=0.3,
            freezing_start=0.4,
        ),
        {key: variant for key, variant in _variants(60, 1.4).items() if key in MAIN},
    ),
}  # fmt: skip


def examples(name: str) -> tuple[TrainingData, TrainingData, int]:
    """Return examples to train on and to validate on, and the exponent of their inputs."""
    data = minbits.load(name)
    order = np.random.default_rng(0).permutation(len(data.train_labels))
    inputs = data.train_inputs.astype(np.float32) * np.float32(2.0**-data.input_exponent)
    kept = 1000
    if name == "mnist":
        kept, order = 10_000, order[:20_000]
        inputs = inputs.reshape(-1, 1, 14, 2, 14, 2).mean((3, 5), dtype=np.float32)
    parts = [
        TrainingData(np.ascontiguousarray(inputs[part]), data.train_labels[part])
        for part in (order[:kept], order[kept:])
    ]
    return parts[0], parts[1], data.input_exponent


def cross_entropy(
    architecture: Architecture, values: Float, data: TrainingData
) -> tuple[float, float]:
    """Return the mean cross-entropy in nats, and the accuracy."""
    logits = LanesEngine().logits(architecture, values, data.inputs).astype(np.float64)
    logits -= logits.max(1, keepdims=True)
    right = logits[np.arange(len(logits)), data.labels]
    loss = float(np.mean(np.log(np.exp(logits).sum(1)) - right))
    return loss, float(np.mean(logits.argmax(1) == data.labels))


class SecondPhase:
    """The second phase of minbits with what a variant changes."""

    def __init__(self, variant: Variant, context: TrainingContext, start: Float, net: Architecture):
        self.variant, self.context, self.start, self.net = variant, context, start, net
        self.recipe, self.data = context.recipe, context.data
        self.quantizer = Quantizer(net, start, self.recipe.initial_step_ratio)
        if variant.are_steps_fixed:
            self.quantizer.fix_steps()
        latent, steps = self.quantizer.latent, self.quantizer.step_indices
        self.optimizer = AdamW(np.ones_like(latent), 0.0)
        factor = variant.factor or STEP_RATE_FACTOR
        self.step_optimizer = AdamW(np.full_like(steps, factor), 0.0)
        self.penalty = bits_to_nats(self.recipe.rate_weight) / len(self.data.labels)
        self.gradients = [np.zeros_like(latent), np.zeros_like(latent), np.zeros_like(steps)]
        self.objective = context.objective(parameter_layout(net, normalised=False))
        self.generator = np.random.default_rng(1000 + context.seed)
        tensors = tensor_shapes(net)
        pairs = [(math.prod(t.weights), t.bias) for t in tensors]
        self.sizes = [size for pair in pairs for size in pair if size is not None]
        self.trace: list[tuple[float, Float]] = []
        self.average, self.averaged, self.taken = np.zeros_like(latent), 0, 0

    def run(self) -> None:
        """Train."""
        recipe, rate = self.recipe, self.recipe.quantized_learning_rate
        settings = LoopSettings(
            recipe.quantized_epochs, recipe.batch_size,
            one_cycle(rate) if self.variant.is_warmed else cosine(rate), recipe.augmentation,
        )  # fmt: skip
        seed = self.context.seed + 1
        run_epochs(self.data, settings, seed, self.step, self.after_epoch, lambda: False)
        self.quantizer.fix_steps()
        self.quantizer.forward()

    def after_epoch(self, epoch: int) -> None:
        """Write down accuracy and levels in the second half."""
        if 2 * epoch > self.recipe.quantized_epochs and self.variant.is_traced:
            self.quantizer.forward()
            values = self.quantizer.values.copy()
            accuracy = cross_entropy(self.net, values, self.context.validation)[1]
            self.trace.append((100 * accuracy, values))

    def step(self, draw: Draw, rate: float, progress: float) -> float:
        """Take a step."""
        quantizer, recipe = self.quantizer, self.recipe
        if progress >= recipe.step_training_end and not quantizer.steps_are_fixed:
            quantizer.fix_steps()
        self.follow_average(progress)
        quantizer.forward()
        if progress >= recipe.freezing_start:
            quantizer.follow()
            self.taken += 1
            if self.taken % FREEZING_PERIOD == 0:
                quantizer.freeze(share_frozen(recipe, progress))
        self.teach(draw)
        of_values, gradient, of_steps = self.gradients
        loss = self.objective.loss_and_gradient(self.used(progress), draw, of_values)
        part = 1.0 if not self.variant.annealed else min(1.0, progress / self.variant.annealed)
        quantizer.backward(of_values, part * self.penalty, gradient, of_steps)
        self.optimizer.step(quantizer.latent, gradient, rate)
        if not quantizer.steps_are_fixed:
            self.step_optimizer.step(quantizer.step_indices, of_steps, rate)
        return loss

    def follow_average(self, progress: float) -> None:
        """Average the weights, and take the average as freezing starts."""
        if not self.variant.is_averaged or progress < 0.3 or self.averaged < 0:
            return
        if progress >= self.recipe.freezing_start:
            self.quantizer.latent[:] = self.average
            self.averaged = -1
            return
        self.averaged += 1
        self.average += (self.quantizer.latent - self.average) / np.float32(self.averaged)

    def used(self, progress: float) -> Float:
        """Return the values that the loss is taken at."""
        quantizer, latent = self.quantizer, self.quantizer.latent
        if not self.variant.is_rounded:
            return latent.copy()
        part = progress / self.recipe.freezing_start
        if part >= 1 or not (self.variant.noise or self.variant.soft):
            return quantizer.values
        if self.variant.soft:
            return latent + np.float32(part) * (quantizer.values - latent)
        steps = np.repeat(np.exp2(quantizer.step_indices / STEPS_PER_OCTAVE), self.sizes)
        return latent + steps * (self.generator.random(len(latent), np.float32) - np.float32(0.5))

    def teach(self, draw: Draw) -> None:
        """Write what the float network says of the images of a batch, distorted as they are."""
        targets = self.data.soft_targets
        if targets is None:
            return
        images = np.empty((len(draw.indices), *self.data.inputs.shape[1:]), np.float32)
        maps, fields = draw.distortions.maps, draw.distortions.fields
        sample_images(self.data.inputs, draw.indices, maps, fields, images)
        logits = self.context.engine.logits(self.net, self.start, images)
        powers = np.exp(logits - logits.max(1, keepdims=True))
        targets[draw.indices] = powers / powers.sum(1, keepdims=True)


def run(name: str, seeds: list[int], only: Collection[str]) -> None:
    """Train what is not in the record yet."""
    experiment = EXPERIMENTS[name]
    data, validation, exponent = examples(name)
    shape = tuple(data.inputs.shape[1:])
    net = parse_architecture(experiment.network, shape, exponent)  # type: ignore[arg-type]
    done = {(line["set"], line["variant"], line["seed"]) for line in recorded()}
    for seed in seeds:
        context = TrainingContext(experiment.recipe, seed, data, validation, LanesEngine())
        missing = [
            key for key in experiment.variants if key in only and (name, key, seed) not in done
        ]
        if not missing:
            continue
        start = train_float(net, context)
        for key in missing:
            variant = experiment.variants[key]
            line = measured(variant, context, start, net)
            with RECORD.open("a") as file:
                file.write(json.dumps({"set": name, "variant": key, "seed": seed, **line}) + "\n")
            print(name, seed, key, {k: round(v, 4) for k, v in line.items()}, flush=True)


def measured(
    variant: Variant, context: TrainingContext, start: Float, net: Architecture
) -> dict[str, float]:
    """Run one variant and return bits, validation, loss and seconds."""
    recipe, data = dataclasses.replace(context.recipe, **variant.changes), context.data
    if variant.teacher:
        soft = np.zeros((len(data.labels), 10), np.float32)
        data = TrainingData(data.inputs, data.labels, soft)
        recipe = dataclasses.replace(recipe, soft_target_weight=variant.teacher)
    context = dataclasses.replace(context, recipe=recipe, data=data)
    clock = time.process_time()
    phase = SecondPhase(variant, context, start, net)
    phase.run()
    exported = finish(phase.quantizer.export(), context)
    seconds = time.process_time() - clock
    values = np.concatenate(
        [
            tensor.values().ravel()
            for layer in exported.layers
            for tensor in (layer.weights, layer.bias)
            if tensor is not None
        ]
    )
    loss, accuracy = cross_entropy(net, values, context.validation)
    file = encode_network(remove_symmetries(share_steps(exported)))
    return {
        "bits": bytes_to_bits(len(file)),
        "validation": 100 * accuracy,
        "validation_nats": loss,
        "training_nats": cross_entropy(net, values, data)[0],
        "seconds": seconds,
    }


CAUSES = {
    "as it is": Variant({}),
    "no rate": Variant({"rate_weight": 0.0}),
    "steps fixed from the start": Variant({}, are_steps_fixed=True),
    "learning rate 3e-4": Variant({"quantized_learning_rate": 3e-4}),
    "learning rate 1e-4": Variant({"quantized_learning_rate": 1e-4}),
    "weights not rounded in training": Variant({}, is_rounded=False),
}


def swings(seeds: list[int]) -> None:
    """Print how far the accuracy of the rounded network swings, cause by cause."""
    experiment = EXPERIMENTS["digits"]
    data, validation, exponent = examples("digits")
    net = parse_architecture(experiment.network, (1, 8, 8), exponent)
    found: dict[str, list[list[float]]] = defaultdict(list)
    for seed in seeds:
        context = TrainingContext(experiment.recipe, seed, data, validation, LanesEngine())
        start = train_float(net, context)
        for key, cause in CAUSES.items():
            changes = {"quantized_epochs": 400, "freezing_start": 1.0, **cause.changes}
            recipe = dataclasses.replace(experiment.recipe, **changes)
            variant = dataclasses.replace(cause, is_traced=True)
            phase = SecondPhase(variant, dataclasses.replace(context, recipe=recipe), start, net)
            phase.run()
            steps = list(itertools.pairwise(phase.trace))
            found[key].append(
                [
                    mean(abs(after[0] - before[0]) for before, after in steps),
                    100 * mean(float(np.mean(after[1] != before[1])) for before, after in steps),
                    mean(accuracy for accuracy, _ in phase.trace),
                ]
            )
    print("| second phase without freezing | change an epoch | levels changed | mean accuracy |")
    print("|---|---|---|---|")
    for key, rows in found.items():
        change, flips, accuracy = (mean(column) for column in zip(*rows, strict=True))
        print(f"| {key} | {change:.2f} % | {flips:.1f} % | {accuracy:.2f} % |")


def recorded() -> list[dict[str, Any]]:
    """Return the lines of the record."""
    if not RECORD.exists():
        return []
    return [json.loads(line) for line in RECORD.read_text().splitlines()]


def paired(found: dict[int, Any], base: dict[int, Any], of: Callable[[Any], float]) -> str:
    """Return the mean difference over seeds, and its standard error."""
    seeds = sorted(found.keys() & base.keys())
    gaps = [of(found[seed]) - of(base[seed]) for seed in seeds]
    if len(gaps) < 2:
        return f"{mean(gaps):+.2f}, one seed"
    return f"{mean(gaps):+.2f} ± {stdev(gaps) / math.sqrt(len(gaps)):.2f}"


def advantage(line: dict[str, Any], slope: float) -> float:
    """Return the logarithm of validation nats, with the bits set off along the usual trade."""
    return math.log(line["validation_nats"]) - slope * math.log(line["bits"])


def slope_of(lines: dict[str, dict[int, Any]]) -> float:
    """Return d log nats / d log bits along the usual trade: that of the rate weight."""
    few, many = lines["rate weight × 1.5"], lines["rate weight × 0.67"]
    seeds = few.keys() & many.keys()
    gaps = [
        [math.log(few[seed][key] / many[seed][key]) for seed in seeds]
        for key in ("validation_nats", "bits")
    ]
    return mean(gaps[0]) / mean(gaps[1])


def table(name: str) -> None:
    """Print the comparison on a data set."""
    lines: dict[str, dict[int, Any]] = defaultdict(dict)
    for line in recorded():
        if line["set"] == name:
            lines[line["variant"]][line["seed"]] = line
    if not all(key in lines for key in MAIN):
        return
    base, slope = lines["as it is"], slope_of(lines)
    print(f"\n{name}: along the rate weight, 1 % more bits is {slope:.1f} % of validation nats")
    columns = "seeds | bits | validation | nats | training nats | s | log nats at equal bits"
    print(f"| variant | {columns} |")
    print("|---|---|---|---|---|---|---|---|")
    for key in EXPERIMENTS[name].variants:
        if not (found := lines.get(key)):
            continue
        means = {
            field: mean(line[field] for line in found.values())
            for field in ("bits", "validation", "validation_nats", "training_nats", "seconds")
        }
        gap = paired(found, base, lambda line: advantage(line, slope))
        print(
            f"| {key} | {len(found)} | {means['bits']:,.0f} | {means['validation']:.2f} % | "
            f"{means['validation_nats']:.3f} | {means['training_nats']:.3f} | "
            f"{means['seconds']:.1f} | {gap} |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["swings"]:
        swings([int(word) for word in sys.argv[2:]])
    elif sys.argv[1:2] == ["run"]:
        chosen = MAIN if "--main" in sys.argv else EXPERIMENTS[sys.argv[2]].variants
        run(sys.argv[2], [int(word) for word in sys.argv[3:] if word.isdigit()], chosen)
    else:
        for name in EXPERIMENTS:
            table(name)
