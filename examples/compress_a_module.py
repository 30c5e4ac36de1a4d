"""Round and code a PyTorch module; no training, so the accuracy is what rounding leaves."""

import torch
from torch import nn

import minbits

data = minbits.load("digits")
torch.manual_seed(0)
module = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
inputs, labels = torch.tensor(data.train_inputs / 16), torch.tensor(data.train_labels)
optimizer = torch.optim.Adam(module.parameters(), 1e-2)
for _ in range(200):
    optimizer.zero_grad()
    nn.functional.cross_entropy(module(inputs), labels).backward()
    optimizer.step()
report = minbits.compress(
    module, data, 0.9, train=False, input_scale=1 / 16, out="mine.mbn", ledger="ledger.sqlite"
)
print(f"{report.given_parameters:,} parameters became {report.raise_if_missed().size_bits:,} bits")
