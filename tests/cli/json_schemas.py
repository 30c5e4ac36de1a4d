"""The JSON of every command against its schema in ``docs/schemas``.

Every test that runs a command with ``--json`` in this process checks its output (`tests/cli/here`).
Schemas are made from such outputs: run the tests with ``MINBITS_JSON_SAMPLES`` naming a folder,
then ``python -m tests.cli.json_schemas FOLDER``, and read what changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jsonschema

from minbits.cli.app import COMMANDS

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
SAMPLES = "MINBITS_JSON_SAMPLES"
GROUPS = ("capacity", "ledger", "codelength")
# Objects whose keys are names of the user's or of the data's, not of ours.
MAPS = (
    "by_load",
    "outputs",
    "pictures",
    "successes_on_validation",
    "smaller_not_taken",
    "config",
    "learner_bits",
    "packages",
    "counts",
)


def command_name(arguments: Sequence[object]) -> str:
    """Return the name of a command as its schema has it, such as ``ledger-list``."""
    first, *rest = (str(word) for word in arguments)
    assert first in COMMANDS
    if first == "size" and "--curve" in rest:
        return "size-curve"
    return f"{first}-{rest[0]}" if first in GROUPS else first


def check_output(arguments: Sequence[object], output: str) -> None:
    """Check what a command printed with ``--json``, and keep it where samples are wanted."""
    if "--json" not in map(str, arguments) or not output.strip():
        return
    found = json.loads(output)
    name = command_name(arguments)
    if folder := os.environ.get(SAMPLES):
        text = json.dumps(found)
        place = Path(folder) / name / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        return
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.validate(found, schema)


def _closed(schema: Any, key: str = "") -> Any:
    """Return a schema that allows no other keys, save in objects whose keys are names."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "object" and key in MAPS:
        parts = [_closed(item) for item in schema["properties"].values()]
        kinds = [part for index, part in enumerate(parts) if part not in parts[:index]]
        return {"type": "object", "additionalProperties": {"anyOf": kinds}}
    found = {name: _closed(value) for name, value in schema.items() if name != "properties"}
    if "properties" in schema:
        parts = schema["properties"].items()
        found["properties"] = {name: _closed(value, name) for name, value in parts}
        found["additionalProperties"] = False
    return found


def schemas(samples: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the schema of every command that has samples."""
    from genson import SchemaBuilder

    for folder in sorted(samples.iterdir()):
        builder = SchemaBuilder()
        for path in sorted(folder.iterdir()):
            builder.add_object(json.loads(path.read_text(encoding="utf-8")))
        words = folder.name.replace("-", " ").replace("size curve", "size --curve")
        yield (
            folder.name,
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "title": f"minbits {words} --json",
                **{k: v for k, v in _closed(builder.to_schema()).items() if k != "$schema"},
            },
        )


if __name__ == "__main__":
    for name, schema in schemas(Path(sys.argv[1])):
        text = json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False)
        (SCHEMAS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
