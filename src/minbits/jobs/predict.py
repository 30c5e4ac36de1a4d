"""Classes and probabilities of examples that a network file never saw."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.codec.inference import predict_logits
from minbits.codec.network import Network, read
from minbits.data.companion import companion_path
from minbits.data.new_files import read_new_examples
from minbits.data.new_rows import new_examples
from minbits.data.stored_encoding import NewExamples
from minbits.errors import DataError, OutputError
from minbits.files import check_outputs, write_atomically
from minbits.jobs.predict_request import PredictRequest
from minbits.notebook import Cells, Shown

_DIGITS = 6
_SHOWN = 20


@dataclass(frozen=True, eq=False, repr=False)
class PredictionReport(Shown):
    """What a network file says of examples.

    Attributes:
        network: the path of the network file.
        source: where the examples come from.
        class_names: in the order of the columns of ``probabilities``.
        names: what each example is called: the number of its row, or the path of its image.
        classes: the number of each example's class.
        probabilities: shape ``(examples, classes)``.
        labels: the label that stands beside each example, None where there is none.
        remarks: what was handled, in sentences.
        outputs: files written, by role.
    """

    network: str
    source: str
    class_names: tuple[str, ...]
    names: Sequence[int | str]
    classes: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    labels: Sequence[str | None]
    remarks: tuple[str, ...]
    outputs: dict[str, str]

    @property
    def predicted(self) -> list[str]:
        """The name of each example's class."""
        return [self.class_names[number] for number in self.classes.tolist()]

    @property
    def labelled(self) -> tuple[int, int]:
        """How many predictions are right, and of how many examples with a label."""
        pairs = [
            pair for pair in zip(self.labels, self.predicted, strict=True) if pair[0] is not None
        ]
        return sum(label == name for label, name in pairs), len(pairs)

    @property
    def counts(self) -> dict[str, int]:
        """How many examples each class was predicted for."""
        found = np.bincount(self.classes, minlength=len(self.class_names))
        return dict(zip(self.class_names, found.tolist(), strict=True))

    def summary(self) -> str:
        """Return how many examples were classified, in one line."""
        correct, labelled = self.labelled
        told = f", {correct:,} of {labelled:,} labels as predicted" if labelled else ""
        return f"{self.source}, examples: {len(self.names):,}{told}"

    def facts(self) -> Cells:
        """Return the rows of its table: the first examples, with class and probability."""
        chosen = self.probabilities.max(axis=1)
        rows = zip(self.names[:_SHOWN], self.predicted[:_SHOWN], chosen[:_SHOWN], strict=True)
        return [(str(name), predicted, f"{part:.3f}") for name, predicted, part in rows]


def predict_job(network: Path, source: Any, request: PredictRequest) -> PredictionReport:
    """Return classes and probabilities of examples; nothing is fitted, and PyTorch is not needed.

    Args:
        network: the path of a network file, which has a companion.
        source: the path of a file or folder of examples, or rows as `Network.predict` takes them.
        request: what is asked.

    Raises:
        NetworkFileError: if the network file cannot be read.
        DataError: if there is no companion, it is damaged, or the examples cannot be read by it.
        CostError: if it would take more than two minutes or so, and that is not allowed.
        OutputError: if the output cannot be written, or something else is in its place.
    """
    is_path = isinstance(source, str | Path)
    loaded = read(network, request.companion)
    out = None if request.out is None else Path(request.out)
    if out is not None:
        _check_out(out, request, network, Path(source) if is_path else None)
    examples = _examples(loaded, source, request)
    if request.strict and examples.remarks:
        raise DataError(
            str(source) if is_path else "rows", examples.remarks[0].removesuffix("."),
            "rows as in training, since `strict` is given", "Mend the rows, or leave it out.",
        )  # fmt: skip
    logits = predict_logits(loaded.quantized, examples.inputs, allow_slow=request.allow_slow)
    report = PredictionReport(
        network=str(network),
        source=str(source) if is_path else "rows",
        class_names=loaded.class_names,
        names=examples.names,
        classes=logits.argmax(axis=1).astype(np.int64),
        probabilities=loaded.probabilities(logits),
        labels=examples.labels,
        remarks=(*examples.remarks, *_label_remarks(examples.labels, loaded.class_names)),
        outputs={} if out is None else {"predictions": str(out)},
    )
    if out is not None:
        write_atomically(out, _content(report, out))
    return report


def _examples(network: Network, source: Any, request: PredictRequest) -> NewExamples:
    network.class_names  # noqa: B018 - refuses a network without a companion
    companion = network.companion
    assert companion is not None
    if not isinstance(source, str | Path):
        return new_examples(companion, source)
    size = None if request.resize is None else (request.resize[0], request.resize[1])
    return read_new_examples(companion, Path(source), size)


def _label_remarks(labels: Sequence[str | None], names: Sequence[str]) -> list[str]:
    others = sorted({label for label in labels if label is not None} - set(names))
    if not others:
        return []
    shown = ", ".join(f"'{label}'" for label in others[:5])
    return [f"Labels that are no class of the network count as wrong: {shown}."]


def _check_out(out: Path, request: PredictRequest, network: Path, source: Path | None) -> None:
    if out.suffix.lower() not in (".csv", ".json"):
        raise OutputError(str(out), f"the suffix '{out.suffix}'", ".csv or .json", "Choose one.")
    companion = companion_path(network) if request.companion is None else Path(request.companion)
    inputs = {"the network file": network, "its companion": companion,
              "its card": network.with_suffix(".json")}  # fmt: skip
    if source is not None and source.is_file():
        inputs["the input"] = source
    check_outputs({"the predictions": out}, inputs)
    if out.exists() and not request.force:
        raise OutputError(
            str(out), "a file that is there", "a free name",
            "Choose another name with `out`, or write over it with `force=True`.",
        )  # fmt: skip


def _content(report: PredictionReport, out: Path) -> bytes:
    if out.suffix.lower() == ".json":
        return (json.dumps(plain_predictions(report), indent=1, ensure_ascii=False) + "\n").encode()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    first = "image" if any(isinstance(name, str) for name in report.names[:1]) else "row"
    writer.writerow([first, "class", *(f"p({name})" for name in report.class_names)])
    for name, predicted, parts in zip(
        report.names, report.predicted, report.probabilities.tolist(), strict=True
    ):
        writer.writerow([name, predicted, *(f"{part:.{_DIGITS}f}" for part in parts)])
    return text.getvalue().encode("utf-8", "backslashreplace")


def plain_predictions(report: PredictionReport) -> dict[str, Any]:
    """Return a report as plain data for JSON; the keys are stable (docs/predict.md)."""
    correct, labelled = report.labelled
    return {
        "network": report.network,
        "source": report.source,
        "classes": list(report.class_names),
        "counts": report.counts,
        "labelled": labelled,
        "correct": correct if labelled else None,
        "accuracy": correct / labelled if labelled else None,
        "remarks": list(report.remarks),
        "outputs": report.outputs,
        "predictions": [
            {"name": name, "class": predicted, "probabilities": [round(p, _DIGITS) for p in parts]}
            for name, predicted, parts in zip(
                report.names, report.predicted, report.probabilities.tolist(), strict=True
            )
        ],
    }
