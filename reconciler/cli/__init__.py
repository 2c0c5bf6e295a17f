"""argv -> exit code: the parser, the streams, and what an error looks like."""

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress

import click

from reconciler.errors import (
    BROKEN_PIPE,
    ExitCode,
    ProblemsError,
    ReaderGoneError,
    ReconcilerError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line; the exit code is for `sys.exit`."""
    from reconciler.cli.app import app
    from reconciler.cli.streams import settle
    from reconciler.cli.terminal import TERMINATED

    _open_descriptors()
    TERMINATED.clear()

    def terminate(number: int, _: object) -> None:
        # Met like Ctrl-C: as process 1 of a container there is no default action. What is raised
        # may come out of an event loop as a plain KeyboardInterrupt.
        TERMINATED.append(number)
        raise KeyboardInterrupt

    with suppress(ValueError):  # called by other code, off the main thread
        signal.signal(signal.SIGTERM, terminate)
    given = _terraform_style(sys.argv[1:] if arguments is None else arguments)
    code = _run(app, given)
    return settle(code)


def _run(app: click.Group, given: Sequence[str]) -> int:
    """Runs the parsed command line and turns every way in which it can end into an exit code."""
    from reconciler.cli import environment
    from reconciler.cli.terminal import TERMINATED

    code: int
    try:
        code = app.main(given, prog_name="reconciler", standalone_mode=False) or ExitCode.OK
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        if variable := environment.behind(error):
            _say(f"That is what {variable} says.")
        code = ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        _say(f"\n{'Terminated' if TERMINATED else 'Interrupted'}: nothing more is done.")
        code = ExitCode.TERMINATED if TERMINATED else ExitCode.INTERRUPTED
    except (ReaderGoneError, SystemExit):
        code = BROKEN_PIPE  # click exits by itself for one reason: the reader of its help went away
    except ReconcilerError as error:
        for line in _complaint(error, no_color="--no-color" in given):
            _say(line)
        code = error.exit_code
    except Exception as error:  # noqa: BLE001  whatever it is, the user is told where the trace is
        if isinstance(error, OSError) and _raised_by_click(error):
            _say(f"error: stdout cannot be written: {error.strerror}")
            code = ExitCode.ERROR
        else:
            code = _bug()
    return code


def _open_descriptors() -> None:
    """Something behind stdin, stdout and stderr where a shell closed them (`plan >&-`).

    Else the next file or socket that is opened takes their numbers, and output goes there.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _terraform_style(arguments: Sequence[str]) -> list[str]:
    """`-out plan.json` as `--out plan.json`: what Terraform's users type."""
    rest = iter(arguments)
    converted: list[str] = []
    for argument in rest:
        if argument == "--":
            return [*converted, argument, *rest]
        long_name = argument[:1] == "-" and argument[1:2].isalpha() and argument[2:3].isalpha()
        converted.append(f"-{argument}" if long_name else argument)
    return converted


def _complaint(error: ReconcilerError, *, no_color: bool) -> Iterator[str]:
    from reconciler.cli.terminal import Streams
    from reconciler.escape import visible
    from reconciler.review import problems_text

    paint = Streams(os.environ, no_color=no_color).paint
    if isinstance(error, ProblemsError):
        yield from problems_text.text(error.problems, paint)
        count = sum(problem.severity == "error" for problem in error.problems)
        yield f"{count:,} {'problem' if count == 1 else 'problems'} found."
    else:
        yield f"{paint.removed('error')}: {visible(str(error))}"
        yield from (f"  {visible(line)}" for line in error.details)


def _raised_by_click(error: OSError) -> bool:
    """Whether click failed to print a text of its own, such as the help: that is no bug of ours."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return str(frames[-1].f_globals.get("__name__", "")).startswith("click.")


def _bug() -> int:
    handle, name = tempfile.mkstemp(prefix="reconciler-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as log:
        traceback.print_exc(file=log)
    _say(f"error: this is a bug in reconciler; the trace is in {name}: please report it")
    return ExitCode.BUG


def _say(line: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"{line}\n")
