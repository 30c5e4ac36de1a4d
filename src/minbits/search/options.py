"""What a user may say about how a search proposes trials; requests of jobs inherit it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from minbits.requests import SEED, FilePath, Request, option

AUTO = "auto"
LADDER = "ladder"
RANDOM = "random"
MIXED = "mixed"
# Of Optuna.
SamplerName = Literal["tpe", "nsga2", "gp", "cmaes"]
SAMPLERS: tuple[str, ...] = (AUTO, LADDER, MIXED, RANDOM, *get_args(SamplerName))


@dataclass(frozen=True, kw_only=True)
class SearchOptions(Request):
    """How a search proposes trials."""

    sampler: str = option(AUTO, f"What proposes networks to train: {', '.join(SAMPLERS)}.")
    moves: bool = option(True, "Also train on from the best files, changed a little.")
    halving: bool = option(
        False, "Stop trials that lag behind the others; not with the ladder.", negatable=True
    )
    space: FilePath | None = option(
        None, "A TOML file with networks and recipes to draw from.", shown="the package's own"
    )
    front_end: str = option(
        AUTO,
        "What normalises images before the first layer: none, moments, moments N, area N, "
        "directions N; auto lets the search choose.",
    )
    reliability: float = option(
        0.0,
        "Chance of success over seeds that what is claimed must be shown to have.",
        check=(lambda value: 0 <= value < 1, "0 to below 1"),
    )
    seed: int = option(
        0, "First seed; each trial takes the next one not used on this data.", check=SEED
    )
