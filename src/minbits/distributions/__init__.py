"""Distributions whose entropies and mutual information are known exactly.

Every source draws examples with labels, and states its truth as figures of kind ``exact``.
`minbits.data.sample` makes a data set with the truth attached.
"""

from minbits.distributions.boolean import BooleanFunction, majority, parity, teacher, xor
from minbits.distributions.chains import IsingTree, MarkovChain, ising_chain
from minbits.distributions.gaussian import GaussianMixture, GaussianPair
from minbits.distributions.grids import PottsGrid, ising_grid
from minbits.distributions.images import BarsAndStripes
from minbits.distributions.independent import IndependentBits, NoisyLabels, RandomLabels
from minbits.distributions.lookup import LookupTable
from minbits.distributions.planted import PlantedNetwork
from minbits.distributions.source import Source

__all__ = [
    "BarsAndStripes",
    "BooleanFunction",
    "GaussianMixture",
    "GaussianPair",
    "IndependentBits",
    "IsingTree",
    "LookupTable",
    "MarkovChain",
    "NoisyLabels",
    "PlantedNetwork",
    "PottsGrid",
    "RandomLabels",
    "Source",
    "ising_chain",
    "ising_grid",
    "majority",
    "parity",
    "teacher",
    "xor",
]
