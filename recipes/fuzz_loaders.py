"""Fuzzes every loader: 100,000 damaged files each, read or refused by the one family of errors.

``python recipes/fuzz_loaders.py [RUNS] [LOADER …]`` with
``minbits[arff,audit,excel,parquet]``. Each loader runs in a process of its own, whose address space
may grow by 1.5 GiB; an input that takes more than 20 s ends it. Seeds are small valid files. Most
are damaged as bytes: bits, numbers and pieces are changed, cut, doubled and exchanged between
seeds. Where a checksum or a length would turn that away at the door, it is repaired, so that what
lies behind is reached: members of archives, chunks of PNG, headers of safetensors. Anything but a
result or a `MinbitsError` ends the run with its traceback.
"""

from __future__ import annotations

import gzip
import io
import json
import multiprocessing
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minbits.errors import MinbitsError

RUNS = 100_000
SECONDS = 20
GROWTH_BYTES = 3 * 2**29
MEMORY = Path("/dev/shm")  # where files need no disk

Random = np.random.Generator
Files = dict[str, bytes]

TOKENS: dict[str, list[bytes]] = {
    "text": [
        b",", b";", b"\t", b'"', b'""', b"\n", b"\r\n", b"?", b"NA", b"nan", b"inf", b"-1e999",
        b"1e-400", b"9007199254740993", b"18446744073709551616", b"0x10", b"1_0", b"\0", b"\xff",
        b"\xef\xbb\xbf", b"'" * 9, b"label", b"9" * 400, "٣".encode(), "é".encode("utf-16"),
    ],
    "toml": [
        b"[[family]]", b"[", b"]", b"{", b"}", b"=", b"'''", b'"""', b"\n", b"inf", b"nan", b"-1",
        b"1e999", b"0x" + b"f" * 400, b"9" * 4400, b"[" * 1200, b"{a=" * 300, b"true",
        b"1979-05-27", b"{ from = 1, to = 2, log = true }", b"repeat", b"'{x}'", b"\0", b"\xff",
        b"version = 1",
    ],
    "json": [
        b"{", b"}", b"[", b"]", b":", b",", b"null", b"true", b"-1", b"1e999", b"NaN", b"Infinity",
        b"9" * 4400, b"[" * 1200, b'{"a":' * 600, b'"\\ud800"', b'"\\u0000"', b'""', b"\xff",
        b"18446744073709551616", b'"config"', b'"recipe"', b'"validation"',
    ],
    "binary": [
        b"\0" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"PK\3\4",
        b"PK\1\2", b"(2305843009213693952, 3)", b"'<f8'", b"'|O'", b"\x93NUMPY", b"True", b"()",
        b"\x15\x00", b"\x1c", b"\x80\x80\x80\x80\x08",
    ],
}  # fmt: skip


def mutate(content: bytes, others: list[bytes], kind: str, random: Random) -> bytes:
    """Return damaged content: one change, more often than several."""
    data = bytearray(content)
    for _ in range(int(min(8, random.geometric(0.6)))):
        place = int(random.integers(0, len(data) + 1))
        length = int(min(len(data) - place, 2 ** random.integers(0, 8)))
        action = int(random.choice(8, p=[0.2, 0.15, 0.1, 0.15, 0.15, 0.1, 0.1, 0.05]))
        if action == 0 and place < len(data):
            data[place] ^= 1 << int(random.integers(0, 8))
        elif action == 1 and place < len(data):
            data[place] = int(random.integers(0, 256))
        elif action == 2:
            del data[place : place + length]
        elif action == 3:
            data[place:place] = data[place : place + length] * int(random.integers(1, 4))
        elif action == 4:
            token = TOKENS[kind][int(random.integers(0, len(TOKENS[kind])))]
            data[place : place + int(random.integers(0, 2)) * len(token)] = token
        elif action == 5:
            other = others[int(random.integers(0, len(others)))]
            start = int(random.integers(0, len(other) + 1))
            data[place : place + length] = other[start : start + length]
        elif action == 6:
            value = int(random.choice([0, 1, 2**7, 2**15, 2**31 - 1, 2**31, 2**32 - 1]))
            data[place : place + 4] = struct.pack(random.choice(["<I", ">I"]), value)
        else:
            del data[place:]
    return bytes(data)


@dataclass(frozen=True)
class Target:
    """A loader, its seeds, and how they are damaged.

    ``load`` reads what was written to a path; ``damage`` makes the files of one input, named below
    the path, where an empty name stands for the path itself. Of the seeds, the first ``good_seeds``
    are read, None stands for all.
    """

    suffix: str
    seeds: list[Files]
    damage: Callable[[Files, list[Files], Random], Files]
    load: Callable[[Path], Any]
    good_seeds: int | None = None


def damage_one(kind: str, repair: Callable[[bytes, Random], bytes] | None = None) -> Any:
    """Return a damage of one file of a seed, repaired in half of the cases."""

    def damage(files: Files, seeds: list[Files], random: Random) -> Files:
        name = list(files)[int(random.integers(0, len(files)))]
        others = [content for seed in seeds for content in seed.values()]
        if repair is not None and random.random() < 0.7:
            return {**files, name: repair(files[name], random)}
        return {**files, name: mutate(files[name], others, kind, random)}

    return damage


# --- repairs


def repair_zip(content: bytes, random: Random) -> bytes:
    """Damage a member of an archive and pack it anew, with right checksums and lengths."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {item.filename: archive.read(item) for item in archive.infolist()}
    name = list(members)[int(random.integers(0, len(members)))]
    members[name] = mutate(members[name], list(members.values()), "binary", random)
    if random.random() < 0.05:
        members[name + str(random.integers(0, 9))] = members.pop(name)
    packed = io.BytesIO()
    how = zipfile.ZIP_DEFLATED if random.random() < 0.3 else zipfile.ZIP_STORED
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", how) as archive:
        warnings.simplefilter("ignore")
        for member, data in members.items():
            archive.writestr(member, data)
    result = bytearray(packed.getvalue())
    if random.random() < 0.1:  # another compression, or an encrypted member
        place = result.find(b"PK\1\2")
        result[place + (8 if random.random() < 0.5 else 10)] = int(random.integers(0, 100))
    return bytes(result)


def repair_gzip(content: bytes, random: Random) -> bytes:
    """Damage what a gzip file holds, or a plain file."""
    if content[:2] != b"\x1f\x8b":
        return mutate(content, [content], "binary", random)
    return gzip.compress(mutate(gzip.decompress(content), [content], "binary", random), 1)


def repair_png(content: bytes, random: Random) -> bytes:
    """Damage a chunk of a PNG, and give it the right checksum."""
    if content[:4] != b"\x89PNG":
        return mutate(content, [content], "binary", random)
    chunks, place = [], 8
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += 12 + length
    index = int(random.integers(0, len(chunks)))
    kind, body = chunks[index]
    if kind == b"IDAT" and random.random() < 0.5:
        body = zlib.compress(mutate(zlib.decompress(body), [body], "binary", random))
    else:
        body = mutate(body, [other for _, other in chunks], "binary", random)
    if random.random() < 0.1:
        kind = [b"tRNS", b"PLTE", b"zTXt", b"iTXt", b"gAMA", b"eXIf", b"acTL"][
            int(random.integers(0, 7))
        ]
    chunks[index] = (kind, body)
    return content[:8] + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def repair_safetensors(content: bytes, random: Random) -> bytes:
    """Damage the header of a safetensors file, and give it the right length."""
    (length,) = struct.unpack("<Q", content[:8])
    header = mutate(content[8 : 8 + length], [content], "json", random)
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


# --- seeds


def csv_target(is_folder: bool) -> Target:
    """A table as text, or a folder of two."""
    from minbits.data import load

    first = b"age,city,height,label\n" + 3 * (
        b"31,Rome,1.75,yes\n?,Oslo,1.5,no\n55,,1.25,yes\n18,Rome,2,no\n"
    )
    second = b'"a;b";c;class\n' + 3 * b'"x ""y""";1.5;2\n"line\nbreak";;3\nz;-7e3;2\nz;0;3\n'
    third = b"1,2,0\n3,4,1\n5,6,0\n7,8,1\n" * 3
    tables = [first, second, third]
    seeds = [{"train.csv": t, "test.csv": t} for t in tables] if is_folder else [
        {"": table} for table in tables
    ]  # fmt: skip
    return Target("" if is_folder else ".csv", seeds, damage_one("text"), load)


def gzip_target() -> Target:
    """A zipped table, damaged before and after it is zipped."""
    from minbits.data import load

    table = b"age,price,label\n" + b'31,"1,200.5",yes\n7,20,no\n8,"3,000",yes\n9,4,no\n' * 3

    def damage(files: Files, others: list[Files], random: Random) -> Files:
        content = mutate(table, [table], "text", random)
        packed = gzip.compress(content)
        return {"": packed if random.random() < 0.8 else mutate(packed, [packed], "binary", random)}

    return Target(".csv.gz", [{"": gzip.compress(table)}], damage, load)


def json_lines_target() -> Target:
    """Objects with numbers, text, nothing and gaps."""
    from minbits.data import load

    rows = [{"a": i, "t": "xyz"[i % 3], "f": i / 4 or None, "label": i % 2 == 0} for i in range(9)]
    seed = "\n".join(map(json.dumps, [*rows, {"label": True}])).encode()
    return Target(".jsonl", [{"": seed}], damage_one("json"), load)


def arff_target() -> Target:
    """All kinds of attributes, with quotes and comments."""
    from minbits.data import load

    head = (
        b"% made here\n@relation 'a b'\n@attribute n numeric\n@attribute 'k l' {x, 'y z'}\n"
        b"@attribute s string\n@attribute i integer\n@attribute class {0,1}\n\n@data\n"
    )
    seed = head + b"1.5,x,'it, is',3,0\n?,'y z',t,?,1\n% none\n-2e3,x,u,4,0\n0,x,v,5,1\n" * 2
    return Target(".arff", [{"": seed}], damage_one("text"), load)


def workbook_target() -> Target:
    """A workbook of numbers, text, truth values, dates and gaps."""
    import openpyxl

    from minbits.data import load

    book = openpyxl.Workbook()
    book.active.append(["n", "t", "b", "when", "label"])
    for i in range(9):
        book.active.append([i / 2, "xyz"[i % 3], i % 2 == 0, np.datetime64(i, "D").item(), i % 2])
    book.active.append([None, "=1+1", None, None, 1])
    file = io.BytesIO()
    book.save(file)
    return Target(".xlsx", [{"": file.getvalue()}], damage_one("binary", repair_zip), load)


def parquet_target() -> Target:
    """Tables of all kinds of columns, packed in all ways."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from minbits.data import load

    rows = 12
    table = pa.table(
        {
            "i": pa.array([None, *range(rows - 1)], pa.int64()),
            "f": np.linspace(0, 1, rows),
            "s": [f"name {i % 3}" for i in range(rows)],
            "b": [i % 2 == 0 for i in range(rows)],
            "d": pa.array([i * 10**-2 for i in range(rows)]).cast(pa.decimal128(9, 2)),
            "label": pa.array(np.arange(rows) % 2, pa.uint8()),
        }
    )
    seeds = []
    for compression in ("none", "snappy", "zstd", "gzip"):
        for version in ("1.0", "2.0"):
            file = io.BytesIO()
            pq.write_table(
                table, file, compression=compression, data_page_version=version,
                use_dictionary=version == "1.0", row_group_size=7,
            )  # fmt: skip
            seeds.append({"": file.getvalue()})
    return Target(".parquet", seeds, damage_one("binary"), load)


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _arrays() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(48, dtype=np.uint8).reshape(12, 2, 2), np.arange(12) % 2


def npz_target() -> Target:
    """Archives of two and of four arrays."""
    from minbits.data import load

    x, y = _arrays()
    seeds = []
    for save in (np.savez, np.savez_compressed):
        for arrays in (
            {"x": x, "y": y},
            {"x_train": x * 0.5, "y_train": y.astype("U2"), "x_test": x[:4] * 0.5,
             "y_test": y[:4].astype("U2")},
        ):  # fmt: skip
            file = io.BytesIO()
            save(file, **arrays)
            seeds.append({"": file.getvalue()})
    return Target(".npz", seeds, damage_one("binary", repair_zip), load)


def npy_target() -> Target:
    """A matrix, and named fields."""
    from minbits.data import load

    matrix = np.column_stack([np.linspace(0, 1, 12), np.arange(12), np.arange(12) % 2])
    rows = [(i / 2, "red" if i % 3 else "blue", i % 2) for i in range(12)]
    fields = np.array(rows, [("a", "f4"), ("colour", "U5"), ("y", "i8")])
    seeds = [{"": _npy(array)} for array in (matrix, fields, matrix.astype(np.uint64))]
    return Target(".npy", seeds, damage_one("binary"), load)


def array_folder_target() -> Target:
    """Folders of arrays."""
    from minbits.data import load

    x, y = _arrays()
    seeds = [
        {"x.npy": _npy(x), "y.npy": _npy(y)},
        {"x_train.npy": _npy(x / 7), "y_train.npy": _npy(y), "x_test.npy": _npy(x[:4] / 7),
         "y_test.npy": _npy(y[:4])},
    ]  # fmt: skip
    return Target("", seeds, damage_one("binary"), load)


def idx_target() -> Target:
    """Folders of the MNIST family, packed and plain."""
    from minbits.data import load

    x, y = _arrays()

    def idx(array: np.ndarray, code: int) -> bytes:
        sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
        return bytes([0, 0, code, array.ndim]) + sizes + array.tobytes()

    images, labels = idx(x, 8), idx(y.astype(np.uint8), 8)
    wide = idx(y.astype(">i4"), 0x0C)
    stems = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
             "t10k-labels-idx1-ubyte")  # fmt: skip
    plain = dict(zip(stems, (images, labels, images, labels), strict=True))
    packed = {f"{stem}.gz": gzip.compress(content) for stem, content in plain.items()}
    seeds = [plain, packed, {**plain, stems[1]: wide, stems[3]: wide}]
    return Target("", seeds, damage_one("binary", repair_gzip), load)


def image_target() -> Target:
    """A folder with two classes of two images each."""
    from PIL import Image

    from minbits.data import load

    random = np.random.default_rng(0)

    def picture(mode: str, kind: str) -> bytes:
        channels = {"L": (), "1": (), "P": (3,), "RGB": (3,), "RGBA": (4,), "LA": (2,)}[mode]
        pixels = random.integers(0, 256, (9, 8, *channels)).astype(np.uint8)
        if mode in ("RGBA", "LA"):
            pixels[..., -1] = 255
        image = Image.fromarray(pixels)
        file = io.BytesIO()
        (image.convert(mode) if mode in ("1", "P") else image).save(file, kind)
        return file.getvalue()

    seeds = [
        {f"{group}/{i}.png": picture(mode, kind) for group in "ab" for i in range(2)}
        for mode, kind in [
            ("L", "PNG"), ("RGB", "PNG"), ("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"),
            ("1", "PNG"), ("L", "JPEG"), ("RGB", "JPEG"),
        ]
    ]  # fmt: skip
    return Target("", seeds, damage_one("binary", repair_png), load)


def _state() -> dict[str, Any]:
    import torch

    torch.manual_seed(0)
    return {"w": torch.rand(3, 4), "b": torch.rand(3), "v": torch.rand(2, 3).half()}


def checkpoint_target() -> Target:
    """What torch.save writes, new and old, read for an audit and for a compression."""
    import torch

    seeds = []
    for content in (_state(), {"state_dict": _state()}, {"w": _state()["w"].to_sparse()}):
        for is_new in (True, False):
            file = io.BytesIO()
            torch.save(content, file, _use_new_zipfile_serialization=is_new)
            seeds.append({"": file.getvalue()})

    def repair(content: bytes, random: Random) -> bytes:
        if content[:2] == b"PK":
            return repair_zip(content, random)
        return mutate(content, [content], "binary", random)

    return Target(".pt", seeds, damage_one("binary", repair), _read_checkpoint, 4)


def safetensors_target() -> Target:
    """Safetensors, read for an audit and for a compression."""
    from safetensors.torch import save

    seeds = [{"": save(_state())}, {"": save({"a": _state()["w"]}, {"format": "pt"})}]
    return Target(".safetensors", seeds, damage_one("binary", repair_safetensors), _read_checkpoint)


def _read_checkpoint(path: Path) -> None:
    from minbits.model_audit.checkpoint_subject import checkpoint_subject
    from minbits.networks.checkpoint import read_tensors

    failures = 0
    for read in (checkpoint_subject, read_tensors):
        try:
            read(path)
        except MinbitsError as error:
            failures += 1
            if failures == 2:
                raise error


def onnx_target() -> Target:
    """Graphs of two small networks."""
    import torch
    from onnx import TensorProto, helper, numpy_helper

    from minbits.model_audit.onnx_subject import onnx_subject

    weights = _state()
    dense = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=1),
            helper.make_node("Relu", ["h"], ["y"]),
        ],
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 3])],
        [numpy_helper.from_array(weights[name].numpy(), name) for name in "wb"],
    )
    kernel = numpy_helper.from_array(torch.rand(2, 1, 3, 3).numpy(), "k")
    convolution = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "k"], ["c"]),
            helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2]),
            helper.make_node("Flatten", ["p"], ["y"]),
        ],
        "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1, 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 18])],
        [kernel],
    )
    seeds = [{"": helper.make_model(g).SerializeToString()} for g in (dense, convolution)]
    return Target(".onnx", seeds, damage_one("binary"), onnx_subject)


def space_target() -> Target:
    """Search spaces as TOML: the one in the package, and a short one."""
    from importlib import resources

    from minbits.search.space_file import read_space

    default = resources.files("minbits.search").joinpath("default_space.toml").read_bytes()
    short = (
        b'version = 1\n[[family]]\nname = "small"\narchitecture = ["linear {w} relu", '
        b'{ layers = "linear {w} relu", repeat = "n" }, "linear {classes}"]\n'
        b"[family.architecture_values]\nw = { from = 2, to = 9, log = true }\nn = [0, 1]\n"
        b"[family.training]\nfloat_epochs = 3\nquantized_epochs = 4\nlearning_rate = 0.01\n"
    )
    return Target(".toml", [{"": default}, {"": short}], damage_one("toml"), read_space)


def card_target() -> Target:
    """Cards beside a network file, read for a ledger and for a verification."""
    from minbits.claims.own_data import made_for
    from minbits.claims.published_file import read_card
    from minbits.codec.architecture import Architecture
    from minbits.codec.file_format import encode_network
    from minbits.codec.quantized_network import QuantizedLayer, QuantizedNetwork, QuantizedTensor
    from minbits.files import sha256_hex
    from minbits.layers.linear import Linear

    weights = QuantizedTensor(np.ones((2, 3), np.int32), 0)
    layer = QuantizedLayer(weights, QuantizedTensor(np.zeros(2, np.int32), 0))
    architecture = Architecture((3, 1, 1), 0, (Linear(2),))
    network = encode_network(QuantizedNetwork(architecture, (layer,)))
    card = {
        "data": "digits", "data_digest": "0" * 64, "target_accuracy": 0.9, "size_bits": 80,
        "bytes": 10, "sha256": sha256_hex(network), "n_test": 10, "correct": 9,
        "validation": {"correct": 9, "examples": 10}, "candidate": "linear 2 @ rate 1",
        "config": {"architecture": "linear 2", "recipe": {"float_epochs": 1, "quantized_epochs": 2},
                   "seed": 1, "engine": "auto", "parent": None, "move": None},
        "training_seconds": 1.5, "created_at": "2026-01-01T00:00:00+00:00", "code_version": "0",
        "libraries": {"numpy": "2"}, "machine": {"cores": 2},
    }  # fmt: skip

    def load(path: Path) -> None:
        path.with_suffix(".mbn").write_bytes(network)
        failures = 0
        for read in (lambda: read_card(path.with_suffix(".mbn")),
                     lambda: made_for(path.with_suffix(".mbn"), network)):  # fmt: skip
            try:
                read()
            except MinbitsError as error:
                failures += 1
                if failures == 2:
                    raise error

    seeds = [{"": json.dumps(card).encode()}, {"": json.dumps(card, indent=2).encode()}]
    return Target(".json", seeds, damage_one("json"), load)


TARGETS: dict[str, Callable[[], Target]] = {
    "csv": lambda: csv_target(False),
    "csv folder": lambda: csv_target(True),
    "csv.gz": gzip_target,
    "jsonl": json_lines_target,
    "arff": arff_target,
    "xlsx": workbook_target,
    "parquet": parquet_target,
    "npz": npz_target,
    "npy": npy_target,
    "array folder": array_folder_target,
    "idx": idx_target,
    "images": image_target,
    "checkpoint": checkpoint_target,
    "safetensors": safetensors_target,
    "onnx": onnx_target,
    "space": space_target,
    "card": card_target,
}


# --- running


def write(files: Files, path: Path) -> None:
    """Write the files of an input."""
    for name, content in files.items():
        place = path / name if name else path
        if name:
            place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def fuzz(name: str, runs: int, folder: Path) -> None:
    """Run one loader on damaged files, and print what came out."""
    warnings.simplefilter("ignore")
    target = TARGETS[name]()
    path = folder / f"input{target.suffix}"
    for seed in target.seeds[: target.good_seeds]:  # damaging what is refused tests nothing
        write(seed, path)
        target.load(path)
        _clear(path)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + GROWTH_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    random = np.random.default_rng(zlib.crc32(name.encode()))
    counts: Counter[str] = Counter()
    slowest, start = 0.0, time.perf_counter()
    kept: Files = {}
    for _ in range(runs):
        seed = target.seeds[int(random.integers(0, len(target.seeds)))]
        files = target.damage(seed, target.seeds, random)
        if kept.keys() != files.keys():
            _clear(path)
            kept = {}
        write({key: value for key, value in files.items() if kept.get(key) != value}, path)
        kept = files
        signal.alarm(SECONDS)  # nobody handles it: it ends the process wherever that is
        before = time.perf_counter()
        counts[_outcome(target, path)] += 1
        slowest = max(slowest, time.perf_counter() - before)
    signal.alarm(0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    outcomes = ", ".join(f"{key} {number:,}" for key, number in sorted(counts.items()))
    print(
        f"{name}: {sum(counts.values()):,} inputs in {time.perf_counter() - start:,.0f} s: "
        f"{outcomes}; slowest {slowest:.2f} s, {peak:,.0f} MB at most",
        flush=True,
    )


def _outcome(target: Target, path: Path) -> str:
    try:
        target.load(path)
    except MinbitsError as error:
        str(error).encode("utf-8")  # it can be printed
        return type(error).__name__
    return "read"


def _clear(path: Path) -> None:
    if path.is_dir():
        for item in sorted(path.rglob("*"), reverse=True):
            item.rmdir() if item.is_dir() else item.unlink()
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def main() -> None:
    """Fuzz the loaders that were named, or all."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    context = multiprocessing.get_context("spawn")
    failed = []
    for name in sys.argv[2:] or TARGETS:
        folder = tempfile.mkdtemp(prefix="minbits-fuzz-", dir=MEMORY if MEMORY.is_dir() else None)
        process = context.Process(target=fuzz, args=(name, runs, Path(folder)))
        process.start()
        process.join()
        if process.exitcode == 0:
            shutil.rmtree(folder)
        else:
            code = process.exitcode
            print(f"{name}: exit code {code}; the last input is in {folder}", flush=True)
            failed.append(name)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
