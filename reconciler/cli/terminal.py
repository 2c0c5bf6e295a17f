"""stdout, stderr, stdin and their colours: what commands may say, and how it looks."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

import click

from reconciler.errors import ReaderGoneError, ReconcilerError
from reconciler.review.colours import Paint

if TYPE_CHECKING:
    from reconciler.applying.executor import Executor

# A bar that is there for a moment is only a flicker.
SECONDS_BEFORE_PROGRESS = 1.0
SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_DRAWINGS = 0.1

# What a pipe or a log gets when nobody says how wide it is.
WIDTH_OF_A_PIPE = 100


# The signals that asked this process to end, as far as they were not somebody else's to handle.
TERMINATED: list[int] = []


class Streams:
    """The terminal or the pipes that this process was given."""

    def __init__(self, environment: Mapping[str, str], *, no_color: bool = False) -> None:
        # A stream that was closed before we began: `plan >&-`.
        sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  for all our life
        sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115  the same
        for stream in (sys.stdout, sys.stderr):
            # A character that the stream's encoding lacks is written as an escape, never an error.
            # `reconfigure` flushes first, which fails again if an earlier write did.
            with suppress(OSError):
                getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
        self.paint = Paint(on=_colour(environment, no_color=no_color))
        self.width = shutil.get_terminal_size((WIDTH_OF_A_PIPE, 0)).columns
        self._bar = sys.stderr.isatty() and not _automated(environment)

    def write(self, pieces: Iterable[str], *, for_machines: bool = False) -> None:
        """Puts the document on stdout, as it is; for machines in UTF-8, whatever the locale."""
        try:
            if for_machines:
                getattr(sys.stdout, "reconfigure", lambda **_: None)(encoding="utf-8", newline="")
            for piece in pieces:
                sys.stdout.write(piece)
            sys.stdout.flush()
        except BrokenPipeError:
            raise ReaderGoneError from None  # as it is, click would make an error of ours of it
        except OSError as error:
            raise ReconcilerError(f"stdout cannot be written: {error.strerror}") from None

    def write_lines(self, lines: Iterable[str]) -> None:
        """Puts lines on stdout, each with its newline."""
        self.write(f"{line}\n" for line in lines)

    def note(self, line: str) -> None:
        """Says a line on stderr; that nobody may hear it stops no run."""
        with suppress(OSError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    @property
    def terminated(self) -> bool:
        """Whether SIGTERM asked this process to end."""
        return bool(TERMINATED)

    def ask(self, question: str) -> str:
        """What the person types; ReconcilerError where the input ends without an answer."""
        with suppress(OSError):
            sys.stderr.write(question)
            sys.stderr.flush()
        answer = sys.stdin.readline() if sys.stdin else ""
        if not answer:
            self.note("")
            raise ReconcilerError("nobody is there to approve: use --auto-approve, or apply a plan")
        return answer.strip()

    def stop_on_signals(self, apply: "Executor") -> AbstractContextManager[Sequence[Signals]]:
        """Stops an apply at SIGINT or SIGTERM; the value of the context holds those received."""
        from reconciler.cli.signals import stopped_by_signals

        return stopped_by_signals(apply, self.note)

    @contextmanager
    def progress(self, what: str, total: int, detail: object) -> Generator[Callable[[], None]]:
        """A bar on a terminal, a line now and then elsewhere, nothing for what is quick."""
        bar = self._bar
        progress = _Bar(what, total, detail) if bar else _Lines(what, total, detail, self.note)
        try:
            yield progress.step
        finally:
            progress.end()


def terminal() -> Streams:
    """The streams for the command that runs now."""
    return Streams(os.environ, no_color=click.get_current_context().meta.get("no_color", False))


class _Lines:
    """Progress for a log."""

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
    """Progress for a person; rich is imported only once there is something to show."""

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


def _colour(environment: Mapping[str, str], *, no_color: bool) -> bool:
    if no_color or environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and sys.stderr.isatty() and environment.get("TERM") != "dumb"


def _automated(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("CI") or environment.get("TF_IN_AUTOMATION"))
