"""From a request to a plan of a compression: what nobody named is resolved, outputs are checked."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from minbits.claims.outputs import default_output, kept_files, module_name, network_outputs
from minbits.files import check_outputs
from minbits.jobs.compress_request import CompressRequest
from minbits.jobs.shared_options import Origin, resolved
from minbits.ledger.location import LedgerTarget, chosen_ledger
from minbits.types import DataSet


@dataclass(frozen=True)
class CompressPlan(CompressRequest):
    """A request in which nothing is left open."""

    _: KW_ONLY
    ledger: LedgerTarget
    name: str
    out: Path


def compress_plan(
    data: DataSet, request: CompressRequest, model: str, origin: Origin
) -> CompressPlan:
    """Return a checked request with a value for everything that nobody named.

    Args:
        data: the data set.
        request: what is asked.
        model: how the user named the model.
        origin: where data and model were read.

    Raises:
        OutputError: if an output cannot be written, or would replace another one or an input.
    """
    called = module_name(model)
    out = Path(request.out or default_output(data, request.accuracy, origin.label, called))
    ledger = chosen_ledger(request.ledger)
    check_outputs(network_outputs(out), kept_files(ledger, origin.files))
    name = request.name or (Path(model).stem if request.layers else model)
    return CompressPlan(**resolved(request, out=out, ledger=ledger, name=name))
