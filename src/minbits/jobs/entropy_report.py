"""All that is found out about one data set: counts, labels, and the ladder of H(X)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minbits.autoregressive.ensemble import NEURAL_MODELS
from minbits.data.inspection import DataReport, inspect_data
from minbits.errors import ArgumentError
from minbits.information.differential import differential_figures
from minbits.information.discretise import Discretisation, discretise
from minbits.information.input_ladder import InputLadder, climb
from minbits.information.input_models import INPUT_MODELS
from minbits.information.intrinsic_dimension import DimensionCurve, dimension_curves
from minbits.information.label_information import LabelInformation, label_information
from minbits.information.ladder import EntropyTable, entropy_table
from minbits.information.rung import InputModel
from minbits.types import DataSet, Figure

DEFAULT_MINUTES = 1.0
_MAX_DENSITY_SECONDS = 20.0

# Counting models first, then networks, which take what time is left.
ALL_MODELS: tuple[InputModel, ...] = (*INPUT_MODELS, *NEURAL_MODELS)


@dataclass(frozen=True, eq=False)
class EntropyReport:
    """The figures of one data set.

    Attributes:
        table: what counting alone says.
        labels: what inputs tell about labels.
        inspection: duplicates, leakage, imbalance and how the data was split.
        density: of real columns, the differential entropy beside the quantised one.
        ladder: bounds of the entropy of one example; None where no time was given for it.
        dimensions: curves of the intrinsic dimension, where they were asked for.
    """

    table: EntropyTable
    labels: LabelInformation
    inspection: DataReport
    density: tuple[Figure, ...]
    ladder: InputLadder | None
    dimensions: tuple[DimensionCurve, ...] = ()

    @property
    def quick_figures(self) -> tuple[Figure, ...]:
        """All figures but the ladder's."""
        dimensions = tuple(curve.figure() for curve in self.dimensions)
        return (*self.table.figures, *self.labels.figures, *self.density, *dimensions)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures, the ladder's last."""
        if self.ladder is None:
            return self.quick_figures
        return (*self.quick_figures, *self.ladder.figures())


def _no_report(text: str) -> None:
    del text


def entropy_report(
    data: DataSet,
    minutes: float = DEFAULT_MINUTES,
    how: Discretisation | None = None,
    models: Sequence[InputModel] = ALL_MODELS,
    report: Callable[[str], None] = _no_report,
    with_dimension: bool = False,
) -> EntropyReport:
    """Return the figures of a data set, and the ladder of H(X) as far as time allows.

    Networks train in fresh processes; where the system is not POSIX these import the calling
    script: call this below ``if __name__ == "__main__":`` there.

    Args:
        data: the data set.
        minutes: wall-clock time for the ladder; 0 leaves it out.
        how: how examples become symbols; None binarises grey images at > 0.
        models: in the order of climbing.
        report: called with a sentence before each model.
        with_dimension: whether to estimate the intrinsic dimension of the inputs.

    Raises:
        ArgumentError: if ``minutes`` is negative or no number.
    """
    if not 0 <= minutes < float("inf"):
        raise ArgumentError("--minutes", str(minutes), "0 or more", "Give a number of minutes.")
    how = how or Discretisation()
    table = entropy_table(data, how.threshold, how.step)
    labels, inspection = label_information(data), inspect_data(data)
    curves = dimension_curves(data) if with_dimension else ()
    if minutes == 0:
        return EntropyReport(table, labels, inspection, (), None, curves)
    density = differential_figures(data, how.step, min(_MAX_DENSITY_SECONDS, 6 * minutes))
    ladder = climb(discretise(data, how), 60 * minutes, models, report)
    return EntropyReport(table, labels, inspection, density, ladder, curves)
