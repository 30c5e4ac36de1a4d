"""Fuzzes the decoder: ten million files, each a network or the one error, in bounded memory.

``python recipes/fuzz_decoder.py [FOLDER [INPUTS]]``. Two kinds of files, every one with the right
checksum, so that it is decoded and not just refused: made by hand (`tests/codec/streams.py`:
fields at the edges of what is valid, past them, and bits chosen one by one), and mutated from these
and from the golden files, two of three behind the architecture. Of some mutated payloads that no
encoder writes to the last byte, the last bytes are repaired, so that the file is valid again.

What is decoded is checked: what it costs to run is stated, and where that is little it is run on
an example; of every sixteenth, the same bytes are written again, its parts add up, and its shortest
file is read. Anything but a network or `NetworkFileError` ends the run, as do 512 MiB. FOLDER holds
the state after every block of inputs, each of a seed of its own: run the command again to go on. A
new folder goes on from ``recipes/fuzz_decoder.json``, the state that was recorded last.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.codec.streams import (  # noqa: E402
    chosen_file,
    edge_architecture,
    edge_file,
    edge_network,
    mutated,
    overreaching_file,
    with_checksum,
)
from tests.strategies import same_network  # noqa: E402

from minbits.codec import tensor_code  # noqa: E402
from minbits.codec.architecture import class_count  # noqa: E402
from minbits.codec.file_format import (  # noqa: E402
    HEADER_BYTES,
    _code_network,
    _encode,
    _Parts,
    _payload,
    decode_network,
    encode_network,
    size_parts,
    version_of,
)
from minbits.codec.inference import predict_logits  # noqa: E402
from minbits.codec.quantized_network import QuantizedNetwork  # noqa: E402
from minbits.codec.range_decoder import BitDecoder  # noqa: E402
from minbits.codec.run_cost import run_cost  # noqa: E402
from minbits.errors import NetworkError, NetworkFileError  # noqa: E402

RECORDED = Path(__file__).with_suffix(".json")
INPUTS = 10_000_000
BLOCK = 100_000
MADE_BY_HAND = 3_000  # of each block
LARGE_EVERY = 250
LONGEST_MUTATED_BYTES = 64
LONGEST_TAIL_BYTES = 32
REPAIRED_OF = 16
WRITTEN_AGAIN_OF = 16
MAX_RUN_SECONDS = 1e-3
MAX_MEMORY_MIB = 512
GOLDEN = [path.read_bytes() for path in sorted((ROOT / "tests/golden").glob("*.mbn"))]


class Fuzzer:
    """Makes a block of files from a seed and judges what the decoder does with each."""

    def __init__(self, block: int) -> None:
        self.random = np.random.default_rng([2026, block])
        self.counts: Counter[str] = Counter()
        self.slowest_seconds = 0.0
        self.slowest = b""

    def made_by_hand(self) -> bytes:
        """Return a file of one of the three kinds."""
        kind = int(self.random.integers(5))
        if kind < 2:
            return chosen_file(self.random, 600)
        is_large = self.random.integers(LARGE_EVERY) == 0
        most, most_layers = (1_000_000, (69,)) if is_large else (100, (1, 2, 4))
        architecture = edge_architecture(self.random, most, most_layers)
        network = edge_network(self.random, architecture) if kind < 4 else None
        try:
            if network is not None:
                return edge_file(self.random, network)
            return overreaching_file(self.random, architecture)
        except NetworkFileError:  # the encoder writes no file as long as this one would be
            self.counts["not written: too long"] += 1
            return self.made_by_hand()

    def judge(self, content: bytes, kind: str) -> None:
        """Decode one file and check what comes of it."""
        self.counts["inputs"] += 1
        self.counts[kind] += 1
        start = time.process_time()
        network = None
        try:
            network = decode_network(content)
        except NetworkFileError as error:
            self.counts[f"refused: {error.where.split(',')[0]}"] += 1
            if "no encoder writes" in error.got and self.random.integers(REPAIRED_OF) == 0:
                self.repair(content)
        seconds = time.process_time() - start
        if seconds > self.slowest_seconds:
            self.slowest_seconds, self.slowest = seconds, content
        if network is not None:
            self.counts["networks"] += 1
            self.check(content, network)

    def repair(self, content: bytes) -> None:
        """Give a payload the last bytes that the encoder writes for the same bits."""
        version, decoder = version_of(content), BitDecoder(_payload(content))
        assert version is not None
        try:
            _code_network(decoder, None, version, _Parts(None))
        except (NetworkError, NetworkFileError):
            return  # it is no network anyway
        repaired = with_checksum(decoder.payload(), version)
        if repaired != content:
            self.judge(repaired, "repaired")

    def check(self, content: bytes, network: QuantizedNetwork) -> None:
        """Write a network again; state its cost, and run it where that is little."""
        if self.random.integers(WRITTEN_AGAIN_OF) == 0:
            version, reader = version_of(content), BitDecoder(_payload(content))
            assert version is not None
            _, modes = _code_network(reader, None, version, _Parts(None))
            assert _encode(network, version, modes) == content
            assert (
                abs(sum(part.size_bits for part in size_parts(content)) - 8 * len(content)) < 1e-6
            )
            shortest = encode_network(network)
            assert shortest == content or same_network(decode_network(shortest), network)
            self.counts["written again"] += 1
        architecture = network.architecture
        if run_cost(architecture, 1).seconds < MAX_RUN_SECONDS:
            example = self.random.integers(0, 256, (1, *architecture.input_shape)).astype(np.uint8)
            assert predict_logits(network, example).shape == (1, class_count(architecture))
            self.counts["run"] += 1

    def run(self) -> None:
        """Judge a block of files."""
        pool = list(GOLDEN)
        for _ in range(MADE_BY_HAND):
            self.readers()
            pool.append(self.made_by_hand())
            self.judge(pool[-1], "made by hand")
        short = [(c[: HEADER_BYTES + LONGEST_MUTATED_BYTES], architecture_bytes(c)) for c in pool]
        while self.counts["inputs"] < BLOCK:
            self.readers()
            content, behind = short[int(self.random.integers(len(short)))]
            if behind > LONGEST_MUTATED_BYTES or self.random.integers(3) == 0:
                behind = 0
            version, payload = version_of(content), _payload(content)
            assert version is not None
            payload = payload[:behind] + mutated(self.random, payload[behind:])
            if self.random.integers(3):
                # Where a payload ends, zeros follow, which make one more layer after the other.
                payload += self.random.bytes(int(self.random.integers(1, LONGEST_TAIL_BYTES)))
            self.judge(with_checksum(payload, version), "mutated")

    def readers(self) -> None:
        """Choose between the compiled readers of levels and the readable ones."""
        tensor_code.SMALL_TENSOR = 8 if self.random.integers(2) else 64


def architecture_bytes(content: bytes) -> int:
    """Return how many bytes of a file's payload say the architecture; 0 if it is no network."""
    try:
        parts = size_parts(content)
    except NetworkFileError:
        return 0
    return int(parts[1].size_bits / 8) + 1


def peak_mib() -> float:
    """Return the most memory that this process had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(state: dict[str, object]) -> None:
    """Print what came out so far."""
    counts = dict(state["counts"])  # type: ignore[call-overload]
    inputs = counts.pop("inputs")
    outcomes = ", ".join(f"{name} {number:,}" for name, number in sorted(counts.items()))
    print(
        f"{inputs:,} inputs in {state['seconds']:,.0f} s of processor: {outcomes}; slowest "
        f"{state['slowest_seconds']:.2f} s of processor ({state['slowest']}), "
        f"{state['peak_mib']:,.0f} MiB at most",
        flush=True,
    )


def main() -> None:
    """Go on from the state in the folder until there are enough inputs."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/fuzz-decoder")
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else INPUTS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "state.json"
    state = {"blocks": 0, "counts": {}, "seconds": 0.0, "slowest_seconds": 0.0, "peak_mib": 0.0}
    before = path if path.exists() else RECORDED
    if before.exists():
        state = json.loads(before.read_text())
    for content in GOLDEN:  # compiles what is to be compiled
        encode_network(decode_network(content))
    while state["counts"].get("inputs", 0) < wanted:
        fuzzer, start = Fuzzer(state["blocks"]), time.process_time()
        fuzzer.run()
        state["blocks"] += 1
        state["counts"] = dict(Counter(state["counts"]) + fuzzer.counts)
        state["seconds"] += time.process_time() - start
        state["peak_mib"] = max(state["peak_mib"], peak_mib())
        if fuzzer.slowest_seconds > state["slowest_seconds"]:
            state["slowest_seconds"] = fuzzer.slowest_seconds
            state["slowest"] = f"{len(fuzzer.slowest)} bytes, {fuzzer.slowest[:24].hex()}"
        assert state["peak_mib"] <= MAX_MEMORY_MIB
        path.write_text(json.dumps(state))
        if state["blocks"] % 10 == 0 or state["counts"]["inputs"] >= wanted:
            report(state)


if __name__ == "__main__":
    main()
