"""Files of tensors, read so that they run no code and fill no memory.

They are safetensors, or what ``torch.save`` writes, read with ``weights_only=True``, which refuses
a pickle that wants to run anything.
"""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from minbits.data.limits import ALWAYS_ALLOWED_BYTES, MAX_RATIO
from minbits.errors import MinbitsError, NetworkFileError
from minbits.files import open_regular, regular_size

# What a state dictionary is usually kept under beside other things, the most telling name first.
_WRAPPERS = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights",
    "params", "student",
)  # fmt: skip
_OTHERS = ("optim", "sched", "scaler")
_MAX_DEPTH = 4
_LISTED_KEYS = 6
_LONGEST_REASON = 200


class TensorFile:
    """A file of tensors that is yet to be read.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0

    def refuse(self, got: str, expected: str, remedy: str) -> NetworkFileError:
        """Return the error for a file that is not what it should be."""
        return NetworkFileError(str(self.path), got, expected, remedy)

    def read(self) -> Mapping[Any, Any]:
        """Return what the file holds by name; its tensors are plain ones in memory or on disk.

        What stands under a usual name for a state dictionary is taken out of it.

        Raises:
            NetworkFileError: if the file cannot be read, wants to run code, holds no mapping, or
                tensors that are sparse, quantised or complex, or that would take far more memory
                than the file.
        """
        try:
            self.size_bytes = regular_size(self.path)
            found = self._safetensors() if self.path.suffix == ".safetensors" else self._torch()
        except MinbitsError:
            raise
        except pickle.UnpicklingError as error:
            raise self.refuse(
                "a pickle that wants to run code, or is damaged",
                "tensors alone (torch.save of a state dictionary, or safetensors)",
                "It was not opened, since a pickle can run any code. Save module.state_dict().",
            ) from error
        except Exception as error:  # what PyTorch raises on damaged files is of a dozen kinds
            lines = (getattr(error, "strerror", None) or str(error)).splitlines()
            reason = lines[0][:_LONGEST_REASON] if lines else type(error).__name__
            raise self.refuse(
                f"no checkpoint ({reason})", "a readable checkpoint", "Check the path, or save it."
            ) from error
        for _ in range(_MAX_DEPTH):
            found = self._inside(found)
        if not isinstance(found, Mapping):
            raise self.refuse(
                type(found).__name__, "a state dictionary, names to tensors",
                "Save module.state_dict().",
            )  # fmt: skip
        self._check(found)
        return found

    def _inside(self, found: Any) -> Any:
        """Return the state dictionary that is kept beside other things, or what was found itself.

        Raises:
            NetworkFileError: if there are several, of which none has a usual name.
        """
        if not isinstance(found, Mapping):
            return found
        if any(isinstance(value, Tensor) and value.numel() > 1 for value in found.values()):
            return found
        groups = {
            str(key): value
            for key, value in found.items()
            if _holds_tensors(value) and not str(key).lower().startswith(_OTHERS)
        }
        named = [name for name in _WRAPPERS if name in groups]
        if len(groups) > 1 and not named:
            raise self.refuse(
                f"several groups of tensors: {listed(groups)}", "one state dictionary",
                "Save that of the model alone.",
            )  # fmt: skip
        return groups[(named or list(groups))[0]] if groups else found

    def _safetensors(self) -> Any:
        try:
            from safetensors import safe_open  # an extra
        except ImportError as error:
            raise self.refuse(
                "a safetensors file, and no reader for it", "the safetensors package",
                "pip install 'minbits[safetensors]'",
            ) from error  # fmt: skip
        with safe_open(self.path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118

    def _torch(self) -> Any:
        with open_regular(self.path) as file:
            is_zip = file.read(2) == b"PK"
            if is_zip:
                with zipfile.ZipFile(file) as archive:
                    self._check_bytes(sum(item.file_size for item in archive.infolist()))
        with warnings.catch_warnings():
            # PyTorch warns of what it may not read; what it cannot read is refused.
            warnings.simplefilter("ignore")
            return torch.load(self.path, map_location="cpu", weights_only=True, mmap=is_zip)

    def _check_bytes(self, unpacked: int) -> None:
        if unpacked > max(ALWAYS_ALLOWED_BYTES, MAX_RATIO * self.size_bytes):
            raise self.refuse(
                f"{self.size_bytes:,} bytes that unpack to {unpacked:,}",
                f"at most {MAX_RATIO} times the size of the file",
                "Save the tensors themselves, without expanding or packing them.",
            )

    def _check(self, found: Mapping[Any, Any]) -> None:
        """Refuse tensors that are no plain arrays of real numbers, or far larger than the file."""
        unpacked = 0
        for name, tensor in found.items():
            if not isinstance(tensor, Tensor):
                continue
            unusual = _unusual(tensor)
            if unusual is not None:
                raise self.refuse(
                    f"the {unusual} tensor '{name}'", "dense tensors of real numbers",
                    "Convert it first, as with tensor.to_dense() or tensor.dequantize().",
                )  # fmt: skip
            # One number may stand for any number of them: a tensor that was expanded.
            unpacked += tensor.numel() * tensor.element_size()
        self._check_bytes(unpacked)


def listed(names: Iterable[Any]) -> str:
    """Return some names, and how many more there are."""
    texts = [f"'{name}'" for name in names]
    more = f" and {len(texts) - _LISTED_KEYS} more" if len(texts) > _LISTED_KEYS else ""
    return ", ".join(texts[:_LISTED_KEYS]) + more


def _holds_tensors(value: Any) -> bool:
    """Return whether a value is a mapping of tensors, or of such mappings."""
    if not isinstance(value, Mapping):
        return False
    return any(isinstance(part, Tensor) or _holds_tensors(part) for part in value.values())


def _unusual(tensor: Tensor) -> str | None:
    """Return in a word what keeps a tensor from being a plain array, or None."""
    checks = {
        "nested": tensor.is_nested,
        "sparse": tensor.layout != torch.strided,
        "empty (meta)": tensor.device.type != "cpu",
        "quantised": tensor.is_quantized,
        "complex": tensor.is_complex(),
    }
    for word, is_so in checks.items():
        if is_so:
            return word
    try:
        tensor.reshape(-1)[:1].float()
    except (RuntimeError, NotImplementedError):
        return str(tensor.dtype).removeprefix("torch.")
    return None
