"""Starts ``minbits`` processes in no time: it has imported everything and forks.

Run as a module, it takes a line of JSON for each process to start, ``{"arguments": …, "output": …,
"quick": …, …}``, and answers with its number; ``{"poll": NUMBER}`` is answered with how
that process ended, or null while it runs.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, NoReturn


def become(request: dict[str, Any]) -> NoReturn:
    """Be the new process: run the command, and end."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = sys.__stdout__ = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    children.tell_commits()
    if request.get("quick"):
        children.run_quick_trials()
    if request.get("clock"):
        children.let_clock_jump()
    if request.get("fits"):
        children.tell_fits()
    if request.get("hangups_ignored"):  # as under nohup
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.argv = ["minbits", *request["arguments"]]
    code: object = 0
    try:
        app.main()
    except SystemExit as stop:
        code = stop.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)  # to take all that was imported apart takes long


def serve() -> None:
    """Take requests until there are no more."""
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "poll" in request:
            ended, status = os.waitpid(request["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork()
            if answer == 0:
                become(request)
        print(json.dumps(answer), flush=True)


# Not in the workers of the forked processes, which import this module anew.
if __name__ == "__main__":
    from minbits.cli import app
    from minbits.data import load
    from minbits.ledger.provenance import code_version
    from tests.faults import children

    # What every process would do first, and takes its time.
    app.Commands().get_command(None, "size")
    load("iris")
    code_version()
    serve()
