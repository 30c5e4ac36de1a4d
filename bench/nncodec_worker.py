"""Runs NNCodec in an environment of its own: ``python nncodec_worker.py WEIGHTS.npz OUT.npz``.

NNCodec (Fraunhofer HHI, the standard's reference coder) pins NumPy below 2, so that it cannot live
beside minbits. The weights come as arrays by name; for each main quantisation parameter the worker
writes the length of the bit stream in bytes, the decoded arrays, and the seconds of coding.
"""

from __future__ import annotations

import importlib.machinery
import sys
import time
import types

import numpy as np

# Biases are few: a step of 2 ** -7 is fine enough, and costs far less than the default's 2 ** -18.
NONWEIGHT_QP = -28


class _Unused:
    """Stands for whatever NNCodec takes from torchvision as it loads, and does not use here."""

    def __init__(self, *arguments: object, **options: object) -> None:
        pass


def _unused(name: str) -> type[_Unused]:
    if name.startswith("__"):  # what Python itself asks a module for
        raise AttributeError(name)
    return _Unused


def _without_data_sets() -> None:
    """Let NNCodec load where torchvision is not: it only wants its data sets."""
    try:
        import torchvision  # noqa: F401
    except ImportError:
        for name in ("torchvision", "torchvision.datasets", "torchvision.transforms"):
            module = types.ModuleType(name)
            module.__spec__ = importlib.machinery.ModuleSpec(name, None)
            module.__getattr__ = _unused  # type: ignore[method-assign]
            sys.modules[name] = module
        for part in ("datasets", "transforms"):
            setattr(sys.modules["torchvision"], part, sys.modules[f"torchvision.{part}"])


def main(weights_path: str, out_path: str, parameters: list[int]) -> None:
    """Code the weights at every quantisation parameter."""
    _without_data_sets()
    from nncodec import nnc

    with np.load(weights_path) as found:
        weights = {name: found[name] for name in found.files}
    results: dict[str, np.ndarray] = {}
    for qp in parameters:
        for opt_qp in (False, True):
            key = f"{qp}/{int(opt_qp)}"
            start = time.perf_counter()
            stream = nnc.compress(
                {name: value.copy() for name, value in weights.items()},
                bitstream_path=f"{out_path}.nnc", qp=qp, nonweight_qp=min(qp, NONWEIGHT_QP),
                use_dq=True, param_opt=True, row_skipping=True, opt_qp=opt_qp,
                return_bitstream=True, verbose=False,
            )  # fmt: skip
            encoded = time.perf_counter()
            decoded = nnc.decompress(stream)
            results[f"{key}/bytes"] = np.array(len(stream))
            results[f"{key}/seconds"] = np.array([encoded - start, time.perf_counter() - encoded])
            for name, value in decoded.items():
                results[f"{key}/values/{name}"] = np.asarray(value, np.float32)
    np.savez(out_path, **results)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [int(part) for part in sys.argv[3:]])
