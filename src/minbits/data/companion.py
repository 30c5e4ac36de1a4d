"""The companion of a network file: what belongs to the data and not to the network, as JSON.

A network maps numbers to logits. What turns a row or an image into those numbers, and a logit into
the name of a class, is written beside the network file: ``found.data.json`` beside ``found.mbn``.
The card names it by its SHA-256. docs/predict.md has the format, with an example.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from minbits.checked_json import Fields, JsonError, parse_json, read_json
from minbits.data.encoding import MAX_CATEGORIES, encoding_bits
from minbits.data.limits import MAX_CHANNELS, MAX_COLUMNS
from minbits.data.notations import notation_of
from minbits.errors import DataError
from minbits.files import read_text_file, sha256_hex
from minbits.types import Column, ColumnKind, DataSet
from minbits.units import bytes_to_bits

SUFFIX = ".data.json"
FORMAT = "minbits companion"
VERSION = 1
_LARGEST_BYTES = 2**26  # a million categories need some 30 MB
_LARGEST_SIDE = 65_536
_LARGEST_EXPONENT = 1100  # of a float64
_LARGEST_OFFSET = 2**24
_MAX_CLASSES = 65_536

InputType = Literal["uint8", "float32"]


@dataclass(frozen=True)
class Companion:
    """What belongs to the data of a network file.

    Attributes:
        data_name: the data set.
        data_digest: its SHA-256.
        network_sha256: of the network file.
        class_names: in the order of the logits.
        label_column: of a table in a file; None for other sources.
        input_shape: ``(channels, height, width)`` of one example, as the network reads it.
        input_type: ``uint8`` where inputs are bytes, 0 to 255.
        resize: height and width that images were brought to; None where they kept their size.
        columns: of a table, with their encoding; None where inputs are arrays or images.
        inverse_temperature: logits times this are the natural logarithms of probabilities, but for
            a constant of each row; 0 or more.
        calibration_examples: on so many validation examples it was fitted.
    """

    data_name: str
    data_digest: str
    network_sha256: str
    class_names: tuple[str, ...]
    label_column: str | None
    input_shape: tuple[int, int, int]
    input_type: InputType
    resize: tuple[int, int] | None
    columns: tuple[Column, ...] | None
    inverse_temperature: float
    calibration_examples: int

    @property
    def encoding_bits(self) -> int:
        """What exponents and offsets of the columns cost (`minbits.data.encoding`); 0 without."""
        return 0 if self.columns is None else encoding_bits(self.columns)

    @property
    def names_bits(self) -> int:
        """What all names cost: 8 bits a byte of UTF-8, and a byte at the end of each."""
        columns = self.columns or ()
        names = [*self.class_names, *(column.name for column in columns)]
        names += [text for column in columns if column.channels for text in column.categories]
        names += [] if self.label_column is None else [self.label_column]
        return bytes_to_bits(sum(len(name.encode()) + 1 for name in names))


def companion_of(
    data: DataSet, network_sha256: str, inverse_temperature: float, calibration_examples: int
) -> Companion:
    """Return the companion of a network file that was made for a data set."""
    return Companion(
        data_name=data.name,
        data_digest=data.digest,
        network_sha256=network_sha256,
        class_names=data.class_names,
        label_column=data.label_column,
        input_shape=data.input_shape,
        input_type="uint8" if data.train_inputs.dtype.name == "uint8" else "float32",
        resize=data.resized,
        columns=None if data.table is None else data.table.columns,
        inverse_temperature=inverse_temperature,
        calibration_examples=calibration_examples,
    )


def companion_path(network: Path) -> Path:
    """Return where the companion of a network file is."""
    return network.with_name(network.stem + SUFFIX)


def is_companion(plain: Any) -> bool:
    """Whether JSON says that it is a companion."""
    return isinstance(plain, dict) and plain.get("format") == FORMAT


# --- writing


def companion_bytes(companion: Companion) -> bytes:
    """Return the file of a companion: JSON in UTF-8; the same companion gives the same bytes."""
    plain = {
        "format": FORMAT,
        "version": VERSION,
        "data": companion.data_name,
        "data_digest": companion.data_digest,
        "network_sha256": companion.network_sha256,
        "classes": list(companion.class_names),
        "label_column": companion.label_column,
        "probabilities": {
            "inverse_temperature": companion.inverse_temperature,
            "validation_examples": companion.calibration_examples,
        },
        "inputs": {
            "shape": list(companion.input_shape),
            "type": companion.input_type,
            "resize": None if companion.resize is None else list(companion.resize),
        },
        "columns": None if companion.columns is None else [*map(_plain, companion.columns)],
    }
    return (json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _plain(column: Column) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": column.name, "kind": column.kind}
    if column.kind != "categorical":
        plain |= {"exponent": column.exponent, "offset": column.offset}
        if column.notation:
            plain["notation"] = column.notation
    elif column.channels:
        plain["categories"] = list(column.categories)
    else:
        return {**plain, "categories": None}
    return {**plain, "missing_channel": column.channels > _plain_channels(column)}


def _plain_channels(column: Column) -> int:
    return len(column.categories) if column.kind == "categorical" else 1


# --- reading


def read_companion(path: Path, network_sha256: str, card: Path | None = None) -> Companion:
    """Read a companion, which may be damaged or somebody else's.

    Args:
        path: of the companion.
        network_sha256: of the network file that it must be of.
        card: of the network file; where there is one that names a companion, it must be this one.

    Raises:
        DataError: if it cannot be read, a value is not what it must be, it is of another network
            file, or the card names another one.
    """
    found, digest = parse_companion(path)
    if found.network_sha256 != network_sha256:
        raise _refusal(
            path, f"the companion of a network file with SHA-256 {found.network_sha256}",
            f"of one with {network_sha256}",
        )  # fmt: skip
    named = None if card is None else _named_digest(card)
    if named not in (None, digest):
        raise _refusal(path, f"a companion with SHA-256 {digest}", f"{named}, as {card} says")
    return found


def parse_companion(path: Path) -> tuple[Companion, str]:
    """Return what a companion holds, whatever file it is of, and its SHA-256.

    Raises:
        DataError: if it cannot be read, or a value is not what it must be.
    """
    try:
        text = read_text_file(path, _LARGEST_BYTES)
        return _companion(Fields(parse_json(text, zeros=True))), sha256_hex(text.encode())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _refusal(path, reason, "a companion (docs/predict.md)") from error


def companion_beside(network: Path, network_sha256: str) -> Companion | None:
    """Return the companion beside a network file, None where there is none.

    Raises:
        DataError: as `read_companion`.
    """
    path = companion_path(network)
    if not path.exists() and not path.is_symlink():
        return None
    return read_companion(path, network_sha256, network.with_suffix(".json"))


def _refusal(path: Path, got: str, expected: str) -> DataError:
    return DataError(
        str(path), got, expected,
        "Get it again with its network file, or write both anew with `minbits size`.",
    )  # fmt: skip


def _named_digest(card: Path) -> str | None:
    """Return the digest of the companion that a card names; None where it names none."""
    try:
        plain = read_json(card)
    except (OSError, JsonError):
        return None  # whoever needs the card says what is wrong with it
    named = plain.get("companion") if isinstance(plain, Mapping) else None
    digest = named.get("sha256") if isinstance(named, Mapping) else None
    return digest if isinstance(digest, str) else None


def _companion(file: Fields) -> Companion:
    if file.text("format") != FORMAT:
        raise JsonError(f"'{file.text('format')[:40]}' as 'format', where '{FORMAT}' stands")
    version = file.integer("version", 0, 2**31)
    if version != VERSION:
        raise JsonError(f"version {version}, where this minbits reads version {VERSION}")
    inputs, probabilities = file.part("inputs"), file.part("probabilities")
    classes = file.texts("classes")
    if not 2 <= len(classes) <= _MAX_CLASSES:
        raise JsonError(f"{len(classes)} texts as 'classes'")
    shape = _sides(inputs, "shape", 3)
    kind = inputs.text("type")
    if kind not in get_args(InputType):
        raise JsonError(f"'{kind[:40]}' as 'inputs.type'")
    columns = None if file.get("columns") is None else _columns(file)
    if columns is not None:
        channels = sum(column.channels for column in columns)
        if shape != (channels, 1, 1) or not channels <= MAX_CHANNELS:
            raise JsonError(f"columns of {channels} channels, where inputs have shape {shape}")
    inverse = probabilities.number("inverse_temperature")
    return Companion(
        data_name=file.text("data"),
        data_digest=file.digest("data_digest"),
        network_sha256=file.digest("network_sha256"),
        class_names=classes,
        label_column=None if file.get("label_column") is None else file.text("label_column"),
        input_shape=(shape[0], shape[1], shape[2]),
        input_type="uint8" if kind == "uint8" else "float32",
        resize=None if inputs.get("resize") is None else _pair(_sides(inputs, "resize", 2)),
        columns=columns,
        inverse_temperature=inverse,
        calibration_examples=probabilities.count("validation_examples"),
    )


def _pair(sides: tuple[int, ...]) -> tuple[int, int]:
    return sides[0], sides[1]


def _sides(fields: Fields, key: str, count: int) -> tuple[int, ...]:
    sides = fields.items(key)
    if len(sides) != count:
        raise JsonError(f"{len(sides)} numbers as '{fields.place}{key}', where {count} stand")
    found = Fields({f"{key} {place + 1}": side for place, side in enumerate(sides)}, fields.place)
    limit = MAX_CHANNELS if count == 3 else _LARGEST_SIDE
    return tuple(found.integer(name, 1, limit) for name in found.plain)


def _columns(file: Fields) -> tuple[Column, ...]:
    plain = file.items("columns")
    if not 1 <= len(plain) <= MAX_COLUMNS:
        raise JsonError(f"{len(plain):,} columns")
    columns = tuple(_column(Fields(one, f"columns[{i}].")) for i, one in enumerate(plain))
    if len({column.name for column in columns}) != len(columns):
        raise JsonError("a name twice in 'columns'")
    return columns


def _column(fields: Fields) -> Column:
    name, kind = fields.text("name"), fields.text("kind")
    if kind not in get_args(ColumnKind):
        raise JsonError(f"'{kind[:40]}' as '{fields.place}kind'")
    if kind == "categorical":
        if fields.get("categories") is None:
            return Column(name, "categorical", channels=0)
        categories = fields.texts("categories")
        if len(categories) > MAX_CATEGORIES:
            raise JsonError(f"{len(categories):,} texts as '{fields.place}categories'")
        channels = len(categories) + fields.truth("missing_channel")
        return Column(name, "categorical", categories, channels=channels)
    notation = fields.text("notation") if "notation" in fields.plain else ""
    if notation and notation_of(notation) is None:
        raise JsonError(f"'{notation[:40]}' as '{fields.place}notation'")
    return Column(
        name,
        "integer" if kind == "integer" else "real",
        notation=notation,
        exponent=fields.integer("exponent", -_LARGEST_EXPONENT, _LARGEST_EXPONENT),
        offset=fields.integer("offset", -_LARGEST_OFFSET, _LARGEST_OFFSET),
        channels=1 + fields.truth("missing_channel"),
    )


def usable_inverse(temperature: float) -> float:
    """Return one over a temperature in ``[0, infinity]``, as large as a companion holds."""
    inverse = math.inf if temperature == 0 else 1 / temperature
    return min(inverse, 2.0**60)
