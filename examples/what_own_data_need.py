"""From the entropies of your own arrays to neurons and weights, step by step."""

import numpy as np

import minbits
from minbits.data import from_arrays

generator = np.random.default_rng(0)
points = generator.normal(size=(600, 2))
inside = (points**2).sum(axis=1) < 1.4
data = from_arrays(points.astype(np.float32), inside.astype(int), name="disc")
report = minbits.need(data, 0.95, measure=False)
print(data)
for step in report.steps:
    print(f"{step.title}: {step.count:,.0f} {step.unit}")
