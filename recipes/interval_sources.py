"""Sources of known truth for ``interval_coverage.py``, none of them used to set an interval.

Each draws inputs and labels, and states in bits what is true of them: ``Y`` for H(Y), ``X and Y``
for I(X;Y), ``X`` for H(X) of discrete inputs and ``density`` for h(X) of real ones, rounded ones
spread over their step. By formulas, sums over all states, or quadrature in one dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

Generator = np.random.Generator
Drawn = tuple[np.ndarray, np.ndarray]
GRID = 400_001


@dataclass(frozen=True)
class Case:
    """A source of data sets.

    Attributes:
        name: what it is.
        draw: inputs and labels of so many examples.
        truth: bits, by what they are of.
        categorical: columns of the inputs that are categories; the inputs are a table then.
        examples: of one data set; minbits holds out a fifth as test examples.
    """

    name: str
    draw: Callable[[Generator, int], Drawn]
    truth: dict[str, float]
    categorical: Sequence[int] | None = None
    examples: int = 400


def entropy(p: np.ndarray) -> float:
    """Return the Shannon entropy of probabilities in bits."""
    p = np.asarray(p, float).ravel()
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())


def joint_truth(cells: np.ndarray) -> dict[str, float]:
    """Return the truth of joint probabilities, shape ``(states of X, states of Y)``."""
    of_y, of_x = entropy(cells.sum(axis=0)), entropy(cells.sum(axis=1))
    return {"Y": of_y, "X": of_x, "X and Y": of_x + of_y - entropy(cells)}


def line_truth(
    classes: Sequence[stats.rv_continuous], weights: Sequence[float], line: np.ndarray
) -> dict[str, float]:
    """Return the truth of one real input with a density for each class, by quadrature."""
    w = np.asarray(weights)
    densities = np.stack([one.pdf(line) for one in classes])
    mean = w @ densities
    cell = np.gradient(line)
    seen = (densities > 0) & (mean > 0)
    ratio = np.divide(densities, mean, out=np.ones_like(densities), where=seen)
    information = (w[:, None] * densities * np.log2(ratio) * cell).sum()
    logs = np.log2(mean, out=np.zeros_like(mean), where=mean > 0)
    return {
        "Y": entropy(w),
        "X and Y": float(information),
        "density": float(-(mean * logs * cell).sum()),
    }


def line_case(
    name: str,
    classes: Sequence[stats.rv_continuous],
    weights: Sequence[float],
    line: np.ndarray,
    noise: Sequence[stats.rv_continuous] = (),
) -> Case:
    """Return a source of one telling real input, and columns of noise beside it."""
    truth = line_truth(classes, weights, line)
    truth["density"] += sum(float(one.entropy()) / np.log(2) for one in noise)

    def draw(generator: Generator, examples: int) -> Drawn:
        labels = generator.choice(len(weights), examples, p=weights)
        told = np.array([one.rvs(examples, random_state=generator) for one in classes])
        columns = [one.rvs(examples, random_state=generator) for one in noise]
        return np.stack([told[labels, np.arange(examples)], *columns], axis=1), labels

    return Case(name, draw, truth)


def rounded_case(
    name: str, classes: Sequence[stats.rv_continuous], step: float, cells: np.ndarray
) -> Case:
    """Return a source of one real input that was rounded; cells are multiples of the step."""
    p = np.stack(
        [one.cdf((cells + 0.5) * step) - one.cdf((cells - 0.5) * step) for one in classes], axis=1
    ) / len(classes)
    truth = joint_truth(p / p.sum())
    truth["density"] = truth["X"] + float(np.log2(step))
    del truth["X"]  # the ladder quantises a real column at a step of its own

    def draw(generator: Generator, examples: int) -> Drawn:
        labels = generator.integers(0, len(classes), examples)
        told = np.array([one.rvs(examples, random_state=generator) for one in classes])
        return np.round(told[labels, np.arange(examples)] / step)[:, None] * step, labels

    return Case(name, draw, truth)


def discrete_case(
    name: str,
    rows: np.ndarray,
    p: np.ndarray,
    given: np.ndarray,
    categorical: Sequence[int] | None,
    shape: tuple[int, int] | None = None,
) -> Case:
    """Return a source that draws whole rows, and labels given the row.

    Args:
        name: what it is.
        rows: all rows, shape ``(rows, columns)``.
        p: their probabilities.
        given: of each label given each row, shape ``(rows, labels)``.
        categorical: as in `Case`.
        shape: height and width of images.
    """
    truth = joint_truth(p[:, None] * given)

    def draw(generator: Generator, examples: int) -> Drawn:
        drawn = generator.choice(len(rows), examples, p=p)
        chance = generator.random(examples)
        labels = (np.cumsum(given[drawn], axis=1) < chance[:, None]).sum(axis=1)
        inputs = rows[drawn]
        return inputs if shape is None else inputs.reshape(-1, 1, *shape), labels

    return Case(name, draw, truth, categorical)


def product_rows(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return all rows of independent columns, and their probabilities."""
    grids = np.meshgrid(*[np.arange(len(p)) for p in columns], indexing="ij")
    rows = np.stack([grid.ravel() for grid in grids], axis=1)
    return rows, np.prod([p[rows[:, i]] for i, p in enumerate(columns)], axis=0)


def folded(p: np.ndarray) -> np.ndarray:
    """Return probabilities made to sum to one."""
    return np.asarray(p) / np.sum(p)


def flipped(states: np.ndarray, classes: int, flip: float) -> np.ndarray:
    """Return the distribution of a label that differs from a state now and then."""
    given = np.full((len(states), classes), flip / (classes - 1))
    given[np.arange(len(states)), states] = 1 - flip
    return given


def core_case() -> Case:
    """A disc whose core is of the other class: two inputs that tell only together, in any noise."""
    core = 0.6**2
    cells = np.array([[core * 0.1, core * 0.9], [(1 - core) * 0.9, (1 - core) * 0.1]])
    truth = {**joint_truth(cells), "density": float(np.log2(np.pi))}
    del truth["X"]  # of the core alone, not of the inputs

    def draw(generator: Generator, examples: int) -> Drawn:
        radius = np.sqrt(generator.random(examples))
        angle = 2 * np.pi * generator.random(examples)
        labels = (radius < 0.6) ^ (generator.random(examples) < 0.1)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), labels.astype(int)

    return Case("disc with a core", draw, truth)


def simplex_case() -> Case:
    """All ways to share twelve among three, equally likely: no column is independent."""
    rows = np.array([(a, b, 12 - a - b) for a in range(13) for b in range(13 - a)])
    given = flipped((rows[:, 0] > 4).astype(int), 2, 0.1)
    return discrete_case("shares of twelve", rows, np.full(len(rows), 1 / len(rows)), given, None)


def falling_case() -> Case:
    """Images of 5 x 4 whose rows copy the row above, each pixel flipped once in ten times."""
    p = np.array([0.9, 0.1])

    def draw(generator: Generator, examples: int) -> Drawn:
        image = generator.integers(0, 2, (examples, 1, 5, 4))
        for row in range(1, 5):
            flip = generator.random((examples, 1, 4)) < p[1]
            image[:, :, row] = image[:, :, row - 1] ^ flip
        return image.astype(np.uint8), generator.integers(0, 3, examples)

    truth = {"Y": float(np.log2(3)), "X and Y": 0.0, "X": 4 + 16 * entropy(p)}
    return Case("images that fall", draw, truth)


def pixels_case() -> Case:
    """Images of 3 x 5 independent pixels, some hardly ever on; the label is a noisy pixel."""
    p = np.array(
        [0.5, 0.004, 0.3, 0.001, 0.1, 0.05, 0.002, 0.7, 0.01, 0.2, 0.4, 0.03, 0.6, 0.08, 0]
    )

    def draw(generator: Generator, examples: int) -> Drawn:
        image = (generator.random((examples, 15)) < p).astype(np.uint8)
        labels = image[:, 0] ^ (generator.random(examples) < 0.2)
        return image.reshape(-1, 1, 3, 5), labels.astype(int)

    cells = np.array([[0.4, 0.1], [0.1, 0.4]])
    bits = sum(entropy(np.array([one, 1 - one])) for one in p)
    return Case("rare pixels", draw, {**joint_truth(cells), "X": bits})


def noise_case() -> Case:
    """Sixty columns of logistic noise, and labels that have nothing to do with them."""

    def draw(generator: Generator, examples: int) -> Drawn:
        return generator.logistic(size=(examples, 60)), generator.integers(0, 4, examples)

    density = 60 * float(stats.logistic.entropy()) / np.log(2)
    return Case("sixty columns of noise", draw, {"Y": 2.0, "X and Y": 0.0, "density": density})


def names_case() -> Case:
    """A column of 350 names, which no network sees, beside a channel with erasures."""
    names = np.full(350, 1 / 350)
    sent = np.full(3, 1 / 3)
    shown = np.concatenate([0.6 * np.eye(3), np.full((3, 1), 0.4)], axis=1) / 3  # joint with sent

    def draw(generator: Generator, examples: int) -> Drawn:
        labels = generator.choice(3, examples, p=sent)
        seen = np.where(generator.random(examples) < 0.4, 3, labels)
        return np.stack([generator.integers(0, 350, examples), seen], axis=1), labels

    truth = joint_truth(shown.T)
    truth["X"] += entropy(names)
    return Case("erasures and names", draw, truth, (0, 1), examples=1200)


def cases() -> list[Case]:
    """Return all sources of data sets."""
    wide = np.sinh(np.linspace(-16, 16, GRID))
    near = np.linspace(-40, 60, GRID)
    above = np.exp(np.linspace(-25, 25, GRID))
    unit = stats.norm.cdf(np.linspace(-9, 9, GRID))
    fair = np.array([0.5, 0.5])
    geometric = folded(0.6 ** np.arange(8))
    xor_rows, xor_p = product_rows([fair, fair, geometric, fair])
    counts = np.arange(25)
    rates = np.stack([stats.poisson.pmf(counts, 2), stats.poisson.pmf(counts, 6)])
    rates /= rates.sum(axis=1, keepdims=True)
    extra = folded(stats.nbinom.pmf(np.arange(12), 2, 0.5))
    count_rows, _ = product_rows([np.ones(25), np.ones(12)])
    of_count = rates.mean(axis=0)
    count_p = of_count[count_rows[:, 0]] * extra[count_rows[:, 1]]
    count_given = (rates / rates.sum(axis=0)).T[count_rows[:, 0]]
    zipf = folded(1 / np.arange(1, 13) ** 1.1)
    coin_rows, coin_p = product_rows([fair, folded([3, 1])])
    logistic, laplace = stats.logistic, stats.laplace
    return [
        line_case("Laplace, shifted", [laplace(0), laplace(1.5)], fair, near),
        line_case(
            "log-normal, shifted", [stats.lognorm(1), stats.lognorm(1, scale=4)], fair, above
        ),
        line_case("Student's t of 3, scaled", [stats.t(3), stats.t(3, scale=4)], fair, wide),
        line_case(
            "gamma of three shapes",
            [stats.gamma(1.5), stats.gamma(4), stats.gamma(9)],
            [0.5, 0.3, 0.2],
            above,
        ),
        line_case("beta, mirrored", [stats.beta(2, 5), stats.beta(5, 2)], fair, unit),
        line_case(
            "Pareto of 1.2, scaled",
            [stats.pareto(1.2), stats.pareto(1.2, scale=3)],
            fair,
            np.concatenate([np.linspace(0, 12, GRID), 12 * np.exp(np.linspace(0, 25, GRID))[1:]]),
        ),
        line_case("rare label, Gumbel", [stats.gumbel_r(0), stats.gumbel_r(3)], [0.97, 0.03], near),
        line_case(
            "exponential among five columns",
            [stats.expon(0), stats.expon(0, 4)],
            [0.4, 0.6],
            above,
            [stats.gumbel_l(), laplace(), logistic(), stats.uniform()],
        ),
        rounded_case(
            "logistic, rounded to 0.5", [logistic(0), logistic(2)], 0.5, np.arange(-80, 90)
        ),
        rounded_case(
            "log-normal, rounded to 0.2",
            [stats.lognorm(0.7), stats.lognorm(0.7, scale=2)],
            0.2,
            np.arange(500),
        ),
        core_case(),
        noise_case(),
        names_case(),
        discrete_case(
            "noisy exclusive or",
            xor_rows,
            xor_p,
            flipped(xor_rows[:, 0] ^ xor_rows[:, 1], 2, 0.15),
            (0, 1, 2, 3),
        ),
        discrete_case("Poisson counts", count_rows, folded(count_p), count_given, None),
        simplex_case(),
        discrete_case(
            "labels by Zipf's law", coin_rows, coin_p, np.tile(zipf, (len(coin_rows), 1)), (0, 1)
        ),
        falling_case(),
        pixels_case(),
    ]


def distributions() -> dict[str, np.ndarray]:
    """Return distributions of states, for entropies from counts alone."""
    english = [
        8.2,
        1.5,
        2.8,
        4.3,
        12.7,
        2.2,
        2,
        6.1,
        7,
        0.15,
        0.77,
        4,
        2.4,
        6.7,
        7.5,
        1.9,
        0.095,
        6,
        6.3,
        9.1,
        2.8,
        0.98,
        2.4,
        0.15,
        2,
        0.074,
    ]
    return {
        "geometric of 0.3": folded(0.7 ** np.arange(60)),
        "negative binomial": folded(stats.nbinom.pmf(np.arange(60), 2, 0.2)),
        "Poisson of 4": folded(stats.poisson.pmf(np.arange(25), 4)),
        "binomial of 12": stats.binom.pmf(np.arange(13), 12, 0.2),
        "Zipf of 1.5, 200 states": folded(1 / np.arange(1, 201) ** 1.5),
        "Zipf of 2, 3,000 states": folded(1 / np.arange(1, 3001) ** 2.0),
        "Benford's digits": np.log10(1 + 1 / np.arange(1, 10)),
        "English letters": folded(english),
        "logarithmic series of 0.9": folded(0.9 ** np.arange(1, 120) / np.arange(1, 120)),
        "normal, rounded to 0.3": folded(np.exp(-0.5 * (0.3 * np.arange(-20, 21)) ** 2)),
        "one state of 0.9995": np.array([0.9995, 0.0005]),
        "365 birthdays": np.full(365, 1 / 365),
        "two geometrics": folded(0.5 * 0.3 ** np.arange(40) + 0.02 * 0.9 ** np.arange(40)),
    }


@dataclass(frozen=True)
class PairCase:
    """A source of two real numbers, with their mutual information in bits."""

    name: str
    draw: Callable[[Generator, int], Drawn]
    bits: float


def pair_cases() -> list[PairCase]:
    """Return sources of pairs, for the neighbours' estimate of two real vectors.

    A variable plus independent noise tells h(sum) - h(noise) of it.
    """
    line = np.linspace(-60, 60, GRID)
    step = line[1] - line[0]

    def additive(name: str, signal: stats.rv_continuous, noise: stats.rv_continuous) -> PairCase:
        from scipy.signal import fftconvolve

        total = np.maximum(fftconvolve(signal.pdf(line), noise.pdf(line), "same") * step, 0)
        logs = np.log2(total, out=np.zeros_like(total), where=total > 1e-14)
        bits = float(-(total * logs).sum() * step) - float(noise.entropy()) / np.log(2)

        def draw(generator: Generator, examples: int) -> Drawn:
            x = signal.rvs(examples, random_state=generator)
            return x, x + noise.rvs(examples, random_state=generator)

        return PairCase(name, draw, bits)

    def log_normal(generator: Generator, examples: int) -> Drawn:
        x = generator.normal(size=examples)
        y = 0.7 * x + np.sqrt(1 - 0.49) * generator.normal(size=examples)
        return np.exp(x), y**3

    def rounded(generator: Generator, examples: int) -> Drawn:
        x = generator.integers(0, 6, examples)
        return x.astype(float), (x + generator.integers(0, 4, examples)).astype(float)

    cells = np.zeros((6, 9))
    for x in range(6):
        cells[x, x : x + 4] = 1 / 24
    return [
        additive("Laplace with logistic noise", stats.laplace(scale=2), stats.logistic()),
        additive("uniform with normal noise", stats.uniform(0, 4), stats.norm()),
        additive("logistic with Laplace noise", stats.logistic(), stats.laplace(scale=0.5)),
        additive("gamma with normal noise", stats.gamma(3), stats.norm()),
        PairCase("bent normal pair", log_normal, -0.5 * float(np.log2(1 - 0.49))),
        PairCase("sum of dice", rounded, joint_truth(cells)["X and Y"]),
    ]
