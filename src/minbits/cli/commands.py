"""From records of options to commands: what a request holds is told once, in its fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from minbits.cli.flags import flag, with_flags
from minbits.requests import NamedOption, Request, options_of, plain_type, read_options

_FILE = "options_file"
_CONTEXT = "context"


def command(handler: Callable[..., None]) -> Callable[..., None]:
    """Return a handler as Typer takes it.

    A parameter whose type is a `Request` becomes the options of that record. The record of the
    parameter ``request`` can also be read from a TOML file. An option on the command line wins over
    the file, and the file wins over an environment variable.
    """
    hints = get_type_hints(handler, include_extras=True)
    given = inspect.signature(handler).parameters
    records = {name: hints[name] for name in given if _is_record(hints[name])}
    parameters: list[inspect.Parameter] = []
    for name, parameter in given.items():
        if name in records:
            parameters += [option_parameter(item) for item in options_of(records[name])]
        else:
            found = parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
            parameters.append(found)
    if "request" in records:
        parameters += [_file_parameter(), _parameter(_CONTEXT, typer.Context)]

    @functools.wraps(handler)
    def call(**values: Any) -> None:
        if "request" in records:
            _read_file(records["request"], values)
        made = {name: _record(records[name], values) for name in records}
        handler(**values, **made)

    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def _is_record(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Request)


def _record(record: type[Request], values: dict[str, Any]) -> Request:
    """Make a record of its values, which are taken out of ``values``."""
    found = {item.name: values.pop(item.name) for item in options_of(record)}
    # Of an option that may be repeated, nothing is None.
    return record(**{name: value for name, value in found.items() if value is not None})


def _read_file(record: type[Request], values: dict[str, Any]) -> None:
    """Put what a TOML file says in the place of what the command line doesn't."""
    context, path = values.pop(_CONTEXT), values.pop(_FILE)
    if path is None:
        return
    for name, value in read_options(record, path).items():
        if context.get_parameter_source(name).name != "COMMANDLINE":
            values[name] = value


def _parameter(
    name: str, annotation: Any, default: Any = inspect.Parameter.empty
) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _file_parameter() -> inspect.Parameter:
    text = "A TOML file of these options, by their names: minutes = 3."
    wanted = Annotated[Path | None, typer.Option("--options", help=text)]
    return _parameter(_FILE, wanted, None)


def flags_of(item: NamedOption) -> tuple[str, ...]:
    """Return how an option is named on the command line."""
    names = [flag(name) for name in (item.name, *item.option.aliases)]
    if plain_type(item.type) is not bool or not (item.default or item.option.negatable):
        return tuple(names)
    off = [flag(name) for name in (f"no_{item.name}", *item.option.off)]
    return (f"{names[0]}/{off[0]}", *(f" /{name}" for name in off[1:]))


def option_parameter(item: NamedOption) -> inspect.Parameter:
    """Return the parameter of one option, as Typer reads it."""
    wanted = plain_type(item.type)
    more: dict[str, Any] = {"help": with_flags(item.option.help), "metavar": _metavar(wanted)}
    if item.option.shown is not None:
        more["show_default"] = with_flags(item.option.shown)
    if item.option.environment is not None:
        more["envvar"] = item.option.environment
    kind, default = _typer_type(wanted), item.default
    if isinstance(default, tuple):
        default = ",".join(f"{part:g}" for part in default) or None
    return _parameter(item.name, Annotated[kind, typer.Option(*flags_of(item), **more)], default)


def _typer_type(wanted: Any) -> Any:
    if wanted in (bool, int, float):
        return bool if wanted is bool else wanted | None
    repeated = get_origin(wanted) is tuple and get_args(wanted)[0] is str
    return (list[str] if repeated else str) | None


def _metavar(wanted: Any) -> str | None:
    """Return what stands for a value in the help where its type alone doesn't tell it."""
    parts = get_args(wanted)
    if get_origin(wanted) is Literal:
        return f"[{'|'.join(parts)}]"
    if get_origin(wanted) is tuple:
        return {int: "SHAPE", float: "NUMBERS"}.get(parts[0])
    return "PATH" if Path in parts else None
