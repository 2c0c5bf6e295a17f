"""The streams of a command: where it writes text, shows progress and asks; see `cli.terminal`."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from signal import Signals
from typing import TYPE_CHECKING, Protocol

from reconciler.review.colours import Paint

# The executor imports asyncio, and `validate` must not load it (tests/cli/test_main.py).
if TYPE_CHECKING:
    from reconciler.applying.executor import Executor


class Terminal(Protocol):
    """stdout for the document, stderr for everything else; `cli.terminal.Streams` implements it."""

    paint: Paint
    """Colours for stdout."""
    note_paint: Paint
    """Colours for stderr."""
    width: int
    """Columns of the terminal, or a default for a pipe."""

    @property
    def terminated(self) -> bool:
        """Whether SIGTERM asked this process to end."""
        ...

    def command(self, *words: str) -> str:
        """A command line to run next: `command("apply", "my plan.json")`, quoted for a shell."""
        ...

    def write(self, pieces: Iterable[str], *, for_machines: bool = False) -> None:
        """Writes the document to stdout; for machines in UTF-8, in every locale.

        Raises ReaderGoneError if the reader closed the pipe.
        """
        ...

    def write_lines(self, lines: Iterable[str]) -> None:
        """Writes lines to stdout, each with its newline."""
        ...

    def note(self, line: str) -> None:
        """Writes a line to stderr: progress, a warning, an error."""
        ...

    def ask(self, question: str) -> str:
        """The person's answer; raises ReconcilerError if the input ends without one."""
        ...

    def progress(
        self, what: str, total: int, detail: object
    ) -> AbstractContextManager[Callable[[], None]]:
        """Shows the progress of `total` steps; the value of the context counts one step a call.

        `str(detail)` is shown beside the count and read again for each display.
        """
        ...

    def stop_on_signals(self, apply: "Executor") -> AbstractContextManager[Sequence[Signals]]:
        """Stops an apply at SIGINT or SIGTERM; the value of the context holds those received."""
        ...
