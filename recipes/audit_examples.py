"""Audits of three well-known networks, trained for a few epochs: where their bits are.

``python recipes/audit_examples.py NAME …`` takes some of them only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from minbits.child_processes import python_command
from minbits.data import load
from minbits.networks.examples import LeNet300100, PyTorchExample, resnet18_for_digits

EXAMPLES = {
    "pytorch-example": ("PyTorchExample", PyTorchExample, "mnist", 4, 10_000),
    "lenet-300-100": ("LeNet300100", LeNet300100, "mnist", 2, 3_000),
    "resnet18-digits": ("resnet18_for_digits", resnet18_for_digits, "digits", 3, 3_000),
}


def train(module: nn.Module, data_name: str, epochs: int) -> None:
    data = load(data_name)
    inputs = torch.from_numpy(data.train_inputs).float() * 2.0**-data.input_exponent
    labels = torch.from_numpy(data.train_labels)
    steps = epochs * (len(labels) // 64)
    optimizer = torch.optim.AdamW(module.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    module.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(labels))[: len(labels) // 64 * 64].split(64):
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(module(inputs[chosen]), labels[chosen]).backward()
            optimizer.step()
            schedule.step()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="minbits-recipe-") as folder:
        for name in sys.argv[1:] or EXAMPLES:
            callable_name, make, data_name, epochs, most = EXAMPLES[name]
            torch.manual_seed(0)
            start = time.perf_counter()
            module = make()
            train(module, data_name, epochs)
            path = Path(folder) / f"{name}.safetensors"
            save_file(module.state_dict(), path)
            print(f"{name}: {epochs} epochs in {time.perf_counter() - start:.0f} s", flush=True)
            arguments = [
                "audit", f"minbits.networks.examples:{callable_name}", "--weights", str(path),
                "--data", data_name, "--figure", f"docs/images/audit-{name}.png",
                "--examples", str(most), "--ledger", str(Path(folder) / "ledger.sqlite"),
            ]  # fmt: skip
            shown = f"minbits audit {arguments[1]} --weights {path.name} --data {data_name}"
            shown += f" --examples {most}"
            print(f"$ {shown}", flush=True)
            start = time.perf_counter()
            subprocess.run(python_command("-m", "minbits", *arguments), check=True)
            print(f"audited in {time.perf_counter() - start:.0f} s\n", flush=True)


if __name__ == "__main__":
    main()
