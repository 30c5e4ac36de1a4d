"""Values that somebody else wrote, as messages may show them."""

from __future__ import annotations

_MAX_LENGTH = 60


def shown(value: object) -> str:
    """Return a value as a short text without control characters."""
    # Not the whole of a long text: to escape a gigabyte takes longer than to refuse it.
    text = ascii(value[:_MAX_LENGTH] if isinstance(value, str | bytes) else value)
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}…"
