"""Files that would fill the memory, hang, or end in a traceback: one error, and soon."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minbits.data import image_folder, load
from minbits.data.limits import MAX_CHANNELS, MAX_COLUMNS, rows_at_once
from minbits.data.parquet_pages import read_footer, unpacked_page_bytes
from minbits.data.tables import RawTable, assemble_table
from minbits.errors import DataError
from minbits.types import Column
from tests.conftest import idx_bytes
from tests.data.test_image_folder import pictures

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write_parquet(path: Path, columns: dict[str, object], **options: object) -> Path:
    parquet.write_table(pyarrow.table(columns), path, **options)
    return path


# --- Parquet


def test_a_column_of_equal_values_is_refused_by_its_footer(tmp_path: Path) -> None:
    rows = 10_000_000
    columns = {
        "a": np.zeros(rows, np.int8),
        "label": np.repeat(np.arange(2, dtype=np.int8), rows // 2),
    }
    path = write_parquet(tmp_path / "t.parquet", columns)
    assert path.stat().st_size < 200_000
    with pytest.raises(DataError, match=r"bytes that unpack to 160,000,000 or more"):
        load(path)


@pytest.mark.parametrize("is_coded", [True, False])
def test_a_long_text_that_is_repeated_is_refused(tmp_path: Path, is_coded: bool) -> None:
    texts = ["x" * 1_000_000 + str(i % 2) for i in range(100)]
    path = write_parquet(
        tmp_path / "t.parquet", {"a": texts, "label": [0, 1] * 50},
        compression="zstd", use_dictionary=is_coded,
    )  # fmt: skip
    if is_coded:  # two texts of a megabyte, each there once: that is no more than it seems
        assert load(path).input_shape == (2, 1, 1)
        return
    with pytest.raises(DataError, match="unpack to 100,"):
        load(path)


def varint(number: int, length: int = 0) -> bytes:
    """Return a number as Thrift writes it, filled up to a length."""
    out, number = [], number << 1
    while number >= 128 or len(out) + 1 < length:
        out.append((number & 127) | 128)
        number >>= 7
    return bytes([*out, number])


def test_a_footer_that_lies_about_a_page_is_not_believed(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "t.parquet", {"a": ["x" * 10**8] + ["y"] * 9, "label": [0, 1] * 5},
        compression="zstd", use_dictionary=False, write_statistics=False,
    )  # fmt: skip
    group = parquet.read_metadata(path).row_group(0)
    content = path.read_bytes()
    cut = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    footer = content[cut:]
    for value in (group.column(0).total_uncompressed_size, group.total_byte_size):
        footer = footer.replace(varint(value), varint(500, len(varint(value))))
    path.write_bytes(content[:cut] + footer)
    assert parquet.read_metadata(path).row_group(0).total_byte_size == 500
    with pytest.raises(DataError, match="unpack to 100,"):
        load(path)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_texts_longer_than_their_page_are_refused(tmp_path: Path, version: str) -> None:
    texts = ["x" * 10**5 + str(i) for i in range(100)]
    path = write_parquet(
        tmp_path / "t.parquet", {"a": texts, "label": [0, 1] * 50}, data_page_version=version,
        use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"},
    )  # fmt: skip
    with pytest.raises(DataError, match="column 'a': got text encoded as DELTA_BYTE_ARRAY"):
        load(path)


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip", "brotli"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("is_coded", [True, False])
def test_pages_add_up_to_what_arrow_counts(
    tmp_path: Path, compression: str, version: str, is_coded: bool
) -> None:
    path = write_parquet(
        tmp_path / "t.parquet",
        {"a": np.linspace(0, 1, 3000), "s": [f"n{i % 97}" * 9 for i in range(3000)],
         "b": [i % 3 == 0 for i in range(3000)]},
        compression=compression, data_page_version=version, use_dictionary=is_coded,
        row_group_size=1100, data_page_size=4000,
    )  # fmt: skip
    metadata = parquet.read_metadata(path)
    with path.open("rb") as file:
        footer = read_footer(file, "t")
        found = unpacked_page_bytes(file, footer, "t")
    assert (footer.rows, footer.columns, len(footer.chunks)) == (3000, 3, 9)
    assert [chunk.name for chunk in footer.chunks[:3]] == ["a", "s", "b"]
    counted = sum(metadata.row_group(i).total_byte_size for i in range(3))
    # Arrow counts the headers of pages, too.
    assert 0.97 * counted < found <= counted


def test_a_parquet_file_of_any_damage_is_read_or_one_error(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "t.parquet", {"a": list(range(40)), "label": [0, 1] * 20})
    content = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[int(random.integers(0, len(content)))] ^= 1 << int(random.integers(0, 8))
        path.write_bytes(damaged)
        with contextlib.suppress(DataError):
            load(path)


# --- tables with too many columns


def test_too_many_columns_are_refused_before_any_row_is_read(tmp_path: Path) -> None:
    count = MAX_COLUMNS + 1
    names = ",".join(f"c{i}" for i in range(count))
    rows = ("\n" + ",".join(["1"] * count)) * 20
    (tmp_path / "t.csv").write_text(names + rows)
    np.save(tmp_path / "m.npy", np.zeros((3, count), np.uint8))
    for name in ("t.csv", "m.npy"):
        with pytest.raises(DataError, match=f"got {count:,} columns; expected at most 65,536"):
            load(tmp_path / name)
    write_parquet(tmp_path / "t.parquet", {f"c{i}": [0, 1] for i in range(300)})
    with (tmp_path / "t.parquet").open("rb") as file, pytest.MonkeyPatch.context() as patch:
        patch.setattr("minbits.data.limits.MAX_COLUMNS", 299)
        with pytest.raises(DataError, match="300 columns or row groups"):
            read_footer(file, "t")


def test_wide_tables_are_read_in_few_rows_at_a_time(tmp_path: Path) -> None:
    assert rows_at_once(3, 1000) == 1000
    assert rows_at_once(MAX_COLUMNS, 1000) == 16
    count = 3000
    header = ",".join(f"c{i}" for i in range(count)) + ",label\n"
    rows = "".join(",".join(str(i * j % 5) for j in range(count)) + f",{i % 2}\n" for i in range(9))
    (tmp_path / "t.csv").write_text(header + rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("minbits.data.limits.CELLS_AT_ONCE", 2 * count)
        data = load(tmp_path / "t.csv")
    assert data.input_shape == (count, 1, 1)
    assert data.digest == load(tmp_path / "t.csv").digest


def test_too_many_categories_are_refused() -> None:
    names = tuple(str(i) for i in range(200))
    columns = tuple(Column(f"c{i}", "categorical", names) for i in range(MAX_CHANNELS // 200 + 1))
    table = RawTable(np.zeros((4, len(columns))), np.array([0, 1, 0, 1]))
    with pytest.raises(DataError, match=r"input channels, one a category; expected at most 1,048"):
        assemble_table("t", columns, table, None, "here", "test")


def test_an_underscore_makes_no_number(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,label\n1,x\n1_0,y\n2,x\n")
    with pytest.raises(DataError, match="row 3, column 'a': got '1_0'"):
        load(path)


# --- archives and arrays


def npz(path: Path) -> Path:
    np.savez(path, x=np.arange(24).reshape(12, 2), y=np.arange(12) % 2)
    return path


@pytest.mark.parametrize(("field", "value"), [(10, 97), (10, 99), (8, 1), (8, 65)])
def test_unknown_compression_and_encryption_are_named(
    tmp_path: Path, field: int, value: int
) -> None:
    path = npz(tmp_path / "a.npz")
    content = bytearray(path.read_bytes())
    entry, local = content.find(b"PK\1\2"), content.find(b"PK\3\4")
    content[entry + field] = content[local + field - 2] = value
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: got an unreadable file"):
        load(path)


@pytest.mark.parametrize(
    "header",
    ["(" * 300, "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 5000 + ",)}", "{'a':",
     "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "\0", "'" * 3],
)  # fmt: skip
def test_hostile_headers_of_arrays_are_named(tmp_path: Path, header: str) -> None:
    text = (header + "\n").encode()
    array = b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(24)
    (tmp_path / "a.npy").write_bytes(array)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", array)
        archive.writestr("y.npy", array)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(DataError, match=r"a\.np[yz]"):
            load(tmp_path / name)


def test_fields_that_are_no_columns_are_named(tmp_path: Path) -> None:
    for array in (
        np.zeros(4, [("a", "f4", (3,)), ("y", "i8")]),
        np.zeros((), [("a", "f4"), ("y", "i8")]),
        np.zeros((2, 2), [("a", "f4"), ("y", "i8")]),
        np.zeros(4, [("a", "S2"), ("y", "M8[s]")]),
        np.array([(b"\xff", 1)] * 4, [("a", "S2"), ("y", "i8")]),
    ):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(DataError, match=r"a\.npy"):
            load(tmp_path / "a.npy")


def test_characters_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    for number in (0x110000, 0xD800, 2**32 - 1):
        labels = np.array([number, 65] * 6, np.uint32).view("U1")
        np.savez(tmp_path / "a.npz", x=np.zeros((12, 2)), y=labels)
        with pytest.raises(DataError, match="not Unicode"):
            load(tmp_path / "a.npz")
        table = np.zeros(12, [("a", "U1"), ("y", "i8")])
        table["a"], table["y"] = labels, np.arange(12) % 2
        np.save(tmp_path / "a.npy", table)
        with pytest.raises(DataError, match="column 'a': got text that is not Unicode"):
            load(tmp_path / "a.npy")


def test_idx_files_of_many_dimensions_are_refused(idx_folder: Path) -> None:
    content = b"\0\0\x08\xff" + (1).to_bytes(4, "big") * 255 + b"\7"
    (idx_folder / "train-labels-idx1-ubyte").write_bytes(content)
    with pytest.raises(DataError, match="255 dimensions"):
        load(idx_folder)
    sides = (0, 2**32 - 1, 2**32 - 1, 2**32 - 1)
    content = b"\0\0\x08\4" + b"".join(side.to_bytes(4, "big") for side in sides)
    (idx_folder / "train-labels-idx1-ubyte").write_bytes(content)
    with pytest.raises(DataError, match="a shape that fits a file"):
        load(idx_folder)


# --- what is no file


def no_files(place: Path) -> Callable[[str], None]:
    """Return what puts a pipe or a socket at a place of that name."""

    def put(kind: str) -> None:
        place.unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(place)
        else:
            here = Path.cwd()
            os.chdir(place.parent)  # a socket's path must be short
            try:
                socket.socket(socket.AF_UNIX).bind(place.name)
            finally:
                os.chdir(here)

    return put


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_pipes_and_sockets_are_not_waited_for(tmp_path: Path, kind: str) -> None:
    pictures(tmp_path / "pictures")
    arrays = tmp_path / "arrays"
    arrays.mkdir()
    np.save(arrays / "x.npy", np.zeros((4, 2)))
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "train.csv").write_text("a,label\n1,x\n2,y\n")
    idx = tmp_path / "idx"
    idx.mkdir()
    for stem in ("train", "t10k"):
        (idx / f"{stem}-images-idx3-ubyte").write_bytes(idx_bytes(np.zeros((2, 1, 1), np.uint8)))
        (idx / f"{stem}-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(2, dtype=np.uint8)))
    places = [
        tmp_path / "pictures" / "cat" / "0.png",
        arrays / "y.npy",
        tables / "test.csv",
        idx / "t10k-labels-idx1-ubyte",
        *(tmp_path / f"t.{suffix}" for suffix in ("csv", "parquet", "npz", "npy", "xyz")),
    ]
    for place in places:
        no_files(place)(kind)
        source = place.parent if place.parent != tmp_path else place
        if source.name == "cat":
            source = source.parent
        with pytest.raises(DataError, match=r"regular file|No such device|no file|first line"):
            load(source)


def test_a_device_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").symlink_to("/dev/zero")
    with pytest.raises(DataError, match="a device and no regular file"):
        load(tmp_path / "t.csv")


# --- names


def test_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv"))
    path.write_text("a,label\n1,x\n2,y\n")
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    pictures(folder)
    pictures(tmp_path / "good")
    (tmp_path / "good" / "cat").rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/good/\xe9")))
    for source in (path, folder, tmp_path / "good"):
        with pytest.raises(DataError, match="not UTF-8") as caught:
            load(source)
        assert str(caught.value).encode("utf-8")  # the message itself can be printed


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "a/" * 3000, ""])
def test_names_that_no_file_has_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="; expected"):
        load(name)


# --- images


def test_images_that_unpack_to_far_more_than_their_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    for index in range(4):
        place = tmp_path / "ab"[index % 2] / f"{index}.png"
        place.parent.mkdir(exist_ok=True)
        Image.new("L", (3000, 3000)).save(place)
    assert load(tmp_path, resize="8x8").input_shape == (1, 8, 8)
    monkeypatch.setattr(image_folder, "IN_MEMORY_BYTES", 2**20)
    with pytest.raises(DataError, match=r"unpack to 36,000,000 or more.*`resize`"):
        load(tmp_path)
    assert load(tmp_path, resize="8x8").input_shape == (1, 8, 8)
