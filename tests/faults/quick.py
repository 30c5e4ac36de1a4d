"""Trials of milliseconds: real network files, really decoded and validated, but never trained."""

from __future__ import annotations

import time

import numpy as np

from minbits.codec.architecture import tensor_shapes
from minbits.codec.file_format import decode_network, encode_network
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.evaluation.evaluate import evaluate
from minbits.networks.zoo import architecture_for
from minbits.search.tasks import TrialTask
from minbits.types import DataSet, TrialOutcome
from minbits.workers.work import WorkerContext


def random_network(task: TrialTask, data: DataSet) -> QuantizedNetwork:
    """Return a network of the task's architecture, or its parent's, with small random weights."""
    generator = np.random.default_rng(task.config.seed)
    if task.parent_file is None:
        architecture = architecture_for(task.config.architecture, data)
    else:
        architecture = decode_network(task.parent_file).architecture

    def tensor(shape: tuple[int, ...]) -> QuantizedTensor:
        return QuantizedTensor(generator.integers(-2, 3, shape).astype(np.int32), 0)

    layers = [
        QuantizedLayer(tensor(shape.weights), None if shape.bias is None else tensor((shape.bias,)))
        for shape in tensor_shapes(architecture)
    ]
    return QuantizedNetwork(architecture, tuple(layers))


def quick_trial(task: TrialTask, data: DataSet, worker: WorkerContext) -> TrialOutcome:
    """Run a trial as `minbits.search.trial.run_task` does, with chance in place of training."""
    start = time.perf_counter()
    content = encode_network(random_network(task, data))
    found = evaluate(content, data)
    return TrialOutcome(
        task.config,
        "done",
        time.perf_counter() - start,
        network_file=content,
        validation_correct=found.validation.correct,
        validation_examples=found.validation.examples,
        training_correct=found.training.correct,
        training_examples=found.training.examples,
    )
