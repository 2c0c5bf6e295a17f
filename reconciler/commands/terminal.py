"""One file a command: typed parameters in, ExitCode out; a command never sees the parser."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from reconciler.review.colours import Paint

# Where the embedded API keeps its records; `sandbox` and `--sandbox` mean the same file.
SANDBOX_DB = Path(".reconciler/sandbox.db")


class Terminal(Protocol):
    """What a command may do with the person or the pipe in front of it."""

    paint: Paint
    width: int

    @property
    def terminated(self) -> bool:
        """Whether SIGTERM asked this process to end."""
        ...

    def write(self, pieces: Iterable[str], *, for_machines: bool = False) -> None:
        """Puts the document on stdout, as it is; for machines in UTF-8, whatever the locale."""
        ...

    def write_lines(self, lines: Iterable[str]) -> None:
        """Puts lines on stdout, each with its newline."""
        ...

    def note(self, line: str) -> None:
        """Says a line on stderr: a warning, a complaint, how far things are."""
        ...

    def ask(self, question: str) -> str:
        """The person's answer; raises ReconcilerError where nobody can answer."""
        ...

    def progress(
        self, what: str, total: int, detail: object
    ) -> AbstractContextManager[Callable[[], None]]:
        """Shows how far `total` steps are; the value given counts one step a call.

        `detail` is shown beside it, as the text that it is by then.
        """
        ...
