from __future__ import annotations

import torch

from minbits.codec.architecture import Architecture
from minbits.networks.grammar import parse_layers
from minbits.networks.torch_layers import FloatNetwork, run_layers

TEXT = (
    "conv 4 k3 p1 relu; depthwise k3 p1; pointwise 6 leaky_relu; maxpool 2; linear 8 relu; linear 3"
)
ARCHITECTURE = Architecture((1, 8, 8), 0, parse_layers(TEXT, 1))


def trained(batch_normalisation: bool, dropout: float = 0.0) -> FloatNetwork:
    network = FloatNetwork(ARCHITECTURE, 3, batch_normalisation, dropout)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        loss = network(torch.randn(16, 1, 8, 8, generator=generator)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network.eval()


def test_folding_normalisation_changes_no_logit() -> None:
    for normalised in (True, False):
        network = trained(normalised)
        x = torch.randn(7, 1, 8, 8)
        folded = run_layers(ARCHITECTURE, network.folded_tensors(), x)
        assert torch.allclose(network(x), folded, rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = (FloatNetwork(ARCHITECTURE, 5, True, 0.0) for _ in range(2))
    other = FloatNetwork(ARCHITECTURE, 6, True, 0.0)
    pairs = list(zip(first.weights, second.weights, strict=True))
    assert all(torch.equal(one, two) for one, two in pairs)
    assert not torch.equal(first.weights[0], other.weights[0])


def test_dropout_acts_in_training_alone_and_keeps_the_mean() -> None:
    network = FloatNetwork(ARCHITECTURE, 1, False, 0.5)
    x = torch.randn(4, 1, 8, 8)
    network.eval()
    assert torch.equal(network(x), network(x))
    network.train()
    assert not torch.equal(network(x), network(x))
    ones = torch.ones(20_000, 6, 1, 1)
    dropped = network._drop_channels(ones)
    assert set(dropped.unique().tolist()) == {0.0, 2.0}
    assert abs(float(dropped.mean()) - 1) < 0.02
