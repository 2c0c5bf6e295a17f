"""Arguments of the command line -> an exit code; prints the error if a command fails."""

import errno
import gc
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

import click

from reconciler.errors import (
    BROKEN_PIPE,
    ExitCode,
    ProblemsError,
    ReaderGoneError,
    ReconcilerError,
)
from reconciler.wording import plural


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line and returns its exit code, for `sys.exit`.

    `arguments` are those after the name of the program; None for those of the process.
    """
    if arguments is None:
        # The imports that follow create few reference cycles. Python's default, a collection after
        # each 700 objects, costs 4 % of `validate`.
        gc.set_threshold(20_000)
        # A signal can end a coroutine anywhere: Python's warnings about that help no user.
        if not sys.warnoptions:
            warnings.simplefilter("ignore")
        sys.unraisablehook = _unraisable

    from reconciler.cli.app import app
    from reconciler.cli.streams import settle
    from reconciler.cli.terminal import TERMINATED

    _open_descriptors()
    # Tests call `main` repeatedly in one process: a signal of an earlier call must not count.
    TERMINATED.clear()

    def terminate(number: int, _: object) -> None:
        # SIGTERM is handled like Ctrl-C: process 1 of a container has no default action for it.
        # TERMINATED keeps the signal: an event loop may raise a KeyboardInterrupt of its own.
        TERMINATED.append(number)
        raise KeyboardInterrupt

    with suppress(ValueError):  # not the main thread: only that one can set handlers
        signal.signal(signal.SIGTERM, terminate)
        if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    given = _terraform_style(app, sys.argv[1:] if arguments is None else arguments)
    code = settle(_run(app, given))
    if arguments is None:
        # The process ends now. Without this, Python would first search all objects for garbage:
        # 10 ms of the 70 ms of `validate`.
        gc.freeze()
    return code


def _run(app: click.Group, given: Sequence[str]) -> int:
    """Runs a command line; turns every exception into a message on stderr and an exit code."""
    from reconciler.cli import environment
    from reconciler.cli.terminal import TERMINATED

    code: int
    try:
        # In standalone mode click ends a usage error with exit code 2, which means "changes" in
        # `plan --detailed-exitcode`.
        code = app.main(given, prog_name="reconciler", standalone_mode=False) or ExitCode.OK
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        if variable := environment.behind(error):
            _say(f"The value comes from the environment variable {variable}.")
        code = ExitCode.USAGE
    # `app.main` turns a KeyboardInterrupt of a command into click.Abort in either mode.
    except (KeyboardInterrupt, click.Abort):
        _say(f"\n{'Terminated' if TERMINATED else 'Interrupted'}: the command stopped early.")
        code = ExitCode.TERMINATED if TERMINATED else ExitCode.INTERRUPTED
    except (ReaderGoneError, SystemExit):
        code = BROKEN_PIPE  # click itself exits only if the reader of its help closed the pipe
    except ReconcilerError as error:
        # click's context, which `terminal()` needs, has ended: only the arguments are left.
        for line in _complaint(error, no_color="--no-color" in given):
            _say(line)
        code = error.exit_code
    except Exception as error:  # noqa: BLE001  a bug: the message names the file of its trace
        if short := _shortage(error):
            _say(f"error: {short}")
            code = ExitCode.ERROR
        elif isinstance(error, OSError) and _raised_by_click(error):
            _say(f"error: stdout cannot be written: {error.strerror}")
            code = ExitCode.ERROR
        else:
            code = _bug()
    return code


def _unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    """Reports an exception that cannot be raised, unless it is a signal of the user."""
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


# Limits of the system, by the error that they cause, and how to raise them.
_SHORT = {
    errno.EMFILE: "too many open files: raise the limit (ulimit -n), or use a lower --parallelism",
    errno.ENFILE: "the system has too many open files",
    errno.ENOMEM: "there is not enough memory: raise the limit (ulimit -v), or plan a part",
}


def _shortage(error: BaseException) -> str:
    """What the system is short of, if that is why a run failed; otherwise empty."""
    if isinstance(error, MemoryError):
        return _SHORT[errno.ENOMEM]
    if isinstance(error, OSError):
        return _SHORT.get(error.errno or 0, "")
    # A library that cannot be loaded for want of memory or descriptors is an ImportError.
    text = str(error) if isinstance(error, ImportError) else ""
    if "cannot allocate memory" in text.lower() or "failed to map" in text:
        return _SHORT[errno.ENOMEM]
    return _SHORT[errno.EMFILE] if "Too many open files" in text else ""


def _open_descriptors() -> None:
    """Opens the null device for each of stdin, stdout and stderr that is closed (`plan >&-`).

    Otherwise the next file or socket that is opened gets the free number, and output goes there.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # open(2) returns the lowest free number; in ascending order it is this descriptor.
            # Read-only for stdout: the document must not get lost without an error.
            os.open(os.devnull, os.O_RDONLY if descriptor == 1 else os.O_RDWR)


def _terraform_style(app: click.Group, arguments: Sequence[str]) -> list[str]:
    """The arguments with `-out plan.json`, as Terraform's users type it, made `--out plan.json`.

    Values of flags stay as they are (`--out -plan.json`), and so do arguments after `--`.
    """
    command = next((one for one in arguments if one in app.commands), "")
    rest = iter(arguments)
    converted: list[str] = []
    for argument in rest:
        if argument == "--":
            return [*converted, argument, *rest]
        # Two letters: `-h` stays the short flag, and the -1 of `--seed -1` stays a number.
        long_name = argument[:1] == "-" and argument[1:2].isalpha() and argument[2:3].isalpha()
        converted.append(f"-{argument}" if long_name else argument)
        converted += islice(rest, _values_behind(app, command, converted[-1]))
    return converted


def _values_behind(app: click.Group, command: str, flag: str) -> int:
    """The number of arguments that are values of a flag; 0 for anything else."""
    groups: list[click.Command] = [app, app.commands[command]] if command else [app]
    for group in groups:
        inner = (
            group.commands.values() if isinstance(group, click.Group) and group is not app else ()
        )
        for each in (group, *inner):
            for option in each.params:
                if isinstance(option, click.Option) and flag in option.opts:
                    return 0 if option.is_flag or option.count else option.nargs
    return 0


def _complaint(error: ReconcilerError, *, no_color: bool) -> Iterator[str]:
    """The lines for an error: every problem and their count, or the message and its details."""
    from reconciler.cli.terminal import Streams
    from reconciler.escape.text import visible
    from reconciler.review.text import problems_text

    paint = Streams(os.environ, no_color=no_color).note_paint
    if isinstance(error, ProblemsError):
        yield from problems_text.text(error.problems, paint)
        count = sum(problem.severity == "error" for problem in error.problems)
        yield f"{plural(count, 'problem')} found."
    else:
        yield f"{paint.removed('error')}: {visible(str(error))}"
        yield from (f"  {visible(line)}" for line in error.details)


def _raised_by_click(error: OSError) -> bool:
    """Whether click failed to print a text of its own, such as the help; that is not a bug."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__", "")).startswith("click.")


def _bug() -> int:
    """Writes the trace of the current exception to a new file and names the file on stderr."""
    try:
        handle, name = tempfile.mkstemp(prefix="reconciler-", suffix=".log")
    except OSError:  # a full disk, for example: only the trace itself is left
        traceback.print_exc()
        return ExitCode.BUG
    # A trace can quote a file name that is not UTF-8 (PEP 383), which strict UTF-8 cannot encode.
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
        traceback.print_exc(file=log)
    _say(f"error: internal error in reconciler; the stack trace is in {name}: please report it")
    return ExitCode.BUG


def _say(line: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
