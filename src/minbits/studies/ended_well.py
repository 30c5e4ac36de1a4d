"""The results of a study without its failures, which a statistic leaves out and counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minbits.errors import ArgumentError


def ended_well(
    results: Sequence[Mapping[str, Any]], where: str, what: str, least: int, remedy: str
) -> list[Mapping[str, Any]]:
    """Return the results that did not fail.

    Args:
        results: of one kind of runs; those that failed have the key ``failed``, which says why.
        where: the kind of runs, for messages.
        what: runs of this kind that did not fail, in words.
        least: how many are needed.
        remedy: what to do where there are fewer.

    Raises:
        ArgumentError: with fewer than ``least``; it names the cause of the first failure.
    """
    good = [row for row in results if "failed" not in row]
    if len(good) >= least:
        return good
    why = next((f", one with {row['failed']}" for row in results if "failed" in row), "")
    got = f"{len(good)} of {len(results)} {what}{why}"
    raise ArgumentError(where, got, f"{least} or more", remedy)
