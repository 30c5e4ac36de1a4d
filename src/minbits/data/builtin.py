"""The data sets that come with the package or with scikit-learn."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from minbits.data.assemble import assemble
from minbits.data.idx import load_idx_folder
from minbits.data.reading import extra_module
from minbits.data.sampling import sample
from minbits.data.tables import RawTable, assemble_table, number_columns
from minbits.distributions import (
    RandomLabels,
    Source,
    majority,
    parity,
    spherical_rule,
    teacher,
    xor,
)
from minbits.distributions.boolean import all_patterns
from minbits.distributions.spherical import POINTS
from minbits.errors import DataError
from minbits.registry import Registry
from minbits.types import DataSet

_SOURCE_EXAMPLES = (4000, 1000)
# Where Debian's package of the same name puts the files.
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


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


def load_fashion_mnist() -> DataSet:
    """Load Fashion-MNIST of Debian's package: images of clothes, as many and as large as MNIST's.

    Raises:
        DataError: if the package is not installed, or a file is damaged.
    """
    if not FASHION_MNIST.is_dir():
        raise DataError(
            "data set 'fashion-mnist'", f"no folder {FASHION_MNIST}", "Debian's package",
            "Install it: apt-get install dataset-fashion-mnist; or name a folder of the IDX files.",
        )  # fmt: skip
    origin = "Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, MIT), of Debian's dataset-fashion-mnist"
    return load_idx_folder(FASHION_MNIST, "fashion-mnist", origin)


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


def _load_bunch(name: str, loader: str, origin: str) -> DataSet:
    # Imported here since scikit-learn is slow to import and only these loaders need it.
    from sklearn import datasets

    bunch = getattr(datasets, loader)()
    values = np.asarray(bunch.data, dtype=np.float64)
    names = [str(feature) for feature in bunch.feature_names]
    labels = np.asarray(bunch.target_names)[np.asarray(bunch.target)]
    return assemble_table(
        name, number_columns(names, values), RawTable(values, labels), None, name, origin
    )


def load_iris() -> DataSet:
    """Load scikit-learn's iris: 150 flowers, four lengths in centimetres, three species."""
    return _load_bunch("iris", "load_iris", "scikit-learn's iris (Fisher 1936, UCI, CC BY 4.0)")


def load_wine() -> DataSet:
    """Load scikit-learn's wine: 178 wines, thirteen measurements, three growers."""
    origin = "scikit-learn's wine (Forina et al., UCI, CC BY 4.0)"
    return _load_bunch("wine", "load_wine", origin)


def load_breast_cancer() -> DataSet:
    """Load scikit-learn's breast cancer: 569 biopsies, thirty measurements, two diagnoses."""
    origin = "scikit-learn's breast cancer (Wolberg et al. 1995, UCI, CC BY 4.0)"
    return _load_bunch("breast_cancer", "load_breast_cancer", origin)


def load_mnist1d() -> DataSet:
    """Generate MNIST-1D by its authors' package: 4,000 and 1,000 signals of 40 values.

    Defaults of the package, seed 42 (Greydanus & Kobak 2020, Apache-2.0); nothing is downloaded.

    Raises:
        DataError: if the package is not installed.
    """
    package = extra_module("mnist1d.data", "mnist1d", "mnist1d", "mnist1d")
    # The package draws from NumPy's and Python's global generators, which are not its own.
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        made = package.make_dataset(package.get_dataset_args())
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)
    return assemble(
        "mnist1d",
        (made["x"][:, None, None, :], made["y"]),
        (made["x_test"][:, None, None, :], made["y_test"]),
        where="mnist1d",
        origin="MNIST-1D (Greydanus & Kobak 2020), generated by the package mnist1d, seed 42",
    )


def load_tishby() -> DataSet:
    """Return all 4,096 patterns of twelve bits, labelled by a symmetric rule, a fifth as test.

    The problem of Shwartz-Ziv & Tishby 2017; `minbits.distributions.spherical_rule` says what the
    rule is. The classes are balanced as well as its values allow: I(X;Y) = H(Y) = 0.9996 bits.
    """
    rule, patterns = spherical_rule(), all_patterns(POINTS)
    labels = rule.function(patterns)
    origin = "all patterns at the vertices of an icosahedron, labelled by their spherical power"
    data = assemble("tishby", (patterns, labels), None, where="tishby", origin=origin)
    return dataclasses.replace(data, truth=rule.truth())


def source_loader(source: Source) -> Callable[[], DataSet]:
    """Return a loader that draws a known source: 4,000 training and 1,000 test examples, seed 0."""
    return lambda: sample(source, *_SOURCE_EXAMPLES, seed=0)


@dataclass(frozen=True)
class BuiltIn:
    """A data set that has a name.

    Attributes:
        key: the name.
        load: reads or draws it.
    """

    key: str
    load: Callable[[], DataSet]


BUILT_IN: Registry[BuiltIn] = Registry(
    "data set",
    BuiltIn("mnist", load_mnist),
    BuiltIn("fashion-mnist", load_fashion_mnist),
    BuiltIn("digits", load_digits),
    BuiltIn("iris", load_iris),
    BuiltIn("wine", load_wine),
    BuiltIn("breast_cancer", load_breast_cancer),
    BuiltIn("mnist1d", load_mnist1d),
    BuiltIn("parity", source_loader(parity())),
    BuiltIn("majority", source_loader(majority())),
    BuiltIn("xor", source_loader(xor())),
    BuiltIn("teacher", source_loader(teacher())),
    BuiltIn("tishby", load_tishby),
    BuiltIn("random-labels", source_loader(RandomLabels())),
)
