"""Registries: an entry with a key for each thing that can be added from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, TypeVar

from minbits.errors import ArgumentError
from minbits.plain_text import suggested


class HasKey(Protocol):
    """What a registry holds."""

    @property
    def key(self) -> str:
        """The name by which the entry is found; unique in its registry."""
        ...


Entry = TypeVar("Entry", bound=HasKey)


class Registry(Mapping[str, Entry]):
    """Entries by their keys, in the order in which they were added.

    Args:
        noun: what an entry is, for error messages.
        entries: the first ones.
    """

    def __init__(self, noun: str, *entries: Entry) -> None:
        self.noun = noun
        self._entries: dict[str, Entry] = {}
        for entry in entries:
            self.add(entry)

    def __getitem__(self, key: str) -> Entry:
        """Return the entry of a key."""
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys in order."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Add an entry at the end.

        Raises:
            ArgumentError: if there is already one of that key.
        """
        if entry.key in self._entries:
            raise ArgumentError(
                f"registry ({self.noun})", f"a second '{entry.key}'", "a new key",
                "Choose another key, or remove the first entry.",
            )  # fmt: skip
        self._entries[entry.key] = entry

    def remove(self, key: str) -> Entry:
        """Take an entry out and return it.

        Raises:
            ArgumentError: if there is none of that key.
        """
        if key not in self._entries:
            raise self.unknown(key)
        return self._entries.pop(key)

    @contextmanager
    def extended(self, entry: Entry) -> Iterator[None]:
        """Hold one more entry inside the block."""
        self.add(entry)
        try:
            yield
        finally:
            self.remove(entry.key)

    def unknown(self, key: str) -> ArgumentError:
        """Return the error for a key that no entry has."""
        return ArgumentError(
            self.noun,
            f"'{key}'",
            f"one of {', '.join(self._entries)}",
            suggested(key, self._entries, "Choose one of these."),
        )
