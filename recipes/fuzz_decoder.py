"""Fuzzes the decoder: a million files, each a network or the one error, in bounded memory and time.

``pip install atheris``, then ``python recipes/fuzz_decoder.py [RUNS]``. libFuzzer, guided by the
coverage of minbits.codec, makes payloads; every one gets a version and the right checksum, so that
it is decoded and not just refused. Anything but a network whose encoding is the same bytes, or
`NetworkFileError`, ends the run, as does a file that takes more than 20 s or 2 GB.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["minbits.codec"]):
    from minbits.codec.file_format import (
        HEADER_BYTES,
        MAGIC,
        VERSIONS,
        _checksum,
        decode_network,
        encode_network,
    )
from minbits.errors import NetworkFileError

RUNS = 1_000_000
# Short inputs: most of what a decoder can meet is met early, and a longer one takes longer only.
SEEDS = sorted(Path("tests/golden").glob("*.mbn"))
LONGEST_BYTES = 48

counts: Counter[str] = Counter()
longest_seconds = 0.0


def one_input(data: bytes) -> None:
    """Decode one file; the first byte chooses the version."""
    global longest_seconds  # noqa: PLW0603
    if not data:
        return
    version, payload = VERSIONS[data[0] % len(VERSIONS)], data[1:]
    content = bytes([MAGIC | version]) + _checksum(version, payload) + payload
    start = time.perf_counter()
    try:
        network = decode_network(content)
    except NetworkFileError as error:
        counts[error.where.split(",")[0]] += 1
    else:
        counts["a network"] += 1
        assert len(encode_network(network)) <= len(content)
    longest_seconds = max(longest_seconds, time.perf_counter() - start)
    counts["inputs"] += 1
    if counts["inputs"] % 100_000 == 0 or counts["inputs"] == RUNS:
        print(f"{dict(counts)}, longest {longest_seconds:.2f} s", flush=True)


def main() -> None:
    """Write the seeds, then fuzz."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory(prefix="minbits-fuzz-") as folder:
        for index, path in enumerate(SEEDS):
            content = path.read_bytes()
            chosen = bytes([VERSIONS.index(content[0] & 0x0F)])
            (Path(folder) / str(index)).write_bytes(
                (chosen + content[HEADER_BYTES:])[:LONGEST_BYTES]
            )
        flags = [
            f"-runs={runs}",
            "-rss_limit_mb=2048",
            "-timeout=20",
            f"-max_len={LONGEST_BYTES}",
            "-seed=1",
        ]
        atheris.Setup([sys.argv[0], *flags, "-print_final_stats=1", folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
