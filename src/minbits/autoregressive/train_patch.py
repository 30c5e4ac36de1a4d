"""Training of one causal patch network within a given time, and its code lengths."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from minbits.autoregressive.member import MemberJob, MemberResult
from minbits.autoregressive.patch_network import PatchNetwork, PatchShape, negative_log_likelihood
from minbits.autoregressive.pixel_sampling import PixelSampler
from minbits.autoregressive.stored_weights import store_weights

_LEARNING_RATE = 2e-3
_LAST_RATE = 0.01
_WEIGHT_DECAY = 0.01
_WARM_UP_STEPS = 100
_AVERAGE_RATE = 0.01
_BATCH_IMAGES = 96
_FULL_SPREAD = 0.6
_MIN_CHANCE = 0.02
_CODED_PIXELS = 65_536
_ROUND_PIXELS = 2048
# Below this, more steps of a smaller network pay more than depth.
_LONG_RUN_SECONDS = 400.0
_TRAIN_EXAMPLES_CODED = 500

Images = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def as_rows(symbols: npt.NDArray[Any], image_shape: tuple[int, int, int]) -> npt.NDArray[Any]:
    """Return images of shape ``(examples, height, width * channels)``, channels interleaved."""
    channels, height, width = image_shape
    images = symbols.reshape(len(symbols), channels, height, width).transpose(0, 2, 3, 1)
    result: npt.NDArray[Any] = np.ascontiguousarray(
        images.reshape(len(symbols), height, width * channels)
    )
    return result


class _Batches:
    """Epochs of shuffled training images; of a sampled binarisation each time drawn anew."""

    def __init__(self, job: MemberJob, generator: np.random.Generator) -> None:
        assert job.image_shape is not None
        self._images = as_rows(job.train, job.image_shape)
        self._grey = None if job.grey is None else as_rows(job.grey, job.image_shape)
        self._generator = generator
        self._order = np.empty(0, np.int64)
        self.seen = 0

    @property
    def images(self) -> Images:
        """All training images, as first drawn."""
        return self._images

    def next(self, size: int) -> Images:
        """Return the next batch."""
        if len(self._order) < size:
            self._order = self._generator.permutation(len(self._images))
        rows, self._order = self._order[:size], self._order[size:]
        self.seen += len(rows)
        if self._grey is None:
            return self._images[rows]
        drawn = self._generator.random(self._grey[rows].shape, np.float32)
        return (drawn < self._grey[rows]).astype(np.uint8)


def first_logits(sampler: PixelSampler, images: Images, symbols: int) -> tuple[Tensor, Tensor]:
    """Return logits by context and by place from counts; for two symbols, of symbol 1.

    Grey values start from their frequencies by place, since few contexts repeat.
    """
    pixels = images.shape[1] * images.shape[2]
    if symbols == 2:
        on = np.clip(sampler.shares[:, 1:], 1e-4, 1 - 1e-4)
        return torch.from_numpy(np.log(on / (1 - on))).float(), torch.zeros(pixels, 1)
    counts = np.full((pixels, symbols), 0.1)
    flat = images[:10_000].reshape(-1, pixels).astype(np.int64)
    for row in flat:
        counts[np.arange(pixels), row] += 1
    chances = counts / counts.sum(axis=1, keepdims=True)
    contexts = torch.zeros(len(sampler.shares), symbols)
    return contexts, torch.from_numpy(np.log(chances)).float()


def code_images(network: PatchNetwork, images: Images) -> npt.NDArray[np.float32]:
    """Return the probability of every pixel's symbol, shape ``(examples, pixels)``."""
    pixels = network.shape.pixels
    batch = max(1, _CODED_PIXELS // pixels)
    parts = []
    network.eval()
    with torch.no_grad():
        for start in range(0, len(images), batch):
            chunk = torch.from_numpy(images[start : start + batch])
            image = torch.arange(len(chunk)).repeat_interleave(pixels)
            pixel = torch.arange(pixels).repeat(len(chunk))
            context = torch.from_numpy(PixelSampler.contexts(images[start : start + batch]))
            logits = network(chunk, image, pixel, context.reshape(-1))
            nats = negative_log_likelihood(logits, chunk.reshape(-1))
            parts.append(torch.exp(-nats.double()).float().reshape(len(chunk), pixels).numpy())
    network.train()
    return np.concatenate(parts)


class _Trainer:
    """AdamW with a rate that falls linearly with the time that has passed."""

    def __init__(self, network: PatchNetwork, job: MemberJob, seconds: float) -> None:
        self.network = network
        self.steps = 0
        self._seconds = seconds
        self._job = job
        self._started = job.now()
        self._optimizer = torch.optim.AdamW(
            network.parameters(), _LEARNING_RATE, betas=(0.9, 0.99), weight_decay=_WEIGHT_DECAY
        )
        self._average = [p.detach().clone() for p in network.parameters()]

    @property
    def progress(self) -> float:
        """The part of the time that has passed, from 0 to 1."""
        return min(1.0, (self._job.now() - self._started) / self._seconds)

    def step(self, loss: Tensor) -> None:
        """Take one step."""
        self.steps += 1
        rate = _LEARNING_RATE * min(1.0, self.steps / _WARM_UP_STEPS)
        for group in self._optimizer.param_groups:
            group["lr"] = rate * max(_LAST_RATE, 1 - self.progress)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        with torch.no_grad():
            # Faster at first, so that the first weights do not linger in short runs.
            rate = max(_AVERAGE_RATE, min(1.0, 10 / self.steps))
            torch._foreach_lerp_(self._average, list(self.network.parameters()), rate)

    def take_average(self) -> None:
        """Replace the weights by their running average."""
        with torch.no_grad():
            for parameter, average in zip(self.network.parameters(), self._average, strict=True):
                parameter.copy_(average)


def _padded(
    kept: npt.NDArray[np.int64], contexts: npt.NDArray[np.int64], weights: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Append pixels of weight zero up to a round number.

    Tensors of ever new sizes would tear the allocator's memory to pieces, gigabytes in an hour.
    """
    missing = -len(kept) % _ROUND_PIXELS
    return (
        np.pad(kept, (0, missing)),
        np.pad(contexts, (0, missing)),
        np.pad(weights, (0, missing)),
    )


def _batch_loss(
    network: PatchNetwork, batch: Images, sampler: PixelSampler, generator: np.random.Generator
) -> Tensor:
    kept, contexts, weights = _padded(*sampler.keep(batch, generator))
    where = torch.from_numpy(kept)
    symbols = torch.from_numpy(batch)
    image = torch.div(where, network.shape.pixels, rounding_mode="floor")
    pixel = where - image * network.shape.pixels
    logits = network(symbols, image, pixel, torch.from_numpy(contexts))
    nats = negative_log_likelihood(logits, symbols.reshape(-1)[where])
    return (nats * torch.from_numpy(weights)).sum() / len(batch)


def _coding_seconds(network: PatchNetwork, job: MemberJob, some: Images) -> float:
    """Return about how long coding all held-out images takes."""
    code_images(network, some[:10])  # the first call prepares what later ones reuse
    started = job.now()
    code_images(network, some)
    images = len(job.validation) + len(job.test) + _TRAIN_EXAMPLES_CODED
    return (job.now() - started) * images / len(some)


def patch_shape(job: MemberJob) -> PatchShape:
    """Return the network for some images; short runs get a smaller one."""
    assert job.image_shape is not None
    channels, height, width = job.image_shape
    return PatchShape(
        height=height,
        columns=width * channels,
        channels=channels,
        symbols=int(job.sizes.max()),
        rows_above=min(8, height - 1) if height > 1 else 0,
        reach=min(9, max(1, width - 1)),
        depth=3 if job.seconds >= _LONG_RUN_SECONDS else 2,
    )


def train_patch(job: MemberJob) -> MemberResult:
    """Train one network for the time given, and code the held-out images with it."""
    started, cpu_started = time.monotonic(), time.process_time()
    started_by_clock = job.now()
    assert job.image_shape is not None
    torch.manual_seed(job.seed)
    generator = np.random.Generator(np.random.PCG64(job.seed))
    batches = _Batches(job, generator)
    shape = patch_shape(job)
    sampler = PixelSampler(batches.images, shape.symbols, _FULL_SPREAD, _MIN_CHANCE)
    network = PatchNetwork(shape, *first_logits(sampler, batches.images, shape.symbols))
    validation, test = (as_rows(part, job.image_shape) for part in (job.validation, job.test))
    coding = 1.2 * _coding_seconds(network, job, validation[:100])
    left = job.seconds - (job.now() - started_by_clock) - coding
    trainer = _Trainer(network, job, max(1.0, left))
    batch_images = min(_BATCH_IMAGES, len(job.train))
    while trainer.progress < 1:
        batch = batches.next(batch_images)
        trainer.step(_batch_loss(network, batch, sampler, generator))
    trainer.take_average()
    parameter_bits = store_weights(network)
    settings = (
        f"{shape.depth} hidden layers of {shape.width} over {len(network.offsets)} causal pixels, "
        "the place, and a context of all rows above"
    )
    return MemberResult(
        validation_chances=code_images(network, validation),
        test_chances=code_images(network, test),
        train_chances=code_images(network, batches.images[:_TRAIN_EXAMPLES_CODED]),
        parameter_bits=parameter_bits,
        parameters=sum(math.prod(p.shape) for p in network.parameters()),
        steps=trainer.steps,
        epochs=batches.seen / len(job.train),
        seconds=time.monotonic() - started,
        cpu_seconds=time.process_time() - cpu_started,
        settings=settings,
    )
