"""Comments and issues -> a host: the interface that github.py and gitlab.py implement.

A posted comment is output only: an apply never reads it.
"""

from collections.abc import Iterable
from typing import Literal, Protocol

from msgspec import Struct

State = Literal["open", "closed"]


class Note(Struct, frozen=True):
    """A comment or an issue that we wrote."""

    id: str
    """The host's identifier; for a comment on GitHub its REST id, a space and its GraphQL id."""
    url: str
    """The address for people; empty if the host gives none."""
    body: str
    """The text, in Markdown."""
    state: State = "open"
    """The state of an issue; always `open` for a comment."""
    updated: int = 0
    """When it was written last, by the host's clock, in seconds since 1970; 0 if unknown."""


class TooLongError(Exception):
    """The host refused a text as too long. Its documented limit may be higher."""


class Forge(Protocol):
    """The operations of a host, for one pull request and the issues of its repository.

    Each raises HostError if the host refuses the request or does not answer, and TooLongError if
    the text is too long.
    """

    def now(self) -> int:
        """The time of the host's last response, in seconds since 1970; 0 if unknown."""
        ...

    def notes(self) -> Iterable[Note]:
        """Our comments on the pull request, the oldest first."""
        ...

    def post(self, body: str) -> Note:
        """Creates a comment on the pull request."""
        ...

    def edit(self, note: Note, body: str) -> None:
        """Replaces the text of a comment; sends no notification."""
        ...

    def minimise(self, note: Note) -> None:
        """Hides a comment as outdated."""
        ...

    def issues(self, label: str) -> Iterable[Note]:
        """Our issues with a label, open or closed, the newest first."""
        ...

    def open_issue(self, title: str, body: str, label: str) -> Note:
        """Creates an issue with one label."""
        ...

    def edit_issue(self, issue: Note, title: str, body: str, state: State) -> None:
        """Replaces title, text and state of an issue."""
        ...

    def remark(self, issue: Note, body: str) -> None:
        """Adds a comment to an issue, which notifies the people who watch it."""
        ...
