"""An interrupt is heeded, whatever the code that it meets makes of it."""

from __future__ import annotations

import signal
import subprocess
import time

import numpy as np
import pytest

from minbits.child_processes import python_command
from minbits.information.classifiers import KINDS
from minbits.interrupts import interrupts_kept

# What code of others does with an exception that comes while it runs.
SWALLOWING = {
    "a bare except": """
        try:
            arrive()
        except:
            pass
        work()
    """,
    "code that calls itself interrupted": """
        try:
            arrive()
        except KeyboardInterrupt:
            print('stopped early')
        work()
    """,
    "a finaliser": """
        class Holder:
            def __del__(self):
                arrive()
        holder = Holder()
        del holder
        work()
    """,
    "a callback from C": """
        import ctypes
        array = (ctypes.c_int * 2)(2, 1)
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        def compare(a, b):
            arrive()
            return 0
        library = ctypes.CDLL(None)
        library.qsort(array, 2, 4, kind(compare))
        work()
    """,
    "a callback of a weak reference": """
        import weakref
        class Thing: pass
        thing = Thing()
        reference = weakref.ref(thing, lambda _: arrive())
        del thing
        work()
    """,
    "an object that is half made": """
        class Holder:
            def __init__(self):
                arrive()
                self.handle = 1
            def __del__(self):
                self.handle
        try:
            Holder()
        except KeyboardInterrupt:
            pass
        work()
    """,
    "the last line": """
        try:
            arrive()
        except KeyboardInterrupt:
            pass
    """,
    "nothing": "arrive()",
    "nothing, in work": "os.kill(os.getpid(), NUMBER); work()",
}
PROGRAM = """
import os, signal, sys, time
from minbits.interrupts import answer_interrupt, check_interrupt, run_interruptibly
NUMBER = getattr(signal, sys.argv[1])
def arrive():
    signal.raise_signal(NUMBER)
def work():
    for _ in range(100):
        time.sleep(0.01)
        check_interrupt()
    print('went on')
def command():
{body}
    return 0
sys.exit(run_interruptibly(command))
"""


def run_program(body: str, number: str) -> subprocess.CompletedProcess[str]:
    lines = [line[4:] for line in body.splitlines()] if body.startswith("\n") else ["    " + body]
    program = PROGRAM.replace("{body}", "\n".join(lines))
    command = python_command("-c", program, number)
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", SWALLOWING)
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_interrupt_is_never_lost(name: str, number: str) -> None:
    done = run_program(SWALLOWING[name], number)
    assert done.returncode == 130, done.stderr
    assert done.stderr == "minbits: interrupted\n"
    assert "went on" not in done.stdout


def test_what_is_dropped_without_an_interrupt_is_told() -> None:
    body = """
        class Holder:
            def __del__(self):
                self.handle
        Holder()
    """
    done = run_program(body, "SIGINT")
    assert done.returncode == 0
    assert "AttributeError" in done.stderr


def test_what_answers_an_interrupt_goes_on_and_still_ends_with_130() -> None:
    body = """
        try:
            arrive()
        except KeyboardInterrupt:
            answer_interrupt()
        work()
    """
    done = run_program(body, "SIGTERM")
    assert (done.returncode, done.stdout) == (130, "went on\n")
    assert done.stderr == "minbits: interrupted\n"


def test_a_second_order_ends_at_once_but_a_second_hangup_does_not() -> None:
    body = """
        try:
            arrive()
        except KeyboardInterrupt:
            answer_interrupt()
        arrive()
        print('went on')
    """
    assert run_program(body, "SIGTERM").stderr == "minbits: ended at once\n"
    twice = run_program(body, "SIGHUP")  # from the terminal and from the shell
    assert (twice.returncode, twice.stdout) == (130, "went on\n")


def test_what_is_to_be_ignored_is_ignored() -> None:
    program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)" + PROGRAM
    program = program.replace("{body}", "    arrive(); work()")
    command = python_command("-c", program, "SIGHUP")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")


def test_a_library_call_keeps_it_too() -> None:
    def swallow() -> str:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            return "weaker"
        return "whole"

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts_kept():
        assert swallow() == "weaker"
    assert signal.getsignal(signal.SIGINT) == before
    with interrupts_kept():
        pass


def test_a_classifier_does_not_end_its_training_early(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.neural_network import MLPClassifier

    generator = np.random.default_rng(0)
    inputs, labels = generator.normal(size=(2000, 20)), np.arange(2000) % 2
    network = next(kind for kind in KINDS if "network" in kind.name)
    epoch = MLPClassifier._update_no_improvement_count
    seen = []

    def interrupted(self: MLPClassifier, *arguments: object) -> None:
        epoch(self, *arguments)
        seen.append(time.monotonic())
        if len(seen) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(MLPClassifier, "_update_no_improvement_count", interrupted)
    # What scikit-learn does by itself: it warns and returns what it has.
    with pytest.warns(UserWarning, match="interrupted by user"):
        network.fit(inputs, labels)
    seen.clear()
    with pytest.warns(UserWarning, match="interrupted by user"), pytest.raises(KeyboardInterrupt):
        network.fitted(inputs, labels)
