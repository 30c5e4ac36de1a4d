from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minbits
from minbits.codec.inference import predict
from minbits.types import DataSet

RECORD = Path(__file__).parent.parent / "records" / "mnist-99.mbn"


def test_the_calls_of_the_readme(mnist: DataSet) -> None:
    assert minbits.entropy(mnist, minutes=0).figure("label_entropy").value == pytest.approx(
        3.31987, abs=1e-5
    )
    network = minbits.read(RECORD)
    assert network.size_bits == 8 * RECORD.stat().st_size
    some = mnist.test_inputs[:300]
    assert np.array_equal(network.predict(some), predict(network.quantized, some))
    assert network.predict_logits(some).shape == (300, 10)
    assert network.architecture.input_shape == (1, 28, 28)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        minbits.nothing  # noqa: B018


def test_importing_the_package_or_the_command_line_leaves_pytorch_out() -> None:
    code = (
        "import sys, minbits; from minbits.cli.app import COMMANDS, Commands\n"
        "for name in COMMANDS: assert Commands().get_command(None, name) is not None\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
