"""The codes of labels that decode: a new one is a file and a line here."""

from __future__ import annotations

from minbits.label_codes.empirical import EmpiricalCode
from minbits.label_codes.prequential_file import PrequentialCode
from minbits.label_codes.protocol import LabelCode
from minbits.label_codes.two_part import TwoPartCode
from minbits.label_codes.uniform import UniformCode
from minbits.registry import Registry

LABEL_CODES: Registry[LabelCode] = Registry(
    "code of labels",
    UniformCode(),
    EmpiricalCode(),
    TwoPartCode(),
    PrequentialCode(),
)
