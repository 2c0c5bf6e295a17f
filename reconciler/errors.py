"""What is raised on purpose, and the exit code that each ends in.

ReaderGoneError               141   what a shell reports for a process that a closed pipe ended
ReconcilerError                 1   one sentence, for people
  ProblemsError                 1   the manifests hold problems, all of them collected
  ConfigError                   1   reconciler.yaml or the environment
  PlanFileError                 1   a saved plan that cannot be trusted
  ApiError                      1   the API cannot be used at all: unreachable, 401, no token
  RefusedError                  3   a guard or a conflict stops an apply
  MovedError                    5   the plan is not the one that was approved
  UsageError                   64   flags that do not go together
WriteRefusedError              70   a dry run tried to write: a bug of ours, so no ReconcilerError
"""

from collections.abc import Sequence
from enum import IntEnum

from reconciler.model import Problem


class ExitCode(IntEnum):
    """How a run ends, for scripts."""

    OK = 0
    ERROR = 1
    CHANGES = 2
    REFUSED = 3
    INCOMPLETE = 4
    STALE = 5
    USAGE = 64
    BUG = 70
    INTERRUPTED = 130
    TERMINATED = 143


# What a shell reports for a process that a closed pipe has ended.
BROKEN_PIPE = 128 + 13


class ReconcilerError(Exception):
    """Something the user can mend; the message says what and how, `details` a line each where."""

    exit_code = ExitCode.ERROR

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


class ProblemsError(ReconcilerError):
    """The manifests hold problems; `problems` are all of them, in order of file and line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        count = sum(problem.severity == "error" for problem in problems)
        super().__init__(f"{count:,} problems in the manifests: `reconciler validate` lists them")
        self.problems = tuple(problems)


class ConfigError(ReconcilerError):
    """The environment or reconciler.yaml asks for something that cannot be."""


class PlanFileError(ReconcilerError):
    """A saved plan that is cut, edited, too new, or made for another address."""


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
    """Nobody reads stdout any longer; nobody is told, since nobody listens."""


class WriteRefusedError(Exception):
    """A client for reading was asked to write."""
