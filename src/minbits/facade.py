"""The library's calls: the verbs of the command line, with the same names and options.

The options of a call are the fields of its request (`minbits.requests`), so that signature and help
are made from them. What a job needs is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast

from minbits.data.options import LoadOptions
from minbits.jobs.audit_request import AuditRequest
from minbits.jobs.codelength_request import CodelengthRequest
from minbits.jobs.compress_request import CompressReport, CompressRequest
from minbits.jobs.diagram_request import DiagramRequest
from minbits.jobs.entropy_request import EntropyRequest
from minbits.jobs.need_request import NeedRequest
from minbits.jobs.plane_request import PlaneRequest
from minbits.jobs.predict_request import PredictRequest
from minbits.jobs.price_request import PriceRequest
from minbits.jobs.report_request import ReportRequest
from minbits.jobs.shared_options import Origin
from minbits.jobs.size_request import SizeRequest
from minbits.jobs.trainability_request import SurfaceRequest, TrainabilityRequest
from minbits.jobs.verify_request import VerifyRequest
from minbits.requests import call_with, with_options
from minbits.types import DataSet

if TYPE_CHECKING:
    from torch import nn

    from minbits.claims.own_data import FileRun
    from minbits.data.summary import DataSummary
    from minbits.jobs.codelength import CodelengthReport
    from minbits.jobs.diagram import DiagramReport
    from minbits.jobs.entropy_report import EntropyReport
    from minbits.jobs.inspect_file import FileInspection
    from minbits.jobs.need_steps import NeedReport
    from minbits.jobs.plane import PlaneReport
    from minbits.jobs.predict import PredictionReport
    from minbits.jobs.price import PriceReport
    from minbits.jobs.report import PageReport
    from minbits.jobs.size_report import SizeReport
    from minbits.jobs.surface import SurfaceReport
    from minbits.jobs.trainability import TrainabilityReport
    from minbits.model_audit.report import AuditReport

# A data set, the name of a built-in one, or a path.
Data = DataSet | str | Path

P = ParamSpec("P")
One = TypeVar("One")
Two = TypeVar("Two")
Asked = TypeVar("Asked")
Report = TypeVar("Report")
Report_co = TypeVar("Report_co", covariant=True)


def call_on_data(
    request: Callable[P, Asked],
) -> Callable[[Callable[[One, Two, Asked], Report]], Callable[Concatenate[One, Two, P], Report]]:
    """Make a call of two arguments and a request's options from a function of all three."""
    return lambda function: with_options(function, request)


def _opened(data: Data) -> tuple[DataSet, Origin]:
    from minbits.data import load

    if isinstance(data, DataSet):
        return data, Origin()
    return load(data), Origin(files=(Path(data),))


def _several(data: Data | Sequence[Data]) -> Sequence[Data]:
    return [data] if isinstance(data, DataSet | str | Path) else data


class _Interruptible(Protocol):
    """A report of a job that an interrupt ends early."""

    @property
    def interrupted(self) -> bool: ...


Whole = TypeVar("Whole", bound=_Interruptible)


def _uninterrupted(report: Whole) -> Whole:
    """Return a report of a job that went to its end; pass on the interrupt of another one."""
    if report.interrupted:
        raise KeyboardInterrupt
    return report


@call_with(LoadOptions)
def describe(data: Data, options: LoadOptions) -> DataSummary:
    """Return what is in a data set: label, classes, columns, and what is odd about them.

    The options are those of `minbits.load`; a data set that is loaded already takes none.

    Raises:
        DataError: if the data cannot be read.
        ArgumentError: if an option means nothing for the source.
    """
    from minbits.data import load
    from minbits.data.summary import summarise

    if isinstance(data, DataSet):
        options.only("a data set that is loaded already")
        return summarise(data)
    return summarise(load(data, **vars(options)))


@call_with(EntropyRequest)
def entropy(data: Data, request: EntropyRequest) -> EntropyReport:
    """Return entropies of a data set, each with its unit and what it says.

    The ladder bounds H(X) of one example from above, as far as ``minutes`` allow. Its networks
    train in fresh processes; where the system is not POSIX these import the calling script: call
    this below ``if __name__ == "__main__":`` there.

    Raises:
        ArgumentError: if an option is out of its range, or does not fit the data.
        OutputError: if a picture cannot be written.
    """
    from minbits.jobs.entropy_report import entropy_job

    loaded, origin = _opened(data)
    return entropy_job(loaded, request, origin=origin)


@call_with(SizeRequest)
def size(data: Data, request: SizeRequest) -> SizeReport:
    """Find the smallest network file for a data set; verify it, remember everything, draw it.

    The search runs in worker processes, which do not import the calling script. Where the system
    is not POSIX they do: call this below ``if __name__ == "__main__":`` there.

    A target that is missed is an answer: ``best`` of the report is None then. Its method
    ``raise_if_missed()`` returns the verification of the best file, or raises.

    Raises:
        KeyboardInterrupt: if the search was interrupted; what was found by then is written.
        MinbitsError: if an argument, the ledger or an output is bad.
    """
    from minbits.jobs.size import size_job

    loaded, origin = _opened(data)
    return _uninterrupted(size_job(loaded, request, origin=origin))


@call_on_data(CompressRequest)
def compress(model: nn.Module | str | Path, data: Data, request: CompressRequest) -> CompressReport:
    """Compress a PyTorch module to the smallest file found that keeps an accuracy.

    The model is a module of usual layers (docs/compress.md), which is set to evaluation mode, else
    unchanged; or ``package.module:callable``, ``file.py:callable``, or a checkpoint with
    ``layers``.

    A target that is missed is an answer: ``best`` of the report is None then. Its method
    ``raise_if_missed()`` returns the verification of the best file, or raises.

    Raises:
        KeyboardInterrupt: if it was interrupted; what was found by then is written.
        MinbitsError: if a layer is not supported, or an argument or output is bad.
    """
    from minbits.jobs.compress_module import compress_module

    loaded, origin = _opened(data)
    return _uninterrupted(compress_module(model, loaded, request, origin=origin))


class _Audit(Protocol[P, Report_co]):
    """A call on a model, with or without data."""

    def __call__(
        self,
        model: nn.Module | str | Path,
        data: Data | None = None,
        *args: P.args,
        **options: P.kwargs,
    ) -> Report_co: ...


class _OnModel(Generic[P]):
    """Makes a call on a model, with or without data, from a function of these and a request."""

    def __init__(self, request: Callable[P, Any]) -> None:
        self._request = request

    def __call__(self, function: Callable[..., Report]) -> _Audit[P, Report]:
        return cast("_Audit[P, Report]", with_options(function, self._request))


@_OnModel(AuditRequest)
def audit(
    model: nn.Module | str | Path, data: Data | None = None, *, request: AuditRequest
) -> AuditReport:
    """Audit a model: what it stores, could hold, and needs, beside what was found sufficient.

    The model is a PyTorch module, or what ``minbits audit`` takes: ``package.module:callable``,
    ``file.py:callable``, an ONNX file or a checkpoint. Inputs of the data set, which it classifies,
    are multiplied by ``2 ** -input_exponent`` where no ``input_scale`` is given; the report's
    ``warnings`` say if the model seems to expect other ones.

    Raises:
        MinbitsError: if model, data or an argument is bad.
    """
    from minbits.jobs.audit import audit_job

    loaded, origin = (None, Origin()) if data is None else _opened(data)
    return audit_job(model, loaded, request, origin=origin)


@call_with(CodelengthRequest)
def codelength(data: Data, request: CodelengthRequest) -> CodelengthReport:
    """Return how many bits a data set's training labels take, given the inputs, code by code.

    Every length is that of a file that was decoded to the same labels, from the inputs alone; that
    of the variational code alone is computed. The test set is not looked at. Learners run in fresh
    processes; where the system is not POSIX these import the calling script: call this below
    ``if __name__ == "__main__":`` there.

    Raises:
        MinbitsError: if an argument, the ledger or an output is bad.
    """
    from minbits.jobs.codelength import codelength_job

    loaded, origin = _opened(data)
    return codelength_job(loaded, request, origin=origin)


class _SomeSets(Protocol[P, Report_co]):
    """A call on some data sets, or on none."""

    def __call__(
        self, data: Data | Sequence[Data] = (), *args: P.args, **options: P.kwargs
    ) -> Report_co: ...


class _OnSets(Generic[P]):
    """Makes a call on data sets, or on none, from a function of these and a request."""

    def __init__(self, request: Callable[P, Any]) -> None:
        self._request = request

    def __call__(self, function: Callable[..., Report]) -> _SomeSets[P, Report]:
        return cast("_SomeSets[P, Report]", with_options(function, self._request))


@_OnSets(DiagramRequest)
def diagram(data: Data | Sequence[Data] = (), *, request: DiagramRequest) -> DiagramReport:
    """Draw what data sets carry against the bits of their smallest network files so far.

    One point a data set, from the ledger and the records. Data sets that are given are searched and
    measured first, as far as the ledger does not know them. Learners run in fresh processes, as
    those of `codelength`.

    Raises:
        KeyboardInterrupt: if it was interrupted; what was done by then is in the ledger.
        MinbitsError: if an argument, the ledger, a record or the picture's place is bad.
    """
    from minbits.jobs.diagram import diagram_job

    return diagram_job([_opened(item) for item in _several(data)], request)


@call_with(TrainabilityRequest)
def trainability(data: Data, request: TrainabilityRequest) -> TrainabilityReport:
    """Compare where trainings from many initialisations end, width by width.

    Every training is a row of the ledger; a study that was stopped goes on where it was. Trainings
    run in fresh processes; where the system is not POSIX these import the calling script: call this
    below ``if __name__ == "__main__":`` there.

    Raises:
        KeyboardInterrupt: if it was interrupted; what was measured by then is in the ledger.
        MinbitsError: if an argument, the ledger or the chart's place is bad.
    """
    from minbits.jobs.trainability import trainability_job

    loaded, origin = _opened(data)
    return _uninterrupted(trainability_job(loaded, request, origin=origin))


@call_with(PlaneRequest)
def plane(data: Data, request: PlaneRequest) -> PlaneReport:
    """Follow the layers of networks in the information plane while they are trained.

    Every training is a row of the ledger; a study that was stopped goes on where it was. Trainings
    run in fresh processes; where the system is not POSIX these import the calling script: call this
    below ``if __name__ == "__main__":`` there.

    Raises:
        KeyboardInterrupt: if it was interrupted; what was measured by then is in the ledger.
        MinbitsError: if an argument, the ledger or a picture's place is bad.
    """
    from minbits.jobs.plane import plane_job

    loaded, origin = _opened(data)
    return _uninterrupted(plane_job(loaded, request, origin=origin))


@call_with(PriceRequest)
def trainability_price(data: Data, request: PriceRequest) -> PriceReport:
    """Measure what trainability costs in bits: how often trainings succeed, size by size.

    Accuracies are of validation examples: the test set is not looked at. Rows of the ledger,
    stopping and processes are as those of `trainability`.

    Raises:
        KeyboardInterrupt: if it was interrupted; what was measured by then is in the ledger.
        MinbitsError: if an argument, the ledger or the chart's place is bad.
    """
    from minbits.jobs.price import price_job

    loaded, origin = _opened(data)
    return _uninterrupted(price_job(loaded, request, origin=origin))


@call_with(SurfaceRequest)
def trainability_surface(data: Data, request: SurfaceRequest) -> SurfaceReport:
    """Measure the training loss between and around the minima of pairs of networks.

    The test set is not looked at. Rows of the ledger, stopping and processes are as those of
    `trainability`.

    Raises:
        KeyboardInterrupt: if it was interrupted; what was measured by then is in the ledger.
        MinbitsError: if an argument, the ledger or the chart's place is bad.
    """
    from minbits.jobs.surface import surface_job

    loaded, origin = _opened(data)
    return _uninterrupted(surface_job(loaded, request, origin=origin))


@call_with(NeedRequest)
def need(data: Data, request: NeedRequest) -> NeedReport:
    """Go from the entropies of a data set to neurons and weights, and to what was found.

    Learners run in fresh processes, as those of `codelength`.

    Raises:
        MinbitsError: if an argument, the ledger or a card is bad.
    """
    from minbits.jobs.need import need_job

    return need_job(_opened(data)[0], request)


@_OnSets(ReportRequest)
def report(data: Data | Sequence[Data] = (), *, request: ReportRequest) -> PageReport:
    """Write one self-contained page of what a ledger and records hold.

    Data sets are named as the ledger has them; all of them are shown where none is named. Nothing
    is searched and no data set is loaded; one that is loaded already is known by its digest.

    Raises:
        KeyboardInterrupt: if a page that was watched was interrupted; it is written once more.
        MinbitsError: if a name, the ledger, a record or the page's place is bad.
    """
    from minbits.jobs.report import report_job

    names = [item.digest if isinstance(item, DataSet) else str(item) for item in _several(data)]
    return _uninterrupted(report_job(names, request))


@call_on_data(VerifyRequest)
def verify(path: str | Path, data: Data, request: VerifyRequest) -> FileRun:
    """Run a network file on a data set's test set in a fresh process, with NumPy alone.

    The run is not counted as a look at the test set: no ledger knows of it.

    Raises:
        CostError: if the run would take minutes, and that is not allowed.
        DataError: if a table is another one than the file was made for, or not known to be the
            same; if the network does not fit the data set; or if the card is of another file.
        NetworkFileError: if the file is not valid, or its process fails.
        LedgerError: if the ledger cannot be read.
    """
    from minbits.claims.own_data import verify as verify_on_data

    return verify_on_data(
        path, _opened(data)[0], ledger=request.ledger, any_data=request.any_data,
        allow_slow=request.allow_slow,
    )  # fmt: skip


@call_on_data(PredictRequest)
def predict(path: str | Path, source: Any, request: PredictRequest) -> PredictionReport:
    """Return classes and probabilities of rows or images that a network file never saw.

    The source is the path of a file or a folder, or rows as ``minbits.read(path).predict`` takes
    them: a data frame, dictionaries or arrays. The companion beside the file has the encoding.

    Raises:
        NetworkFileError: if the network file cannot be read.
        DataError: if there is no companion, it is damaged, or the examples cannot be read by it.
        CostError: if it would take minutes, and that is not allowed.
        OutputError: if the output cannot be written, or something else is in its place.
    """
    from minbits.jobs.predict import predict_job

    return predict_job(Path(path), source, request)


def inspect(path: str | Path) -> FileInspection:
    """Return where the bits of a network file go, part by part.

    Raises:
        NetworkFileError: if the file cannot be read, or is not valid.
    """
    from minbits.jobs.inspect_file import inspect_file

    return inspect_file(path)
