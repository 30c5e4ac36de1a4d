"""Verifying a network file: a fresh process decodes and runs it, then its answers are counted."""

from __future__ import annotations

import json
import logging
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import minbits.errors
from minbits.child_processes import child_environment, python_command
from minbits.codec.run import ALLOW_SLOW
from minbits.codec.run_cost import RunCost
from minbits.energy import EnergyMeter
from minbits.errors import DataError, MinbitsError, NetworkFileError
from minbits.files import no_room, refusal, scratch_folder
from minbits.intervals import wilson_interval
from minbits.types import DataSet, Verification
from minbits.units import bytes_to_bits

TIMEOUT_SECONDS = 1800.0
# A run that takes longer, on one core, says so first.
_STATED_SECONDS = 20.0

_log = logging.getLogger(__name__)


def state_long_run(cost: RunCost) -> None:
    """Warn of a run that takes long, before it starts."""
    if cost.seconds > _STATED_SECONDS:
        _log.warning("running a network: %s", cost)


def verify_file(
    path: Path,
    data: DataSet,
    allow_slow: bool = False,
    on_cost: Callable[[RunCost], None] = state_long_run,
) -> Verification:
    """Run a network file on the whole test set in a fresh process, with NumPy alone.

    Args:
        path: the network file.
        data: the data set whose test examples are classified.
        allow_slow: whether to run it however long it takes.
        on_cost: called with what the run costs, before it starts.

    Raises:
        NetworkFileError: if the file is not valid, or its process fails.
        DataError: if the network does not fit the data set.
        CostError: if the run would take too long.
    """
    start = time.perf_counter()
    with (
        EnergyMeter() as meter,
        scratch_folder("minbits-verify-") as folder,
    ):
        inputs, predictions = folder / "inputs.npy", folder / "predictions.npy"
        np.save(inputs, data.test_inputs)
        arguments = [str(path), str(inputs), str(predictions), *[ALLOW_SLOW] * allow_slow]
        facts = _run_decoder(arguments, path, folder, on_cost)
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


@contextmanager
def _decoder_process(arguments: list[str], errors: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the decoder; it is gone when the block is left, however that happens."""
    command = python_command("-m", "minbits.codec.run", *arguments)
    # The decoder works on a batch a core; BLAS, whose products are small, must not fight for them.
    environment = child_environment({"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
    with (
        errors.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
            errors="replace",
            env=environment,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def _run_decoder(
    arguments: list[str], path: Path, folder: Path, on_cost: Callable[[RunCost], None]
) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    errors, is_late = folder / "errors.txt", threading.Event()
    with _decoder_process(arguments, errors) as process:

        def give_up() -> None:
            is_late.set()
            process.kill()

        timer = threading.Timer(TIMEOUT_SECONDS, give_up)
        if ALLOW_SLOW not in arguments:
            timer.start()
        try:
            facts = _answer(process, on_cost)
            code = process.wait()
        finally:
            timer.cancel()
    if is_late.is_set():
        raise _decoder_failure(path, f"no answer in {TIMEOUT_SECONDS:g} s")
    if not facts:
        said = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        reason = said[-1] if said else f"exit code {code}"
        if (trouble := refusal(folder)) is not None:
            raise no_room(folder, trouble)
        raise _decoder_failure(path, reason)
    if "error" in facts:
        kind = getattr(minbits.errors, facts["error"])
        assert issubclass(kind, MinbitsError)
        where, *rest = facts["parts"]
        named = where if str(path) in where else f"{path}: {where}"
        raise kind(named, *rest)
    if facts["torch_imported"]:
        raise _decoder_failure(path, "a decoder that imported PyTorch")
    return facts


def _answer(process: subprocess.Popen[str], on_cost: Callable[[RunCost], None]) -> dict[str, Any]:
    """Return the last line that a decoder writes, {} without one; pass the cost on at once."""
    assert process.stdout is not None
    for line in process.stdout:
        try:
            told: dict[str, Any] = json.loads(line)
        except ValueError:
            continue  # a line that is not the decoder's own
        if not isinstance(told, dict):
            continue  # likewise
        if "cost" not in told:
            return told
        on_cost(RunCost(**told["cost"]))
    return {}


def _decoder_failure(path: Path, got: str) -> NetworkFileError:
    return NetworkFileError(
        f"decoder process for {path}", got, "predictions", "Run `minbits doctor`."
    )
