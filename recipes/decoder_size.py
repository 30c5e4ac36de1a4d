"""How large the decoder is: the constant that `size_bits` leaves out.

A fresh process reads and runs every published file; the modules of minbits that it has loaded by
then are what decoding and running need. Their sources are minified and compressed together: without
docstrings and comments, and with short local names where python-minifier is installed (``pip
install python-minifier``). Python, NumPy, numba and constriction are not in it.
"""

from __future__ import annotations

import ast
import importlib.util
import lzma
import subprocess
import sys
import zlib
from pathlib import Path

try:
    import python_minifier
except ImportError:
    python_minifier = None

RUN_ALL = """
import sys
from pathlib import Path
import numpy as np
from minbits.codec import decode_network, predict
for name in sys.argv[1:]:
    network = decode_network(Path(name).read_bytes())
    predict(network, np.zeros((1, *network.architecture.input_shape), np.uint8))
print("\\n".join(sorted(name for name in sys.modules if name.split(".")[0] == "minbits")))
"""
# The golden files have every layer and version of the format.
FILES = (
    sorted(Path("records").glob("*.mbn"))
    + sorted(Path("records/curve").glob("*.mbn"))
    + sorted(Path("tests/golden").glob("*.mbn"))
)


def without_docstrings(text: str) -> str:
    """Return a module's source without docstrings, comments and spare blanks."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def shortened(text: str) -> str:
    """Return a module's source as python-minifier writes it: local names are short as well."""
    found: str = python_minifier.minify(text, remove_literal_statements=True, rename_globals=False)
    return found


def main() -> None:
    command = [sys.executable, "-c", RUN_ALL, *map(str, FILES)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    sources: dict[str, str] = {}
    for name in done.stdout.split():
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        sources[name] = Path(spec.origin).read_text(encoding="utf-8")
    print(f"Decoding and running {len(FILES)} files loads {len(sources)} modules of minbits:")
    print(f"{'module':<36}{'bytes':>9}{'minified':>10}{'zlib, bits':>12}")
    small = {name: without_docstrings(text) for name, text in sources.items()}
    for name, text in small.items():
        alone = 8 * len(zlib.compress(text.encode(), 9))
        print(f"{name:<36}{len(sources[name].encode()):>9,}{len(text.encode()):>10,}{alone:>12,}")
    together = "\n".join(small.values()).encode()
    print(f"{'all together':<36}{sum(len(t.encode()) for t in sources.values()):>9,}", end="")
    print(f"{len(together):>10,}{8 * len(zlib.compress(together, 9)):>12,}")
    print(f"by xz: {8 * len(lzma.compress(together, preset=9)):,} bits")
    if python_minifier is None:
        print("With short local names: not measured, python-minifier is not installed.")
    else:
        shortest = "\n".join(shortened(text) for text in sources.values()).encode()
        print(
            f"With short local names: {len(shortest):,} bytes, "
            f"{8 * len(zlib.compress(shortest, 9)):,} bits by zlib"
        )
    print("minified: no docstrings, no comments, names as they are (ast.unparse).")
    print("The same for every file and every data set; no size_bits contains it.")


if __name__ == "__main__":
    main()
