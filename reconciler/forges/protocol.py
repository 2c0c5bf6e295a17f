"""Hosts of pull requests: one file a host, all with the same few verbs.

What is posted is a display and never an input: nothing of it decides what is applied.
"""

from collections.abc import Iterable
from typing import Literal, Protocol

from msgspec import Struct

State = Literal["open", "closed"]


class Note(Struct, frozen=True):
    """A comment or an issue that we wrote: how the host calls it, where it is, what it says."""

    id: str
    url: str
    body: str
    state: State = "open"


class TooLongError(Exception):
    """The host refused a text for its length, whatever it says of its limit."""


class Forge(Protocol):
    """The verbs; `where` a comment stands was settled when the forge was opened."""

    def notes(self) -> Iterable[Note]:
        """Our comments on the pull request, the oldest first."""
        ...

    def post(self, body: str) -> Note:
        """A new comment."""
        ...

    def edit(self, note: Note, body: str) -> None:
        """Another text for a comment; nobody is notified."""
        ...

    def minimise(self, note: Note) -> None:
        """Folds a comment away as outdated."""
        ...

    def issues(self, label: str) -> Iterable[Note]:
        """Our issues with a label, open or closed, the newest first."""
        ...

    def open_issue(self, title: str, body: str, label: str) -> Note:
        """A new issue."""
        ...

    def edit_issue(self, issue: Note, title: str, body: str, state: State) -> None:
        """Another text and state for an issue."""
        ...

    def remark(self, issue: Note, body: str) -> None:
        """A comment on an issue, which notifies those who watch it."""
        ...
