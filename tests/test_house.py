"""Rules of the house that no linter checks: few parameters, and no circle of imports."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import minbits

PACKAGE = Path(minbits.__file__).parent
MAX_PARAMETERS = 7
# Compiled code takes arrays and numbers one by one; these decorators mark it.
KERNELS = ("compiled", "_compiled", "intrinsic")
# Functions that are generated from a request, or are its public form: a parameter for each option.
GENERATED = {
    ("cli/audit.py", "audit"),
    ("cli/capacity.py", "need"),
    ("cli/compress.py", "compress"),
    ("cli/entropy.py", "entropy"),
    ("cli/files.py", "verify"),
    ("cli/ledger.py", "verify"),
    ("cli/ledger_exchange.py", "import_file"),
    ("cli/size.py", "size"),
    ("facade.py", "audit"),
    ("facade.py", "smallest"),
    ("jobs/audit.py", "compress_audited"),
    ("jobs/compress.py", "compress"),
    ("jobs/need.py", "need_job"),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Yield every file of the package, by its path, and what it holds."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def parameter_count(function: Function) -> int:
    """Return how many parameters a function has, without those that stand for the object."""
    given = function.args
    names = [item.arg for item in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    more = (given.vararg is not None) + (given.kwarg is not None)
    return sum(name not in ("self", "cls") for name in names) + more


def is_kernel(function: Function) -> bool:
    """Return whether a function is compiled to machine code."""
    marks = [ast.unparse(mark).partition("(")[0] for mark in function.decorator_list]
    return any(mark in KERNELS for mark in marks)


def test_no_function_takes_more_than_seven_parameters() -> None:
    found = {
        (path, node.name)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, Function)
        and parameter_count(node) > MAX_PARAMETERS
        and not is_kernel(node)
    }
    assert found <= GENERATED


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("def f(): ...", 0),
        ("def f(self, a, /, b, *c, d=1, **e): ...", 5),
        ("async def f(a): ...", 1),
    ],
)
def test_parameters_are_counted(text: str, count: int) -> None:
    (function,) = ast.parse(text).body
    assert isinstance(function, Function)
    assert parameter_count(function) == count


def module_name(path: str) -> str:
    """Return the name that a file of the package is imported by."""
    parts = ["minbits", *path.removesuffix(".py").split("/")]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module, modules: set[str]) -> set[str]:
    """Return the modules of the package that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{name.name}" for name in node.names}
            found |= whole & modules or {node.module}
    return found & modules


def test_no_file_imports_itself_in_a_circle() -> None:
    files = {module_name(path): tree for path, tree in trees()}
    graph = {name: imported(tree, set(files)) - {name, "minbits"} for name, tree in files.items()}
    assert len(graph) > 200
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle
