"""stdin, stdout and stderr of the process -> the terminal of commands: text, colours, progress."""

import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING, TextIO

import click

from reconciler.errors import ReaderGoneError, ReconcilerError
from reconciler.review.colours import Paint

if TYPE_CHECKING:
    from reconciler.applying.executor import Executor

# A progress bar that is shown for a shorter time would only flicker.
SECONDS_BEFORE_PROGRESS = 1.0
SECONDS_BETWEEN_LINES = 10.0
# rich draws 10 times a second by default; updates in between would not be seen.
SECONDS_BETWEEN_DRAWINGS = 0.1

# Columns of text for a pipe or a log, which has no width, if COLUMNS is not set.
WIDTH_OF_A_PIPE = 100


# Every SIGTERM received, except while an apply writes: `cli.signals` handles those.
TERMINATED: list[int] = []


class Streams:
    """The terminal or the pipes that this process was given."""

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        no_color: bool = False,
        start: Path | None = None,
    ) -> None:
        # Python sets a stream to None if its descriptor was closed at start-up: `plan >&-`. `main`
        # opened the null device for reading there, so that a write is an error and not lost.
        sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115  open until the process ends
        sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115  the same
        for stream in (sys.stdout, sys.stderr):
            # A character that the stream's encoding lacks is written as an escape and is no error.
            # `reconfigure` flushes first, which fails again if an earlier write did.
            with suppress(OSError):
                getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
        self.paint = Paint(on=_colour(sys.stdout, environment, no_color=no_color))
        """Colours for stdout; plain text if colours are off."""
        self.note_paint = Paint(on=_colour(sys.stderr, environment, no_color=no_color))
        """Colours for stderr; plain text if colours are off."""
        self._start = start
        self.width = shutil.get_terminal_size((WIDTH_OF_A_PIPE, 0)).columns
        """Columns of the terminal, or WIDTH_OF_A_PIPE."""
        self._bar = sys.stderr.isatty() and not _automated(environment)

    def write(self, pieces: Iterable[str], *, for_machines: bool = False) -> None:
        """Writes the document to stdout unchanged; for machines in UTF-8, in every locale.

        Raises ReaderGoneError if the reader closed the pipe, ReconcilerError if stdout cannot be
        written.
        """
        try:
            if for_machines:
                # `apply` compares a saved plan byte by byte: `plan --format json > plan.json` must
                # not depend on PYTHONIOENCODING or the locale.
                getattr(sys.stdout, "reconfigure", lambda **_: None)(encoding="utf-8", newline="")
            for piece in pieces:
                sys.stdout.write(piece)
            # A short text stays in the buffer: a full disk fails only this flush, with a message.
            sys.stdout.flush()
        except BrokenPipeError:
            raise ReaderGoneError from None  # click would exit with 1 for a BrokenPipeError
        except OSError as error:
            raise ReconcilerError(f"stdout cannot be written: {error.strerror}") from None

    def write_lines(self, lines: Iterable[str]) -> None:
        """Writes lines to stdout, each with its newline."""
        self.write(f"{line}\n" for line in lines)

    def note(self, line: str) -> None:
        """Writes a line to stderr; a stderr that cannot be written does not stop the run."""
        with suppress(OSError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def command(self, *words: str) -> str:
        """A command line to run next, in the folder in which this one was typed."""
        here = Path.cwd()
        moved = (
            [] if self._start in (None, here) else ["--chdir", os.path.relpath(here, self._start)]
        )
        return shlex.join(["reconciler", *moved, *words])

    @property
    def terminated(self) -> bool:
        """Whether SIGTERM asked this process to end."""
        return bool(TERMINATED)

    def ask(self, question: str) -> str:
        """The person's answer; raises ReconcilerError if the input ends without one."""
        # `input(question)` would write to stdout, which holds only the document.
        with suppress(OSError):
            sys.stderr.write(question)
            sys.stderr.flush()
        answer = sys.stdin.readline() if sys.stdin else ""
        if not answer:
            # The question ends without a newline; the error begins on a line of its own.
            self.note("")
            raise ReconcilerError(
                "stdin ended without an answer: use --auto-approve, or apply a saved plan"
            )
        return answer.strip()

    def stop_on_signals(self, apply: "Executor") -> AbstractContextManager[Sequence[Signals]]:
        """Stops an apply at SIGINT or SIGTERM; the value of the context holds those received."""
        from reconciler.cli.signals import stopped_by_signals

        return stopped_by_signals(apply, self.note)

    @contextmanager
    def progress(self, what: str, total: int, detail: object) -> Generator[Callable[[], None]]:
        """Shows progress: a bar on a terminal, otherwise a line every SECONDS_BETWEEN_LINES.

        A quick run shows nothing. The value of the context counts one step a call.
        """
        bar = self._bar
        progress = _Bar(what, total, detail) if bar else _Lines(what, total, detail, self.note)
        try:
            yield progress.step
        finally:
            # rich hides the cursor until the bar ends, also if an exception ends the run.
            progress.end()


def terminal() -> Streams:
    """The streams for the current command, without colours if --no-color is set."""
    meta = click.get_current_context().meta
    start = meta.get("reconciler.start")
    return Streams(os.environ, no_color=meta.get("no_color", False), start=start)


class _Lines:
    """Progress for a log: a line from time to time."""

    def __init__(self, what: str, total: int, detail: object, note: Callable[[str], None]) -> None:
        self._what, self._total, self._detail, self._note = what, total, detail, note
        self._done = 0
        self._next = time.monotonic() + SECONDS_BETWEEN_LINES

    def step(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now >= self._next:
            self._next = now + SECONDS_BETWEEN_LINES
            self._note(f"{self._what}: {self._done:,} of {self._total:,} ({self._detail})")

    def end(self) -> None:
        pass


class _Bar:
    """Progress for a person; rich is imported only when the bar is first drawn."""

    def __init__(self, what: str, total: int, detail: object) -> None:
        self._what, self._total, self._detail = what, total, detail
        self._done = 0
        self._next = time.monotonic() + SECONDS_BEFORE_PROGRESS
        self._end: Callable[[], None] = lambda: None
        self._draw: Callable[[int], None] | None = None

    def step(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now >= self._next:
            self._next = now + SECONDS_BETWEEN_DRAWINGS
            with suppress(OSError):
                draw = self._draw = self._draw or self._start()
                draw(self._done)

    def end(self) -> None:
        with suppress(OSError):
            self._end()

    def _start(self) -> Callable[[int], None]:
        from rich import progress
        from rich.console import Console

        bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[detail]}", markup=False),
            console=Console(stderr=True),
            transient=True,
        )
        task = bar.add_task(self._what, total=self._total, detail="")
        bar.start()
        self._end = bar.stop
        return lambda done: bar.update(task, completed=done, detail=str(self._detail))


def _colour(stream: TextIO, environment: Mapping[str, str], *, no_color: bool) -> bool:
    """Whether to use colours on a stream: NO_COLOR (no-color.org) overrides FORCE_COLOR."""
    if no_color or environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environment.get("TERM") != "dumb"


def _automated(environment: Mapping[str, str]) -> bool:
    """Whether a CI system runs this: its log would keep every drawing of a bar."""
    return bool(environment.get("CI") or environment.get("TF_IN_AUTOMATION"))
