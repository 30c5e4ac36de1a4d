"""What the main job is asked, checked before any work is done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from minbits.claims.outputs import kept_files, network_outputs, so_far_path
from minbits.errors import ArgumentError
from minbits.files import check_outputs
from minbits.ledger.location import LedgerTarget
from minbits.networks.zoo import zoo_entry
from minbits.search.space_file import read_space
from minbits.search.strategy_choice import AUTO, check_sampler
from minbits.types import EngineName
from minbits.workers.registry import DEFAULT_EXECUTOR, MAX_WORKERS, executor_kind

# As many as fit into the time.
MANY_TRIALS = 1_000_000_000


@dataclass(frozen=True)
class SizeRequest:
    """What the main job is asked.

    Attributes:
        accuracy: target, in (0, 1].
        accuracy_reason: why that target, where nobody named it.
        minutes: wall-clock minutes for the search; writing and verifying take some seconds more.
        trials: most trials.
        seed: first seed.
        workers: worker processes of one thread each.
        ledger: the ledger's file, or the URL of its database.
        out: where the network file goes; the card and the diagram go beside it.
        force: whether files of another data set, another target or nobody's may be written over.
        network: a name from the zoo in place of the built-in family.
        engine: which engine trains; ``auto`` takes the fastest that covers the network.
        architecture: in the grammar, in place of the built-in family.
        rate_weight: of the rate penalty for ``architecture``.
        executor: where trials run, a name of `minbits.workers.registry`.
        sampler: what proposes trials from random weights, see `minbits.search.strategy_choice`.
        moves: whether trials also start from the best files, changed a little.
        halving: whether trials are stopped early where they fall behind.
        space: a TOML file that samplers draw from; None: the one in the package.
        target_bits: the search ends with a file of at most so many bits; None: with the time.
        reliability: chance of success over seeds that a claimed candidate is to have; 0: any.
        worker_memory_bytes: private memory of a worker, past which its trial fails; None takes an
            equal share of the machine's.
        inputs: files that are read, which no output may replace.
    """

    accuracy: float
    minutes: float
    trials: int
    seed: int
    workers: int
    ledger: LedgerTarget
    out: Path
    network: str | None = None
    engine: EngineName = "auto"
    architecture: str | None = None
    rate_weight: float = 2.0
    executor: str = DEFAULT_EXECUTOR
    sampler: str = AUTO
    moves: bool = True
    halving: bool = False
    space: Path | None = None
    target_bits: int | None = None
    reliability: float = 0.0
    accuracy_reason: str = ""
    worker_memory_bytes: int | None = None
    inputs: tuple[Path, ...] = ()
    force: bool = False


def check_request(request: SizeRequest) -> None:
    """Check every argument, and that outputs can be written, before any work is done.

    Raises:
        ArgumentError: if an argument is out of its range.
        OutputError: if an output cannot be written, or would replace another one or an input.
    """
    ranges = {
        "--accuracy": (request.accuracy, 0 < request.accuracy <= 1, "above 0 and at most 1"),
        "--minutes": (request.minutes, 0 < request.minutes < 1e6, "a positive number"),
        "--trials": (request.trials, request.trials >= 1, "at least 1"),
        "--workers": (
            request.workers,
            1 <= request.workers <= MAX_WORKERS,
            f"1 to {MAX_WORKERS}",
        ),
        "--rate-weight": (request.rate_weight, 0 <= request.rate_weight < 1e6, "0 or above"),
        "--reliability": (request.reliability, 0 <= request.reliability < 1, "0 to below 1"),
        "--seed": (request.seed, 0 <= request.seed < 2**31, "0 to 2**31 - 1"),
    }
    if request.target_bits is not None:
        ranges["--target-bits"] = (request.target_bits, request.target_bits > 0, "above 0")
    if request.worker_memory_bytes is not None:
        mebibytes = request.worker_memory_bytes >> 20
        ranges["--worker-memory"] = (mebibytes, mebibytes >= 256, "at least 256 MiB")
    for name, (value, good, expected) in ranges.items():
        if not good:
            raise ArgumentError(name, str(value), expected, "Give another value.")
    executor_kind(request.executor)
    check_sampler(request.sampler, request.space is not None, request.halving)
    if request.space is not None:
        read_space(request.space)
    if request.network is not None and request.architecture is not None:
        raise ArgumentError("--architecture", "--network too", "one of them", "Leave one out.")
    if request.network is not None:
        zoo_entry(request.network)
    inputs = request.inputs if request.space is None else (*request.inputs, request.space)
    outputs = network_outputs(request.out) | {"the best file so far": so_far_path(request.out)}
    check_outputs(outputs, kept_files(request.ledger, inputs))
