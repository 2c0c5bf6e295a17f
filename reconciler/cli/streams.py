"""The end of stdout and stderr: flushed by us, where a failure still has an exit code of its own.

Python flushes both once more when it shuts down. A flush that fails there ends the process with
exit code 120 and a traceback, whatever the run did before: after an apply that wrote everything,
too.
"""

import os
import sys
from contextlib import suppress
from typing import TextIO

from reconciler.errors import BROKEN_PIPE, ExitCode


def settle(code: int) -> int:
    """Flushes stdout and stderr and returns the exit code of the run, `code` if that worked.

    A run that failed keeps its code. A run that succeeded ends with ERROR if the end of its output
    was lost, with BROKEN_PIPE if the reader of stdout went away. A stderr that cannot be written
    changes nothing: progress and warnings are not the result.
    """
    # stdout first: the message about its failure goes to stderr, which is flushed last.
    failure = _flush(sys.stdout)
    if failure is not None and code == ExitCode.OK:
        code = BROKEN_PIPE if isinstance(failure, BrokenPipeError) else ExitCode.ERROR
        if code == ExitCode.ERROR:
            with suppress(OSError):
                sys.stderr.write(f"error: stdout cannot be written: {failure.strerror}\n")
    _flush(sys.stderr)
    return code


def _flush(stream: TextIO) -> OSError | None:
    """Empties a stream's buffer, and returns what went wrong.

    What cannot be written is dropped, so that the stream can be flushed again without an error.
    """
    try:
        stream.flush()
        # Some file systems report a full disk only at close (close(2), NFS). The stream itself
        # stays open: it belongs to the caller.
        with suppress(ValueError):  # a stream without a descriptor, such as a test's
            os.close(os.dup(stream.fileno()))
    except OSError as error:
        _discard(stream)
        return error
    return None


def _discard(stream: TextIO) -> None:
    """Redirects a stream to the null device, so that its buffer can be emptied without an error."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
        stream.flush()
