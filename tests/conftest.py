from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from minbits.data import load
from minbits.data.assemble import assemble
from minbits.search.precompile import precompile
from minbits.types import DataSet
from tests.cli.here import Here
from tests.ledger.postgres_server import PostgresServer, server_binaries

# The machine that runs the tests may be slow: deadlines would only make tests flaky.
settings.register_profile("minbits", deadline=None, max_examples=100)
settings.load_profile("minbits")


def stripes(examples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return noisy 8 x 8 images with a bright row (class 0) or a bright column (class 1)."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 60, (examples, 8, 8)).astype(np.uint8)
    labels = generator.integers(0, 2, examples)
    for image, label, place in zip(images, labels, generator.integers(0, 8, examples), strict=True):
        if label:
            image[:, place] += 190
        else:
            image[place] += 190
    return images, labels


@pytest.fixture(scope="session", autouse=True)
def compiled_code() -> None:
    """Compile what trials run through before tests that are given seconds start trials."""
    precompile()


@pytest.fixture(scope="session")
def mnist() -> DataSet:
    return load("mnist")


@pytest.fixture(scope="session")
def tiny() -> DataSet:
    return assemble("stripes", stripes(400, 0), stripes(200, 1), "test", "made by the tests")


def idx_bytes(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 0x08, array.ndim])
    return header + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "stripes-idx"
    folder.mkdir()
    for stem, (images, labels) in {"train": stripes(400, 0), "t10k": stripes(200, 1)}.items():
        path = folder / f"{stem}-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(idx_bytes(images)))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(idx_bytes(labels.astype(np.uint8)))
    return folder


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    return Here(monkeypatch, capsys)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    binaries = server_binaries()
    if binaries is None:
        message = "PostgreSQL's server is not installed: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    server = PostgresServer(binaries)
    yield server
    server.remove()
