"""The search space as a TOML file: reading it, with errors that say where and what."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import reprlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from minbits.errors import ArgumentError, NetworkError
from minbits.files import read_text_file
from minbits.front_ends.registry import NO_FRONT_END
from minbits.networks.grammar import parse_front_end
from minbits.requests import FilePath
from minbits.search.family import (
    CLASSES,
    FRONT_END,
    Choices,
    Domain,
    Family,
    Ladder,
    Part,
    Point,
    Range,
    Value,
)
from minbits.types import DataSet, TrainingRecipe

VERSION = 1
LARGEST_WHOLE = 2**63
LARGEST_BYTES = 2**20
DEFAULT_SPACE = "default_space.toml"
_FAMILY_KEYS = {
    "name", "least_side", "sequence", "front_end", "architecture", "architecture_values",
    "compression", "training",
}  # fmt: skip
_RECIPE = {field.name: field for field in dataclasses.fields(TrainingRecipe)}
_COMPRESSION = {
    "rate_weight", "initial_step_ratio", "step_training_end", "freezing_start", "freezing_end",
    "freezing_softness", "finishing_epochs",
}  # fmt: skip
_NEEDED = ("float_epochs", "quantized_epochs")


@dataclass(frozen=True)
class Space:
    """What a search may draw from.

    Attributes:
        name: where it was read.
        families: the first that fits a data set is the one to draw from.
    """

    name: str
    families: tuple[Family, ...]

    def family_for(self, data: DataSet) -> Family:
        """Return the first family for a data set.

        Raises:
            ArgumentError: if none fits.
        """
        return self.families_for(data)[0]

    def families_for(self, data: DataSet) -> tuple[Family, ...]:
        """Return the families for a data set: the first that fits, of each choice of front ends.

        Raises:
            ArgumentError: if none fits.
        """
        found: dict[tuple[str | None, ...], Family] = {}
        for family in self.families:
            if family.fits(data):
                found.setdefault(family.front_ends, family)
        if found:
            return tuple(found.values())
        names = ", ".join(family.name for family in self.families)
        raise ArgumentError(
            self.name, f"inputs of shape {data.input_shape}", f"inputs of one of: {names}",
            "Add a family for them; one with least_side = 0 fits everything.",
        )  # fmt: skip


class _Short(reprlib.Repr):
    """Values as messages show them: not longer than a line, and not deeper than two levels."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxstring = self.maxother = 60

    def repr_int(self, x: int, level: int) -> str:
        """Return a whole number; Python writes none of more than some thousand digits."""
        return repr(x) if abs(x) < LARGEST_WHOLE else "a number of too many digits"


_shown = _Short().repr


@dataclass(frozen=True)
class _Place:
    """Where in the file something stands."""

    words: tuple[str, ...]

    def at(self, *words: str) -> _Place:
        return _Place((*self.words, *words))

    def fail(self, got: str, expected: str, remedy: str = "Correct the file.") -> NoReturn:
        raise ArgumentError(", ".join(self.words), got, expected, remedy)


def read_space(path: FilePath | None = None) -> Space:
    """Return the space of a file; of the one in the package where ``path`` is None.

    Raises:
        ArgumentError: if the file cannot be read or is not a space.
    """
    if path is None:
        return _default_space()
    try:
        text = read_text_file(Path(path), LARGEST_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ArgumentError(
            f"`space` {path}", reason, "a readable TOML file", "Give another path."
        ) from error
    return parse_space(text, f"`space` {path}")


@functools.cache
def _default_space() -> Space:
    """Return the space in the package, with its ladders, which no user's file has."""
    text = resources.files("minbits.search").joinpath(DEFAULT_SPACE).read_text("utf-8")
    plain = tomllib.loads(text)
    ladders = [_ladder(family.pop("ladder"), family) for family in plain["family"]]
    space = _space(plain, "the default search space")
    pairs = zip(space.families, ladders, strict=True)
    families = tuple(dataclasses.replace(family, ladder=steps) for family, steps in pairs)
    return dataclasses.replace(space, families=families)


def _ladder(plain: dict[str, Any], family: dict[str, Any]) -> Ladder:
    columns, fixed = plain.pop("columns"), plain.pop("fixed")
    repeats = [part["repeat"] for part in family["architecture"] if isinstance(part, dict)]

    def point(row: list[Any]) -> Point:
        found: dict[str, Any] = {**fixed, **dict(zip(columns, row, strict=True))}
        for name in [name for name in found if name.endswith(".*")]:
            value = found.pop(name)
            values = value if isinstance(value, list) else [value] * int(found[repeats[0]])
            found.update({f"{name[:-1]}{place + 1}": item for place, item in enumerate(values)})
        return found

    points = tuple(point(row) for row in plain.pop("rungs"))
    starts = tuple((most, rung) for most, rung in plain.pop("starts", ()))
    return Ladder(points, starts, **{**plain, "then": tuple(plain.pop("then", ("", "")))})


def parse_space(text: str, name: str) -> Space:
    """Return the space that a TOML text describes (docs/search.md).

    Raises:
        ArgumentError: if it is not a space.
    """
    try:
        plain = tomllib.loads(text)
    except RecursionError as error:
        raise ArgumentError(
            name, "values nested too deep to be read", "a few levels", "Correct the file."
        ) from error
    except ValueError as error:  # no TOML, or a number of more digits than Python reads
        raise ArgumentError(name, f"no TOML: {error}", "TOML", "Correct the file.") from error
    return _space(plain, name)


def _space(plain: dict[str, Any], name: str) -> Space:
    place = _Place((name,))
    _check_keys(plain, {"version", "family"}, place)
    if plain.get("version") != VERSION:
        place.fail(f"version {_shown(plain.get('version'))}", f"version = {VERSION}")
    families = plain.get("family")
    if not isinstance(families, list) or not families:
        place.fail("no family", "one [[family]] at least")
    return Space(name, tuple(_family(item, place, i) for i, item in enumerate(families)))


def _check_keys(plain: Mapping[str, Any], known: set[str], place: _Place) -> None:
    for key in plain:
        if key not in known:
            place.fail(_shown(key), f"one of {', '.join(sorted(known))}")


def _family(plain: Any, place: _Place, index: int) -> Family:
    if not isinstance(plain, dict):
        place.at(f"family {index + 1}").fail(_shown(plain), "a table")
    name = plain.get("name", f"{index + 1}")
    place = place.at(f"family {_shown(name)}")
    _check_keys(plain, _FAMILY_KEYS, place)
    least_side, is_sequence = plain.get("least_side", 0), plain.get("sequence", False)
    if not isinstance(least_side, int) or isinstance(least_side, bool) or least_side < 0:
        place.at("least_side").fail(_shown(least_side), "a whole number")
    if not isinstance(is_sequence, bool):
        place.at("sequence").fail(_shown(is_sequence), "true or false")
    values = {
        key: _domain(value, place.at("architecture_values", key), (int, str))
        for key, value in _table(plain, "architecture_values", place).items()
    }
    for key in values:
        if not (key.isascii() and key.isidentifier()) or "__" in key:
            place.at("architecture_values").fail(
                _shown(key), "a name of letters, digits and single underscores, no digit first"
            )
    if FRONT_END in values:
        place.at("architecture_values").fail(f"'{FRONT_END}'", "another name")
    parts = _parts(plain.get("architecture"), values, place.at("architecture"))
    front_ends = _front_ends(plain.get(FRONT_END, NO_FRONT_END), place.at(FRONT_END))
    return Family(
        str(name), least_side, is_sequence, parts, values, _recipe(plain, place),
        front_ends=front_ends,
    )  # fmt: skip


def _front_ends(plain: Any, place: _Place) -> tuple[str | None, ...]:
    """Return the texts of front ends, in the usual spelling; None stands for none."""
    found: list[str | None] = []
    for item in plain if isinstance(plain, list) else [plain]:
        if not isinstance(item, str):
            place.fail(_shown(item), "text")
        try:
            found.append(None if item == NO_FRONT_END else parse_front_end(item).text())
        except NetworkError as error:
            place.fail(error.got, f"{error.expected} or {NO_FRONT_END}")
    if not found:
        place.fail("an empty list", "one value at least")
    return tuple(dict.fromkeys(found))


def _table(plain: Mapping[str, Any], key: str, place: _Place) -> dict[str, Any]:
    found = plain.get(key, {})
    if not isinstance(found, dict):
        place.at(key).fail(_shown(found), "a table")
    return found


def _parts(plain: Any, values: Mapping[str, Domain], place: _Place) -> tuple[Part, ...]:
    if isinstance(plain, str):
        plain = [plain]
    if not isinstance(plain, list) or not plain:
        place.fail(_shown(plain), "a list of layers")
    parts: list[Part] = []
    used: set[str] = set()
    for item in plain:
        part = _part(item, place)
        names = set(re.findall(r"\{(\w*)\}", part.layers)) - {CLASSES}
        if part.repeat is not None:
            _check_counts(part.repeat, values, place)
            names |= {part.repeat}
        for name in sorted(names - set(values)):
            place.fail(f"{{{name}}}", f"a name of [family.architecture_values] or {{{CLASSES}}}")
        used |= names
        parts.append(part)
    for name in values:
        if name not in used:
            place.fail(f"'{name}', which no layer uses", "values of names that layers use")
    return tuple(parts)


def _part(item: Any, place: _Place) -> Part:
    if isinstance(item, str):
        return Part(item)
    is_part = isinstance(item, dict) and set(item) <= {"layers", "repeat"}
    if not is_part or not all(isinstance(value, str) for value in item.values()):
        place.fail(_shown(item), "text, or { layers = text, repeat = name }")
    if "layers" not in item:
        place.fail(_shown(item), "a key 'layers'")
    return Part(item["layers"], item.get("repeat"))


def _check_counts(name: str, values: Mapping[str, Domain], place: _Place) -> None:
    domain = values.get(name)
    if isinstance(domain, Range):
        numbers: list[Value] = [domain.low, domain.high]
        if domain.is_whole and domain.low >= 0 and domain.high <= 64:
            return
    else:
        numbers = list(domain.values) if domain is not None else []
        if numbers and all(isinstance(n, int) and 0 <= n <= 64 for n in numbers):
            return
    place.at(f"repeat = {name!r}").fail(_shown(numbers), "whole numbers from 0 to 64")


def _recipe(plain: Mapping[str, Any], place: _Place) -> dict[str, Domain]:
    recipe: dict[str, Domain] = {}
    for table in ("compression", "training"):
        known = _COMPRESSION if table == "compression" else set(_RECIPE) - _COMPRESSION
        found = _table(plain, table, place)
        _check_keys(found, known, place.at(table))
        for key, value in found.items():
            types = _types_of(key)
            domain = _domain(value, place.at(table, key), types)
            if float in types and isinstance(domain, Choices):
                domain = Choices(tuple(float(value) for value in domain.values))
            recipe[key] = domain
    for key in (*_NEEDED, *(name for name in recipe if name == "finishing_epochs")):
        domain = recipe.get(key, Choices(()))
        if not isinstance(domain, Choices) or len(domain.values) != 1:
            table = "compression" if key in _COMPRESSION else "training"
            place.at(table, key).fail("no one number", "a number of epochs, the most spent")
    return recipe


def _types_of(field: str) -> tuple[type, ...]:
    """Return the types that a field of the recipe takes; its annotation is text."""
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "bool": (bool,), "float": (float, int)}
    return kinds.get(str(_RECIPE[field].type), (str,))


def _is_of(value: Any, types: tuple[type, ...]) -> bool:
    if isinstance(value, bool) != (bool in types):
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if isinstance(value, int) and not -LARGEST_WHOLE <= value < LARGEST_WHOLE:
        return False
    return isinstance(value, types)


_WORDS: dict[type, str] = {
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
}


def _domain(value: Any, place: _Place, types: tuple[type, ...]) -> Domain:
    expected = " or ".join(_WORDS[kind] for kind in types)
    if isinstance(value, dict):
        return _range(value, place, types, expected)
    values = value if isinstance(value, list) else [value]
    if not values:
        place.fail("an empty list", "one value at least")
    for item in values:
        if not _is_of(item, types):
            place.fail(_shown(item), expected)
    return Choices(tuple(values))


def _range(value: dict[str, Any], place: _Place, types: tuple[type, ...], expected: str) -> Range:
    _check_keys(value, {"from", "to", "log"}, place)
    low, high, log = value.get("from"), value.get("to"), value.get("log", False)
    for end in (low, high):
        if isinstance(end, str) or not _is_of(end, types):
            place.fail(repr(end), f"from and to, each a {expected}")
    assert isinstance(low, int | float)
    assert isinstance(high, int | float)
    if low >= high:
        place.fail(f"from {low} to {high}", "from below to")
    if not isinstance(log, bool):
        place.fail(f"log = {_shown(log)}", "true or false")
    if log and low <= 0:
        place.fail(f"from {low} with log = true", "a range above 0")
    is_whole = isinstance(low, int) and isinstance(high, int) and float not in types
    return Range(low, high, is_whole, log)
