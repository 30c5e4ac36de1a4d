from __future__ import annotations

import torch
from torch.nn import functional

from minbits.codec.architecture import Architecture
from minbits.networks.grammar import parse_layers
from minbits.networks.parameters import parameter_layout
from minbits.networks.torch_layers import TrainingPass, normalise

TEXT = (
    "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 6 leaky_relu; maxpool 2; linear 8 relu; linear 3"
)
ARCHITECTURE = Architecture((1, 8, 8), 0, parse_layers(TEXT, 1))


def run(dropout: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the logits of two passes of one training run."""
    layout = parameter_layout(ARCHITECTURE, normalised=False)
    values = torch.from_numpy(layout.initial(0))
    training = TrainingPass(layout, 4, dropout, torch.Generator().manual_seed(seed))
    x = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    first, second = (training.logits(values, x)[0] for _ in range(2))
    return first, second


def test_dropout_follows_its_seed_and_drops_afresh_in_every_pass() -> None:
    plain, again = run(0.0, 0)
    assert torch.equal(plain, again)
    first, second = run(0.5, 0)
    assert not torch.equal(first, second)
    assert torch.equal(first, run(0.5, 0)[0])
    assert not torch.equal(first, run(0.5, 1)[0])


def test_dropout_zeroes_whole_channels_and_keeps_the_mean() -> None:
    layout = parameter_layout(ARCHITECTURE, normalised=False)
    training = TrainingPass(layout, 4, 0.5, torch.Generator().manual_seed(0))
    dropped = training._drop(torch.ones(20_000, 6, 2, 1))
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(dropped[:, :, 0], dropped[:, :, 1])
    assert abs(float(dropped.mean()) - 1) < 0.02


def test_ghost_batches_are_every_so_manieth_example() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 3, 4, 5, generator=generator)
    scale, shift = torch.rand(3, generator=generator), torch.randn(3, generator=generator)
    found, means, variances = normalise(x, scale, shift, 4)
    moments = []
    for start in range(3):
        part = x[start::3]
        expected = functional.batch_norm(part, None, None, scale, shift, True, 0.0, 1e-5)
        assert torch.allclose(found[start::3], expected, atol=1e-5)
        moments.append((part.mean((0, 2, 3)), part.var((0, 2, 3))))
    assert torch.allclose(means, torch.stack([m for m, _ in moments]).mean(0), atol=1e-6)
    assert torch.allclose(variances, torch.stack([v for _, v in moments]).mean(0), atol=1e-5)
