"""``minbits`` and ``python -m minbits``: the command line, from its first moment on."""

from __future__ import annotations

from minbits.child_processes import protect_process


def main() -> None:
    """Run the command line in a process of its own."""
    protect_process()
    # Only now, so that nothing of it comes from the current folder.
    from minbits.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
