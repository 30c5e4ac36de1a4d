"""The worker process: takes calls from a pipe, one at a time, and answers with their outcome."""

from __future__ import annotations

import os
import pickle
import queue
import threading
import time
import traceback
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Literal

from minbits.child_processes import heed_end_signals
from minbits.workers.environment import limit_memory, volunteer_for_out_of_memory
from minbits.workers.shared_object import open_shared
from minbits.workers.work import WorkerContext, running_in

# At most so many signs of life a second, so that short epochs do not keep the parent busy.
_SIGNS_A_SECOND = 20.0

ReplyKind = Literal["ready", "sign", "value", "error"]


@dataclass(frozen=True)
class Call:
    """A pickled call and its number; an empty one asks to stop the call of its number."""

    number: int
    pickled: bytes = b""


@dataclass(frozen=True)
class Reply:
    """What a worker sends: a sign of life, or how call ``number`` ended, pickled."""

    kind: ReplyKind
    number: int
    pickled: bytes = b""


@dataclass
class _Worker:
    connection: Connection
    shared: Any
    inbox: queue.SimpleQueue[Call] = field(default_factory=queue.SimpleQueue)
    stopped: set[int] = field(default_factory=set)
    current: int = -1
    is_leaving: bool = False
    next_sign: float = 0.0

    def listen(self) -> None:
        """Sort what comes through the pipe; end with the parent: nobody would take the result."""
        while True:
            try:
                call: Call = self.connection.recv()
            except (EOFError, OSError):
                os._exit(1)
            if call.pickled:
                self.inbox.put(call)
            else:
                self.stopped.add(call.number)

    def report(self, sign: Any) -> None:
        now = time.monotonic()
        if now >= self.next_sign:
            self.next_sign = now + 1 / _SIGNS_A_SECOND
            self.send(Reply("sign", self.current, pickle.dumps(sign)))

    def should_stop(self) -> bool:
        return self.current in self.stopped

    def leave(self, *_: object) -> None:
        """Stop the running call, answer it, and end: what SIGTERM and SIGHUP ask for.

        Who ends a whole group of processes lets the parent record what its workers were doing.
        """
        self.is_leaving = True
        self.stopped.add(self.current)
        self.inbox.put(Call(self.current))  # wakes `serve` where nothing runs

    def send(self, reply: Reply) -> None:
        try:
            self.connection.send(reply)
        except OSError:
            os._exit(1)  # the parent is gone

    def answer(self, call: Call) -> None:
        self.current, self.next_sign = call.number, 0.0
        try:
            if call.number in self.stopped:
                raise CancelledError
            function, arguments, keywords = pickle.loads(call.pickled)
            reply = Reply(
                "value", call.number, pickle.dumps(function(*arguments, **keywords), protocol=5)
            )
        except BaseException as error:  # noqa: BLE001 - whatever it was, the caller's future has it
            # Where memory ran out, it is what the frames of the failed call still hold.
            traceback.clear_frames(error.__traceback__)
            reply = Reply("error", call.number, _pickled_error(error))
        self.stopped.discard(call.number)
        self.send(reply)

    def serve(self) -> None:
        threading.Thread(target=self.listen, daemon=True).start()
        try:
            with running_in(WorkerContext(self.shared, self.report, self.should_stop)):
                self.send(Reply("ready", -1))
                while not self.is_leaving:
                    call = self.inbox.get()
                    if call.pickled:
                        self.answer(call)
            os._exit(0)  # without waiting for the listening thread
        except BaseException:  # noqa: BLE001 - nobody would hear of it
            traceback.print_exc()
            os._exit(1)  # the listening thread alone would leave the parent waiting


def _pickled_error(error: BaseException) -> bytes:
    """Return the error pickled, or its text where it does not survive that."""
    try:
        pickled = pickle.dumps(error)
        pickle.loads(pickled)
    except Exception:  # noqa: BLE001 - an exception class may do anything while it is pickled
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return pickled


def serve(connection: Connection, shared: Any, memory_bytes: int | None) -> None:
    """Run calls until the parent ends or closes the pipe."""
    # The parent decides what an interrupt from the keyboard means, and says so through the pipe.
    volunteer_for_out_of_memory()
    if memory_bytes is not None:
        limit_memory(memory_bytes)
    worker = _Worker(connection, open_shared(shared))
    heed_end_signals(worker.leave)
    worker.serve()
