"""What makes two trials the same one, wherever they run."""

from __future__ import annotations

import functools
import json

from minbits.files import sha256_hex
from minbits.records import TrialConfig, plain_config

# As many hexadecimal digits as the ledger's names of rows have.
_DIGITS = 32


# Asked for when a trial is chosen and again when it has ended.
@functools.lru_cache(maxsize=10_000)
def trial_key(config: TrialConfig, data_digest: str, code_version: str) -> str:
    """Return a name that trials share exactly if they would do the same work.

    Args:
        config: what is asked for, the seed and the parent file among it.
        data_digest: of the data set.
        code_version: of minbits, its sources included.
    """
    plain = json.dumps(plain_config(config), sort_keys=True)
    return sha256_hex(f"{plain}\n{data_digest}\n{code_version}".encode())[:_DIGITS]
