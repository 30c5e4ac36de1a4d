"""The causal patch network: each pixel from the pixels before it, by rows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class PatchShape:
    """What a patch network looks at.

    Colour channels are interleaved along the row, so that an image of ``channels`` channels is one
    of ``width * channels`` columns.

    Attributes:
        height: rows of the image.
        columns: columns of the image, channels interleaved.
        channels: colour channels.
        symbols: symbols of a pixel.
        rows_above: rows of the patch above the pixel's own.
        reach: pixels of the patch to either side.
        width: units of the hidden layers.
        depth: hidden layers.
        row_width: units of the context of all rows above.
    """

    height: int
    columns: int
    channels: int
    symbols: int
    rows_above: int = 8
    reach: int = 9
    width: int = 256
    depth: int = 2
    row_width: int = 128

    @property
    def pixels(self) -> int:
        """Pixels of an image, each channel counted."""
        return self.height * self.columns

    @property
    def side(self) -> int:
        """Columns of the patch to either side."""
        return self.reach * self.channels

    def offsets(self) -> Tensor:
        """Return where the patch's pixels lie from a pixel, in a padded image taken as one row."""
        stride = self.columns + 2 * self.side
        return torch.tensor(
            [
                row * stride + column
                for row in range(-self.rows_above, 1)
                for column in range(-self.side, self.side + 1)
                if row < 0 or column < 0
            ]
        )


class RowContext(nn.Module):
    """A vector for each row of each image that knows all rows above and nothing else.

    A gated recurrent unit (Cho et al. 2014) reads the image row by row.
    """

    def __init__(self, shape: PatchShape) -> None:
        super().__init__()
        width = shape.row_width
        self.unit = nn.GRU(shape.columns, width, batch_first=True)
        self.bias = nn.Parameter(torch.zeros(shape.height, width))
        self.out = nn.Linear(width, shape.width)

    def forward(self, images: Tensor) -> Tensor:
        """Return contexts of shape ``(examples, height, width)`` for grey values in [0, 1]."""
        # Shifted down by one: a row must not see itself.
        above = functional.pad(images[:, :-1], (0, 0, 1, 0))
        states, _ = self.unit(above)
        result: Tensor = self.out(functional.relu(states + self.bias))
        return result


class PatchNetwork(nn.Module):
    """Hidden layers over the causal patch, the place and the context of all rows above."""

    offsets: Tensor

    def __init__(self, shape: PatchShape, context_logits: Tensor, place_logits: Tensor) -> None:
        """Start from counts, so that the network learns what they leave.

        Args:
            shape: what it looks at.
            context_logits: first logits by small context, shape ``(contexts, outputs)``.
            place_logits: first logits by place, shape ``(pixels, outputs)``.
        """
        super().__init__()
        self.shape = shape
        self.register_buffer("offsets", shape.offsets(), persistent=False)
        self.is_grey = shape.symbols > 2
        inputs = len(self.offsets) * (2 if self.is_grey else 1)
        outputs = place_logits.shape[1]
        self.patch = nn.Linear(inputs, shape.width)
        self.places = nn.Parameter(torch.zeros(shape.pixels, shape.width))
        self.rows = RowContext(shape)
        self.layers = nn.ModuleList(
            nn.Linear(shape.width, shape.width) for _ in range(shape.depth - 1)
        )
        self.out = nn.Linear(shape.width, outputs)
        self.out_places = nn.Parameter(place_logits.clone())
        self.out_contexts = nn.Parameter(context_logits.clone())
        nn.init.zeros_(self.out.bias)
        nn.init.zeros_(self.out.weight)

    def _patches(self, symbols: Tensor, image: Tensor, pixel: Tensor) -> Tensor:
        shape = self.shape
        padded = functional.pad(symbols, (shape.side, shape.side, shape.rows_above, 0))
        stride = shape.columns + 2 * shape.side
        row = torch.div(pixel, shape.columns, rounding_mode="floor")
        centre = image * ((shape.height + shape.rows_above) * stride)
        centre = centre + (row + shape.rows_above) * stride
        centre = centre + (pixel - row * shape.columns) + shape.side
        seen = padded.reshape(-1)[centre[:, None] + self.offsets]
        if not self.is_grey:
            return seen.to(torch.bfloat16)
        # Beside its value, whether a pixel is blank: the most informative bit of most images.
        values = seen.to(torch.bfloat16) / (shape.symbols - 1)
        return torch.cat([values, (seen > 0).to(torch.bfloat16)], dim=1)

    def forward(self, symbols: Tensor, image: Tensor, pixel: Tensor, context: Tensor) -> Tensor:
        """Return logits of some pixels.

        Args:
            symbols: uint8 or int16, shape ``(examples, height, columns)``.
            image: which example, shape ``(pixels,)``, int64.
            pixel: which pixel of it, shape ``(pixels,)``, int64.
            context: number of each pixel's small context, shape ``(pixels,)``, int64.

        Returns:
            Shape ``(pixels, symbols)``, or ``(pixels, 1)`` for two symbols: of symbol 1.
        """
        shape = self.shape
        row = torch.div(pixel, shape.columns, rounding_mode="floor")
        patches = self._patches(symbols, image, pixel)
        # Products of bfloat16 run several times as fast as single precision where the CPU has them.
        with torch.autocast("cpu", torch.bfloat16):
            contexts = self.rows(symbols.float() / (shape.symbols - 1)).to(torch.bfloat16)
            hidden = self.patch(patches) + self.places.to(torch.bfloat16)[pixel]
            hidden = hidden + contexts.reshape(-1, shape.width)[image * shape.height + row]
            hidden = functional.relu(hidden)
            for layer in self.layers:
                hidden = hidden + functional.relu(layer(hidden))
            logits = self.out(hidden)
        result: Tensor = logits.float() + self.out_places[pixel] + self.out_contexts[context]
        return result


def negative_log_likelihood(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the code length in nats of each target symbol, shape ``(pixels,)``."""
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(
            logits[:, 0], targets.float(), reduction="none"
        )
    return functional.cross_entropy(logits, targets.long(), reduction="none")
