"""From a data set to what it needs: entropies, a code of its labels, what the search has found."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

from minbits.claims.best_known import find_network
from minbits.claims.known_codes import shortest_label_code
from minbits.information.entropy_table import EntropyTable, entropy_table
from minbits.information.neighbour_code import neighbour_code_lengths
from minbits.information.rung import standard_error
from minbits.jobs.codelength import codelength_job
from minbits.jobs.codelength_request import CodelengthRequest
from minbits.jobs.need_request import NeedRequest
from minbits.jobs.need_steps import NeedFigures, NeedReport, need_report, plain_need
from minbits.label_codes.learned import PrequentialLength
from minbits.ledger.location import chosen_ledger, ledger_exists
from minbits.ledger.store import read_ledger
from minbits.studies.kept import KnownLabelCode
from minbits.types import DataSet

__all__ = ["need_figures", "need_job", "plain_need"]

_NORMAL_95 = 1.959963984540054


def need_figures(data: DataSet, table: EntropyTable) -> NeedFigures:
    """Return what a table says of one image and of the labels.

    The joint bound is the smallest upper bound of one example's H(X) in the table, or the code by
    ten neighbours, whichever is smaller: the latter is a mean over test images, with its 95 %
    interval.
    """
    values = {figure.key: figure.value for figure in table.figures}
    pixel_sum = values.get("pixel_sum_without_complement")
    independent = values.get("independent_pixels")
    joint, method = None, ""
    if table.pixels is not None and independent is not None:
        bounds = {
            figure.key: figure.value
            for figure in table.figures
            if figure.of == "X" and figure.scope == "example" and figure.kind == "upper bound"
        }
        lengths = neighbour_code_lengths(
            data.train_inputs, data.test_inputs, table.pixels.threshold
        )
        half = _NORMAL_95 * (standard_error(lengths) or math.inf)
        code = f"code by ten neighbours, mean of {len(lengths):,} test images ± {half:.2f}"
        bounds[code] = float(lengths.mean())
        method = min(bounds, key=lambda key: bounds[key])
        joint = bounds[method]
    return NeedFigures(
        data_name=data.name,
        inputs=math.prod(data.input_shape),
        examples=len(data.train_labels),
        classes=data.class_count,
        label_entropy_bits=values["label_entropy"],
        pixel_sum_bits=pixel_sum,
        independent_bits=independent,
        joint_bits=joint,
        joint_method=method,
    )


def need_job(
    data: DataSet, request: NeedRequest, say: Callable[[str], None] = lambda text: None
) -> NeedReport:
    """Return what a data set needs, step by step, and what the search has found.

    Args:
        data: the data set; of its test set only the images are looked at, for the joint code.
        request: what is asked.
        say: called with sentences on how far the prequential code is.

    Raises:
        MinbitsError: if ledger or cards cannot be read.
    """
    figures = need_figures(data, entropy_table(data))
    found = find_network(
        data,
        request.accuracy,
        chosen_ledger(request.ledger),
        Path(request.records),
        with_residual=request.measure,
        allow_slow=request.allow_slow,
    )
    code = _prequential_length(data, request, say) if request.measure else None
    report = need_report(figures, request.accuracy, code, found)
    return dataclasses.replace(report, label_code=_known_code(data, request))


def _known_code(data: DataSet, request: NeedRequest) -> KnownLabelCode | None:
    """Return the shortest code of the labels that the ledger knows."""
    target = chosen_ledger(request.ledger)
    if not ledger_exists(target):
        return None
    with read_ledger(target) as ledger:
        return shortest_label_code(ledger, data.digest)


def _prequential_length(
    data: DataSet, request: NeedRequest, say: Callable[[str], None]
) -> PrequentialLength:
    """Write the labels in a prequential code, decode them, and return its length."""
    asked = CodelengthRequest(
        "prequential", request.minutes, seed=request.seed, workers=request.workers
    )
    report = codelength_job(data, asked, say)
    (code,) = report.codes
    assert code.size_bits is not None
    return PrequentialLength(code.blocks, report.labels, code.blocks[-1].best, code.size_bits)
