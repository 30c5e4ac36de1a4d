"""The cards of a folder of published files, each with the file that it tells of."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minbits.checked_json import JsonError, read_json
from minbits.claims.card_file import CardClaim, card_claim, no_card
from minbits.codec.file_format import read_bytes
from minbits.errors import NetworkFileError
from minbits.files import sha256_hex
from minbits.reports.facts import MadeBy

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Card:
    """A card and its file.

    Attributes:
        path: of the card.
        claim: what it says of its file.
        content: of the file.
        candidate: what was trained and how.
        seeds: that were tried.
        seeds_passed: that reached the target on validation.
        seed: of the file.
        made: what made it.
    """

    path: Path
    claim: CardClaim
    content: bytes
    candidate: str
    seeds: int
    seeds_passed: int
    seed: int | None
    made: MadeBy


def read_cards(folder: Path) -> Iterator[Card]:
    """Yield the cards of a folder and of the folders in it; there are none where it is none.

    A card whose file is missing, or is another one, is passed over with a warning.

    Raises:
        OutputError: if a card is not valid.
    """
    if not folder.is_dir():
        return
    places = [folder, *(place for place in sorted(folder.iterdir()) if place.is_dir())]
    for path in (path for place in places for path in sorted(place.glob("*.json"))):
        try:
            plain = read_json(path)
            # Companions and measurements name their format; they belong to the card beside them.
            if isinstance(plain, dict) and "format" in plain:
                continue
            claim = card_claim(plain)
        except (OSError, JsonError) as error:
            raise no_card(path, error) from error
        content = _content(path.with_suffix(".mbn"), claim)
        if content is not None:
            yield _card(path, claim, content, plain)


def _content(path: Path, claim: CardClaim) -> bytes | None:
    try:
        content = read_bytes(path)
    except NetworkFileError as error:
        _log.warning("%s is passed over: %s", path.with_suffix(".json"), error)
        return None
    if sha256_hex(content) != claim.sha256:
        _log.warning("%s is passed over: the file beside it is another one", path)
        return None
    return content


def _card(path: Path, claim: CardClaim, content: bytes, plain: dict[str, Any]) -> Card:
    config, machine, libraries = (
        found if isinstance(found := plain.get(key), dict) else {}
        for key in ("config", "machine", "libraries")
    )
    seconds, seed = plain.get("training_seconds"), config.get("seed")
    made = MadeBy(
        str(plain.get("code_version", "")), libraries, machine, str(plain.get("created_at", "")),
        float(seconds) if isinstance(seconds, int | float) else None,
    )  # fmt: skip
    return Card(
        path, claim, content, str(plain.get("candidate", "")), _count(plain, "seeds_tried"),
        _count(plain, "successes_on_validation"), seed if isinstance(seed, int) else None, made,
    )  # fmt: skip


def _count(plain: dict[str, Any], key: str) -> int:
    found = plain.get(key)
    return found if isinstance(found, int) else 0
