"""What `minbits codelength` writes beside the file: the bits of each label, and pictures."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from minbits.charts.chart import Chart
from minbits.charts.code_lengths import code_length_numbers, draw_code_lengths
from minbits.charts.contact_sheet import MAX_IMAGES, ContactSheet, caption, draw_contact_sheet
from minbits.charts.learning_curve import LearningCurve, draw_learning_curve
from minbits.claims.outputs import output_stem
from minbits.errors import ArgumentError
from minbits.files import write_atomically
from minbits.jobs.codelength_request import CodelengthRequest
from minbits.jobs.shared_options import Origin
from minbits.label_codes.label_file import order_of
from minbits.label_codes.learners import LEARNERS
from minbits.label_codes.prequential_file import Block
from minbits.types import DataSet

_SHORTEST_SIDE = 8
_PICTURES = ("codes", "learning", "dearest")


def codelength_outputs(
    data: DataSet, request: CodelengthRequest, origin: Origin
) -> dict[str, Path]:
    """Return where each output goes that was asked for, by its key in `outputs`.

    Raises:
        ArgumentError: if the bits of each label are asked for without the code that they are of.
    """
    paths = {}
    if request.out is not None:
        paths["labels"] = Path(request.out)
    if request.labels_out is not None:
        if request.code not in ("all", "prequential"):
            raise ArgumentError(
                "`labels_out`", f"with the {request.code} code", "the prequential code",
                "Set `code` to prequential or all.",
            )  # fmt: skip
        paths["label_bits"] = Path(request.labels_out)
    if request.pictures is not None:
        stem, folder = output_stem(data, origin.label), Path(request.pictures)
        paths |= {f"{name}_picture": folder / f"{stem}-{name}.png" for name in _PICTURES}
    return paths


@dataclass(frozen=True, eq=False)
class LabelBits:
    """The bits of each training label under a prequential code, the dearest first.

    Attributes:
        places: of the training examples, in the data set.
        rows: the same among all examples that were read, from 1.
        bits: of their labels.
        labels: names of the classes.
        guesses: the likeliest class of each before its label was known.
        seen: how many labels were known by then.
    """

    places: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    bits: npt.NDArray[np.float64]
    labels: tuple[str, ...]
    guesses: tuple[str, ...]
    seen: npt.NDArray[np.int64]


def label_bits(data: DataSet, blocks: Sequence[Block], seed: int) -> LabelBits:
    """Return the bits of each label under the blocks of a prequential code of an order."""
    bits = np.concatenate([block.label_bits for block in blocks])
    guesses = np.concatenate([np.array(block.guesses, np.int64) for block in blocks])
    seen = np.repeat([block.start for block in blocks], [block.labels for block in blocks])
    order = order_of(len(bits), seed)
    dearest = np.argsort(-bits, kind="stable")
    places = order[dearest]
    rows = places if data.train_rows is None else data.train_rows[places]
    return LabelBits(
        places,
        rows + 1,
        bits[dearest],
        tuple(data.class_names[label] for label in data.train_labels[places]),
        tuple(data.class_names[guess] for guess in guesses[dearest]),
        seen[dearest],
    )


def _csv(found: LabelBits) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["row", "label", "expected", "bits", "labels_seen"])
    rows = zip(found.rows, found.labels, found.guesses, found.bits, found.seen, strict=True)
    writer.writerows(
        (row, label, guess, f"{bits:.4f}", seen) for row, label, guess, bits, seen in rows
    )
    return stream.getvalue().encode()


def _sheet(data: DataSet, found: LabelBits) -> ContactSheet:
    most = min(MAX_IMAGES, len(found.bits))
    captions = map(caption, found.rows.tolist(), found.labels, found.guesses, found.bits.tolist())
    return ContactSheet(
        data.name,
        np.asarray(data.train_inputs[found.places[:most]]),
        tuple(captions)[:most],
    )


def learning_curve(data_name: str, classes: int, blocks: Sequence[Block]) -> LearningCurve:
    """Return the numbers of the chart for the blocks of a prequential code."""
    ends = tuple(block.start + block.labels for block in blocks)
    curves = []
    for learner in LEARNERS.values():
        taking_part = [i for i, block in enumerate(blocks) if learner.key in block.learner_bits]
        if not taking_part:
            continue
        parts = [
            block.learner_bits.get(learner.key, block.labels * math.log2(classes))
            for block in blocks[: taking_part[-1] + 1]
        ]
        curves.append((learner.name, _sums(parts)))
    return LearningCurve(data_name, ends, _sums([block.bits for block in blocks]), tuple(curves))


def _sums(parts: Sequence[float]) -> tuple[float, ...]:
    sums, total = [], 0.0
    for part in parts:
        total += part
        sums.append(total)
    return tuple(sums)


def write_outputs(
    data: DataSet,
    sizes: Mapping[str, int],
    computed: Mapping[str, float],
    blocks: Sequence[Block],
    seed: int,
    paths: Mapping[str, Path],
) -> dict[str, str]:
    """Write what was asked for beside the file of labels, and return where it went.

    Args:
        data: the data set.
        sizes: bits of each file, by code.
        computed: bits of codes that were computed and not written.
        blocks: of the prequential code; empty where it was not made.
        seed: of the order of the labels.
        paths: of `codelength_outputs`.

    Raises:
        OutputError: if a file cannot be written.
    """
    written = {}
    drawn: dict[str, Chart[Any]] = {}
    found = label_bits(data, blocks, seed) if blocks else None
    if found is not None and "label_bits" in paths:
        write_atomically(paths["label_bits"], _csv(found))
        written["label_bits"] = str(paths["label_bits"])
    if "codes_picture" in paths:
        numbers = code_length_numbers(data.name, len(data.train_labels), sizes, computed)
        drawn["codes_picture"] = draw_code_lengths(numbers)
    if found is not None and "learning_picture" in paths:
        curve = learning_curve(data.name, data.class_count, blocks)
        drawn["learning_picture"] = draw_learning_curve(curve)
        if min(data.input_shape[1:]) >= _SHORTEST_SIDE:
            drawn["dearest_picture"] = draw_contact_sheet(_sheet(data, found))
    for name, chart in drawn.items():
        chart.save(paths[name])
        written[name] = str(paths[name])
    return written
