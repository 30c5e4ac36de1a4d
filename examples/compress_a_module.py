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
    module, data, 0.8, train=False, input_scale=1 / 16, out="mine.mbn", ledger="ledger.sqlite"
)
found = report.raise_if_missed()
print(f"{report.given_parameters:,} parameters became {found.size_bits:,} bits,")
print(f"{found.correct} of {found.n_test} test examples are still correct")
