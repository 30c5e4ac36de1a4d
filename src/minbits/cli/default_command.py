"""Groups of commands of which one need not be named."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


def group_with_default(name: str) -> type[TyperGroup]:
    """Return a group that takes what is no command for the data set of the command ``name``."""

    class Group(TyperGroup):
        # Any: some versions of Typer hold a click of their own, others take the package.
        def parse_args(self, ctx: Any, args: list[str]) -> Any:
            """Put the command before a data set that comes first."""
            if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
                args = [name, *args]
            return super().parse_args(ctx, args)

    return Group
