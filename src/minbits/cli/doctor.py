"""``minbits doctor``: is this installation sound?"""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import typer

from minbits.child_processes import child_environment, python_command
from minbits.cli.commands import command
from minbits.cli.output import EXIT_NOT_REACHED, JsonOptions, console, print_json
from minbits.codec.architecture import Architecture, tensor_shapes
from minbits.codec.file_format import decode_network, encode_network
from minbits.codec.inference import predict_logits
from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
from minbits.files import sha256_hex
from minbits.layers.convolution import Convolution
from minbits.layers.linear import Linear
from minbits.layers.pooling import Pooling
from minbits.ledger.location import default_ledger_path, ledger_exists, ledger_name
from minbits.ledger.provenance import code_version, library_versions
from minbits.search.device import device_name

# The bytes that the self-test network must be coded as, on every machine.
SELF_TEST_SHA256 = "ffc235b9846e42a2e17ce1d17d8be49c593505b2a011dcdb7e01d3e91d9294e2"


def self_test_network() -> QuantizedNetwork:
    """Return a small network whose levels follow from a counter alone."""
    architecture = Architecture(
        (1, 8, 8),
        4,
        (
            Convolution(4, 3, 1, 1),
            Convolution(4, 3, 1, 1, depthwise=True, bias=False, activation="none"),
            Convolution(6, 1),
            Pooling("max", 2),
            Linear(10),
        ),
    )
    layers: list[QuantizedLayer] = []
    for shapes in tensor_shapes(architecture):
        count = int(np.prod(shapes.weights))
        ramp = (np.arange(count) * 7 % 11 - 5) * (np.arange(count) % 3)
        weights = ramp.astype(np.int32).reshape(shapes.weights)
        bias = None
        if shapes.bias is not None:
            bias = QuantizedTensor((np.arange(shapes.bias) % 5 - 2).astype(np.int32), -9)
        layers.append(QuantizedLayer(QuantizedTensor(weights, -12), bias))
    return QuantizedNetwork(architecture, tuple(layers))


def codec_problem() -> str | None:
    """Return what is wrong with the codec on this machine, None if nothing is."""
    network = self_test_network()
    content = encode_network(network)
    if sha256_hex(content) != SELF_TEST_SHA256:
        return f"the self-test network is coded as {sha256_hex(content)}, not {SELF_TEST_SHA256}"
    inputs = (np.arange(256).reshape(4, 1, 8, 8) % 17).astype(np.uint8)
    before = predict_logits(network, inputs)
    if not np.array_equal(before, predict_logits(decode_network(content), inputs)):
        return "a decoded network computes other logits"
    return None


def _run_python(code: str) -> subprocess.CompletedProcess[str]:
    command = python_command("-c", code)
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=child_environment()
    )


def _torch_facts() -> dict[str, object]:
    # In a process of its own: `doctor` itself leaves PyTorch out.
    code = (
        "import json, torch; print(json.dumps({'threads': torch.get_num_threads(), "
        "'cuda': torch.cuda.is_available()}))"
    )
    done = _run_python(code)
    if done.returncode != 0:
        return {"error": done.stderr.strip().splitlines()[-1:]}
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


def _code_cache() -> str:
    # In a process of its own: the command line itself never imports numba, which takes a second.
    code = "from minbits.compilation import cache_folder; print(cache_folder() or '')"
    done = _run_python(code)
    return done.stdout.strip() or "no folder to cache in: each process compiles for itself"


@command
def doctor(show: JsonOptions) -> None:
    """Print versions, threads, device, caches and ledger, and test the codec.

    Example: minbits doctor
    """
    problem = codec_problem()
    ledger = os.environ.get("MINBITS_LEDGER") or default_ledger_path()
    facts = {
        "code_version": code_version(),
        "libraries": library_versions(),
        "cores": os.cpu_count(),
        "device": device_name(),
        "torch": _torch_facts(),
        "compiled_code": _code_cache(),
        "ledger": ledger_name(ledger),
        "ledger_exists": ledger_exists(ledger),
        "codec_self_test": "passed" if problem is None else f"FAILED: {problem}",
    }
    if show.json:
        print_json(facts)
    else:
        for name, value in facts.items():
            text = str(value)
            if isinstance(value, dict):
                text = ", ".join(f"{key} {item}" for key, item in value.items())
            console().print(f"{name}: {text}", soft_wrap=True)
    if problem is not None or "error" in facts["torch"]:  # type: ignore[operator]
        raise typer.Exit(EXIT_NOT_REACHED)
