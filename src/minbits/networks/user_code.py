"""The user's own code, imported because it was named: ``package.module`` or ``file.py``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from minbits.child_processes import own_code
from minbits.errors import ArgumentError


def import_named(name: str) -> ModuleType:
    """Import a module that the user named, from its file or from the current folder.

    A module of that name in the current folder comes before an installed one. Only then, or for a
    file, are modules beside it found as well, never in place of the standard library's, and once it
    is imported, not in place of installed ones either.

    Raises:
        ArgumentError: if there is no such file.
        ImportError: if there is no such module.
    """
    path = Path(name)
    if path.suffix == ".py":
        specification = importlib.util.spec_from_file_location(_free_name(path.stem), path)
        if not path.is_file() or specification is None:
            raise ArgumentError(name, "no such file", "a Python file", "Check the path.")
        with own_code(str(path.resolve().parent)):
            return _executed(specification)
    folder, first = Path.cwd(), name.partition(".")[0]
    if first not in sys.modules:
        here = PathFinder.find_spec(first, [str(folder)])
        if here is not None and here.origin is not None:  # a folder without code has none
            with own_code(str(folder)):
                _executed(here)
                return importlib.import_module(name)
    return importlib.import_module(name)


def _free_name(stem: str) -> str:
    """Return a name for a file's module that takes no other module's place."""
    is_taken = stem in sys.modules or stem in sys.stdlib_module_names
    return f"minbits_user_{stem}" if is_taken else stem


def _executed(specification: ModuleSpec) -> ModuleType:
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    assert specification.loader is not None
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[specification.name]
        raise
    return module
