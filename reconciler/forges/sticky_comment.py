"""A plan and the comments or issues of earlier runs -> one up-to-date comment or issue."""

from collections.abc import Callable
from typing import Literal, TypeVar

from msgspec import Struct, structs

from reconciler.forges.comment_marker import Marker, read
from reconciler.forges.protocol import Forge, Note, State, TooLongError
from reconciler.forges.session import HostError

Sent = TypeVar("Sent")

When = Literal["changes-only", "always"]

# The label by which the issue is found.
LABEL = "reconciler"

# If a host refuses a text as too long, the limit is halved, but not below this.
_SHORTEST_BYTES = 4_000


class Posted(Struct, frozen=True):
    """The result of posting."""

    done: str
    """The action, in lower case: `posted`, `updated`, `not posted: there is nothing to review`."""
    url: str = ""
    """The address of the comment or issue; otherwise empty."""
    warning: str = ""
    """A failure that does not change the result; otherwise empty."""


class Posting:
    """Posts one plan.

    `text(bytes, report)` renders the text below the marker, of at most that many bytes, with a link
    to the HTML report: the one of the marker, or else the one in the existing comment of the same
    plan. `most` is the host's limit for the whole comment in bytes. `contains(newer, older)` says
    whether one commit is known to be an ancestor of another.
    """

    def __init__(
        self,
        forge: Forge,
        marker: Marker,
        text: Callable[[int, str], str],
        most: int,
        contains: Callable[[str, str], bool] = lambda _newer, _older: False,
    ) -> None:
        self._contains = contains
        self._forge = forge
        self._marker = marker
        self._text = text
        self._most = most
        self._wrote: bool | None = None

    def comment(self, *, when: When, empty: bool, wrote: bool | None = None) -> Posted:
        """Creates or updates the one comment of a plan.

        If the plan shows nothing new, the existing comment is edited. If it has new changes or
        obstacles, a new comment notifies the reviewers, and the old one is hidden. The comment of
        an applied plan and that of a newer plan are not changed.

        An `empty` plan (no changes) gets no new comment unless `when` is `always`. `wrote` states
        whether an apply of the plan wrote something; None if no apply has ended. Raises HostError.
        """
        self._wrote = wrote
        notes = list(self._forge.notes())
        # A runner's clock may be ahead, and anyone may edit the time in a plan file: the host knows
        # that it is not later than now, and that a comment is not newer than its last edit.
        now = self._forge.now()
        made = min(self._marker.made, now) if now else self._marker.made
        marker = self._marker = structs.replace(self._marker, made=made)
        alive = self._ours(notes)
        of_this = [(note, found) for note, found in alive if found.digest == marker.digest]
        pending = [(note, found) for note, found in alive if found.status == "planned"]
        planned = [(note, found) for note, found in pending if not self._is_older_than(found)]
        if of_this and self._is_done(of_this[-1][1]):
            return Posted("left as it is: this plan was applied", of_this[-1][0].url)
        nothing_new = not pending and not (of_this and self._has_ended)
        if nothing_new and empty and when == "changes-only":
            return Posted("not posted: there is nothing to review")
        if pending and not planned:
            return self._report_older(notes, pending[-1][0], [note for note, _ in of_this])
        old = [note for note, _ in planned]
        if marker.status == "applied" and (of_this or old):
            return self._update(([note for note, _ in of_this] or old)[-1:])
        if planned and not marker.grew(planned[-1][1]):
            return self._update(old)
        url = self._post(notes).url
        done = (
            "posted as a new comment: it shows something that the old one did not"
            if old
            else "posted"
        )
        return Posted(done, url, self._fold(old))

    def _report_older(self, notes: list[Note], newer: Note, of_this: list[Note]) -> Posted:
        """Reports the end of an apply in a comment of its own; the newer plan stays pending."""
        if not self._has_ended:
            return Posted("left as it is: a newer plan is shown", newer.url)
        if self._marker.status != "applied":
            self._marker = structs.replace(self._marker, status="outdated")
        if of_this:
            return self._update(of_this[-1:])
        return Posted("posted", self._post(notes).url)

    @property
    def _has_ended(self) -> bool:
        return self._wrote is not None

    def _is_done(self, last: Marker) -> bool:
        """Whether it was applied, was not planned again since, and nothing was written now."""
        return last.status == "applied" and self._marker.made <= last.made and not self._wrote

    def _is_older_than(self, shown: Marker) -> bool:
        """Whether `shown` is a newer plan; False for the same plan at the end of its apply.

        Commits decide, where one of them contains the other; otherwise the times.
        """
        if self._has_ended and shown.digest == self._marker.digest:
            return False
        mine, theirs = self._marker.head, shown.head
        if mine and theirs and mine != theirs:
            if self._contains(mine, theirs):
                return False
            if self._contains(theirs, mine):
                return True
        return 0 < self._marker.made < shown.made

    def _update(self, notes: list[Note]) -> Posted:
        """Edits the newest comment and hides the others."""
        self._send(lambda body: self._forge.edit(notes[-1], body), notes[-1])
        return Posted("updated", notes[-1].url, self._fold(notes[:-1]))

    def issue(
        self, title: str, news: str, *, resolved: bool, complete: bool, whole: bool
    ) -> Posted:
        """Opens, updates, reopens or closes the one issue of a scheduled plan.

        Only a plan of the `whole` scope may update or close an issue; a narrowed plan may only open
        one. A whole plan that is not `complete`, because some records could not be read, may only
        add new changes. `resolved` states that the plan has no changes. `news` is a one-line
        summary of the plan, without a full stop. Raises HostError.
        """
        mine = self._ours(list(self._forge.issues(LABEL)))
        opened = [(issue, found) for issue, found in mine if issue.state == "open"]
        if mine and not whole:
            return Posted(
                "left as it is: this plan covers only part of the records", mine[0][0].url
            )
        if opened and not complete:
            issue, shown = opened[0]
            if resolved or not self._marker.has_more(shown):
                return Posted("left as it is: this plan could not read all records", issue.url)
            self._marker = self._marker.with_those_of(shown)
        if resolved:
            return self._close([issue for issue, _ in opened], title)
        if not mine:
            issue = self._send(lambda body: self._forge.open_issue(title, body, LABEL))
            return Posted("opened", issue.url)
        known, before = next((pair for pair in mine if pair[0].state == "open"), mine[0])
        # The remark comes first. If it failed after the edit, the next run would see nothing new,
        # and the remark would never be written.
        if self._marker.grew(before):
            self._forge.remark(known, f"Something else differs now: {news}.")
        elif known.state == "closed":
            self._forge.remark(known, f"There are still differences: {news}.")
        self._edit(known, title, "open")
        for other, _ in opened[1:]:
            self._edit(other, title, "closed")
        return Posted("reopened" if known.state == "closed" else "updated", known.url)

    def _close(self, opened: list[Note], title: str) -> Posted:
        if not opened:
            return Posted("not opened: this plan found no differences")
        self._forge.remark(opened[0], "There are no differences any more.")
        for issue in opened:
            self._edit(issue, title, "closed")
        return Posted("closed", opened[0].url)

    def _edit(self, issue: Note, title: str, state: State) -> None:
        self._send(lambda body: self._forge.edit_issue(issue, title, body, state), issue)

    def _ours(self, notes: list[Note]) -> list[tuple[Note, Marker]]:
        """The notes with a valid marker of this kind and name that are not outdated."""
        found = [(note, _read(note)) for note in notes]
        wanted = (self._marker.kind, self._marker.name)
        return [
            (note, marker)
            for note, marker in found
            if marker is not None
            and (marker.kind, marker.name) == wanted
            and marker.status != "outdated"
        ]

    def _post(self, before: list[Note]) -> Note:
        """Creates a comment once: if the answer is lost, looks for the comment before a retry."""
        known = {note.id for note in before}

        def post(body: str) -> Note:
            try:
                return self._forge.post(body)
            except HostError as error:
                if error.status:
                    raise
                # A comment of an earlier run can have the same marker: it is not the lost one.
                there = [one for one in self._forge.notes() if one.id not in known]
                there = [one for one in there if one.body.startswith(str(self._marker))]
                return there[-1] if there else self._forge.post(body)

        return self._send(post)

    def _send(self, send: Callable[[str], Sent], before: Note | None = None) -> Sent:
        """Sends the text, and renders it shorter as long as the host refuses it as too long."""
        shown = None if before is None else read(before.body)
        # The report of another plan would show other changes than the comment.
        known = shown.report if shown is not None and shown.digest == self._marker.digest else ""
        report = self._marker.report or known
        head, most = f"{structs.replace(self._marker, report=report)}\n", self._most
        while True:
            try:
                return send(head + self._text(most - len(head), report))
            except TooLongError:
                most //= 2
                if most < _SHORTEST_BYTES:
                    raise HostError(
                        "the host refuses even the shortest text as too long", 0
                    ) from None

    def _fold(self, notes: list[Note]) -> str:
        """Marks comments as outdated and hides them; returns a warning if that fails.

        A failure does not stop the run, since the new comment is already posted.
        """
        for note in notes:
            try:
                body = note.body.replace(" status=planned ", " status=outdated ", 1)
                # First the edit: on GitLab `minimise` replaces the text, and an edit after it would
                # restore the long text.
                self._forge.edit(note, body)
                self._forge.minimise(note)
            except HostError as error:
                return f"an older comment could not be marked as outdated: {error}"
        return ""


def _read(note: Note) -> Marker | None:
    """The marker of a note, not newer than the note itself."""
    marker = read(note.body)
    if marker is None or not note.updated:
        return marker
    return structs.replace(marker, made=min(marker.made, note.updated))
