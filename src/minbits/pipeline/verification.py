"""Verifying a network file: a fresh process decodes and runs it, then its answers are counted."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

import minbits.errors
from minbits.child_processes import child_environment, python_command
from minbits.energy import EnergyMeter
from minbits.errors import DataError, MinbitsError, NetworkFileError
from minbits.files import no_room, refusal, scratch_folder
from minbits.intervals import wilson_interval
from minbits.records import DataSet, Verification
from minbits.units import bytes_to_bits

TIMEOUT_SECONDS = 1800.0


def verify_file(path: Path, data: DataSet) -> Verification:
    """Run a network file on the whole test set in a fresh process, with NumPy alone.

    Args:
        path: the network file.
        data: the data set whose test examples are classified.

    Raises:
        NetworkFileError: if the file is not valid, or its process fails.
        DataError: if the network does not fit the data set.
    """
    start = time.perf_counter()
    with (
        EnergyMeter() as meter,
        scratch_folder("minbits-verify-") as folder,
    ):
        inputs, predictions = folder / "inputs.npy", folder / "predictions.npy"
        np.save(inputs, data.test_inputs)
        facts = _run_decoder([str(path), str(inputs), str(predictions)], path, folder)
        predicted = np.load(predictions, allow_pickle=False)
    if predicted.shape != data.test_labels.shape or predicted.max() >= data.class_count:
        raise DataError(
            str(path),
            f"a network of at least {int(predicted.max()) + 1} classes",
            f"{data.class_count}, as {data.name} has",
            "Use the data set that the network was made for.",
        )
    correct = int(np.count_nonzero(predicted == data.test_labels))
    n_test = len(predicted)
    interval = wilson_interval(correct, n_test)
    return Verification(
        path=str(path),
        sha256=facts["sha256"],
        bytes=facts["bytes"],
        size_bits=bytes_to_bits(facts["bytes"]),
        n_test=n_test,
        correct=correct,
        test_accuracy=correct / n_test,
        wilson_low=interval.low,
        wilson_high=interval.high,
        seconds=time.perf_counter() - start,
        energy_joules=meter.joules,
    )


def _run_decoder(arguments: list[str], path: Path, folder: Path) -> dict[str, Any]:
    command = python_command("-m", "minbits.codec.run", *arguments)
    # The decoder works on a batch a core; BLAS, whose products are small, must not fight for them.
    environment = child_environment({"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_SECONDS,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise _decoder_failure(path, f"no answer in {TIMEOUT_SECONDS:g} s") from error
    try:
        facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        if (trouble := refusal(folder)) is not None:
            raise no_room(folder, trouble) from error
        raise _decoder_failure(path, reason[0]) from error
    if "error" in facts:
        kind = getattr(minbits.errors, facts["error"])
        assert issubclass(kind, MinbitsError)
        where, *rest = facts["parts"]
        named = where if str(path) in where else f"{path}: {where}"
        raise kind(named, *rest)
    if facts["torch_imported"]:
        raise _decoder_failure(path, "a decoder that imported PyTorch")
    return facts


def _decoder_failure(path: Path, got: str) -> NetworkFileError:
    return NetworkFileError(
        f"decoder process for {path}", got, "predictions", "Run `minbits doctor`."
    )
