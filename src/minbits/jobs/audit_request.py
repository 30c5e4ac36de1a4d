"""What an audit is asked."""

from __future__ import annotations

from dataclasses import dataclass

from minbits.jobs.shared_options import ForceOptions, KnownFilesOptions
from minbits.model_audit.limits import MAX_EXAMPLES
from minbits.networks.model_options import ModelOptions
from minbits.requests import FRACTION, MINUTES, FilePath, at_least, option


@dataclass(frozen=True, kw_only=True)
class AuditRequest(ModelOptions, KnownFilesOptions, ForceOptions):
    """What an audit is asked; see `minbits.requests`."""

    accuracy: float | None = option(
        None,
        "Compare with a file of this accuracy, and let `compress` reach it.",
        shown="the model's own, for `compress` on held-out training examples",
        check=FRACTION,
    )
    examples: int = option(
        MAX_EXAMPLES, "Most examples of each split that are run.", check=at_least(1)
    )
    name: str | None = option(
        None, "What the model is called in tables.", shown="its class, callable or file"
    )
    compress: FilePath | None = option(
        None, "Compress the module as well, to this .mbn file.", shown="no"
    )
    minutes: float = option(10.0, "Minutes for `compress`.", check=MINUTES)
    figure: FilePath | None = option(None, "Where a PNG of layers by bits goes.")
