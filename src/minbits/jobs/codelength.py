"""The code length of a data set's labels, given its inputs: files that were decoded again."""

from __future__ import annotations

import dataclasses
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from minbits.claims.best_known import published_files, residual_label_bits
from minbits.claims.outputs import kept_files
from minbits.codec.file_format import read_bytes
from minbits.data.moments import normalise_moments
from minbits.data.splits import validation_split
from minbits.errors import DataError, LabelCodeError, MinbitsError
from minbits.evaluation.total_goal import accuracy_on_all, expected_label_bits
from minbits.files import check_outputs, open_regular, sha256_hex, write_atomically
from minbits.jobs.codelength_outputs import codelength_outputs, write_outputs
from minbits.jobs.codelength_request import CodelengthRequest
from minbits.jobs.kept_figures import FiguresKeeper
from minbits.jobs.label_search import LabelSearch, label_factor
from minbits.jobs.shared_options import Origin
from minbits.jobs.size_plan import size_plan
from minbits.jobs.size_request import SizeRequest
from minbits.label_codes.label_file import NUMBERED, code_of, read_labels, written
from minbits.label_codes.prequential_file import Block, PrequentialCode
from minbits.label_codes.protocol import Known, LabelCode
from minbits.label_codes.registry import LABEL_CODES
from minbits.label_codes.two_part import TwoPartCode
from minbits.label_codes.variational import VariationalLength, variational_length
from minbits.ledger.location import LedgerTarget, chosen_ledger, ledger_exists
from minbits.ledger.provenance import current_provenance
from minbits.ledger.store import Ledger, open_ledger, read_ledger
from minbits.notebook import Cells, Shown
from minbits.search.device import device_name
from minbits.search.driver import Finished, SearchEvents
from minbits.search.options import AUTO
from minbits.studies.kept import CODELENGTH
from minbits.types import DataSet
from minbits.workers.environment import usable_cores

# Of the networks known, so many that promise the shortest code are tried.
_TRIED = 3
MAX_FILE_BYTES = 1 << 28
# What JSON holds in another form.
_RECORDS = ("blocks", "variational")
VARIATIONAL = "variational"
# Beside other codes, the variational code takes this share of the minutes.
_VARIATIONAL_SHARE = 0.25
# What lengths depend on but the data and the seed.
_NORMALISING = "moments"
_SETTINGS = ("code", "minutes", "normalise", "search")
# Named by the row itself, or of this machine alone.
_NOT_KEPT = ("data", "data_digest", "outputs")
# What JSON does not hold of a block: `labels_out` has the bits of each label.
_UNTOLD = ("plan", "label_bits", "guesses", "seconds_left")


@dataclass(frozen=True)
class CodeLength:
    """The labels under one code.

    Attributes:
        code: its key.
        method: what it does.
        source: author and year.
        size_bits: 8 × the bytes of the file, which was decoded to the same labels; None where there
            is none.
        computed_bits: of the variational code, its length, which no file shows; else None.
        why_not: why there is no file.
        network_bits: of the two-part code, 8 × the bytes of the network's own file; else None.
        network: of the two-part code, where the network is from; else None.
        variational: of the variational code, what its length consists of; else None.
        blocks: of the prequential code.
        encoding_seconds: what encoding took, without what an interrupted run did before.
        decoding_seconds: likewise.
    """

    code: str
    method: str
    source: str
    size_bits: int | None
    why_not: str = ""
    computed_bits: float | None = None
    network_bits: int | None = None
    network: str | None = None
    variational: VariationalLength | None = None
    blocks: tuple[Block, ...] = ()
    encoding_seconds: float = 0.0
    decoding_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """Of encoding and decoding."""
        return self.encoding_seconds + self.decoding_seconds


@dataclass(frozen=True, repr=False)
class CodelengthReport(Shown):
    """What the labels of a data set take, code by code.

    Attributes:
        data_name: the data set.
        data_digest: its digest.
        labels: how many training labels there are.
        classes: how many classes.
        codes: in the order in which they were tried.
        outputs: files written, by role.
    """

    data_name: str
    data_digest: str
    labels: int
    classes: int
    codes: tuple[CodeLength, ...]
    outputs: dict[str, str]

    @property
    def best(self) -> CodeLength:
        """The code of the shortest file; a length that was only computed is none."""
        return min(self.codes, key=lambda item: item.size_bits or math.inf)

    def summary(self) -> str:
        """Return the best code length, in one line."""
        bits = self.best.size_bits
        size = "no code" if bits is None else f"{bits:,} bits by the {self.best.code} code"
        return f"{self.labels:,} labels of {self.data_name}: {size}"

    def facts(self) -> Cells:
        """Return the rows of its table, one a code."""
        return [(item.code, bits_text(item) or item.why_not, item.method) for item in self.codes]

    def header(self) -> tuple[str, ...]:
        """Return the names of the table's columns."""
        return ("code", "bits", "method")


def bits_text(length: CodeLength) -> str:
    """Return a code length for a table: a computed one is marked, one that is missing is empty."""
    if length.computed_bits is not None:
        return f"{length.computed_bits:,.0f} (computed)"
    return "" if length.size_bits is None else f"{length.size_bits:,}"


@dataclass(frozen=True)
class _Candidate:
    """A network that a code may begin with; its accuracy is on the examples that are coded."""

    place: str
    size_bits: int
    accuracy: float
    read: Callable[[], bytes]


@dataclass(frozen=True)
class _Found:
    """The network that a two-part code begins with."""

    place: str
    content: bytes


class _CodelengthJob:
    def __init__(self, data: DataSet, request: CodelengthRequest, say: Callable[[str], None]):
        self.data, self.request, self.say = data, request, say
        self.known = Known(data.train_inputs, data.input_exponent, data.class_count)
        self.workers = request.workers or usable_cores()
        self.files: dict[str, bytes] = {}

    def of(self, key: str) -> CodeLength:
        """Return the code length under one code; what goes wrong is told in its place."""
        self.say(f"the {key} code")
        if key == VARIATIONAL:
            return self._variational()
        began = time.monotonic()
        blocks: list[Block] = []
        plain = LABEL_CODES[key]
        chosen: LabelCode = plain
        candidate: _Found | None = None
        if key == "prequential":
            chosen = self._prequential(blocks)
        elif key == "two-part":
            candidate = self._network()
            if candidate is None:
                return CodeLength(
                    key, plain.method, plain.source, None, "no network was found for this data"
                )
            chosen = TwoPartCode(candidate.content)
        content = written(chosen, self.known, self.data.train_labels, self.request.seed)
        encoded = time.monotonic()
        self.say(f"the {key} code: decoding {8 * len(content):,} bits")
        decoder = self._decoder() if key == "prequential" else chosen
        found = read_labels(content, self.known, decoder)
        if not np.array_equal(found, self.data.train_labels):
            raise DataError(key, "other labels", "those that were encoded", "Report this fault.")
        self.files[key] = content
        return CodeLength(
            key,
            plain.method,
            plain.source,
            8 * len(content),
            network_bits=None if candidate is None else 8 * len(candidate.content),
            network=None if candidate is None else candidate.place,
            blocks=tuple(blocks),
            encoding_seconds=encoded - began,
            decoding_seconds=time.monotonic() - encoded,
        )

    def _variational(self) -> CodeLength:
        """Return the length of the variational code, which is computed and not written."""
        began = time.monotonic()
        known = self.known
        if self.request.normalise:
            known = dataclasses.replace(known, inputs=normalise_moments(known.inputs))
        share = _VARIATIONAL_SHARE if self.request.code == "all" else 1.0
        found = variational_length(
            known, self.data.train_labels, 60 * share * self.request.minutes, self.request.seed
        )
        return CodeLength(
            VARIATIONAL,
            "a posterior over the weights of a network, then the labels given it",
            "Hinton & van Camp 1993",
            None,
            "it is computed and not written",
            computed_bits=found.total_bits,
            variational=found,
            encoding_seconds=time.monotonic() - began,
        )

    def _prequential(self, blocks: list[Block]) -> PrequentialCode:
        told = progress_of_blocks(self.known.examples, self.say)

        def on_block(block: Block) -> None:
            blocks.append(block)
            told(block)

        return PrequentialCode(
            60 * self.request.minutes, self.workers, self.request.normalise,
            self._kept("encoding"), on_block,
        )  # fmt: skip

    def _decoder(self) -> PrequentialCode:
        return PrequentialCode(
            workers=self.workers, keep_in=self._kept("decoding"),
            on_block=progress_of_blocks(self.known.examples, self.say),
        )  # fmt: skip

    def _kept(self, role: str) -> Path | None:
        """Return where predictions are kept while the file is being made."""
        return None if self.request.out is None else kept_beside(Path(self.request.out), role)

    def forget_kept(self) -> None:
        """Remove what an interrupted run would have gone on from."""
        for role in ("encoding", "decoding"):
            forget(self._kept(role))

    def _network(self) -> _Found | None:
        """Return the known network with the shortest code; search where none is, or if asked to."""
        known = self._known_networks()
        if self.request.search or not known:
            self._search()
            known = self._known_networks()
        lengths = []
        for candidate in self._most_promising(known):
            try:
                content = candidate.read()
                labels = residual_label_bits(content, self.data, self.request.allow_slow)
            except MinbitsError as error:
                self.say(f"{candidate.place} is passed over: {error}")
            else:
                lengths.append((8 * len(content) + labels, _Found(candidate.place, content)))
        return min(lengths, key=lambda item: item[0])[1] if lengths else None

    def _most_promising(self, known: list[_Candidate]) -> list[_Candidate]:
        """Return the networks that promise the shortest sums of file and labels, the best first.

        What labels take over the entropy of the errors is measured given one of them.
        """
        if len(known) <= _TRIED:
            return known
        factor = 1.0
        for candidate in sorted(known, key=lambda item: self._expected_bits(item, 1.0))[:_TRIED]:
            try:
                factor = label_factor(candidate.read(), self.data)
            except MinbitsError as error:
                self.say(f"{candidate.place} cannot be run: {error}")
            else:
                break
        return sorted(known, key=lambda item: self._expected_bits(item, factor))[:_TRIED]

    def _expected_bits(self, item: _Candidate, factor: float) -> float:
        labels = expected_label_bits(item.accuracy, self.known.examples, self.known.classes)
        return item.size_bits + factor * labels

    def _known_networks(self) -> list[_Candidate]:
        """Return the networks of ledger and cards, each file once."""
        unique: dict[str, _Candidate] = {}
        for sha256, candidate in [*self._published(), *self._of_ledger()]:
            unique.setdefault(sha256, candidate)
        return list(unique.values())

    def _published(self) -> Iterator[tuple[str, _Candidate]]:
        for path, accuracy in published_files(self.data, Path(self.request.records)):
            content = read_bytes(path)
            found = _Candidate(str(path), 8 * len(content), accuracy, partial(read_bytes, path))
            yield sha256_hex(content), found

    def _of_ledger(self) -> Iterator[tuple[str, _Candidate]]:
        target = chosen_ledger(self.request.ledger)
        if not ledger_exists(target):
            return
        held_out = len(validation_split(self.data)[1]) / self.known.examples

        def read(sha256: str) -> bytes:
            with read_ledger(target) as ledger:
                return ledger.artifacts.read(sha256)

        with read_ledger(target) as ledger:
            outcomes = ledger.trial_outcomes(self.data.digest)
        for outcome in outcomes:
            accuracy, sha256 = accuracy_on_all(outcome, held_out), outcome.sha256
            if sha256 is None or outcome.size_bits is None or accuracy is None:
                continue
            place = f"file {sha256[:12]} of the ledger"
            yield sha256, _Candidate(place, outcome.size_bits, accuracy, partial(read, sha256))

    def _search(self) -> None:
        """Search for networks of this data; the test set is not looked at."""
        target: LedgerTarget = chosen_ledger(self.request.ledger)
        self.say("searching for a network: its file and the labels given it are to be short")
        with tempfile.TemporaryDirectory() as folder:
            request = SizeRequest(
                minutes=self.request.minutes, workers=self.workers, ledger=self.request.ledger,
                out=Path(folder) / "labels.mbn",
                front_end=_NORMALISING if self.request.normalise else AUTO,
            )  # fmt: skip
            plan = size_plan(self.data, request, Origin())
            ledger: Ledger = open_ledger(target)
            with ledger:
                provenance = current_provenance(device_name(), plan.workers)
                search = LabelSearch(self.data, plan, ledger, provenance, SearchEvents())
                search.events = SearchEvents(on_stage=self.say, on_results=self._teller(search))
                search.run(math.inf)

    def _teller(self, search: LabelSearch) -> Callable[[Sequence[Finished]], None]:
        """Return a function that says which trial promises the shortest code so far."""
        past = list(search.past)
        least: float | None = None

        def told(finished: Sequence[Finished]) -> None:
            nonlocal least
            if not search.is_measured:
                return  # scores are to come
            if least is None:
                known = [search.goal.score(outcome) for outcome in past]
                least = min((score for score in known if score is not None), default=math.inf)
            for item in finished:
                score, bits = search.goal.score(item.outcome), item.outcome.size_bits
                if score is not None and bits is not None and score < least:
                    least = score
                    self.say(
                        f"a network of {bits:,} bits: with the labels given it about "
                        f"{2**score:,.0f} bits"
                    )

        return told


def kept_beside(out: Path, role: str) -> Path:
    """Return the folder beside a file of labels that an interrupted run goes on from.

    An encoder and a decoder have one each: a decoder that took the encoder's predictions would not
    show that the file can be decoded.
    """
    return out.with_name(f"{out.name}.{role}")


def forget(folder: Path | None) -> None:
    """Remove a folder of predictions, if there is one."""
    if folder is not None and folder.is_dir():
        shutil.rmtree(folder)


def progress_of_blocks(labels: int, say: Callable[[str], None]) -> Callable[[Block], None]:
    """Return a function that says after each block how far the code is."""
    coded = 0.0

    def told(block: Block) -> None:
        nonlocal coded
        coded += block.bits
        minutes = block.seconds_left / 60
        say(
            f"{block.start + block.labels:,} of {labels:,} labels in {coded:,.0f} bits; the last "
            f"block best by {block.best}; {minutes:,.1f} minutes left"
        )

    return told


def codelength_job(
    data: DataSet,
    request: CodelengthRequest,
    say: Callable[[str], None] = lambda text: None,
    origin: Origin | None = None,
) -> CodelengthReport:
    """Return the code length of a data set's training labels, given the inputs.

    Every length is that of a file that was decoded to the same labels, from the inputs alone. The
    test set is not looked at.

    Args:
        data: the data set.
        request: what is asked.
        say: called with sentences on what is done.
        origin: where the data were read.

    Raises:
        OutputError: if the file cannot be written.
        MinbitsError: if the ledger cannot be used.
    """
    outputs = codelength_outputs(data, request, origin or Origin())
    kept = kept_files(chosen_ledger(request.ledger), (origin or Origin()).files)
    check_outputs({f"`{name}`": path for name, path in outputs.items()}, kept)
    keeper, began = FiguresKeeper(data, CODELENGTH, request.ledger), time.monotonic()
    job = _CodelengthJob(data, request, say)
    keys = (*NUMBERED, VARIATIONAL) if request.code == "all" else (request.code,)
    codes = tuple(job.of(key) for key in keys)
    report = CodelengthReport(
        data.name, data.digest, job.known.examples, job.known.classes, codes, {}
    )
    settings = {name: getattr(request, name) for name in _SETTINGS}
    seconds = time.monotonic() - began
    keeper.keep(settings, _kept(report), seconds, request.seed, job.workers)
    if "labels" in outputs and report.best.size_bits is not None:
        write_atomically(outputs["labels"], job.files[report.best.code])
        report.outputs["labels"] = str(outputs["labels"])
    sizes = {item.code: item.size_bits for item in codes if item.size_bits is not None}
    computed = {item.code: item.computed_bits for item in codes if item.computed_bits is not None}
    blocks = [block for item in codes for block in item.blocks]
    report.outputs.update(write_outputs(data, sizes, computed, blocks, request.seed, outputs))
    job.forget_kept()
    return report


def read_label_file(path: Path) -> bytes:
    """Return the bytes of a file of labels.

    Raises:
        LabelCodeError: if it cannot be read, or is longer than any such file.
    """
    try:
        with open_regular(path) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise LabelCodeError(
            str(path), error.strerror or "an error", "a readable file", "Check the path."
        ) from error
    if len(content) > MAX_FILE_BYTES:
        raise LabelCodeError(
            str(path), "more than 256 MiB", "a file of labels", "Give another file."
        )
    return content


@dataclass(frozen=True)
class DecodedLabels:
    """Labels that came back from a file.

    Attributes:
        code: the key of its code.
        size_bits: 8 × its bytes.
        sha256: its digest.
        labels: of the training examples, in their order, names of classes.
        agree: whether they are those of the data set.
    """

    code: str
    size_bits: int
    sha256: str
    labels: tuple[str, ...]
    agree: bool


def decode_job(
    content: bytes,
    data: DataSet,
    workers: int | None = None,
    say: Callable[[str], None] = lambda text: None,
    keep_in: Path | None = None,
) -> DecodedLabels:
    """Return the labels of a file, decoded from a data set's training inputs alone.

    Args:
        content: the file.
        data: the data set.
        workers: processes that learners run in; None for one a core.
        say: called with sentences on how far it is.
        keep_in: a folder from which an interrupted run goes on; None for none.

    Raises:
        LabelCodeError: if it is no file of labels, or not of these inputs.
        DataError: if it is not of that many labels.
        NetworkFileError: if a network in it cannot be read.
    """
    known = Known(data.train_inputs, data.input_exponent, data.class_count)
    code = code_of(content)
    decoder: LabelCode = code
    if code.key == "prequential":
        told = progress_of_blocks(known.examples, say)
        decoder = PrequentialCode(workers=workers or usable_cores(), keep_in=keep_in, on_block=told)
    labels = read_labels(content, known, decoder)
    names = tuple(data.class_names[label] for label in labels)
    agree = bool(np.array_equal(labels, data.train_labels))
    return DecodedLabels(code.key, 8 * len(content), sha256_hex(content), names, agree)


def _kept(report: CodelengthReport) -> dict[str, Any]:
    """Return what the ledger keeps of a report: no files' places, which are of one machine."""
    plain = plain_codelength(report)
    return {name: value for name, value in plain.items() if name not in _NOT_KEPT}


def plain_codelength(report: CodelengthReport) -> dict[str, Any]:
    """Return the report as plain data for JSON; the keys are stable."""
    return {
        "data": report.data_name,
        "data_digest": report.data_digest,
        "labels": report.labels,
        "classes": report.classes,
        "best": report.best.code,
        "codes": [
            {
                **{name: value for name, value in vars(item).items() if name not in _RECORDS},
                "seconds": item.seconds,
                "variational": None if item.variational is None else vars(item.variational),
                "blocks": [
                    {name: value for name, value in vars(block).items() if name not in _UNTOLD}
                    for block in item.blocks
                ],
            }
            for item in report.codes
        ],
        "outputs": report.outputs,
    }
