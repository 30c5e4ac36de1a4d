"""From a request to a plan: what nobody named is resolved, and everything is checked."""

from __future__ import annotations

import time
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from minbits.claims.outputs import default_output, kept_files, network_outputs, so_far_path
from minbits.errors import ArgumentError
from minbits.files import check_outputs
from minbits.jobs.shared_options import Origin, resolved
from minbits.jobs.size_request import SizeRequest
from minbits.jobs.target import default_target
from minbits.ledger.location import LedgerTarget, chosen_ledger
from minbits.networks.zoo import zoo_entry
from minbits.search.space_file import read_space
from minbits.search.strategy_choice import check_sampler
from minbits.types import DataSet
from minbits.workers.registry import default_workers, executor_kind


@dataclass(frozen=True)
class SizePlan(SizeRequest):
    """A request in which nothing is left open.

    Attributes:
        accuracy_reason: why that accuracy, where nobody named it.
        seconds_spent: of the time that was given, on finding that accuracy.
    """

    accuracy: float
    _: KW_ONLY
    workers: int
    ledger: LedgerTarget
    out: Path
    accuracy_reason: str = ""
    seconds_spent: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds that are left for the search."""
        return max(1.0, self.minutes * 60 - self.seconds_spent)

    @property
    def worker_memory_bytes(self) -> int | None:
        """Private memory of a worker; None takes an equal share of the machine's."""
        return None if self.worker_memory is None else self.worker_memory << 20


def check_size_request(request: SizeRequest, origin: Origin) -> None:
    """Check what can be checked before the data set is loaded.

    Raises:
        ArgumentError: if an option is unknown, or does not go with another one.
        OutputError: if an output cannot be written, or would replace another one or an input.
    """
    executor_kind(request.executor)
    check_sampler(request)
    if request.space is not None:
        read_space(request.space)
    if request.network is not None and request.architecture is not None:
        raise ArgumentError("`architecture`", "`network` too", "one of them", "Leave one out.")
    if request.network is not None:
        zoo_entry(request.network)
    if request.out is not None:
        _check_out(request, Path(request.out), origin)


def _check_out(request: SizeRequest, out: Path, origin: Origin) -> None:
    space = () if request.space is None else (Path(request.space),)
    outputs = network_outputs(out) | {"the best file so far": so_far_path(out)}
    check_outputs(outputs, kept_files(chosen_ledger(request.ledger), (*origin.files, *space)))


def size_plan(data: DataSet, request: SizeRequest, origin: Origin) -> SizePlan:
    """Return a checked request with a value for everything that nobody named.

    Raises:
        ArgumentError: if an option is unknown, or does not go with another one.
        DataError: if the inputs are too many for the classifiers that tell the accuracy to ask for.
        OutputError: if an output cannot be written, or would replace another one or an input.
    """
    check_size_request(request, origin)
    accuracy, reason, start = request.accuracy, "", time.monotonic()
    if accuracy is None:
        target = default_target(data)
        accuracy, reason = target.accuracy, target.reason
    out = request.out or default_output(data, accuracy, origin.label, request.network)
    workers = request.workers or default_workers(request.executor)
    _check_out(request, Path(out), origin)
    return SizePlan(
        **resolved(
            request,
            accuracy=accuracy,
            accuracy_reason=reason,
            seconds_spent=time.monotonic() - start,
            workers=workers,
            ledger=chosen_ledger(request.ledger),
            out=Path(out),
        )
    )
