"""Every command that prints JSON has a schema, and a line on the page of the schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from jsonschema import Draft202012Validator

from minbits.cli.app import COMMANDS, app
from tests.cli.json_schemas import SCHEMAS, command_name

PAGE = SCHEMAS.parent / "json.md"


def commands_with_json() -> Iterator[str]:
    group = typer.main.get_group(app)
    context = typer.Context(group)
    for name in COMMANDS:
        found = group.get_command(context, name)
        assert found is not None
        parts = getattr(found, "commands", {"": found})
        for part, command in parts.items():
            if any("--json" in parameter.opts for parameter in command.params):
                yield command_name((name, part) if part else (name,))


def test_every_command_has_a_schema_and_a_line_on_the_page() -> None:
    wanted = {*commands_with_json(), "size-curve"}
    assert {path.stem for path in SCHEMAS.glob("*.json")} == wanted
    listed = re.findall(r"\]\(schemas/([\w-]+)\.json\)", PAGE.read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(wanted)


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_is_one_and_is_closed(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    if "properties" in schema:
        assert schema["additionalProperties"] is False
