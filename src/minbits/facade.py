"""The library's calls: ``load``, ``entropy``, ``smallest``, ``read``, ``audit``, ``need``."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from minbits.audit.report import AuditReport
from minbits.audit.run import MAX_EXAMPLES
from minbits.audit.sources import SourceSettings, open_model
from minbits.audit.torch_subject import torch_subject
from minbits.claims.outputs import default_output
from minbits.errors import MinbitsError
from minbits.jobs.audit import audit_job
from minbits.jobs.need import DEFAULT_ACCURACY, need_job
from minbits.jobs.need_steps import NeedReport
from minbits.jobs.size import size_job
from minbits.jobs.size_request import MANY_TRIALS, SizeRequest
from minbits.jobs.target import default_target
from minbits.ledger.location import LedgerTarget, default_ledger_path
from minbits.search.driver import SearchEvents
from minbits.types import DataSet, Verification
from minbits.workers.environment import usable_cores


class TargetNotReachedError(MinbitsError):
    """No verified network reaches the accuracy asked for."""

    exit_code = 1


def smallest(
    data: DataSet,
    accuracy: float | None = None,
    minutes: float = 13.0,
    *,
    trials: int = MANY_TRIALS,
    seed: int = 0,
    workers: int | None = None,
    ledger: LedgerTarget | None = None,
    out: str | Path | None = None,
    force: bool = False,
) -> Verification:
    """Find the smallest network file for a data set, and return what its verification found.

    The search runs in worker processes, which do not import the calling script. Where the system
    is not POSIX they do: call this below ``if __name__ == "__main__":`` there.

    Args:
        data: the data set.
        accuracy: target test accuracy, in (0, 1]; None takes 0.99 for MNIST, and for other data
            what the best simple classifier reaches on held-out training examples, less 0.005.
        minutes: wall-clock minutes to search.
        trials: most trials; by default as many as fit.
        seed: first seed; each trial takes the next one not used on this data.
        workers: worker processes of one thread each; None takes one a core.
        ledger: its file, or the URL of its database; None takes the one in the user data directory.
        out: where the file goes; None names it after data set, label column and accuracy.
        force: whether files of another data set, another target or nobody's may be written over.

    Raises:
        TargetNotReachedError: if no network reaches the target.
        MinbitsError: if an argument, the ledger or an output is bad.
    """
    if accuracy is None:
        accuracy = default_target(data).accuracy
    request = SizeRequest(
        accuracy=accuracy,
        minutes=minutes,
        trials=trials,
        seed=seed,
        workers=workers if workers is not None else usable_cores(),
        ledger=ledger if ledger is not None else default_ledger_path(),
        out=Path(out) if out is not None else default_output(data, accuracy),
        force=force,
    )
    report = size_job(data, request, SearchEvents())
    if report.interrupted:
        raise KeyboardInterrupt
    if report.best is None:
        best = report.best_validation
        raise TargetNotReachedError(
            f"smallest({data.name})",
            "no network" if best is None else f"{best:.4f} on validation at best",
            f"a verified network of accuracy {accuracy}",
            "Allow more minutes, or try another seed.",
        )
    return report.best


def audit(
    module: nn.Module | str | Path,
    data: DataSet | None = None,
    *,
    name: str | None = None,
    weights: str | Path | None = None,
    input_shape: tuple[int, ...] | None = None,
    accuracy: float | None = None,
    ledger: LedgerTarget | None = None,
    records: str | Path | None = None,
    most_examples: int = MAX_EXAMPLES,
    allow_slow: bool = False,
) -> AuditReport:
    """Audit a model: what it stores, could hold, and needs, beside what was found sufficient.

    Args:
        module: a PyTorch module, or what ``minbits audit`` takes: ``package.module:callable``, an
            ONNX file or a checkpoint.
        data: the data set that it classifies; inputs are multiplied by ``2 ** -input_exponent``.
        name: for tables; None takes the class or file.
        weights: a checkpoint to load into a callable's module.
        input_shape: of one example, where there are no data.
        accuracy: that the file compared with must reach; None takes the model's own.
        ledger: where found networks are remembered; None leaves it out.
        records: a folder of published cards; None leaves it out.
        most_examples: examples of each split that are run.
        allow_slow: whether to run network files however long they take; else those are passed over.

    Raises:
        MinbitsError: if model, data or an argument is bad.
    """
    shape = input_shape if data is None else data.input_shape
    exponent = 0 if data is None else data.input_exponent
    if isinstance(module, str | Path):
        file = None if weights is None else Path(weights)
        subject = open_model(str(module), SourceSettings(shape, exponent, file))
    else:
        subject = torch_subject(module, name or type(module).__name__, shape, exponent)
    return audit_job(
        subject,
        data,
        accuracy=accuracy,
        ledger=ledger,
        records=None if records is None else Path(records),
        most_examples=most_examples,
        allow_slow=allow_slow,
    )


def need(
    data: DataSet,
    accuracy: float = DEFAULT_ACCURACY,
    *,
    measure: bool = True,
    ledger: LedgerTarget | None = None,
    records: str | Path | None = None,
    allow_slow: bool = False,
) -> NeedReport:
    """Go from the entropies of a data set to neurons and weights, and to what was found.

    Args:
        data: the data set.
        accuracy: wanted, in (0, 1].
        measure: whether to compute a prequential code of the labels, which takes minutes.
        ledger: where found networks are remembered; None leaves it out.
        records: a folder of published cards; None leaves it out.
        allow_slow: whether to run network files however long they take; else those are passed over.

    Raises:
        MinbitsError: if an argument, the ledger or a card is bad.
    """
    return need_job(
        data,
        accuracy,
        ledger=ledger,
        records=None if records is None else Path(records),
        measure=measure,
        allow_slow=allow_slow,
    )
