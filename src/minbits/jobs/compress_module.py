"""The compression of a model as a user names it: loaded, extracted, compressed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from minbits.claims.outputs import kept_files, module_name, name_part, network_outputs
from minbits.codec.architecture import class_count
from minbits.errors import ArgumentError
from minbits.files import check_outputs
from minbits.jobs.compress import compress_job
from minbits.jobs.compress_plan import compress_plan
from minbits.jobs.compress_request import CompressReport, CompressRequest
from minbits.jobs.compress_rounding import round_to_file
from minbits.jobs.shared_options import Origin
from minbits.networks.checkpoint import image_shape, open_module
from minbits.networks.from_torch import from_torch
from minbits.networks.input_convention import BYTE_FACTOR, convention_of
from minbits.networks.model_options import model_files
from minbits.networks.two_logits import with_two_logits
from minbits.types import DataSet

_BYTE_EXPONENT = 8


def compress_module(
    model: nn.Module | str | Path,
    data: DataSet,
    request: CompressRequest,
    say: Callable[[str], None] = lambda text: None,
    origin: Origin | None = None,
) -> CompressReport:
    """Compress a PyTorch module to the smallest file found that keeps an accuracy.

    Args:
        model: a module of usual layers (docs/compress.md), which is set to evaluation mode, else
            unchanged; or what `open_module` takes.
        data: to fine-tune on, to select on and to make the claim on.
        request: what is asked.
        say: called with lines of progress.
        origin: where the data were read.

    Raises:
        MinbitsError: if a layer is not supported, or an argument or output is bad.
    """
    module = open_module(model, request, data.input_shape)
    usual = BYTE_FACTOR if data.train_inputs.dtype == np.uint8 else 1.0
    convention = convention_of(request, usual)
    given = from_torch(module, data.input_shape, data.input_exponent, convention)
    if class_count(given.architecture) == 1 and data.class_count == 2:
        given = with_two_logits(given)
    named = "module" if isinstance(model, nn.Module) else str(model)
    origin = (origin or Origin()).beside(*model_files(model, request))
    plan = compress_plan(data, request, named, origin)
    return compress_job(given, data, plan, say)


def round_module(model: str, request: CompressRequest, error: float | None) -> dict[str, Any]:
    """Round a module by its weights alone, write the file, and return facts about it.

    Args:
        model: as of `compress_module`; its inputs are taken to be bytes.
        request: what is asked.
        error: a tensor's step over its norm, in (0, 1); None: one that hardly changes the logits.

    Raises:
        MinbitsError: if a layer is not supported, or an argument or output is bad.
    """
    shape = image_shape(request.input)
    module = open_module(model, request, shape)
    given = from_torch(module, shape, _BYTE_EXPONENT, convention_of(request, BYTE_FACTOR))
    if request.train:
        raise ArgumentError("`data`", "nothing", "a data set, or `train=False`", "Name one.")
    out = Path(request.out or f"{name_part(module_name(model))}-rounded.mbn")
    check_outputs(network_outputs(out), kept_files(None, model_files(model, request)))
    return round_to_file(given, error, out, request.force)
