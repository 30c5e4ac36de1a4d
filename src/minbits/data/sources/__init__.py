"""Distributions whose entropies and mutual information are known exactly.

Every source draws examples with labels, and states its truth as figures of kind ``exact``; `sample`
makes a data set with the truth attached. Also importable as ``minbits.sources``.
"""

from minbits.data.sources.boolean import BooleanFunction, majority, parity, teacher, xor
from minbits.data.sources.chains import IsingTree, MarkovChain, ising_chain
from minbits.data.sources.gaussian import GaussianMixture, GaussianPair
from minbits.data.sources.grids import PottsGrid, ising_grid
from minbits.data.sources.images import BarsAndStripes
from minbits.data.sources.independent import IndependentBits, NoisyLabels, RandomLabels
from minbits.data.sources.source import Source, sample

__all__ = [
    "BarsAndStripes",
    "BooleanFunction",
    "GaussianMixture",
    "GaussianPair",
    "IndependentBits",
    "IsingTree",
    "MarkovChain",
    "NoisyLabels",
    "PottsGrid",
    "RandomLabels",
    "Source",
    "ising_chain",
    "ising_grid",
    "majority",
    "parity",
    "sample",
    "teacher",
    "xor",
]
