"""How networks fit labels of which a part is drawn at random, against the width.

Zhang et al. 2017 (*Understanding deep learning requires rethinking generalization*) fit random
labels as well as real ones. Belkin et al. 2019 (*Reconciling modern machine-learning practice and
the classical bias-variance trade-off*) find that the test loss peaks where a network can just fit
its labels, which with C logits under squared loss is near n C parameters for n examples.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from minbits.errors import ArgumentError
from minbits.studies.losses import Loss, loss_named
from minbits.studies.protocol import Measured, Study, StudyTask
from minbits.types import DataSet, Plain
from minbits.workers.work import WorkerContext

if TYPE_CHECKING:
    pass

_CHECK_EVERY = 10
_LOWEST_RATE = 0.01  # of the first one: the last steps still move


@dataclass(frozen=True)
class LabelFitPlan:
    """How labels are fitted.

    Attributes:
        examples: of the training set, drawn anew for each seed.
        random_part: of their labels, replaced by labels drawn uniformly, in [0, 1].
        steps: of Adam on all examples.
        learning_rate: the first one; it falls as a cosine, to a hundredth.
        loss: see `tensor_losses`.
    """

    examples: int
    random_part: float
    steps: int
    learning_rate: float
    loss: Loss

    def settings(self, width: int) -> dict[str, Plain]:
        """Return all that a result depends on but the data and the seed."""
        return {
            "architecture": f"linear {width} relu; linear C",
            "width": width,
            "examples": self.examples,
            "random_part": self.random_part,
            "steps": self.steps,
            "learning_rate": self.learning_rate,
            "loss": self.loss,
            "optimizer": "Adam on all examples, cosine to a hundredth",
        }


def label_fit_parameters(data: DataSet, width: int) -> int:
    """Return the weights and biases of the network of a width."""
    inputs = int(np.prod(data.input_shape))
    return (inputs + 1) * width + (width + 1) * data.class_count


def drawn_labels(
    data: DataSet, examples: int, random_part: float, seed: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return which training examples a seed takes, and the labels that it trains on.

    Examples are drawn without repetition. The first ``round(random_part * examples)`` of them get a
    label that is drawn uniformly, which may be the right one.

    Raises:
        ArgumentError: if there are not so many examples.
    """
    if examples > len(data.train_labels):
        raise ArgumentError(
            "`examples`", f"{examples}", f"at most {len(data.train_labels)}, as {data.name} has",
            "Take fewer.",
        )  # fmt: skip
    generator = np.random.default_rng(seed)
    chosen = generator.permutation(len(data.train_labels))[:examples]
    labels = data.train_labels[chosen].astype(np.int64)
    count = round(random_part * examples)
    labels[:count] = generator.integers(0, data.class_count, count)
    return chosen, labels


def measure(task: StudyTask, data: DataSet, context: WorkerContext) -> Sequence[Measured]:
    """Fit labels with one network a seed, and return how it ends and when it had fitted them.

    The mean of the training inputs is taken off all inputs.
    ``fit_step`` is the first of every tenth step at which all labels are right, None if none is;
    ``fit_cpu_seconds`` is the processor's time until then, its share of a step of all seeds. Losses
    are means over examples, of the kind that is trained on. The test labels are the real ones.

    Raises:
        ArgumentError: if there are not so many training examples.
        StoppedError: if asked to stop.
    """
    # In the worker alone: it takes a second to load, which the parent does not need.
    import torch

    from minbits.memorisation.seeded_networks import (
        SeededShape,
        correct_counts,
        initial_weights,
        run_networks,
    )
    from minbits.studies.tensor_losses import tensor_losses
    from minbits.training.loop import StoppedError

    start = time.perf_counter()
    settings, seeds = task.settings, task.seeds
    plan = LabelFitPlan(
        int(str(settings["examples"])), float(str(settings["random_part"])),
        int(str(settings["steps"])), float(str(settings["learning_rate"])),
        loss_named(settings["loss"]),
    )  # fmt: skip
    drawn = [drawn_labels(data, plan.examples, plan.random_part, seed) for seed in seeds]

    # Rectifiers that see only positive inputs may all be off from the first steps on.
    middle = data.train_inputs.reshape(len(data.train_labels), -1).mean(0, dtype=np.float64)

    def plain_inputs(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
        flat = values.reshape(len(values), -1) - middle
        return np.asarray(flat * 2.0**-data.input_exponent, np.float32)

    inputs = torch.from_numpy(np.stack([plain_inputs(data.train_inputs[c]) for c, _ in drawn]))
    labels = torch.from_numpy(np.stack([one for _, one in drawn]))
    shape = SeededShape(inputs.shape[2], (int(str(settings["width"])),), max(data.class_count, 3))
    single = [initial_weights(shape, 1, torch.Generator().manual_seed(seed)) for seed in seeds]
    weights = [torch.cat(layer).detach().requires_grad_() for layer in zip(*single, strict=True)]
    optimizer = torch.optim.Adam(weights, plan.learning_rate)
    fit_steps: list[int | None] = [None] * len(seeds)
    fit_seconds: list[float | None] = [None] * len(seeds)
    began = time.process_time()
    for step in range(plan.steps + 1):
        logits = run_networks(shape, weights, inputs)
        losses = tensor_losses(logits, labels, plan.loss)
        if step % _CHECK_EVERY == 0 or step == plan.steps:
            correct = correct_counts(logits.detach(), labels).tolist()
            used = (time.process_time() - began) / len(seeds)
            for index, count in enumerate(correct):
                if count == plan.examples and fit_steps[index] is None:
                    fit_steps[index], fit_seconds[index] = step, used
            context.report(step)
            if context.should_stop():
                raise StoppedError
        if step == plan.steps:
            break
        optimizer.zero_grad(set_to_none=True)
        # Each seed's mean: seeds do not influence one another.
        losses.mean(1).sum().backward()  # type: ignore[no-untyped-call]
        rate = 0.5 * (1 + math.cos(math.pi * step / plan.steps))
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * max(rate, _LOWEST_RATE)
        optimizer.step()
    with torch.no_grad():
        tests = torch.from_numpy(plain_inputs(data.test_inputs)).expand(len(seeds), -1, -1)
        test_labels = torch.from_numpy(data.test_labels.astype(np.int64)).expand(len(seeds), -1)
        told = run_networks(shape, weights, tests)
        test_losses = tensor_losses(told, test_labels, plan.loss).mean(1).tolist()
        test_correct = correct_counts(told, test_labels).tolist()
    train_losses = losses.detach().mean(1).tolist()
    seconds = (time.perf_counter() - start) / len(seeds)
    return [
        Measured(
            task.settings,
            seed,
            {
                "train_loss": train_losses[index],
                "train_correct": correct[index],
                "train_examples": plan.examples,
                "test_loss": test_losses[index],
                "test_correct": test_correct[index],
                "test_examples": len(data.test_labels),
                "fit_step": fit_steps[index],
                "fit_cpu_seconds": fit_seconds[index],
            },
            seconds,
        )
        for index, seed in enumerate(seeds)
    ]


LABEL_FITS = Study(
    "label_fits",
    measure,
    "Zhang et al. 2017, Understanding deep learning requires rethinking generalization",
)
