"""A family of candidates as data: a template of the architecture, and ranges for what varies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from minbits.codec.architecture import check_parameters
from minbits.front_ends.registry import NO_FRONT_END
from minbits.networks.grammar import split_front_end, with_front_end
from minbits.networks.zoo import architecture_for
from minbits.search.space import Candidate, repeated
from minbits.types import DataSet, TrainingRecipe, TrialConfig

Value = int | float | str | bool
# Values by name; what is drawn for each repetition has the number of the repetition behind a dot.
Point = dict[str, Value]

CLASSES = "classes"
FRONT_END = "front_end"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Choices:
    """One of some values; of one alone, nothing is drawn."""

    values: tuple[Value, ...]

    def holds(self, value: Value) -> bool:
        """Whether ``value`` can be drawn."""
        return value in self.values


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, both included, whole ones or not."""

    low: float
    high: float
    is_whole: bool
    is_logarithmic: bool

    def holds(self, value: Value) -> bool:
        """Whether ``value`` can be drawn."""
        if isinstance(value, str) or not self.low <= value <= self.high:
            return False
        return not self.is_whole or float(value).is_integer()


Domain = Choices | Range


@dataclass(frozen=True)
class Part:
    """Some layers of the template, written ``repeat`` times where that names a value."""

    layers: str
    repeat: str | None = None


@dataclass(frozen=True)
class Ladder:
    """Networks of a family, from the largest to the smallest.

    Attributes:
        points: what differs from the family's fixed values, of each network.
        starts: up to a share of errors, the network to start from.
        shortest: inputs have at least this longer side.
        more_classes_than: a value; where there are more classes, `then` holds.
        then: a part of the architecture, and what is written in its place.
    """

    points: tuple[Point, ...]
    starts: tuple[tuple[float, int], ...] = ()
    shortest: int = 0
    more_classes_than: str | None = None
    then: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Family:
    """Candidates of one form.

    Attributes:
        name: for messages.
        least_side: inputs have at least this smaller side.
        is_sequence: whether it is for inputs of one row alone.
        parts: the template.
        architecture: what may stand in for the template's names.
        recipe: of fields of the training recipe; those that are missing have their defaults.
        front_ends: texts of what may stand before the layers; None stands for none.
        ladder: of the default space's families alone.
    """

    name: str
    least_side: int
    is_sequence: bool
    parts: tuple[Part, ...]
    architecture: Mapping[str, Domain]
    recipe: Mapping[str, Domain]
    ladder: Ladder | None = None
    front_ends: tuple[str | None, ...] = (None,)

    def fits(self, data: DataSet) -> bool:
        """Whether it is for inputs of the shape of the data set's."""
        _, height, width = data.input_shape
        if self.is_sequence:
            return height == 1 and width > 1
        return min(height, width) >= self.least_side

    def variables(self, point: Point) -> Iterator[tuple[str, Domain]]:
        """Yield what is to be drawn, one after the other; ``point`` holds what was drawn so far.

        What comes later may depend on it: how often a part is repeated comes before what it names.
        """
        if len(self.front_ends) > 1:
            yield FRONT_END, Choices(tuple(found or NO_FRONT_END for found in self.front_ends))
        for name in dict.fromkeys(part.repeat for part in self.parts if part.repeat):
            yield name, self.architecture[name]
        for part in self.parts:
            for suffix in self._suffixes(part, point):
                for name in dict.fromkeys(_PLACEHOLDER.findall(part.layers)):
                    if name != CLASSES and name + suffix not in point:
                        yield name + suffix, self.architecture[name]
        yield from self.recipe.items()

    @staticmethod
    def _suffixes(part: Part, point: Point) -> list[str]:
        if part.repeat is None:
            return [""]
        return [f".{number + 1}" for number in range(int(point[part.repeat]))]

    def text(self, point: Point, classes: int) -> str:
        """Return the architecture at a point."""
        pieces: list[str] = []
        for part in self.parts:
            for suffix in self._suffixes(part, point):

                def value(match: re.Match[str], suffix: str = suffix) -> str:
                    name = match.group(1)
                    return str(classes if name == CLASSES else point[name + suffix])

                pieces.append(_PLACEHOLDER.sub(value, part.layers))
        text = "; ".join(pieces)
        chosen = point.get(FRONT_END, self.front_ends[0] or NO_FRONT_END)
        front_end = None if chosen == NO_FRONT_END else str(chosen)
        return with_front_end(text.removeprefix("views 1; "), front_end)

    def candidate(self, point: Point, data: DataSet) -> Candidate:
        """Return the candidate at a point; small sets are gone through more often.

        Raises:
            NetworkError: if the architecture does not fit the data.
        """
        architecture = self.text(point, data.class_count)
        check_parameters(architecture_for(architecture, data))
        recipe = TrainingRecipe(**{name: point[name] for name in self.recipe})  # type: ignore[arg-type]
        words = [
            f"{name} {_short(point[name])}"
            for name, domain in self.recipe.items()
            if not isinstance(domain, Choices) or len(domain.values) > 1
        ]
        return Candidate(
            f"{architecture} @ {', '.join(words)}", architecture, repeated(recipe, data)
        )

    def full_recipe(self, data: DataSet) -> TrainingRecipe:
        """Return a recipe with all epochs for a data set, and the first of all other values."""
        first = {
            name: domain.values[0] if isinstance(domain, Choices) else domain.low
            for name, domain in self.recipe.items()
        }
        return repeated(TrainingRecipe(**first), data)  # type: ignore[arg-type]

    def point_of(self, config: TrialConfig, classes: int) -> Point | None:
        """Return the point of a trial, None where it lies outside of the family.

        Epochs do not count: they may have been cut to the time.
        """
        point = self._architecture_point(config.architecture, classes)
        if point is None:
            return None
        for name, domain in self.recipe.items():
            value = getattr(config.recipe, name)
            if not name.endswith("_epochs"):
                if not domain.holds(value):
                    return None
                point[name] = value
            elif isinstance(domain, Choices):
                point[name] = domain.values[0]
        return point

    def _architecture_point(self, text: str, classes: int) -> Point | None:
        front_end, text = split_front_end(text)
        if front_end not in self.front_ends:
            return None
        chosen: Point = {}
        if len(self.front_ends) > 1:
            chosen[FRONT_END] = front_end or NO_FRONT_END
        repeats = list(dict.fromkeys(part.repeat for part in self.parts if part.repeat))
        for counts in self._counts(repeats):
            match = re.fullmatch(self._pattern(counts, classes), _with_views(text, self.parts))
            if match is None:
                continue
            point: Point = {**chosen, **counts}
            for group, found in match.groupdict().items():
                name = group.replace("__", ".")
                value: Value = int(found) if found.isdigit() else found
                if not self.architecture[name.partition(".")[0]].holds(value):
                    return None
                point[name] = value
            return point
        return None

    def _counts(self, names: list[str]) -> Iterator[dict[str, int]]:
        """Yield every combination of repetitions."""
        if not names:
            yield {}
            return
        domain = self.architecture[names[0]]
        numbers = (
            range(int(domain.low), int(domain.high) + 1)
            if isinstance(domain, Range)
            else [int(value) for value in domain.values]
        )
        for number in numbers:
            for rest in self._counts(names[1:]):
                yield {names[0]: number, **rest}

    def _values_pattern(self, name: str) -> str:
        """Return a pattern of what may stand in for a name; a value may be layers, or nothing."""
        domain = self.architecture[name]
        texts = [value for value in getattr(domain, "values", ()) if isinstance(value, str)]
        return "|".join([*(re.escape(text) for text in texts), r"\w+"])

    def _pattern(self, counts: Mapping[str, int], classes: int) -> str:
        pieces: list[str] = []
        seen: set[str] = set()
        for part in self.parts:
            for suffix in self._suffixes(part, dict(counts)):
                pattern = ""
                for index, piece in enumerate(_PLACEHOLDER.split(part.layers)):
                    group = (piece + suffix).replace(".", "__")
                    if index % 2 == 0:
                        pattern += re.escape(piece)
                    elif piece == CLASSES:
                        pattern += str(classes)
                    elif group in seen:
                        pattern += f"(?P={group})"
                    else:
                        seen.add(group)
                        pattern += f"(?P<{group}>{self._values_pattern(piece)})"
                pieces.append(pattern)
        return "; ".join(pieces)


def _short(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _with_views(text: str, parts: tuple[Part, ...]) -> str:
    """Return the text with ``views 1`` written out where the template writes views."""
    if parts[0].layers.startswith("views") and not text.startswith("views"):
        return f"views 1; {text}"
    return text
