"""The bar on everything in a file that is not the code of a weight or a bias."""

from __future__ import annotations

import json
from pathlib import Path

from minbits.codec.file_format import encode_network, size_parts
from minbits.compression.quantizer import Quantizer
from minbits.compression.steps import share_steps
from minbits.networks.parameters import parameter_layout
from minbits.networks.zoo import architecture_for
from minbits.search.ladder import START_RUNG, ladder
from minbits.types import DataSet

BAR_BITS = 160
RECORDS = Path(__file__).parent.parent.parent / "records"


def overhead_bits(path: Path) -> float:
    parts = size_parts(path.read_bytes())
    return sum(part.size_bits for part in parts if not part.values)


def test_the_default_network_of_mnist(mnist: DataSet, tmp_path: Path) -> None:
    architecture = architecture_for(ladder(mnist)[START_RUNG].architecture, mnist)
    values = parameter_layout(architecture, normalised=False).initial(0)
    quantized = Quantizer(architecture, values, 0.3).export()
    path = tmp_path / "n.mbn"
    path.write_bytes(encode_network(share_steps(quantized)))
    assert overhead_bits(path) <= BAR_BITS


def test_the_record_on_mnist_at_99_percent() -> None:
    card = json.loads((RECORDS / "mnist-99.json").read_text())
    assert card["size_bits"] <= 12_000
    assert overhead_bits(RECORDS / "mnist-99.mbn") <= BAR_BITS
