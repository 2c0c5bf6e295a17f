"""The exceptions that are raised on purpose, and the exit code of each.

ReaderGoneError               141   128 + SIGPIPE, as a shell reports a closed pipe
ReconcilerError                 1   an error that the user can fix, in one sentence
  ProblemsError                 1   the manifests hold problems, all of them collected
  ConfigError                   1   reconciler.yaml or the environment
  PlanFileError                 1   a saved plan that cannot be trusted
  NoRepositoryError             1   the project is in no git repository
  ApiError                      1   the API cannot be used at all: unreachable, 401, no token
  RefusedError                  3   a guard or a conflict stops an apply
  MovedError                    5   the plan is not the one that was approved
  UsageError                   64   flags that do not go together
WriteRefusedError              70   a read-only client was asked to write: an internal error
"""

from collections.abc import Sequence
from enum import IntEnum

from reconciler.model import Problem


class ExitCode(IntEnum):
    """The exit code of a run, for scripts (README.md)."""

    OK = 0
    """Success; with `plan --detailed-exitcode` there are also no changes and no conflicts."""
    ERROR = 1
    """An error that the user can fix."""
    CHANGES = 2
    """Only `plan --detailed-exitcode`: there are changes or conflicts."""
    REFUSED = 3
    """A guard or a conflict refused the apply; nothing was written."""
    INCOMPLETE = 4
    """Not every record could be read, or not every change was applied."""
    STALE = 5
    """The plan is outdated: live values changed, or it is not the approved plan."""
    USAGE = 64
    """Wrong flags or arguments (EX_USAGE of sysexits.h)."""
    BUG = 70
    """An internal error (EX_SOFTWARE of sysexits.h)."""
    INTERRUPTED = 130
    """128 + SIGINT: Ctrl-C."""
    TERMINATED = 143
    """128 + SIGTERM."""


# 128 + SIGPIPE: the code that a shell reports for a process that a closed pipe has ended.
BROKEN_PIPE = 128 + 13


class ReconcilerError(Exception):
    """An error that the user can fix; the message has the error and the fix in one sentence."""

    exit_code = ExitCode.ERROR
    """The exit code of a run that ends with this error."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)
        """Lines to show below the message, such as one for each record; empty for none."""


class ProblemsError(ReconcilerError):
    """The manifests hold problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = sum(problem.severity == "error" for problem in problems)
        super().__init__(f"{count:,} problems in the manifests: `reconciler validate` lists them")
        self.problems = tuple(problems)
        """All problems, warnings included, in order of file and line."""


class ConfigError(ReconcilerError):
    """The environment or reconciler.yaml holds a value that cannot be used."""


class PlanFileError(ReconcilerError):
    """A saved plan is truncated, modified, too new, or made for another API."""


class NoRepositoryError(ReconcilerError):
    """The project is not in a git repository."""


class ApiError(ReconcilerError):
    """The API cannot be used: nothing was written."""


class RefusedError(ReconcilerError):
    """A guard or a conflict stops an apply: nothing was written."""

    exit_code = ExitCode.REFUSED


class MovedError(ReconcilerError):
    """The plan is not the one that was approved: nothing was written."""

    exit_code = ExitCode.STALE


class UsageError(ReconcilerError):
    """Flags or arguments that do not go together."""

    exit_code = ExitCode.USAGE


class ReaderGoneError(Exception):
    """The reader of stdout closed the pipe; the run ends without a message."""


class WriteRefusedError(Exception):
    """A read-only client was asked to write: an internal error, so not a ReconcilerError."""
