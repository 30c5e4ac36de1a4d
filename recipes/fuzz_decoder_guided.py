"""Fuzzes the decoder: a million files, each a network or the one error, in bounded memory and time.

``pip install atheris``, then ``python recipes/fuzz_decoder.py [RUNS]``. libFuzzer, guided by the
coverage of the functions that decide what a payload means, makes payloads; every one gets a version
and the right checksum, so that it is decoded and not just refused. The first byte also chooses
between the compiled and the readable reader of levels. What is decoded is written again and
compared; of every fourth network the shortest file is read as well. Anything but a network or
`NetworkFileError` ends the run, as does a file that takes more than 20 s or 2 GB.
"""

from __future__ import annotations

import inspect
import resource
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import atheris

from minbits.codec import architecture_code, file_format, tensor_code
from minbits.codec.architecture_code import NAMED_LAYERS_VERSION
from minbits.codec.file_format import (
    VERSIONS,
    _header,
    _payload,
    decode_network,
    encode_network,
    version_of,
)
from minbits.codec.quantized_network import QuantizedNetwork
from minbits.codec.tensor_code import LEAN_VERSION
from minbits.errors import NetworkFileError
from minbits.layers.registry import LAYERS

RUNS = 1_000_000
CHOSEN = (*VERSIONS, LEAN_VERSION, NAMED_LAYERS_VERSION)
# Short inputs: most of what a decoder can meet is met early, and a longer one takes longer only.
SEEDS = sorted(Path("tests/golden").glob("*.mbn"))
LONGEST_BYTES = 32
REPORTS = 10
SHORTEST_OF = 4

counts: Counter[str] = Counter()
longest_seconds = 0.0
start_seconds = time.perf_counter()


def same(first: QuantizedNetwork, second: QuantizedNetwork) -> bool:
    """Whether two networks are one: architecture, steps, levels and what these stand for."""
    if first.architecture != second.architecture:
        return False
    for one, other in zip(first.layers, second.layers, strict=True):
        for a, b in ((one.weights, other.weights), (one.bias, other.bias)):
            if a is None or b is None:
                if a is not b:
                    return False
            elif (a.step_index, a.is_dependent) != (b.step_index, b.is_dependent) or (
                a.levels != b.levels
            ).any():
                return False
    return True


def one_input(data: bytes) -> None:
    """Decode one file; the first byte chooses the version and the reader."""
    global longest_seconds  # noqa: PLW0603
    data = data or b"\0"  # the empty input counts as well
    version, payload = CHOSEN[data[0] % len(CHOSEN)], data[1:]
    content = _header(version, payload) + payload
    # Both readers of levels: the compiled one from 16 weights on, the readable one up to 256.
    tensor_code.SMALL_TENSOR = 16 if data[0] & 0x80 else 256
    start = time.perf_counter()
    try:
        network = decode_network(content)
    except NetworkFileError as error:
        counts[error.where.split(",")[0]] += 1
    else:
        counts[f"a network of version {version}"] += 1
        # Reading a file has written it again already; of some, the shortest file is read as well.
        if content[1] % SHORTEST_OF == 0:
            again = encode_network(network)
            assert again == content or same(decode_network(again), network)
    longest_seconds = max(longest_seconds, time.perf_counter() - start)
    counts["inputs"] += 1
    if counts["inputs"] % (RUNS // REPORTS) == 0:
        report()


def report() -> None:
    """Print what came out so far."""
    seconds = time.perf_counter() - start_seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    outcomes = ", ".join(
        f"{name} {number:,}" for name, number in sorted(counts.items()) if name != "inputs"
    )
    print(
        f"{counts['inputs']:,} inputs in {seconds:,.0f} s: {outcomes}; longest "
        f"{longest_seconds:.2f} s, {peak:,.0f} MB at most",
        flush=True,
    )


def instrument() -> None:
    """Count the branches of the functions that decide what a payload means.

    Compiled code cannot be instrumented, and the branches of the coder's arithmetic, by far the
    most, lead to no new path.
    """
    for module in (architecture_code, file_format, tensor_code.TensorCode):
        for function in list(vars(module).values()):
            if inspect.isfunction(function) and function.__module__.startswith("minbits.codec"):
                atheris.instrument_func(function)
    for layer in LAYERS.values():
        atheris.instrument_func(layer.code.__func__)


def main() -> None:
    """Write the seeds, then fuzz."""
    global longest_seconds, start_seconds
    for path in SEEDS:
        one_input(bytes([0x80]) + path.read_bytes())  # compiles what is to be compiled
        encode_network(decode_network(path.read_bytes()))
    counts.clear()
    longest_seconds, start_seconds = 0.0, time.perf_counter()
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory(prefix="minbits-fuzz-") as folder:
        for index, path in enumerate(SEEDS):
            content = path.read_bytes()
            chosen = CHOSEN.index(version_of(content))
            for reader in (0, 0x80):
                # The byte's remainder by the number of versions must stay the version's place.
                first = next(byte for byte in range(reader, 256) if byte % len(CHOSEN) == chosen)
                (Path(folder) / f"{index}-{reader}").write_bytes(
                    (bytes([first]) + _payload(content))[:LONGEST_BYTES]
                )
        flags = [
            f"-runs={runs}",
            "-rss_limit_mb=2048",
            "-timeout=20",
            f"-max_len={LONGEST_BYTES}",
            "-seed=1",
        ]
        instrument()
        atheris.Setup([sys.argv[0], *flags, "-print_final_stats=1", folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
