"""Notes on merge requests, and issues -> requests to GitLab.

https://docs.gitlab.com/api/notes/, https://docs.gitlab.com/api/issues/.
"""

from collections.abc import Iterator, Mapping

from msgspec import Raw, Struct

from reconciler.credentials import Secret
from reconciler.errors import ConfigError
from reconciler.forges.protocol import Note, State
from reconciler.forges.session import Session, seconds

_OUTDATED = "This plan is outdated: a newer one is below."
_EVENTS: Mapping[State, str] = {"open": "reopen", "closed": "close"}


class _User(Struct):
    """An author."""

    username: str
    """The login."""


class _Job(Struct):
    """The CI job that a job token belongs to."""

    user: _User
    """The user who started the job."""


class _Item(Struct):
    """A note or an issue."""

    id: int
    """The identifier within the whole GitLab server; used for notes."""
    iid: int = 0
    """The number within the project; used for issues."""
    web_url: str = ""
    """The address; empty if GitLab gives none."""
    body: str | None = None
    """The text of a note; None for an issue."""
    description: str | None = None
    """The text of an issue; None for a note, and for an issue without text."""
    state: str = ""
    """`opened` or `closed` for an issue; empty for a note."""
    updated_at: str = ""
    """When it was written last (ISO 8601); empty if GitLab does not say."""
    system: bool = False
    """Whether GitLab wrote the note itself, as in `added 1 commit`."""
    author: _User | None = None
    """The author; None if GitLab names none."""


class _Request(Struct):
    """A merge request."""

    iid: int
    """The number within the project."""
    state: str = ""
    """`merged`, `opened`, `closed` or `locked`."""


def headers(token: Secret) -> Mapping[str, str]:
    """The headers of every request with the token of a person, a project or a group."""
    return {"private-token": token.reveal()}


def job_headers(token: Secret) -> Mapping[str, str]:
    """The headers of every request with a job's own token (CI_JOB_TOKEN)."""
    return {"job-token": token.reveal()}


class GitLab:
    """The notes of one merge request, and the issues of its project."""

    def __init__(self, session: Session, project: str, pull: str, author: str) -> None:
        self._session = session
        self._project = f"/projects/{project}"
        self._notes = f"{self._project}/merge_requests/{pull}/notes"
        self._author = author

    def now(self) -> int:
        """The time of the host's last response, in seconds since 1970; 0 if unknown."""
        return self._session.now

    def notes(self) -> Iterator[Note]:
        """Our notes on the merge request, the oldest first."""
        # GitLab's default is `sort=desc` (docs.gitlab.com/api/notes); callers edit the last note.
        for item in self._session.pages(f"{self._notes}?sort=asc&order_by=created_at", list[_Item]):
            if self._is_ours(item) and not item.system:
                yield _note(item)

    def post(self, body: str) -> Note:
        """Creates a note on the merge request."""
        return _note(self._session.ask("POST", self._notes, _Item, {"body": body}))

    def edit(self, note: Note, body: str) -> None:
        """Replaces the text of a note."""
        self._session.ask("PUT", f"{self._notes}/{note.id}", Raw, {"body": body})

    def minimise(self, note: Note) -> None:
        """Replaces the text of a note with one line, since GitLab cannot hide notes."""
        self.edit(note, _OUTDATED)

    def issues(self, label: str) -> Iterator[Note]:
        """Our issues with a label, the newest first."""
        path = f"{self._project}/issues?labels={label}&order_by=created_at&sort=desc&scope=all"
        for item in self._session.pages(path, list[_Item]):
            if self._is_ours(item):
                yield _issue(item)

    def open_issue(self, title: str, body: str, label: str) -> Note:
        """Creates an issue with one label."""
        issue = {"title": title, "description": body, "labels": label}
        return _issue(self._session.ask("POST", f"{self._project}/issues", _Item, issue))

    def edit_issue(self, issue: Note, title: str, body: str, state: State) -> None:
        """Replaces title, text and state of an issue."""
        change = {"title": title, "description": body}
        if state != issue.state:
            change["state_event"] = _EVENTS[state]
        self._session.ask("PUT", f"{self._project}/issues/{issue.id}", Raw, change)

    def remark(self, issue: Note, body: str) -> None:
        """Adds a note to an issue."""
        self._session.ask("POST", f"{self._project}/issues/{issue.id}/notes", Raw, {"body": body})

    def _is_ours(self, item: _Item) -> bool:
        return item.author is not None and item.author.username == self._author


def login(session: Session, *, of_job: bool) -> str:
    """The login that a token acts as; a job token acts as the user who started the job."""
    if of_job:
        return session.ask("GET", "/job", _Job).user.username
    return session.ask("GET", "/user", _User).username


def pull_of(environment: Mapping[str, str], session: Session, project: str) -> str:
    """The number of the merge request of a pipeline, or of the pushed commit.

    Raises ConfigError without one.
    """
    number = environment.get("CI_MERGE_REQUEST_IID")
    # The number becomes a part of a path: `../x` must not. `isdigit` alone accepts `²`.
    if number and number.isascii() and number.isdigit():
        return number
    commit = environment.get("CI_COMMIT_SHA", "")
    # For other pipelines, such as a schedule, the commit is only the head of their branch.
    if commit and environment.get("CI_PIPELINE_SOURCE") == "push":
        path = f"/projects/{project}/repository/commits/{commit}/merge_requests"
        found = session.ask("GET", path, list[_Request])
        # Merged ones first: an open one contains the commit too if its branch began after it.
        for request in sorted(found, key=lambda one: one.state != "merged"):
            return str(request.iid)
    raise ConfigError(
        "this pipeline does not belong to a merge request: name one with --pull NUMBER"
    )


def _note(item: _Item) -> Note:
    return Note(str(item.id), item.web_url, item.body or "", updated=seconds(item.updated_at))


def _issue(item: _Item) -> Note:
    state: State = "closed" if item.state == "closed" else "open"
    return Note(str(item.iid), item.web_url, item.description or "", state)
