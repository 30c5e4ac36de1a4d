"""The cache of compiled code: used again, made anew when sources change, or done without."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minbits import compilation
from minbits.compilation import PACKAGE, SOURCES, cache_folder, compiled


def double_from(folder: Path) -> Callable[[int], int]:
    """Return a new function of a module in ``folder``, beside which its code is cached."""
    path = folder / "doubling.py"
    path.write_text("def double(x):\n    return 2 * x\n")
    spec = importlib.util.spec_from_file_location("doubling", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.double  # type: ignore[no-any-return]


def hits_and_misses(folder: Path) -> tuple[int, int]:
    function: Any = compiled()(double_from(folder))
    assert function(21) == 42
    return sum(function.stats.cache_hits.values()), sum(function.stats.cache_misses.values())


def test_code_is_cached_until_any_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hits_and_misses(tmp_path) == (0, 1)
    assert hits_and_misses(tmp_path) == (1, 0)
    monkeypatch.setattr(compilation, "sources_digest", lambda: b"another")
    assert hits_and_misses(tmp_path) == (0, 1)
    assert hits_and_misses(tmp_path) == (1, 0)


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


def test_all_that_compiled_code_rests_on_is_watched() -> None:
    watched = {PACKAGE / source for source in SOURCES}
    users = [path for path in PACKAGE.rglob("*.py") if "@compiled(" in path.read_text()]
    assert len(users) >= 5
    for user in users:
        imported = [user]
        for node in ast.walk(ast.parse(user.read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("minbits."):
                assert node.module is not None
                place = PACKAGE.parent / node.module.replace(".", "/")
                imported.append(place if place.is_dir() else place.with_suffix(".py"))
        for path in imported:
            if path.name in NOT_COMPILED_IN:
                continue
            assert path in watched or path.parent in watched, f"{user} rests on {path}"


# Imported by files with compiled functions, by their other parts alone.
NOT_COMPILED_IN = {"records.py", "architecture_code.py"}
