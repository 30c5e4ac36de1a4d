"""How commands name a data set: a name or a path, and what to know about a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def user_files(model: str | None, data: str | None, checkpoint: Path | None) -> tuple[Path, ...]:
    """Return the files behind the arguments of a command, which its outputs must not replace."""
    named = [] if model is None else [model, model.rpartition(":")[0]]
    named += [] if data is None else [data]
    found = [Path(name) for name in named if name]
    return tuple(found if checkpoint is None else [*found, checkpoint])


DataArgument = Annotated[
    str,
    typer.Argument(
        help=(
            "A name (mnist, digits, iris, wine, breast_cancer, mnist1d, parity, majority, xor, "
            "teacher, random-labels), a .csv, .parquet, .npz or .npy file, or a folder of images, "
            "arrays or IDX files."
        )
    ),
]
LabelOption = Annotated[
    str | None,
    typer.Option(
        "--label",
        help="The label column of a table.",
        show_default="label, class, target or y, or else the last",
    ),
]
CategoricalOption = Annotated[
    list[str] | None,
    typer.Option(
        "--categorical",
        help="A column of numbers to be read as categories; may be repeated.",
        show_default=False,
    ),
]
AllowSlowOption = Annotated[
    bool,
    typer.Option(
        "--allow-slow",
        help="Run network files that take more than about two minutes, too.",
    ),
]
ResizeOption = Annotated[
    str | None,
    typer.Option(
        "--resize",
        help="HEIGHTxWIDTH that images of a folder are brought to, such as 28x28.",
        show_default="as they are",
    ),
]
