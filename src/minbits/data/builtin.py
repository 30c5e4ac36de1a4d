"""The data sets that come with the package or with scikit-learn."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import numpy as np

from minbits.data.assemble import assemble
from minbits.data.idx import load_idx_folder
from minbits.errors import DataError
from minbits.records import DataSet


def _check_sums(folder: Path) -> None:
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        expected, name = line.split()
        path = folder / name
        # The list also holds the digests of the unpacked contents, which are not files here.
        if path.suffix != ".gz":
            continue
        if not path.is_file():
            raise DataError(str(path), "no file", "a file of the package", "Install minbits again.")
        got = hashlib.sha256(path.read_bytes()).hexdigest()
        if got != expected:
            raise DataError(
                str(path), f"SHA-256 {got[:16]}…", f"{expected[:16]}…", "Install minbits again."
            )


def load_mnist() -> DataSet:
    """Load MNIST from the package: 60,000 training and 10,000 test images of 28 x 28 bytes.

    Raises:
        DataError: if a file is missing or its digest is wrong.
    """
    folder = Path(str(resources.files("minbits.data") / "files" / "mnist"))
    _check_sums(folder)
    origin = "MNIST (LeCun, Cortes, Burges), in the package, CC BY-SA 3.0"
    return load_idx_folder(folder, "mnist", origin)


def load_digits() -> DataSet:
    """Load scikit-learn's digits: 1,797 images of 8 x 8 grey values 0 to 16, a fifth as test set.

    The images are a copy of the test set of the UCI set "Optical Recognition of Handwritten
    Digits" (Alpaydin & Kaynak 1998, CC BY 4.0).
    """
    # Imported here since scikit-learn is slow to import and only this loader needs it.
    from sklearn.datasets import load_digits as load_from_sklearn

    bunch = load_from_sklearn()
    images = np.asarray(bunch.images, dtype=np.float32)
    labels = np.asarray(bunch.target)
    origin = "scikit-learn's digits (UCI, Alpaydin & Kaynak 1998, CC BY 4.0)"
    return assemble("digits", (images, labels), None, where="digits", origin=origin)
