"""Requests: the options of a job in one frozen record, from which all its interfaces are made.

A field of a request holds its default, its help text, the check of its range and how its default is
shown. The call of the library, the command line, a TOML file and the tables of the documentation
are made from these fields. Texts name an option in backquotes, as `accuracy`; the command line
shows the flag in its place.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import numbers
import reprlib
import tomllib
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import (
    Any,
    Concatenate,
    Literal,
    ParamSpec,
    Self,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from minbits.errors import ArgumentError
from minbits.files import read_text_file

# Whether a value is in its range, and what the range is called in a message.
Check = tuple[Callable[[Any], bool], str]

FilePath = str | Path

P = ParamSpec("P")
One = TypeVar("One")
Asked = TypeVar("Asked")
Report = TypeVar("Report")

_KEY = "option"
_LARGEST_BYTES = 2**20
_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
}
_SHAPE = "whole numbers, such as 1x28x28"
_NUMBERS = "numbers separated by commas"

FRACTION: Check = (lambda value: 0 < value <= 1, "above 0 and at most 1, as 0.97 for 97 %")
MINUTES: Check = (lambda value: 0 < value < 1e6, "a positive number")
SEED: Check = (lambda value: 0 <= value < 2**31, "0 to 2**31 - 1")


def at_least(least: int, unit: str = "") -> Check:
    """Return the check of a number that must not be smaller than ``least``."""
    return (lambda value: value >= least, f"at least {least}{unit}")


@dataclass(frozen=True)
class Option:
    """What is known of one field of a request beside its name, type and default.

    Attributes:
        help: what it says, in one or two sentences.
        shown: how the default is shown; None shows the value.
        check: of its range; None takes every value of the type.
        aliases: further names of its flag.
        off: further names of the flag that sets it to False.
        negatable: whether there is such a flag although False is the default.
        environment: a variable whose value the command line takes where the option isn't given.
    """

    help: str
    shown: str | None = None
    check: Check | None = None
    aliases: tuple[str, ...] = ()
    off: tuple[str, ...] = ()
    negatable: bool = False
    environment: str | None = None


def option(default: Any, help: str, **more: Any) -> Any:
    """Return a field of a request.

    Args:
        default: its value where nobody names it.
        help: what it says.
        more: further attributes of `Option`.
    """
    return dataclasses.field(default=default, metadata={_KEY: Option(help, **more)})


@dataclass(frozen=True)
class NamedOption:
    """One option of a request, with its name, type and default."""

    name: str
    type: Any
    default: Any
    option: Option

    def value(self, value: Any, where: str | None = None) -> Any:
        """Return a value as the field holds it: lists and texts of several values as a tuple.

        Args:
            value: what was given.
            where: it was given; None stands for the name of the option.

        Raises:
            ArgumentError: if the value is of another type, or out of its range.
        """
        where = f"`{self.name}`" if where is None else where
        found, check = _converted(value, self.type), self.option.check
        if not _fits(found, self.type):
            self._refuse(where, value, described(self.type))
        if check is not None and found is not None and not check[0](found):
            self._refuse(where, value, check[1])
        return found

    def _refuse(self, where: str, value: Any, expected: str) -> None:
        raise ArgumentError(where, reprlib.repr(value), expected, "Give another value.")


def options_of(record: type) -> tuple[NamedOption, ...]:
    """Return the options of a request, its own ones first, then those that it inherits."""
    hints = get_type_hints(record)
    fields: dict[str, Any] = {field.name: field for field in dataclasses.fields(record)}
    names = [name for part in record.__mro__ for name in inspect.get_annotations(part)]
    return tuple(
        NamedOption(name, hints[name], fields[name].default, fields[name].metadata[_KEY])
        for name in dict.fromkeys(names)
        if name in fields and _KEY in fields[name].metadata
    )


@dataclass(frozen=True)
class Request:
    """Base of all requests: every value is checked when the record is made."""

    def __post_init__(self) -> None:
        for item in options_of(type(self)):
            object.__setattr__(self, item.name, item.value(getattr(self, item.name)))

    @classmethod
    def from_toml(cls, path: FilePath) -> Self:
        """Return the request that a TOML file holds; its keys are the names of the fields.

        Raises:
            ArgumentError: if the file cannot be read, or has an unknown key or a wrong value.
        """
        return cls(**read_options(cls, path))


def read_options(record: type[Request], path: FilePath) -> dict[str, Any]:
    """Return the options of a request that a TOML file names.

    Raises:
        ArgumentError: if the file cannot be read, or has an unknown key or a wrong value.
    """
    try:
        plain = tomllib.loads(read_text_file(Path(path), _LARGEST_BYTES))
    except (OSError, RecursionError, ValueError) as error:  # ValueError: no UTF-8, or no TOML
        reason = getattr(error, "strerror", None) or str(error)
        raise ArgumentError(str(path), reason, "a TOML file", "Correct the file.") from error
    known = {item.name: item for item in options_of(record)}
    for key in plain:
        if key not in known:
            raise ArgumentError(
                f"{path}: {key}", "an unknown key", f"one of {', '.join(known)}",
                "Correct the file.",
            )  # fmt: skip
    return {key: known[key].value(value, f"{path}: {key}") for key, value in plain.items()}


def default_text(item: NamedOption) -> str:
    """Return how the default of an option is shown."""
    if item.option.shown is not None:
        return item.option.shown
    if item.default is None or item.default == ():
        return "none"
    if isinstance(item.default, bool):
        return "yes" if item.default else "no"
    if isinstance(item.default, tuple):
        return ", ".join(f"{part:g}" for part in item.default)
    return f"{item.default:,}" if isinstance(item.default, int) else str(item.default)


def plain_type(annotation: Any) -> Any:
    """Return a type without the None of an option that may be left out."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation
    parts = [part for part in get_args(annotation) if part is not type(None)]
    return functools.reduce(lambda one, other: one | other, parts)


def described(annotation: Any) -> str:
    """Return what values of a type are called in a message."""
    wanted = plain_type(annotation)
    origin, parts = get_origin(wanted), get_args(wanted)
    if origin is Literal:
        return " or ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    if origin is tuple:
        return {int: _SHAPE, float: _NUMBERS}.get(parts[0], "a list of texts")
    if parts:  # text that stands for a path, or either
        return "a path" if Path in parts else " or ".join(_NAMES[part] for part in parts)
    return _NAMES[wanted]


def _converted(value: Any, annotation: Any) -> Any:
    wanted = plain_type(annotation)
    if get_origin(wanted) is not tuple:
        return value
    part = get_args(wanted)[0]
    if isinstance(value, str) and part is not str:
        texts = value.lower().replace("x", ",").split(",")
        try:
            return tuple(part(text) for text in texts)
        except ValueError:
            return value  # which does not fit, and is refused by that
    return tuple(value) if isinstance(value, list) else value


def _fits(value: Any, annotation: Any) -> bool:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return isinstance(value, str) and value in parts
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
    if annotation in (int, float):
        kind = numbers.Integral if annotation is int else numbers.Real
        return isinstance(value, kind) and not isinstance(value, bool)
    return isinstance(value, annotation)


def with_options(function: Callable[..., Any], request: Any) -> Callable[..., Any]:
    """Return a function whose last argument, a request, is made of named options."""
    *first, last = inspect.signature(function).parameters.values()
    kinds = inspect.signature(request).parameters
    options = options_of(request)
    named = [
        last.replace(name=item.name, kind=kinds[item.name].kind, default=item.default,
                     annotation=item.type)
        for item in options
    ]  # fmt: skip
    named.sort(key=lambda item: item.kind)  # what may be given by place comes first
    signature = inspect.signature(function).replace(parameters=[*first, *named])

    @functools.wraps(function)
    def call(*values: Any, **more: Any) -> Any:
        given = signature.bind(*values, **more).arguments
        leading = {item.name: given.pop(item.name) for item in first if item.name in given}
        return function(**leading, **{last.name: request(**given)})

    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__doc__ = f"{inspect.getdoc(function)}\n\nOptions:\n{_described(options)}"
    return call


def _described(options: tuple[NamedOption, ...]) -> str:
    return "\n".join(
        f"    {item.name}: {item.option.help} Default: {default_text(item)}." for item in options
    )


def call_with(
    request: Callable[P, Asked],
) -> Callable[[Callable[[One, Asked], Report]], Callable[Concatenate[One, P], Report]]:
    """Make a call of one argument and a request's options from a function of both."""
    return lambda function: with_options(function, request)
