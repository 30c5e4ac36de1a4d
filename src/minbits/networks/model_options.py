"""What a user says about a model beside its name; requests of jobs inherit it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from minbits.requests import FilePath, Request, option


@dataclass(frozen=True, kw_only=True)
class ModelOptions(Request):
    """What a model needs to be known of beside its name."""

    weights: FilePath | None = option(
        None,
        "A checkpoint to load into the module: .safetensors, .pt or .pth.",
        aliases=("checkpoint",),
    )
    layers: str | None = option(
        None, "For a bare checkpoint: its layers, as 'conv 6 k5 relu; linear 10'."
    )
    input: tuple[int, ...] | None = option(
        None,
        "Without data: the shape of one example, as 1x28x28 or 1,28,28.",
        aliases=("input_shape",),
        check=(lambda value: bool(value) and min(value) >= 1, "positive sizes, such as 1x28x28"),
    )
    input_scale: float | None = option(
        None,
        "What the module expects raw inputs to be multiplied by.",
        shown="1/255 for bytes, else 1; `audit`: the power of two of the data set, 1/256 for bytes",
    )
    input_mean: tuple[float, ...] = option(
        (0.0,), "Then subtracted, one number or one a channel, by commas."
    )
    input_std: tuple[float, ...] = option(
        (1.0,), "Then divided by, one number or one a channel, by commas."
    )


def model_files(model: object, options: ModelOptions) -> tuple[Path, ...]:
    """Return the files behind a model that a user named, which no output may replace."""
    named = [str(model), str(model).rpartition(":")[0]] if isinstance(model, str | Path) else []
    return tuple(Path(name) for name in (*named, options.weights) if name)
