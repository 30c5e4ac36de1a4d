"""The variational code of labels: bits of a posterior over weights, and of the labels given it.

A sender and a receiver agree on a prior over the weights. The sender learns a posterior q, and pays
the Kullback-Leibler divergence of q from the prior, and then the expected code length of the labels
under weights drawn from q (Hinton & van Camp 1993). Bits-back coding would reach this length, if
the sender had other bits to send as well. Nothing is written here: the figure is no file's length.

The posterior is Gaussian and independent over parameters. The prior of a tensor is Gaussian, of
mean 0 and of one standard deviation, which is coded too. Training draws two opposite samples of
the noise for each batch, one for each half, which takes out the noise of first order in the
gradient of the means.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minbits.codec.architecture import Architecture
from minbits.errors import LabelCodeError
from minbits.information.temperature import tempered_log_probabilities
from minbits.label_codes.network_learner import Size, network_text
from minbits.label_codes.protocol import Known, Labels, check_known_labels
from minbits.networks.grammar import parse_architecture
from minbits.networks.parameters import parameter_layout
from minbits.training.choice import choose_engine
from minbits.training.engine import Engine, ObjectiveSettings
from minbits.training.loop import Draw, LoopSettings, TrainingData, batch_of, run_epochs
from minbits.training.optimizers import AdamW
from minbits.training.schedule import cosine
from minbits.types import TrainingRecipe
from minbits.units import nats_to_bits

Float = npt.NDArray[np.float32]

# A prior's standard deviation is coded as its logarithm, 2 ** (index / _PER_OCTAVE).
SCALE_BITS = 8
_PER_OCTAVE = 8
SIZES: tuple[Size, ...] = ("tiny", "small")
# Says which of the two networks it is.
SIZE_BITS = 1
SAMPLES = 10
_BATCH = 128
_RATE = 4e-3
# Learning of the logarithms of standard deviations: they have further to go than the means.
_SPREAD_FACTOR = 4.0
# Standard deviation of the posterior at the start, over that of the weights drawn.
_FIRST_SPREAD = 0.05
# The divergence counts from 0 to 1 over this share of the epochs (Sønderby et al. 2016).
_WARM_UP = 0.3
_MAX_EPOCHS = 1000
_TIMED_STEPS = 20


@dataclass(frozen=True)
class VariationalLength:
    """The length of a variational code of labels.

    Attributes:
        network: the architecture, in the grammar.
        parameters: how many it has.
        prior_bits: that the standard deviations of the prior and the choice of the network take.
        weights_bits: the divergence of the posterior from the prior.
        labels_bits: expected code length of the labels, the mean over samples of the posterior.
        labels_bits_error: standard error of that mean.
        accuracy: share of training labels that are the likeliest, the mean over the samples.
        samples: how many were drawn.
        epochs: of training.
        seed: of all that was drawn.
    """

    network: str
    parameters: int
    prior_bits: float
    weights_bits: float
    labels_bits: float
    labels_bits_error: float
    accuracy: float
    samples: int
    epochs: int
    seed: int

    @property
    def total_bits(self) -> float:
        """Of prior, weights and labels."""
        return self.prior_bits + self.weights_bits + self.labels_bits


class Posterior:
    """Independent Gaussians over the parameters of a network, and the prior of each tensor.

    Args:
        architecture: the network.
        seed: of the first means.

    Attributes:
        means: shape ``(parameters,)``.
        log_spreads: natural logarithms of the standard deviations.
    """

    def __init__(self, architecture: Architecture, seed: int) -> None:
        layout = parameter_layout(architecture, normalised=False)
        self.means = layout.initial(seed)
        sizes = []
        for slot in layout.slots:
            sizes.append(slot.outputs * slot.taps)
            if slot.shift_at is not None:
                sizes.append(slot.outputs)
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        self._sizes = np.array(sizes, np.intp)
        if int(self._sizes.sum()) != len(self.means):
            raise ValueError("the tensors of a plain layout lie side by side")
        first = np.sqrt(self._means_of(self.means.astype(np.float64) ** 2))
        spread = _FIRST_SPREAD * np.where(first > 0, first, first.max())
        self.log_spreads = np.log(np.repeat(spread, self._sizes)).astype(np.float32)

    def _means_of(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the mean of each tensor."""
        sums: npt.NDArray[np.float64] = np.add.reduceat(values, self._starts)
        return sums / self._sizes

    @property
    def tensors(self) -> int:
        """How many standard deviations the prior has."""
        return len(self._sizes)

    def _own_variances(self) -> npt.NDArray[np.float64]:
        return np.asarray(np.exp(2 * self.log_spreads.astype(np.float64)))

    def _squares(self) -> npt.NDArray[np.float64]:
        """Return the mean of each parameter's square under the posterior."""
        return self.means.astype(np.float64) ** 2 + self._own_variances()

    def prior_variances(self) -> npt.NDArray[np.float64]:
        """Return the variance of each tensor's prior that makes the divergence least: one a weight.

        The least is where the variance is the mean of squares under the posterior. It is then
        rounded to the grid on which it is coded.
        """
        half = (1 << SCALE_BITS) // 2
        index = np.rint(_PER_OCTAVE * 0.5 * np.log2(self._means_of(self._squares())))
        index = np.clip(index, -half, half - 1)
        return np.repeat(2.0 ** (2 * index / _PER_OCTAVE), self._sizes)

    def divergence_nats(self) -> float:
        """Return the Kullback-Leibler divergence of the posterior from the prior."""
        variances = self.prior_variances()
        logs = np.log(variances) - 2 * self.log_spreads.astype(float)
        return float(0.5 * (self._squares() / variances - 1 + logs).sum())

    def divergence_gradients(self) -> tuple[Float, Float]:
        """Return the gradients of the divergence: of the means, and of the log spreads."""
        variances = self.prior_variances()
        of_spreads = self._own_variances() / variances - 1
        return (self.means / variances).astype(np.float32), of_spreads.astype(np.float32)


def _train(
    posterior: Posterior, architecture: Architecture, data: TrainingData, epochs: int, seed: int,
    engine: Engine,
) -> None:  # fmt: skip
    """Bring the posterior to a short code of all labels."""
    layout = parameter_layout(architecture, normalised=False)
    batch = batch_of(data, _BATCH)
    half = max(batch // 2, 1)
    objective = engine.objective(layout, data, ObjectiveSettings(half, seed=seed))
    noise = np.random.default_rng(seed)
    means, spreads = posterior.means, posterior.log_spreads
    optimizers = [
        AdamW(np.ones_like(means), 0.0),
        AdamW(np.full_like(spreads, _SPREAD_FACTOR), 0.0),
    ]
    gradient, of_means, of_spreads = (np.zeros_like(means) for _ in range(3))
    # A batch of one example has no second half.
    parts = [(0, half), (half, 2 * half)] if batch >= 2 * half else [(0, half)]

    def step(draw: Draw, rate: float, progress: float) -> float:
        drawn = noise.standard_normal(len(means), np.float32) * np.exp(spreads)
        of_means[:], of_spreads[:], loss = 0, 0, 0.0
        for sign, (start, end) in zip((1, -1), parts, strict=False):
            moved = np.float32(sign) * drawn
            loss += objective.loss_and_gradient(means + moved, draw.part(start, end), gradient)
            of_means[:] += gradient
            of_spreads[:] += gradient * moved
        weight = np.float32(min(progress / _WARM_UP, 1.0) / len(data.labels))
        kl_means, kl_spreads = posterior.divergence_gradients()
        share = np.float32(1 / len(parts))
        optimizers[0].step(means, share * of_means + weight * kl_means, rate)
        optimizers[1].step(spreads, share * of_spreads + weight * kl_spreads, rate)
        return loss / len(parts)

    settings = LoopSettings(epochs, batch, cosine(_RATE))
    run_epochs(data, settings, seed, step, lambda epoch: None, lambda: False)


def _epochs_in(
    architecture: Architecture, data: TrainingData, seconds: float, engine: Engine
) -> int:
    """Return how many epochs take about so many seconds, from timing some steps."""
    batch = batch_of(data, _BATCH)
    few = data.part(min(_TIMED_STEPS * batch, len(data.labels)))
    # The first call compiles.
    _train(Posterior(architecture, 0), architecture, few.part(batch), 1, 0, engine)
    began = time.perf_counter()
    _train(Posterior(architecture, 0), architecture, few, 1, 0, engine)
    an_epoch = (time.perf_counter() - began) * len(data.labels) / len(few.labels)
    return int(min(max(seconds / an_epoch, 1), _MAX_EPOCHS))


def _measured(
    posterior: Posterior, architecture: Architecture, data: TrainingData, seed: int, engine: Engine
) -> tuple[npt.NDArray[np.float64], float]:
    """Return the bits of all labels under each of some samples, and the mean accuracy."""
    noise = np.random.default_rng([seed, 1])
    bits, right = [], 0.0
    for _ in range(SAMPLES):
        drawn = noise.standard_normal(len(posterior.means), np.float32)
        values = posterior.means + drawn * np.exp(posterior.log_spreads)
        logs = tempered_log_probabilities(engine.logits(architecture, values, data.inputs), 1.0)
        bits.append(nats_to_bits(-float(logs[np.arange(len(logs)), data.labels].sum())))
        right += float(np.mean(logs.argmax(1) == data.labels)) / SAMPLES
    return np.array(bits), right


def variational_length(
    known: Known, labels: Labels, seconds: float, seed: int = 0
) -> VariationalLength:
    """Return the length of a variational code of labels: an upper bound that no file shows.

    Two networks of different size are trained, each for half the time, and the shorter code counts.

    Args:
        known: what the receiver has. Images are taken as they are given.
        labels: of shape ``(examples,)``, in ``0 .. classes - 1``.
        seconds: for training, about.
        seed: of initial weights, order and noise.

    Raises:
        DataError: if the labels do not fit what is known.
        LabelCodeError: if training diverges with both networks.
    """
    check_known_labels(known, labels)
    inputs = np.ascontiguousarray(known.inputs, np.float32) * np.float32(2.0**-known.input_exponent)
    data = TrainingData(inputs, labels)
    channels, height, width = (int(side) for side in inputs.shape[1:])
    found: list[VariationalLength] = []
    for size in SIZES:
        text = network_text((channels, height, width), known.classes, size)
        architecture = parse_architecture(text, (channels, height, width), 0)
        recipe = TrainingRecipe(1, 0, batch_size=_BATCH)
        engine = choose_engine("auto", architecture, recipe, max(batch_of(data, _BATCH) // 2, 1))
        epochs = _epochs_in(architecture, data, seconds / len(SIZES), engine)
        posterior = Posterior(architecture, seed)
        try:
            _train(posterior, architecture, data, epochs, seed, engine)
        except FloatingPointError:
            continue
        bits, accuracy = _measured(posterior, architecture, data, seed, engine)
        found.append(
            VariationalLength(
                network=text,
                parameters=len(posterior.means),
                prior_bits=float(SIZE_BITS + SCALE_BITS * posterior.tensors),
                weights_bits=nats_to_bits(posterior.divergence_nats()),
                labels_bits=float(bits.mean()),
                labels_bits_error=float(bits.std(ddof=1) / math.sqrt(SAMPLES)),
                accuracy=accuracy,
                samples=SAMPLES,
                epochs=epochs,
                seed=seed,
            )
        )
    if not found:
        raise LabelCodeError(
            "variational code", "training that diverged", "a finite loss", "Try another seed."
        )
    return min(found, key=lambda item: item.total_bits)
