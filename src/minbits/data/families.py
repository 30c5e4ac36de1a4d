"""Data sets whose name has a part of its own, as ``keel:letter`` and ``parity:8``.

A family is a word; behind the colon stands which set it is. A generated set follows from its name
alone: the seed is 0, or stands in the name, as ``parity:8,seed=1``. Installed packages are read
where they lie; nothing of them is in this one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minbits.data.assemble import assemble
from minbits.data.builtin import BUILT_IN, load_mnist
from minbits.data.options import LoadOptions
from minbits.data.packaged import load_aeon, load_keel, load_statsmodels
from minbits.data.sampling import sample
from minbits.distributions import LookupTable, PlantedNetwork, Source, majority, parity
from minbits.distributions.source import draw_rows, symmetric_channel
from minbits.errors import DataError
from minbits.registry import Registry
from minbits.types import DataSet

_SEED = "seed="
_MAX_SEED = 2**31
# Of a table of points: each is seen about so many times.
_TIMES_SEEN = 16
_TIMES_TESTED = 4
_EXAMPLES = (4000, 1000)


@dataclass(frozen=True)
class Family:
    """Data sets of one word.

    Attributes:
        key: the word before the colon.
        form: how a name is written, as ``parity:BITS[,seed=S]``.
        load: reads or makes the set of what stands behind the colon.
        shares_examples_of: the set that all of them take their examples from; None where they take
            none of another.
        source: returns the distribution that stands behind the colon; None where nothing is drawn.
    """

    key: str
    form: str
    load: Callable[[str, LoadOptions], DataSet]
    shares_examples_of: str | None = None
    source: Callable[[str], Source] | None = None


def is_named(name: str) -> bool:
    """Return whether a name stands for a set that is known by it, and for no path."""
    family, colon, _ = name.partition(":")
    return name in BUILT_IN or (bool(colon) and family in FAMILIES)


def family_of(source: str) -> tuple[Family, str] | None:
    """Return the family of a name and what stands behind the colon; None where it has none."""
    key, colon, rest = source.partition(":")
    return (FAMILIES[key], rest) if colon and key in FAMILIES else None


def shared_examples(name: str) -> str:
    """Return the name of the set that a set takes its examples from: mostly its own."""
    found = family_of(name)
    return name if found is None else found[0].shares_examples_of or name


def _numbers(form: str, rest: str, least: int) -> tuple[list[int], int]:
    """Return the whole numbers and the seed of a name.

    Raises:
        DataError: if it holds other ones, or another count.
    """
    *parts, last = rest.split(",")
    seed = "0"
    if last.startswith(_SEED):
        seed = last.removeprefix(_SEED)
    else:
        parts.append(last)
    texts = [*parts, seed]
    if len(parts) != least or not all(text.isascii() and text.isdecimal() for text in texts):
        raise _refused(form, rest)
    *numbers, drawn = (int(text[:10]) for text in texts)
    if drawn >= _MAX_SEED:
        raise _refused(form, rest)
    return numbers, drawn


def _refused(form: str, rest: str) -> DataError:
    key = form.partition(":")[0]
    return DataError(
        f"data set '{key}:{rest}'", f"'{rest}' behind the colon", f"{form}, with whole numbers",
        "Write it so.",
    )  # fmt: skip


def _canonical(key: str, numbers: list[int], seed: int) -> str:
    return f"{key}:{','.join(map(str, numbers))}" + (f",{_SEED}{seed}" if seed else "")


def _drawn(key: str, form: str, numbers: int, make: Callable[..., Source]) -> Family:
    """Return a family of sets that are drawn from distributions.

    Args:
        key: the word before the colon.
        form: how a name is written.
        numbers: how many numbers stand behind the colon.
        make: returns the distribution of these numbers and the seed.
    """

    def source_of(rest: str) -> Source:
        found, seed = _numbers(form, rest, numbers)
        return make(*found, seed)

    def load(rest: str, options: LoadOptions) -> DataSet:
        found, seed = _numbers(form, rest, numbers)
        name = _canonical(key, found, seed)
        options.only(name)
        source = make(*found, seed)
        examples = _EXAMPLES
        if isinstance(source, LookupTable):
            examples = (_TIMES_SEEN * source.points, _TIMES_TESTED * source.points)
        drawn = sample(source, *examples, seed=seed)
        return dataclasses.replace(drawn, name=name)

    return Family(key, form, load, source=source_of)


_CLASSES_FORM = "mnist-classes:DIGIT,DIGIT"
_NOISE_FORM = "mnist-noise:PERCENT[,seed=S]"


def _load_two_classes(rest: str, options: LoadOptions) -> DataSet:
    """Return MNIST's images of two digits."""
    (one, two), seed = _numbers(_CLASSES_FORM, rest, 2)
    if not 0 <= one < two <= 9 or seed:
        raise _refused(f"{_CLASSES_FORM}, the smaller one first", rest)
    name = f"mnist-classes:{one},{two}"
    options.only(name)
    whole = load_mnist()
    train, test = (
        np.isin(labels, (one, two)) for labels in (whole.train_labels, whole.test_labels)
    )
    return assemble(
        name,
        (whole.train_inputs[train], whole.train_labels[train]),
        (whole.test_inputs[test], whole.test_labels[test]),
        name,
        f"{whole.origin}; the digits {one} and {two}",
    )


def _load_noisy(rest: str, options: LoadOptions) -> DataSet:
    """Return MNIST where some labels, of training and test examples, are another digit, any one."""
    (percent,), seed = _numbers(_NOISE_FORM, rest, 1)
    if not 1 <= percent <= 90:
        raise _refused(f"{_NOISE_FORM}, from 1 to 90 percent", rest)
    name = _canonical("mnist-noise", [percent], seed)
    options.only(name)
    whole = load_mnist()
    generator = np.random.Generator(np.random.PCG64(seed))
    channel = symmetric_channel(whole.class_count, percent / 100)
    train, test = (
        draw_rows(channel, labels, generator) for labels in (whole.train_labels, whole.test_labels)
    )
    return assemble(
        name,
        (whole.train_inputs, train),
        (whole.test_inputs, test),
        name,
        f"{whole.origin}; each label with a chance of {percent} % another digit, PCG64, seed "
        f"{seed}",
    )


FAMILIES: Registry[Family] = Registry(
    "family of data sets",
    _drawn("parity", "parity:BITS[,seed=S]", 1, lambda bits, seed: parity(bits)),
    _drawn("majority", "majority:BITS[,seed=S]", 1, lambda bits, seed: majority(bits)),
    _drawn("planted", "planted:INPUTS,HIDDEN[,seed=S]", 2, PlantedNetwork),
    _drawn("lookup", "lookup:POINTS[,seed=S]", 1, LookupTable),
    Family("mnist-classes", _CLASSES_FORM, _load_two_classes, "mnist"),
    Family("mnist-noise", _NOISE_FORM, _load_noisy, "mnist"),
    Family("aeon", "aeon:NAME", load_aeon),
    Family("keel", "keel:NAME", load_keel),
    Family("statsmodels", "statsmodels:NAME", load_statsmodels),
)
