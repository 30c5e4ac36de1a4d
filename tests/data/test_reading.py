from __future__ import annotations

import sys
from pathlib import Path

import pytest

from minbits.data import load
from minbits.errors import DataError


@pytest.mark.parametrize(
    ("source", "module", "extra"),
    [
        ("t.arff", "arff", "arff"),
        ("t.xlsx", "openpyxl", "excel"),
        ("t.parquet", "pyarrow.parquet", "parquet"),
        ("mnist1d", "mnist1d.data", "mnist1d"),
    ],
)
def test_a_package_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, module: str, extra: str
) -> None:
    path = tmp_path / source
    if "." in source:
        path.write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    monkeypatch.setitem(sys.modules, module, None)
    message = rf"no package .*expected the extra '{extra}'.*pip install 'minbits\[{extra}\]'"
    with pytest.raises(DataError, match=message):
        load(path if "." in source else source)
