from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
import torch

from minbits.autoregressive.ensemble import AutoregressiveNetwork
from minbits.autoregressive.masked_network import MaskedNetwork
from minbits.autoregressive.member import MemberJob
from minbits.autoregressive.patch_network import PatchNetwork, PatchShape
from minbits.autoregressive.pixel_sampling import PixelSampler
from minbits.autoregressive.train_masked import train_masked
from minbits.autoregressive.train_patch import (
    _padded,
    as_rows,
    code_images,
    first_logits,
    train_patch,
)
from minbits.data import sample
from minbits.distributions import BarsAndStripes, MarkovChain
from minbits.information.discretise import Discretisation, discretise
from minbits.information.input_ladder import climb
from minbits.information.models.independent import Independent
from minbits.types import DataSet

SMALL = {"rows_above": 2, "reach": 2, "width": 16, "row_width": 8}


def patch_network(images: np.ndarray, symbols: int, channels: int) -> PatchNetwork:
    torch.manual_seed(0)
    _, height, columns = images.shape
    shape = PatchShape(height, columns, channels, symbols, **SMALL)
    sampler = PixelSampler(images, symbols, 0.5, 0.1)
    network = PatchNetwork(shape, *first_logits(sampler, images, symbols))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return network


@pytest.mark.parametrize(("symbols", "channels"), [(2, 1), (5, 1), (2, 3)])
def test_a_pixel_never_sees_itself_or_a_later_one(symbols: int, channels: int) -> None:
    generator = np.random.default_rng(1)
    images = generator.integers(0, symbols, (30, 4, 5 * channels)).astype(np.uint8)
    network = patch_network(images, symbols, channels)
    before = code_images(network, images[:1])[0]
    for pixel in range(images[0].size):
        changed = images[:1].copy()
        changed.reshape(1, -1)[0, pixel] = (changed.reshape(1, -1)[0, pixel] + 1) % symbols
        after = code_images(network, changed)[0]
        assert np.array_equal(before[:pixel], after[:pixel])


def test_the_probabilities_of_all_images_sum_to_one() -> None:
    generator = np.random.default_rng(2)
    images = generator.integers(0, 2, (40, 2, 3)).astype(np.uint8)
    network = patch_network(images, 2, 1)
    everything = np.array(list(itertools.product(range(2), repeat=6)), np.uint8).reshape(-1, 2, 3)
    chances = code_images(network, everything).astype(np.float64)
    assert chances.prod(axis=1).sum() == pytest.approx(1, abs=0.02)


def test_the_masked_network_is_a_distribution() -> None:
    torch.manual_seed(0)
    sizes = np.array([2, 3, 2, 4], np.int64)
    network = MaskedNetwork(sizes, 24, 2, 0.0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter))
    network.eval()
    everything = torch.tensor(list(itertools.product(*(range(size) for size in sizes))))
    assert torch.exp(-network(everything).sum(dim=1)).sum().item() == pytest.approx(1, abs=1e-4)


def test_sampled_pixels_estimate_the_whole_sum_without_bias() -> None:
    generator = np.random.default_rng(3)
    images = (generator.random((200, 6, 6)) < 0.2).astype(np.uint8)
    sampler = PixelSampler(images, 2, 0.6, 0.02)
    values = generator.random(images[:50].size)
    estimates = []
    for _ in range(400):
        kept, contexts, weights = sampler.keep(images[:50], generator)
        assert np.array_equal(contexts, sampler.contexts(images[:50]).ravel()[kept])
        estimates.append((values[kept] * weights).sum())
    error = np.std(estimates) / 20
    assert np.mean(estimates) == pytest.approx(values.sum(), abs=4 * error)


def test_colours_are_interleaved_along_the_row() -> None:
    symbols = np.arange(2 * 3 * 2 * 2).reshape(2, 12)
    rows = as_rows(symbols, (3, 2, 2))
    assert rows.shape == (2, 2, 6)
    assert rows[0, 1].tolist() == [2, 6, 10, 3, 7, 11]


def job_of(data: DataSet, seconds: float) -> tuple[MemberJob, float]:
    symbols = discretise(data, Discretisation())
    independent = climb(symbols, 5.0, [Independent()]).tightest.example_bits
    small = [part.astype(np.uint8) for part in symbols.parts()]
    job = MemberJob(*small, symbols.sizes, symbols.image_shape, None, 0, seconds, "processor")
    return job, independent


def test_the_patch_network_learns_and_stays_above_the_truth() -> None:
    data = sample(BarsAndStripes(6), 3000, 1000, seed=1)
    job, independent = job_of(data, 8.0)
    found = train_patch(job)
    bits = float(-np.log2(found.test_chances).sum(axis=1).mean())
    truth = data.truth[0].value
    assert truth - 0.2 < bits < 0.5 * independent
    assert found.parameter_bits > 8 * found.parameters
    assert found.steps > 1  # as many as the seconds allow


def test_the_masked_network_learns_and_stays_above_the_truth() -> None:
    source = MarkovChain((0.5, 0.3, 0.2), ((0.9, 0.05, 0.05), (0.1, 0.8, 0.1), (0, 0.1, 0.9)), 8)
    data = sample(source, 4000, 4000, seed=2)
    job, independent = job_of(data, 6.0)
    found = train_masked(job)
    lengths = -np.log2(found.test_chances).sum(axis=1)
    truth = data.truth[0].value
    error = lengths.std() / np.sqrt(len(lengths))
    assert truth - 4 * error < lengths.mean() < truth + 0.35 * (independent - truth)


def test_members_run_in_fresh_processes_and_their_mean_is_no_worse_than_the_worst() -> None:
    data = sample(MarkovChain((0.5, 0.5), ((0.9, 0.1), (0.2, 0.8)), 6), 600, 400, seed=3)
    model = AutoregressiveNetwork("masked", members=2)
    rung = climb(discretise(data, Discretisation()), 12.0, [model]).tightest
    assert rung.example_bits < 6
    assert "2 of them averaged" in rung.method


def test_importing_the_ladder_leaves_pytorch_alone() -> None:
    code = (
        "import sys, minbits, minbits.jobs.entropy_report, minbits.cli.entropy; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_pixels_that_fill_up_a_batch_weigh_nothing() -> None:
    kept, contexts, weights = _padded(np.arange(5), np.arange(5), np.full(5, 2, np.float32))
    assert len(kept) == len(contexts) == len(weights)
    assert len(kept) % 1024 == 0
    assert weights.sum() == 10
