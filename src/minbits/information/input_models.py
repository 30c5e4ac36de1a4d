"""The registry of the ladder of H(X): a new bound is one new file and one line."""

from __future__ import annotations

from minbits.information.models.chow_liu import ChowLiu
from minbits.information.models.compressors import COMPRESSORS
from minbits.information.models.context_counts import ContextCounts
from minbits.information.models.gaussian_mixture import GaussianMixture
from minbits.information.models.hidden_tree import HiddenChowLiu
from minbits.information.models.independent import Independent
from minbits.information.models.mixture import Mixture
from minbits.information.rung import InputModel

# In the order of climbing: the cheap ones first.
INPUT_MODELS: tuple[InputModel, ...] = (
    Independent(),
    ChowLiu(),
    ContextCounts(),
    *COMPRESSORS,
    Mixture(),
    GaussianMixture(),
    HiddenChowLiu(),
)
