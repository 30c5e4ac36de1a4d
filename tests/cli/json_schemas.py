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
GROUPS = ("capacity", "ledger", "codelength", "trainability")
# Objects whose keys are names of the user's, of the data's or of the machine's, not of ours.
MAPS = {
    "by_load", "config", "counts", "damaged_artifacts", "libraries", "lost_artifacts", "machine",
    "outputs", "packages", "pictures", "rows", "smaller_files_not_taken", "smaller_not_taken",
    "successes_on_validation", "tensor_bits", "learner_bits",
}  # fmt: skip


def command_name(arguments: Sequence[object]) -> str:
    """Return the name of a command as its schema has it, such as ``ledger-list``."""
    first, *rest = (str(word) for word in arguments)
    assert first in COMMANDS
    if first == "size" and "--curve" in rest:
        return "size-curve"
    if first == "codelength" and rest[0] not in ("encode", "decode"):
        return "codelength-encode"  # which may be left out
    if first == "trainability" and rest[0] not in ("widths", "price", "surface"):
        return "trainability-widths"  # likewise
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
    """Return a schema that allows no other keys, save in objects whose keys are names.

    What is not known is null, on this machine or on another one.
    """
    kinds = schema.get("type")
    if "anyOf" in schema:
        parts = [part for part in schema["anyOf"] if part.get("type") != "null"]
        return {"anyOf": [*(_closed(part, key) for part in parts), {"type": "null"}]}
    if kinds == "object":
        parts = schema.get("properties", {}).items()
        if key in MAPS or not parts:
            return {"type": ["object", "null"]}
        return {
            "type": ["object", "null"],
            "properties": {name: _closed(value, name) for name, value in parts},
            "required": schema.get("required", []),
            "additionalProperties": False,
        }
    if kinds == "array":
        items = schema.get("items")
        known = {} if items is None else {"items": _closed(items, key)}
        return {"type": ["array", "null"], **known}
    plain = {kinds} if isinstance(kinds, str) else set(kinds or ())
    if plain <= {"null"}:
        return {}  # never seen with a value
    return {"type": sorted(plain | {"null"})}


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
