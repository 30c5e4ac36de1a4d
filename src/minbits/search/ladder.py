"""The ladder of networks from safe to tiny, for every shape of input, from the default space."""

from __future__ import annotations

import dataclasses

from minbits.codec.architecture import check_parameters
from minbits.errors import NetworkError
from minbits.networks.grammar import parse_front_end, split_front_end
from minbits.networks.zoo import architecture_for
from minbits.search.family import Choices, Family, Ladder, Point
from minbits.search.space import Candidate, rated_candidate, repeated
from minbits.search.space_file import read_space
from minbits.types import DataSet, TrainingRecipe

# Images with sides of at least this many pixels take minutes a trial.
LARGE_SIDE = 20
RMSNORM = "rmsnorm"
# Where a ladder does not say where to start.
START_RUNG = 2


def _family(data: DataSet, front_end: str | None = None) -> tuple[Family, Ladder]:
    """Return the family whose ladder is for a data set.

    With a front end, it is one of a front end where there is one; the front end stands before all
    networks of its ladder.

    Raises:
        NetworkError: if the front end does not fit the data set.
    """
    families = read_space().families
    if front_end is not None:
        parse_front_end(front_end).output_shape(data.input_shape)
        families = tuple(sorted(families, key=lambda family: family.front_ends == (None,)))
    for family in families:
        ladder = family.ladder
        if (
            ladder is not None
            and family.fits(data)
            and max(data.input_shape[1:]) >= ladder.shortest
            and (front_end is not None or family.front_ends == (None,))
        ):
            found = dataclasses.replace(family, front_ends=(front_end,))
            # Kernels cannot be shared by a first layer that sees several channels, for example.
            if front_end is None or all(_is_network(found, point, data) for point in ladder.points):
                return found, ladder
    raise AssertionError("the last family of the default space fits everything")


def _is_network(family: Family, point: Point, data: DataSet) -> bool:
    """Return whether the layers of a family fit what its front end gives of a data set's images."""
    try:
        check_parameters(architecture_for(family.text(point, data.class_count), data))
    except NetworkError:
        return False
    return True


def family_behind(data: DataSet, front_end: str | None) -> Family:
    """Return the family of the default space for a data set behind a front end, None for none.

    Raises:
        NetworkError: if the front end does not fit the data set.
    """
    return _family(data, front_end)[0]


def _recipe(family: Family, point: Point, data: DataSet) -> TrainingRecipe:
    """Return the recipe at a point; the rest is what the family fixes, or the default."""
    fixed = {
        name: domain.values[0]
        for name, domain in family.recipe.items()
        if isinstance(domain, Choices) and len(domain.values) == 1
    }
    own = {name: value for name, value in point.items() if name in family.recipe}
    return repeated(TrainingRecipe(**{**fixed, **own}), data)  # type: ignore[arg-type]


def ladder(data: DataSet, front_end: str | None = None) -> tuple[Candidate, ...]:
    """Return the candidates for a data set, from the largest to the smallest.

    Args:
        data: the data set.
        front_end: that all of them have, None for none.

    Raises:
        NetworkError: if the data set does not fit the front end, or the networks behind it.
    """
    family, steps = _family(data, front_end)
    rungs = []
    for point in steps.points:
        text = family.text(point, data.class_count)
        name = steps.more_classes_than
        if name is not None and data.class_count > int(point[name]):
            text = text.replace(*steps.then)
        check_parameters(architecture_for(text, data))  # it fits the data
        rungs.append(rated_candidate(text, _recipe(family, point, data)))
    return tuple(rungs)


def starts_of(data: DataSet, front_end: str | None = None) -> tuple[tuple[float, int], ...]:
    """Return up to which shares of errors the ladder for a data set is started at which rung."""
    return _family(data, front_end)[1].starts


def start_rung(data: DataSet, accuracy: float, front_end: str | None = None) -> int:
    """Return the rung of the ladder to start from when nothing is known."""
    # Rounded, since 1 - 0.988 is a little more than 0.012.
    errors = round(1 - accuracy, 9)
    return next((rung for most, rung in starts_of(data, front_end) if errors <= most), START_RUNG)


def is_large_image(data: DataSet) -> bool:
    """Return whether inputs are images on which a trial takes minutes."""
    return min(data.input_shape[1:]) >= LARGE_SIDE


def own_candidate(architecture: str, rate_weight: float, data: DataSet) -> Candidate:
    """Return an architecture of the user's as a candidate, trained as the ladder's are.

    Raises:
        NetworkError: if the text is not in the grammar or does not fit the data.
    """
    check_parameters(architecture_for(architecture, data))
    family, steps = _family(data, split_front_end(architecture)[0])

    def is_alike(point: Point) -> bool:
        text = family.text(point, data.class_count)
        return (RMSNORM in text) == (RMSNORM in architecture)

    # Which normalisation suits a network decides how it is trained.
    point = next(filter(is_alike, steps.points), steps.points[0])
    recipe = _recipe(family, point, data)
    return rated_candidate(architecture, dataclasses.replace(recipe, rate_weight=rate_weight))
