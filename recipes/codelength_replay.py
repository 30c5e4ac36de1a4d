"""Continued training with replay beside retraining, in the prequential code of labels.

``python recipes/codelength_replay.py`` codes the digits' labels and 6,000 of MNIST's, images
normalised, block after block by the small network of `minbits codelength`. Before each block it is
trained on all labels seen: from new weights, or from those of the block before (Bornschein et al.
2022), with as many epochs or a quarter of them. The temperature is the best one of the past blocks.
No file is written: these are ideal code lengths, which compare ways of training.
"""

from __future__ import annotations

import itertools
import time

import numpy as np

import minbits
from minbits.data.moments import normalise_moments
from minbits.information.temperature import tempered_log_probabilities
from minbits.label_codes.network_learner import epochs_for, network_text
from minbits.networks.grammar import parse_architecture
from minbits.training.choice import choose_engine
from minbits.training.context import TrainingContext
from minbits.training.float_phase import train_float
from minbits.training.loop import TrainingData
from minbits.types import TrainingRecipe

TEMPERATURES = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0)
LABELS = {"digits": 1_438, "mnist": 6_000}
WAYS = {"retrained": (False, 1.0), "continued": (True, 1.0), "continued, a quarter": (True, 0.25)}
SEEDS = (0, 1)


def blocks(labels: int) -> list[int]:
    """Return where the blocks end: the first has 20 labels, each is half as long as all before."""
    ends = [20]
    while ends[-1] < labels:
        ends.append(min(labels, round(1.5 * ends[-1])))
    return ends


def code_bits(
    inputs: np.ndarray, labels: np.ndarray, classes: int, way: tuple[bool, float], seed: int
) -> tuple[float, float]:
    """Return the code length of the labels, and seconds of processor time."""
    continues, effort = way
    shape = inputs.shape[1:]
    channels, height, width = (int(side) for side in shape)
    shape = (channels, height, width)
    architecture = parse_architecture(network_text(shape, classes, "small"), shape, 0)
    past, values, began = np.zeros(len(TEMPERATURES)), None, time.process_time()
    ends = blocks(len(labels))
    bits = ends[0] * np.log2(classes)
    for seen, end in itertools.pairwise(ends):
        batch = 64 if seen >= 640 else 16
        recipe = TrainingRecipe(
            float_epochs=epochs_for(seen, effort), quantized_epochs=0, batch_size=batch,
            learning_rate=8e-3, weight_decay=1e-3, augmentation=0.4,
        )  # fmt: skip
        data = TrainingData(inputs[:seen], labels[:seen])
        engine = choose_engine("auto", architecture, recipe, batch)
        context = TrainingContext(recipe, seed, data, data.part(1), engine)
        values = train_float(architecture, context, values if continues else None)
        logits = engine.logits(architecture, values, inputs[seen:end])
        rows = np.arange(end - seen)
        costs = np.array([
            -tempered_log_probabilities(logits, t)[rows, labels[seen:end]].sum() / np.log(2)
            for t in TEMPERATURES
        ])  # fmt: skip
        bits += costs[past.argmin()]
        past += costs
    return float(bits), time.process_time() - began


def main() -> None:
    """Print a line for each data set, way and seed."""
    for name, count in LABELS.items():
        data = minbits.load(name)
        inputs = data.train_inputs.astype(np.float32) / np.float32(2**data.input_exponent)
        if name == "mnist":
            inputs = normalise_moments(inputs)
        for seed in SEEDS:
            order = np.random.default_rng(seed).permutation(len(inputs))[:count]
            for way, how in WAYS.items():
                bits, seconds = code_bits(
                    inputs[order], data.train_labels[order], data.class_count, how, seed
                )
                print(
                    f"{name}, {count:,} labels, order {seed}, {way}: {bits:,.0f} bits, "
                    f"{seconds:,.0f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
