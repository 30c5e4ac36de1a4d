"""Compiled functions whose cache on disk notices every change of what they are made of.

Numba's own cache watches one file, that of the function, and would go on to use machine code whose
micro-kernels or constants, in other files, have changed: after an update of minbits, too. Ours is
valid as long as all of `SOURCES` are what they were. All compiled code of the package uses it.

Imported only where something is compiled: numba takes longer to load than a small file to decode.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)

Function = TypeVar("Function", bound=Callable[..., Any])

PACKAGE = Path(__file__).parent
# Files and folders that hold compiled functions, or constants that are compiled into them.
SOURCES = (
    "codec",
    "compilation.py",
    "compression/quantizer.py",
    "compression/trellis.py",
    "errors.py",
    "files.py",
    "front_ends",
    "information/models",
    "layers",
    "networks/parameters.py",
    "notebook.py",
    "plain_text.py",
    "types.py",
    "registry.py",
    "training/lanes",
    "training/optimizers.py",
    "units.py",
)


def digest_on_disk() -> bytes | None:
    """Return a digest of everything that compiled functions are made of, as it is on disk.

    None if that cannot be read, as in a package that is imported from an archive.
    """
    digest = hashlib.sha256()
    for source in SOURCES:
        path = PACKAGE / source
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            name = str(file.relative_to(PACKAGE))
            try:
                digest.update(name.encode() + b"\0" + file.read_bytes() + b"\0")
            except OSError:
                return None
    return digest.digest()


_digest_at_import = digest_on_disk()


def sources_digest() -> bytes | None:
    """Return the digest of the sources that this process runs, None if it is not known."""
    return _digest_at_import


class _Stamped:
    def get_source_stamp(self) -> bytes | None:
        return sources_digest()


class _Provided(_Stamped, UserProvidedCacheLocator):
    """The folder that NUMBA_CACHE_DIR names."""


class _InTree(_Stamped, InTreeCacheLocator):
    """The package's own folder, where it can be written to."""


class _UserWide(_Stamped, UserWideCacheLocator):
    """The user's cache folder."""


class _CacheFiles(CompileResultCacheImpl):
    _locator_classes = [_Provided, _InTree, _UserWide]  # noqa: RUF012 - as numba declares it


class _Cache(FunctionCache):
    _impl_class = _CacheFiles

    def save_overload(self, sig: Any, data: Any) -> None:
        # An update under a running process: its old code must not be kept as that of new sources.
        if digest_on_disk() == sources_digest():
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]


def compiled(**options: Any) -> Callable[[Function], Function]:
    """Return a decorator that compiles a function at its first call and caches the machine code.

    Where no folder can be written to, or sources not read, every process compiles for itself.

    Args:
        options: of `numba.njit`.
    """

    def decorate(function: Function) -> Function:
        # Divisions as NumPy's: a check for zero would keep loops from being vectorised.
        dispatcher = njit(**{"error_model": "numpy", **options})(function)
        cache = _cache_for(function)
        if cache is not None:
            dispatcher._cache = cache
        return dispatcher  # type: ignore[no-any-return]

    return decorate


def _cache_for(function: Callable[..., Any]) -> _Cache | None:
    if sources_digest() is None:
        return None
    try:
        return _Cache(function)  # type: ignore[no-untyped-call]
    except RuntimeError:
        return None  # numba found no folder that it may write to


def cache_folder() -> str | None:
    """Return where machine code is cached, None if nowhere."""
    cache = _cache_for(compiled)
    return None if cache is None else str(cache.cache_path)
