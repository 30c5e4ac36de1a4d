"""How every process of ours is started: nothing of it is imported from the current folder.

Python looks for modules first in the folder of the script that it runs, or in the current folder. A
``hashlib.py`` beside a downloaded network file would run in place of the library's module. So every
child gets a list of places without those, and never imports the main script of its parent.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import site
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

try:
    _START_FOLDER = str(Path.cwd())
except OSError:
    _START_FOLDER = os.curdir  # it was removed, and holds nothing to import
_PACKAGE_ROOT = str(Path(__file__).resolve().parent.parent)
_SAFE_PATH = "PYTHONSAFEPATH"
# Folders of code that the user named on purpose, for this process alone.
_OWN_CODE_FOLDERS: set[str] = set()
_is_protected = False

# What a child runs before it can import this package. The standard library is all that it needs.
_BOOT = (
    "import sys; from multiprocessing.connection import Connection; "
    "pipe = Connection(int(sys.argv[1])); sys.path[:] = pipe.recv(); "
    "from minbits.child_processes import run_child; run_child(pipe, int(sys.argv[2]))"
)
_END_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)


def _automatic_folders() -> list[str]:
    """Return the places that Python itself put first on the list, without being asked to."""
    found: list[str] = []
    main = sys.modules["__main__"]
    specification = getattr(main, "__spec__", None)
    if _is_protected:
        return found  # they are gone already
    if sys.flags.safe_path:
        pass
    elif specification is not None and specification.name != "__main__":
        found.append(_START_FOLDER)  # python -m
    elif specification is None and getattr(main, "__file__", None):
        found.append(str(Path(main.__file__ or "").resolve().parent))  # a script
    # An empty part of PYTHONPATH stands for the current folder, which is hardly ever meant.
    parts = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return found + [_START_FOLDER] * (parts.count("") if len(parts) > 1 else 0)


def import_path() -> list[str]:
    """Return `sys.path` without the current folder and the script's, as far as nobody named them.

    The folder that this package lies in is always there.
    """
    found = [entry for entry in sys.path if entry and entry not in _OWN_CODE_FOLDERS]
    for folder in _automatic_folders():
        same = [entry for entry in found if os.path.realpath(entry) == os.path.realpath(folder)]
        if same:
            found.remove(same[0])
    return found if _PACKAGE_ROOT in map(os.path.realpath, found) else [*found, _PACKAGE_ROOT]


def child_environment(values: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child that is Python, or may start Python.

    Args:
        values: variables that differ from this process's.
    """
    result = {**os.environ, **(values or {}), _SAFE_PATH: "1"}
    named = [part for part in result.pop("PYTHONPATH", "").split(os.pathsep) if part]
    if _PACKAGE_ROOT not in map(os.path.realpath, (*named, *site.getsitepackages())):
        named.append(_PACKAGE_ROOT)  # the sources, which a child might find by this name alone
    if named:
        result["PYTHONPATH"] = os.pathsep.join(named)
    return result


def python_command(*arguments: str) -> list[str]:
    """Return the command that runs this Python with ``arguments``."""
    flags = [
        option
        for option, is_set in (
            ("-I", sys.flags.isolated),
            ("-E", sys.flags.ignore_environment),
            ("-s", sys.flags.no_user_site),
        )
        if is_set
    ]
    return [sys.executable, "-P", *flags, *arguments]


def protect_process() -> None:
    """Let this process, and all that it starts, import nothing from the current folder."""
    global _is_protected  # noqa: PLW0603 - of this process there is one
    environment = child_environment()
    sys.path[:] = import_path()
    _is_protected = True
    os.environ.update(environment)
    if "PYTHONPATH" not in environment:
        os.environ.pop("PYTHONPATH", None)


@contextmanager
def own_code(folder: str) -> Iterator[None]:
    """Let this process, but none of its children, import from a folder that the user named.

    While the user's module is imported, in the block, the folder comes after the standard library
    and before installed packages: a program has its own modules. Afterwards it comes last, so that
    a stray file is not taken for a package that others import late.
    """
    if folder in sys.path:
        if folder not in _OWN_CODE_FOLDERS:
            yield  # the user put it there already
            return
        sys.path.remove(folder)
    library = str(Path(os.__file__).resolve().parent)
    places = [i for i, entry in enumerate(sys.path) if _is_library(entry, library)]
    _OWN_CODE_FOLDERS.add(folder)
    sys.path.insert(places[-1] + 1 if places else len(sys.path), folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        sys.path.append(folder)


def _is_library(entry: str, library: str) -> bool:
    place = os.path.realpath(entry)
    return place == library or place == os.path.join(library, "lib-dynload")  # noqa: PTH118


class Child:
    """A fresh Python process and the pipe to it.

    It ends with its parent, however that ends, and an interrupt from the keyboard is its parent's
    affair.

    Args:
        target: called in the process with its end of the pipe and ``arguments``; importable there.
        arguments: pickled.
        environment: variables that differ from this process's.
        descriptors: open files that the process gets under the same numbers; POSIX only.
    """

    def __init__(
        self,
        target: Callable[..., None],
        *arguments: Any,
        environment: Mapping[str, str] | None = None,
        descriptors: Collection[int] = (),
    ) -> None:
        self.connection, theirs = Pipe()
        self._lifeline: int | None = None
        try:
            if os.name == "posix":
                self._start(theirs, environment, descriptors)
                self._send(target, arguments)
            else:
                self._spawn(theirs, target, arguments, environment)
        finally:
            theirs.close()

    def _start(
        self,
        theirs: Connection,
        environment: Mapping[str, str] | None,
        descriptors: Collection[int],
    ) -> None:
        lifeline, self._lifeline = os.pipe()
        command = python_command("-c", _BOOT, str(theirs.fileno()), str(lifeline))
        try:
            with _signals_held():
                self._process: Any = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    env=child_environment(environment),
                    pass_fds=(theirs.fileno(), lifeline, *descriptors),
                )
        finally:
            os.close(lifeline)
        self._wait: Callable[[float | None], Any] = self._process.wait

    def _send(self, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        content = pickle.dumps((target, arguments), protocol=5)
        with contextlib.suppress(OSError):  # it has died, which its end of the pipe will tell
            self.connection.send(import_path())
            self.connection.send_bytes(content)

    def _spawn(
        self,
        theirs: Connection,
        target: Callable[..., None],
        arguments: tuple[Any, ...],
        environment: Mapping[str, str] | None,
    ) -> None:
        # Where descriptors cannot be inherited by number, the standard library knows how to do it.
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=target, args=(theirs, *arguments), daemon=True)
        with safe_environment(environment):
            self._process.start()
        self._wait = self._process.join

    @property
    def pid(self) -> int:
        """The number of the process."""
        return int(self._process.pid)

    @property
    def exitcode(self) -> int | None:
        """None while it runs; below zero: the number of the signal that ended it."""
        if isinstance(self._process, subprocess.Popen):
            return self._process.poll()
        found: int | None = self._process.exitcode
        return found

    def join(self, seconds: float | None = None) -> bool:
        """Wait for its end, at most some seconds, and return whether it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._wait(seconds)
        return self.exitcode is not None

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self, patience_seconds: float) -> None:
        """Close the pipe, which ends a process that listens; kill it after some seconds."""
        self.connection.close()
        if not self.join(patience_seconds):
            self.kill()
            self.join()
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None


@contextmanager
def _signals_held() -> Iterator[None]:
    """Hold signals back from a process that is started meanwhile, until it is ready for them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_END_SIGNALS})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def safe_environment(values: Mapping[str, str] | None = None) -> Iterator[None]:
    """Set `child_environment` in this process, for children that a library starts meanwhile."""
    before = dict(os.environ)
    os.environ.update(child_environment(values))
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _ignore(number: int, frame: object) -> None:
    """Take no notice; unlike SIG_IGN, this is not passed on to a child's own children."""


def run_child(connection: Connection, lifeline: int) -> None:
    """Be the new process: take the target from the pipe and run it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in _END_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _ignore)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, *_END_SIGNALS})
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()
    try:
        target, arguments = pickle.loads(connection.recv_bytes())
    except EOFError:
        return
    target(connection, *arguments)


def heed_end_signals(handler: Callable[[int, Any], None]) -> None:
    """Call ``handler`` when this child is told to end, unless its parent is deaf to that."""
    for number in _END_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def _end_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)
