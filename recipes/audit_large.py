"""An audit of a model of 100 million parameters: seconds, and memory beside the weights."""

from __future__ import annotations

import resource
import time
from itertools import pairwise

import torch
from torch import Tensor, nn

from minbits import audit

WIDTH, LAYERS, CLASSES = 2048, 23, 1000


class Large(nn.Module):
    """A chain of wide layers: 100,172,776 parameters."""

    def __init__(self) -> None:
        super().__init__()
        widths = [784, *[WIDTH] * (LAYERS + 1)]
        self.body = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))
        self.out = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits ``(batch, 1000)``."""
        x = x.flatten(1)
        for layer in self.body:
            x = torch.relu(layer(x))
        logits: Tensor = self.out(x)
        return logits


def peak_bytes() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    torch.manual_seed(0)
    model = Large()
    before = peak_bytes()
    start, busy = time.perf_counter(), time.process_time()
    report = audit(model, input=(1, 28, 28))
    seconds, processor = time.perf_counter() - start, time.process_time() - busy
    print(f"{report.parameters:,} parameters, {report.stored_bits:,} bits as stored")
    print(report.verdict)
    for size in report.lossless:
        print(f"  {size.method}: {size.size_bits:,} bits")
    for line in report.capacity:
        if line.value is not None:
            print(f"  {line.key}: {line.value:,.0f} {line.unit}")
    print(f"{seconds:.1f} s on the clock, {processor:.1f} s of processor")
    print(f"peak memory beside what was there before: {(peak_bytes() - before) / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
