"""How an option is called on the command line: `worker_memory` is ``--worker-memory``."""

from __future__ import annotations

import re

# `name`, `name=True`, `name=False` or `name=value`, as texts of the library name options.
_NAMED = re.compile(r"`([a-z]+(?:_[a-z0-9]+)*)(?:=([^`]*))?`")


def flag(name: str) -> str:
    """Return the flag of an option."""
    return f"--{name.replace('_', '-')}"


def _as_flag(match: re.Match[str]) -> str:
    name, value = match.groups()
    if value in (None, "True"):
        return flag(name)
    if value == "False":
        return flag(f"no_{name}")
    return f"{flag(name)} {value.strip(chr(34))}"


def with_flags(text: str) -> str:
    """Return a text of the library with the flags of the command line for the options in it."""
    return _NAMED.sub(_as_flag, text)
