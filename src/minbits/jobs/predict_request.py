"""What is asked where a network file predicts."""

from __future__ import annotations

from dataclasses import dataclass

from minbits.jobs.shared_options import SlowOptions
from minbits.requests import FilePath, option

_MAX_SIDE = 4096


@dataclass(frozen=True, kw_only=True)
class PredictRequest(SlowOptions):
    """What is asked where a network file predicts; see `minbits.requests`."""

    companion: FilePath | None = option(
        None, "The companion of the network file.", shown="NAME.data.json beside NAME.mbn"
    )
    out: FilePath | None = option(
        None, "Where classes and probabilities of all rows go: .csv or .json.", shown="nowhere"
    )
    force: bool = option(False, "Write over a file that is in the place of `out`.")
    strict: bool = option(
        False,
        "Refuse what is else handled and told: unknown categories, values that are missing where "
        "training had none, further columns.",
    )
    resize: tuple[int, ...] | None = option(
        None,
        "HEIGHTxWIDTH that images are brought to, such as 28x28.",
        shown="as in training",
        check=(
            lambda value: len(value) == 2 and all(1 <= side <= _MAX_SIDE for side in value),
            f"HEIGHTxWIDTH up to {_MAX_SIDE}, such as 28x28",
        ),
    )
