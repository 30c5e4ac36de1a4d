"""Known networks by name, and the built-in family of small ones."""

from __future__ import annotations

from dataclasses import dataclass

from minbits.codec.architecture import Architecture
from minbits.errors import ArgumentError
from minbits.networks.grammar import parse_architecture
from minbits.types import DataSet, TrainingRecipe


@dataclass(frozen=True)
class ZooEntry:
    """A network that people train, and how it is trained here.

    Attributes:
        description: what it is and where it comes from.
        architecture: text in the grammar of `minbits.networks.grammar`.
        recipe: the training recipe; its epochs are the most that are spent.
    """

    description: str
    architecture: str
    recipe: TrainingRecipe


# The network of PyTorch's first MNIST example, as in the question: two 5 x 5 convolutions with max
# pooling, dropout, and two fully connected layers; 21,840 parameters.
PYTORCH_EXAMPLE = ZooEntry(
    description="PyTorch's first MNIST example: conv 10@5x5, conv 20@5x5, 320-50-10, dropout",
    architecture=(
        "conv 10 k5 relu; maxpool 2; conv 20 k5 relu; maxpool 2; linear 50 relu; linear 10"
    ),
    recipe=TrainingRecipe(
        float_epochs=25,
        quantized_epochs=45,
        learning_rate=3e-3,
        quantized_learning_rate=1e-3,
        augmentation=0.6,
        rate_weight=0.15,
        batch_normalisation=False,
        dropout=0.25,
    ),
)

ZOO: dict[str, ZooEntry] = {"pytorch-example": PYTORCH_EXAMPLE}


def zoo_entry(name: str) -> ZooEntry:
    """Return the zoo's entry of that name.

    Raises:
        ArgumentError: if there is none.
    """
    try:
        return ZOO[name]
    except KeyError:
        known = ", ".join(ZOO)
        raise ArgumentError("`network`", f"'{name}'", known, "Choose one of these.") from None


def architecture_for(text: str, data: DataSet) -> Architecture:
    """Return the architecture that ``text`` describes on the inputs of ``data``.

    Raises:
        NetworkError: if the text is not in the grammar.
    """
    return parse_architecture(text, data.input_shape, data.input_exponent)
