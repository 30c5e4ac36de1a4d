"""The error family: every message says where, what was got, what was expected and what to do."""

from __future__ import annotations

from minbits.plain_text import visible


class MinbitsError(Exception):
    """Base of every error that minbits raises on purpose.

    The command line prints ``str(error)`` and exits with ``exit_code``; no traceback is shown.
    """

    exit_code = 2

    def __init__(self, where: str, got: str, expected: str, remedy: str) -> None:
        self.where = where
        self.got = got
        self.expected = expected
        self.remedy = remedy
        # One line, whatever names are in it.
        super().__init__(visible(f"{where}: got {got}; expected {expected}. {remedy}"))

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str]]:
        """Let the error cross a process boundary with its four parts."""
        return (type(self), (self.where, self.got, self.expected, self.remedy))


class DataError(MinbitsError):
    """A data set that cannot be found, read or used."""


class NetworkFileError(MinbitsError):
    """Bytes that are not a valid network file."""


class LabelCodeError(DataError):
    """A file of labels that cannot be written, or that does not decode with these inputs."""


class NetworkError(MinbitsError):
    """An architecture that cannot be built, or that does not fit its input."""


class CostError(MinbitsError):
    """A run that would take more time or memory than is allowed."""


class LedgerError(MinbitsError):
    """A ledger that cannot be opened, written or trusted."""


class OutputError(MinbitsError):
    """An output path that cannot be written."""


class ArgumentError(MinbitsError):
    """An argument outside its range."""


class ProcessError(MinbitsError):
    """A process that minbits started for a part of its work ended without the result."""


class TargetNotReachedError(MinbitsError):
    """No verified network file reaches the accuracy asked for."""

    exit_code = 1
