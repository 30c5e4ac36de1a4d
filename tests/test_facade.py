from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minbits
from minbits.child_processes import python_command
from minbits.codec.inference import predict
from minbits.errors import TargetNotReachedError
from minbits.jobs.audit_request import AuditRequest
from minbits.jobs.compress_request import CompressRequest
from minbits.jobs.entropy_report import plain_entropy
from minbits.jobs.entropy_request import EntropyRequest
from minbits.jobs.need_request import NeedRequest
from minbits.jobs.price_request import PriceRequest
from minbits.jobs.size_request import SizeRequest
from minbits.jobs.trainability_request import SurfaceRequest, TrainabilityRequest
from minbits.jobs.verify_request import VerifyRequest
from minbits.requests import Request, options_of
from minbits.types import DataSet, plain_quantity

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


def test_the_public_names_are_listed() -> None:
    names = dir(minbits)
    assert {"size", "entropy", "compress", "verify", "inspect", "need", "audit"} <= set(names)
    assert {"load", "read", "to_torch", "MinbitsError", "__version__"} <= set(names)
    for name in names:
        assert getattr(minbits, name) is not None
    assert issubclass(TargetNotReachedError, minbits.MinbitsError)


@pytest.mark.parametrize(
    ("verb", "record"),
    [
        ("entropy", EntropyRequest), ("size", SizeRequest), ("compress", CompressRequest),
        ("verify", VerifyRequest), ("audit", AuditRequest), ("need", NeedRequest),
        ("trainability", TrainabilityRequest), ("trainability_surface", SurfaceRequest),
        ("trainability_price", PriceRequest),
    ],
)  # fmt: skip
def test_a_call_has_the_options_of_its_request(verb: str, record: type[Request]) -> None:
    call = getattr(minbits, verb)
    parameters = inspect.signature(call).parameters
    for item in options_of(record):
        assert parameters[item.name].default == item.default
        assert parameters[item.name].annotation == item.type
        assert f"{item.name}: {item.option.help}" in call.__doc__
    with pytest.raises(TypeError, match="acuracy"):
        call(*([None] * (2 if verb in {"compress", "verify", "audit"} else 1)), acuracy=1)


def test_no_verb_has_the_name_of_a_room() -> None:
    """Importing a room would put it in the place of the function."""
    place = Path(minbits.__file__).parent
    taken = {path.stem for path in place.iterdir()}
    assert not taken & set(dir(minbits))


def test_a_wrong_option_is_refused_before_anything_is_read() -> None:
    with pytest.raises(minbits.MinbitsError, match="`accuracy`: got 2"):
        minbits.size("no-such-set", accuracy=2)
    with pytest.raises(minbits.MinbitsError, match="no-such-set"):
        minbits.size("no-such-set", accuracy=0.5)


def test_the_library_and_the_command_have_the_same_figures() -> None:
    command = python_command("-m", "minbits", "entropy", "iris", "--minutes", "0", "--json")
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    plain = json.loads(done.stdout)
    report = minbits.entropy("iris", minutes=0)
    assert [plain_quantity(figure) for figure in report.figures] == plain["figures"]
    assert len(report.figures) >= 16
    assert json.loads(json.dumps(plain_entropy(report))) == plain
    with pytest.raises(minbits.MinbitsError, match="label_entropy"):
        report.figure("none")


def test_verify_and_inspect_of_the_library(mnist: DataSet) -> None:
    found = minbits.inspect(RECORD)
    assert sum(part.size_bits for part in found.parts) == pytest.approx(found.size_bits)
    assert found.summary["size_bits"] == 8 * RECORD.stat().st_size
    run = minbits.verify(RECORD, mnist)
    assert run.is_own_data
    assert run.verification.size_bits == found.size_bits


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        minbits.nothing  # noqa: B018


def test_the_calls_are_light_until_they_are_called() -> None:
    code = (
        "import sys, minbits\n"
        "for name in dir(minbits):\n"
        "    if name != 'to_torch': getattr(minbits, name)\n"
        "heavy = {'torch', 'numba', 'sklearn', 'matplotlib', 'sqlalchemy', 'scipy.stats'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_importing_the_package_or_the_command_line_leaves_pytorch_out() -> None:
    code = (
        "import sys, minbits; from minbits.cli.app import COMMANDS, Commands\n"
        "for name in COMMANDS: assert Commands().get_command(None, name) is not None\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
