"""Published sizes of networks, each with its source; for reference marks only."""

from __future__ import annotations

from dataclasses import dataclass

from minbits.evaluation.accuracy import accuracy_reaches


@dataclass(frozen=True)
class PublishedNetwork:
    """A size from the literature, in bits, at the test accuracy its authors state.

    ``counting`` says what was counted, since most authors do not count a whole file.
    """

    name: str
    data_name: str
    size_bits: int
    test_accuracy: float
    counting: str
    source: str


# A kB of the papers is taken as 1,000 bytes.
PUBLISHED: tuple[PublishedNetwork, ...] = (
    PublishedNetwork(
        "PyTorch example net, float32",
        "mnist",
        698_880,
        0.99,
        "21,840 parameters x 32 bits",
        "the question; PyTorch's examples repository",
    ),
    PublishedNetwork(
        "Deep Compression, LeNet-5",
        "mnist",
        352_000,
        0.992,
        "44 kB",
        "Han, Mao & Dally 2016",
    ),
    PublishedNetwork(
        "mnist-minimal-model, float32",
        "mnist",
        61_952,
        0.9913,
        "1,936 parameters x 32 bits",
        "ruslangrimov/mnist-minimal-model",
    ),
    PublishedNetwork("Weightless, LeNet-5", "mnist", 36_160, 0.99, "4.52 kB", "Reagen et al. 2018"),
    PublishedNetwork(
        "Entropy-penalized reparam., LeNet-5",
        "mnist",
        22_720,
        0.99,
        "2.84 kB",
        "Oktay et al. 2020",
    ),
    PublishedNetwork(
        "697-parameter net, float32",
        "mnist",
        22_304,
        0.9903,
        "697 parameters x 32 bits; best of about 700 trainings, picked on the test set",
        "JoshWarn/Parameter-Efficient-MNIST",
    ),
    PublishedNetwork(
        "MIRACLE, LeNet-5, larger", "mnist", 24_240, 0.9931, "3.03 kB", "Havasi et al. 2018"
    ),
    PublishedNetwork(
        "recurrent CNN, code and weights",
        "mnist",
        15_656,
        0.994,
        "1,957 bytes, code included; at second hand, from reading notes",
        "arXiv 2609.21032",
    ),
    PublishedNetwork(
        "Entropy-penalized reparam., LeNet300-100",
        "mnist",
        68_480,
        0.981,
        "8.56 kB",
        "Oktay et al. 2020",
    ),
    PublishedNetwork(
        "neural golfing, float32",
        "mnist",
        18_400,
        0.98,
        "575 parameters x 32 bits, the pruning mask not counted",
        "hexhowells/NeuralGolfing",
    ),
    PublishedNetwork("MIRACLE, LeNet-5", "mnist", 12_160, 0.9904, "1.52 kB", "Havasi et al. 2018"),
)


def published_networks(data_name: str, accuracy: float) -> tuple[PublishedNetwork, ...]:
    """Return the published networks for a data set that reach ``accuracy``."""
    return tuple(
        item
        for item in PUBLISHED
        if item.data_name == data_name and accuracy_reaches(item.test_accuracy, accuracy)
    )
