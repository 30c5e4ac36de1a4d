"""How much of a data set an audit runs."""

from __future__ import annotations

# Most examples of each split; more of them take longer, and say little more.
MAX_EXAMPLES = 10_000
