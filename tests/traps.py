"""A folder of modules that must never be imported, and scripts to be run beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# The standard library's, others', and our own: whatever a process of ours may import.
TRAPPED = (
    "hashlib", "types", "numpy", "json", "signal", "typing", "pickle", "queue", "random", "torch",
    "scipy", "numba", "constriction", "minbits", "sitecustomize", "usercustomize", "ray",
)  # fmt: skip
MARK = "executed"
CONSOLE_SCRIPT = "import sys\nfrom minbits.__main__ import main\nsys.exit(main())\n"


def lay_traps(folder: Path) -> Path:
    """Write modules that leave a mark when they are executed, and return the folder."""
    folder.mkdir(exist_ok=True)
    for name in TRAPPED:
        text = f"open({str(folder / MARK)!r}, 'a').write({name!r} + chr(10))\nraise ImportError\n"
        (folder / f"{name}.py").write_text(text)
    return folder


def sprung(folder: Path) -> str:
    """Return the names of the modules that were executed."""
    mark = folder / MARK
    return mark.read_text() if mark.exists() else ""


def run_script(
    script: Path, *arguments: object, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script as its user would, from another folder."""
    return subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True, text=True, check=False, cwd=cwd, env={**os.environ, **variables},
    )  # fmt: skip


def run_minbits(
    folder: Path, *arguments: object, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``minbits`` in a folder as its installed script does: Python does not see the folder."""
    script = folder.parent / "bin" / "minbits"
    script.parent.mkdir(exist_ok=True)
    script.write_text(CONSOLE_SCRIPT)
    return run_script(script, *arguments, cwd=folder, **variables)
