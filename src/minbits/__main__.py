"""``minbits`` and ``python -m minbits``: the command line, from its first moment on."""

from __future__ import annotations

import os
import sys

from minbits.child_processes import protect_process
from minbits.interrupts import ignore_interrupts, run_interruptibly


def _run() -> int:
    # Only now: nothing of it comes from the current folder, and an interrupt is waited for.
    from minbits.cli.app import run

    return run()


def main() -> None:
    """Run the command line in a process of its own."""
    protect_process()
    code = run_interruptibly(_run)
    ignore_interrupts()  # all is done: only the interpreter is still to be taken down
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # nobody reads it, which must not change the exit code
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
