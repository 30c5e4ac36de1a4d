"""The diagram of the question as numbers: one point a data set, and what they say together.

X is what a data set carries, by one of several measures. Y is the size of the smallest network file
found so far that reaches the set's target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from minbits.registry import Registry
from minbits.studies.trainability_statistics import Estimate

DEFAULT_X = "label_code_bits"
# Y: the network file alone, or with the encoding of a table's columns, which belongs to the data.
YKey = Literal["file", "file-and-encoding"]


@dataclass(frozen=True)
class Axis:
    """A choice for X.

    Attributes:
        key: a stable name.
        title: on the axis, with its unit.
        unit: of its values; two axes of one unit can be compared with Y = X.
        meaning: what it says, in one sentence.
    """

    key: str
    title: str
    unit: str
    meaning: str


AXES: Registry[Axis] = Registry(
    "X of the diagram",
    Axis(
        "label_code_bits", "labels given the inputs, shortest code that decodes [bits]", "bits",
        "the length of the shortest file from which whoever has the training inputs decodes the "
        "training labels",
    ),
    Axis(
        "prequential_bits", "labels given the inputs, without a network that was found [bits]",
        "bits",
        "the same without the code that begins with a network file: the smallest file found, which "
        "is Y, is no part of it",
    ),
    Axis(
        "label_entropy_total", "all labels, N · H(Y) [bits]", "bits",
        "the empirical entropy of the training labels, inputs not looked at",
    ),
    Axis(
        "input_bound_bits", "one example, lowest bound of H(X) [bits]", "bits",
        "the smallest code length of one example's inputs that a model reached, with its interval",
    ),
    Axis(
        "intrinsic_dimension", "intrinsic dimension, two nearest neighbours", "dimensions",
        "how many dimensions the training inputs spread over (Facco et al. 2017)",
    ),
    Axis(
        "input_numbers", "training examples × inputs", "numbers",
        "how many numbers the training inputs are",
    ),
    Axis(
        "pixel_sum_without_complement", "the question's sum of −p log2 p [bits]", "bits",
        "the sum over inputs of −p log2 p, p the share of examples where it is on; of images and "
        "bits alone",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A value of one measure of a data set.

    Attributes:
        value: in the unit of its axis.
        method: how it was found.
        low: lower end of its 95 % interval; None where nothing is said below.
        high: upper end of its 95 % interval; None where nothing is said above.
    """

    value: float
    method: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class SearchFound:
    """What one search of a data set found, on its own.

    Attributes:
        seed: its first one.
        minutes: that it was given.
        trials: that it ran.
        size_bits: of its smallest file that passed validation and test; None where there is none.
    """

    seed: int
    minutes: float
    trials: int
    size_bits: int | None


@dataclass(frozen=True)
class UsualNetwork:
    """A classifier as people use it, counted by `minbits.information.baselines`.

    Attributes:
        name: what it is.
        size_bits: of its numbers.
        accuracy: on held-out training examples.
    """

    name: str
    size_bits: int
    accuracy: float


@dataclass(frozen=True)
class SetFigures:
    """What was measured of a data set for the diagram, and what is asked of its file.

    Attributes:
        group: sets of one group share examples: they are the same evidence told twice.
        target_accuracy: that the set's file must reach, in (0, 1].
        target_reason: why that target.
        x: by the keys of `AXES`.
        encoding_bits: what the encoding of a table's columns takes; 0 where the data is no table.
        usual: the smallest usual classifier that reaches the target on held-out training examples;
            None where none does, or none was tried.
        true_bits: of a planted set, the size of the file of the network that gave the labels.
    """

    group: str
    target_accuracy: float
    target_reason: str
    x: Mapping[str, Measured]
    encoding_bits: int = 0
    usual: UsualNetwork | None = None
    true_bits: int | None = None


@dataclass(frozen=True)
class SetMeasured:
    """A data set's figures, and what is known of searches on it.

    Attributes:
        data_name: of the data set.
        data_digest: of the data set.
        figures: its figures.
        searches: what each search on its own found.
        trials: trials on the data set that are known.
        first_bits: size of the first file that passed validation at the target; None without one.
    """

    data_name: str
    data_digest: str
    figures: SetFigures
    searches: tuple[SearchFound, ...] = ()
    trials: int = 0
    first_bits: int | None = None


@dataclass(frozen=True)
class Point:
    """A data set in the diagram.

    Attributes:
        measured: the set, its figures and its searches.
        target_accuracy: that the file reaches, in (0, 1].
        size_bits: of the smallest file that passed validation and test at the target.
        correct: right answers on the test set.
        n_test: test examples.
        lower_limit: one-sided lower limit of the true accuracy after all looks at the test set.
        place: of the file: a path, or the ledger's row.
        sha256: of the file.
    """

    measured: SetMeasured
    target_accuracy: float
    size_bits: int
    correct: int
    n_test: int
    lower_limit: float
    place: str
    sha256: str

    @property
    def data_name(self) -> str:
        """The data set's name."""
        return self.measured.data_name

    @property
    def figures(self) -> SetFigures:
        """What was measured of the data set."""
        return self.measured.figures

    @property
    def x(self) -> Mapping[str, Measured]:
        """What was measured of the data set, by the keys of `AXES`."""
        return self.figures.x

    @property
    def is_shown_to_reach(self) -> bool:
        """Whether even the lower limit of the true accuracy reaches the target; else hollow."""
        return self.lower_limit >= self.target_accuracy

    @property
    def first_bits(self) -> int:
        """The size of the first file that passed validation; of the best where it is not known.

        An arrow leads from the first to the best.
        """
        return max(self.size_bits, self.measured.first_bits or 0)

    @property
    def range_bits(self) -> tuple[int, int]:
        """The smallest and the largest size that searches, each on its own, came to."""
        found = [item.size_bits for item in self.measured.searches if item.size_bits is not None]
        return min([self.size_bits, *found]), max([self.size_bits, *found])

    @property
    def times_true(self) -> float | None:
        """The size over that of the network that gave the labels; None where it is not known."""
        true_bits = self.figures.true_bits
        return None if true_bits is None else self.size_bits / true_bits


@dataclass(frozen=True)
class AxisStatistics:
    """What one choice of X says of Y.

    Attributes:
        key: of the axis.
        sets: points that have it, with positive X.
        correlation: Spearman's rank correlation, with the 95 % interval of the bootstrap over sets.
        p_value: two-sided, of a permutation test of that correlation.
        exponent: b of Y = a X^b by least squares of the logarithms, interval likewise.
        factor: a of it.
        left_out_error: root mean square of log2 (Y / predicted), each set predicted from the
            others.
        left_out_share: part of the variance of log2 Y that is predicted so; 0 is no better than the
            mean of the others, and it may be negative.
    """

    key: str
    sets: int
    correlation: Estimate
    p_value: float
    exponent: Estimate
    factor: float
    left_out_error: float
    left_out_share: float


@dataclass(frozen=True)
class Residual:
    """How far a set is from what the others predict.

    Attributes:
        data_name: of the set.
        times: its size over the size that the power law of all other sets gives.
        verdict: ``dearer`` or ``cheaper`` than its X says, where the size lies outside the 95 %
            prediction interval of the others; else ``as predicted``.
    """

    data_name: str
    times: float
    verdict: str


@dataclass(frozen=True)
class DiagramStatistics:
    """What points say together.

    Attributes:
        scope: in words, which points.
        points: how many.
        axes: by choice of X; those that too few points have are left out.
        best_key: the X that predicts best with a set left out, among those that all of
            ``compared_sets`` have; None where fewer than two can be compared.
        best_share: in how many of the bootstrap's samples of sets it does so.
        compared_sets: points that have all X that were compared.
        residuals: of the chosen X, the dearest first.
    """

    scope: str
    points: int
    axes: tuple[AxisStatistics, ...]
    best_key: str | None
    best_share: float | None
    compared_sets: int
    residuals: tuple[Residual, ...]

    def axis(self, key: str) -> AxisStatistics | None:
        """Return what one choice of X says; None where too few points have it."""
        return next((item for item in self.axes if item.key == key), None)


@dataclass(frozen=True)
class LeftOut:
    """A data set that is not in the diagram, and why."""

    data_name: str
    reason: str


@dataclass(frozen=True)
class SizeDiagram:
    """The diagram as numbers.

    Attributes:
        x_key: the chosen X.
        y_key: the chosen Y.
        accuracy: that was asked for of all sets; None: each set's own target.
        points: by name of the set.
        left_out: sets that are no point.
        statistics: of all points; None where they are too few.
        one_a_group: the same with one set of each group, the one with the most examples; None where
            no sets share examples, or they are too few.
    """

    x_key: str
    y_key: YKey
    accuracy: float | None
    points: tuple[Point, ...]
    left_out: tuple[LeftOut, ...] = field(default=())
    statistics: DiagramStatistics | None = None
    one_a_group: DiagramStatistics | None = None

    @property
    def axis(self) -> Axis:
        """The chosen X."""
        return AXES[self.x_key]

    def y_bits(self, point: Point) -> int:
        """Return the chosen Y of a point."""
        more = point.figures.encoding_bits if self.y_key == "file-and-encoding" else 0
        return point.size_bits + more

    def drawn(self) -> tuple[Point, ...]:
        """Return the points that have the chosen X."""
        return tuple(point for point in self.points if self.x_key in point.x)
