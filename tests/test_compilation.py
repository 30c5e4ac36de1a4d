"""The cache of compiled code: used again, made anew when sources change, or done without."""

from __future__ import annotations

import ast
import gc
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minbits import compilation
from minbits.codec.adaptive_bits import MIN_PROBABILITY
from minbits.compilation import PACKAGE, SOURCES, cache_folder, compiled


def double_from(folder: Path) -> Callable[[int], int]:
    """Return a new function of a module in ``folder``, beside which its code is cached."""
    path = folder / "doubling.py"
    path.write_text("def double(x):\n    return 2 * x\n")
    spec = importlib.util.spec_from_file_location("doubling", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Cached code asks for the module by its name, unless what it was compiled from still lives.
    sys.modules["doubling"] = module
    spec.loader.exec_module(module)
    return module.double  # type: ignore[no-any-return]


def hits_and_misses(folder: Path) -> tuple[int, int]:
    function: Any = compiled()(double_from(folder))
    gc.collect()
    assert function(21) == 42
    return sum(function.stats.cache_hits.values()), sum(function.stats.cache_misses.values())


def pretend(monkeypatch: pytest.MonkeyPatch, running: bytes | None, on_disk: bytes | None) -> None:
    monkeypatch.setattr(compilation, "sources_digest", lambda: running)
    monkeypatch.setattr(compilation, "digest_on_disk", lambda: on_disk)


def test_code_is_cached_until_any_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hits_and_misses(tmp_path) == (0, 1)
    assert hits_and_misses(tmp_path) == (1, 0)
    pretend(monkeypatch, b"another", b"another")
    assert hits_and_misses(tmp_path) == (0, 1)
    assert hits_and_misses(tmp_path) == (1, 0)


def test_a_process_that_is_updated_while_it_runs_keeps_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(monkeypatch, b"old", b"new")
    assert hits_and_misses(tmp_path) == (0, 1)
    assert hits_and_misses(tmp_path) == (0, 1)
    pretend(monkeypatch, b"new", b"new")
    assert hits_and_misses(tmp_path) == (0, 1)
    assert hits_and_misses(tmp_path) == (1, 0)


def test_sources_that_cannot_be_read_leave_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compilation, "SOURCES", ("codec", "no-such-file.py"))
    assert compilation.digest_on_disk() is None
    pretend(monkeypatch, None, None)
    assert cache_folder() is None
    assert compiled()(double_from(tmp_path))(21) == 42
    assert not list(tmp_path.rglob("*.nbi"))


MIN_CHANCE = """
import numpy, minbits
from minbits.codec.compiled_levels import _probability
print(minbits.__file__, _probability(numpy.array([[1_000_000, 0]]), 0))
"""


def least_chance(sources: Path) -> int:
    """Return what compiled code of a copy of the package computes, in a new process."""
    environment = {**os.environ, "PYTHONPATH": str(sources)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run(
        [sys.executable, "-P", "-c", MIN_CHANCE],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    place, chance = done.stdout.split()
    assert place.startswith(str(sources))
    return int(chance)


def test_a_change_in_one_file_reaches_compiled_code_of_another(tmp_path: Path) -> None:
    shutil.copytree(
        PACKAGE, tmp_path / "minbits", ignore=shutil.ignore_patterns("__pycache__", "files")
    )
    assert least_chance(tmp_path) == MIN_PROBABILITY
    codec = tmp_path / "minbits/codec"
    assert list((codec / "__pycache__").glob("compiled_levels.*.nbi"))
    source = (codec / "adaptive_bits.py").read_text()
    changed = source.replace("MIN_PROBABILITY = 1 << 5\n", "MIN_PROBABILITY = 1 << 6\n")
    assert changed != source
    (codec / "adaptive_bits.py").write_text(changed)
    assert least_chance(tmp_path) == 2 * MIN_PROBABILITY


def test_without_a_folder_every_process_compiles_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache_folder() is not None
    monkeypatch.setattr(compilation._CacheFiles, "_locator_classes", [])
    assert cache_folder() is None
    assert compiled()(double_from(tmp_path))(21) == 42


def test_a_package_that_cannot_be_written_to_is_cached_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "package").mkdir()
    monkeypatch.setattr(compilation._InTree, "from_function", lambda function, path: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert hits_and_misses(tmp_path / "package") == (0, 1)
    assert hits_and_misses(tmp_path / "package") == (1, 0)
    assert not list((tmp_path / "package").rglob("*.nbi"))


def imported_by(path: Path) -> set[Path]:
    """Return the files of the package that one imports from, at any place in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("minbits"):
            assert node.module is not None
            place = PACKAGE.parent / node.module.replace(".", "/")
            names = [place / f"{name.name}.py" for name in node.names]
            found |= {name for name in names if name.is_file()}
            found.add(place / "__init__.py" if place.is_dir() else place.with_suffix(".py"))
    return found


def test_all_that_compiled_code_rests_on_is_watched() -> None:
    watched = {PACKAGE / source for source in SOURCES}
    users = [path for path in PACKAGE.rglob("*.py") if "import compiled" in path.read_text()]
    assert len(users) >= 12
    reached: set[Path] = set()
    to_see = set(users)
    while to_see:
        path = to_see.pop()
        reached.add(path)
        to_see |= imported_by(path) - reached
    for path in reached:
        assert path in watched or path.parent in watched, f"compiled code rests on {path}"


def test_every_source_that_is_watched_is_there() -> None:
    # A source that was renamed would leave no digest, and every process would compile for itself.
    assert [source for source in SOURCES if not (PACKAGE / source).exists()] == []
    assert compilation.digest_on_disk() is not None


def test_numba_s_own_cache_is_used_nowhere() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path != PACKAGE / "compilation.py":
            assert not re.search(r"cache=True|import n?jit|\bn?jit\(", path.read_text()), path
