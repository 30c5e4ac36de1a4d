"""Runs a network file on inputs in a process of its own: ``python -m minbits.codec.run``.

The process sees the file and the inputs, never the labels; it writes the predicted classes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np

from minbits.codec.file_format import decode_network, read_bytes
from minbits.codec.inference import predict
from minbits.codec.run_cost import run_cost
from minbits.errors import MinbitsError

ALLOW_SLOW = "--allow-slow"
USAGE = f"usage: python -m minbits.codec.run FILE.mbn INPUTS.npy PREDICTIONS.npy [{ALLOW_SLOW}]"


def main(arguments: list[str]) -> int:
    """Decode, predict, write; print lines of JSON: the cost, then the file or what is wrong."""
    paths = [argument for argument in arguments if argument != ALLOW_SLOW]
    if len(paths) != 3:
        print(USAGE, file=sys.stderr)
        return 2
    network_path, inputs_path, predictions_path = (Path(argument) for argument in paths)
    try:
        content = read_bytes(network_path)
        network = decode_network(content)
        inputs = np.load(inputs_path, mmap_mode="r", allow_pickle=False)
        cost = run_cost(network.architecture, len(inputs))
        print(json.dumps({"cost": dataclasses.asdict(cost)}), flush=True)
        predictions = predict(network, inputs, _threads(), ALLOW_SLOW in arguments)
    except MinbitsError as error:
        kind = type(error).__name__
        parts = [error.where, error.got, error.expected, error.remedy]
        print(json.dumps({"error": kind, "parts": parts}))
        return 2
    np.save(predictions_path, predictions)
    facts = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "torch_imported": "torch" in sys.modules,
    }
    print(json.dumps(facts))
    return 0


def _threads() -> int:
    """Return one thread a core, or as many as the environment allows, if BLAS has one each."""
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        return 1
    allowed = os.environ.get("OMP_NUM_THREADS", "")
    return int(allowed) if allowed.isdigit() and int(allowed) else (os.cpu_count() or 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
