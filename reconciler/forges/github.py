"""Comments on pull requests, and issues -> requests to GitHub or GitHub Enterprise Server.

https://docs.github.com/rest/issues/comments, https://docs.github.com/rest/issues/issues.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from reconciler.credentials import Secret
from reconciler.errors import ConfigError
from reconciler.forges.protocol import Note, State
from reconciler.forges.session import HostError, Session, seconds

_REFERENCE = re.compile(r"refs/pull/([0-9]+)/(?:merge|head)")

# The login of comments that are written with a workflow's own token.
ACTIONS = "github-actions[bot]"
# GET /user answers 403 or 404 to the token of an app; GraphQL's `viewer` returns its login.
_NO_USER = frozenset((403, 404))
_VIEWER = "query { viewer { login } }"

_MINIMISE = (
    "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) "
    "{ minimizedComment { isMinimized } } }"
)


class _User(Struct):
    """An author."""

    login: str
    """The login; that of an app ends in `[bot]`."""


class _Comment(Struct):
    """A comment on a pull request."""

    id: int
    """The number in the REST API."""
    node_id: str = ""
    """The identifier in GraphQL."""
    html_url: str = ""
    """The address of the comment."""
    body: str | None = None
    """The text; None means empty."""
    user: _User | None = None
    """The author; None if GitHub names none."""
    updated_at: str = ""
    """When it was written last (ISO 8601); empty if GitHub does not say."""


class _Issue(Struct):
    """An issue. The REST API lists pull requests as issues too."""

    number: int
    """The number within the repository."""
    html_url: str = ""
    """The address of the issue."""
    body: str | None = None
    """The text; None means empty."""
    state: str = "open"
    """`open` or `closed`."""
    user: _User | None = None
    """The author; None if GitHub names none."""
    pull_request: Raw | None = None
    """Present if the issue is a pull request."""


class _Numbered(Struct):
    """A pull request or an issue of which only the number is read."""

    number: int
    """The number within the repository."""


class _Run(Struct, frozen=True):
    """The workflow run of a `workflow_run` event."""

    pull_requests: tuple[_Numbered, ...] = ()
    """The pull requests that the run belongs to; may be empty."""


class _Event(Struct):
    """The event that started a workflow (the file at GITHUB_EVENT_PATH)."""

    pull_request: _Numbered | None = None
    """The pull request of the event; None for other events."""
    issue: _Numbered | None = None
    """The issue or pull request that was commented on; None for other events."""
    workflow_run: _Run = _Run()
    """The workflow run of the event; without pull requests for other events."""


class _Error(Struct):
    """An error of GraphQL."""

    message: str = ""
    """The error text."""


class _Done(Struct):
    """The response to a GraphQL mutation."""

    errors: list[_Error] = []
    """The errors; empty if the mutation was done. GraphQL answers 200 in both cases."""


class _Viewer(Struct):
    """The data of the query for the token's own account."""

    viewer: _User
    """The account of the token."""


class _Who(Struct):
    """The response to the query for the token's own account."""

    data: _Viewer | None = None
    """The data; None if the query failed."""


def headers(token: Secret) -> Mapping[str, str]:
    """The headers of every request: media type, token and API version."""
    return {
        "accept": "application/vnd.github+json",
        "authorization": f"Bearer {token.reveal()}",
        "x-github-api-version": "2022-11-28",
    }


class GitHub:
    """The comments of one pull request, and the issues of its repository."""

    def __init__(self, session: Session, graphql: Session, repository: str, pull: str) -> None:
        self._session = session
        self._graphql = graphql
        self._repository = f"/repos/{repository}"
        self._pull = pull
        self._author = self._login()

    def now(self) -> int:
        """The time of the host's last response, in seconds since 1970; 0 if unknown."""
        return self._session.now

    def notes(self) -> Iterator[Note]:
        """Our comments on the pull request, the oldest first."""
        path = f"{self._repository}/issues/{self._pull}/comments"
        for comment in self._session.pages(path, list[_Comment]):
            if self._is_ours(comment.user):
                yield _note(comment)

    def post(self, body: str) -> Note:
        """Creates a comment on the pull request."""
        path = f"{self._repository}/issues/{self._pull}/comments"
        return _note(self._session.ask("POST", path, _Comment, {"body": body}))

    def edit(self, note: Note, body: str) -> None:
        """Replaces the text of a comment."""
        number = note.id.partition(" ")[0]
        path = f"{self._repository}/issues/comments/{number}"
        self._session.ask("PATCH", path, Raw, {"body": body})

    def minimise(self, note: Note) -> None:
        """Hides a comment as outdated; only GraphQL can do this. Raises HostError if it fails."""
        asked = {"query": _MINIMISE, "variables": {"id": note.id.partition(" ")[2]}}
        done = self._graphql.ask("POST", "/graphql", _Done, asked)
        if done.errors:
            raise HostError(f"minimizeComment: {done.errors[0].message}", 0)

    def issues(self, label: str) -> Iterator[Note]:
        """Our issues with a label, the newest first."""
        # The default of `state` is `open`: a closed issue would not be found and reopened.
        path = f"{self._repository}/issues?state=all&sort=created&direction=desc&labels={label}"
        for issue in self._session.pages(path, list[_Issue]):
            if self._is_ours(issue.user) and issue.pull_request is None:
                yield _issue(issue)

    def open_issue(self, title: str, body: str, label: str) -> Note:
        """Creates an issue with one label."""
        issue = {"title": title, "body": body, "labels": [label]}
        return _issue(self._session.ask("POST", f"{self._repository}/issues", _Issue, issue))

    def edit_issue(self, issue: Note, title: str, body: str, state: State) -> None:
        """Replaces title, text and state of an issue."""
        change = {"title": title, "body": body, "state": state}
        self._session.ask("PATCH", f"{self._repository}/issues/{issue.id}", Raw, change)

    def remark(self, issue: Note, body: str) -> None:
        """Adds a comment to an issue."""
        path = f"{self._repository}/issues/{issue.id}/comments"
        self._session.ask("POST", path, Raw, {"body": body})

    def _login(self) -> str:
        """The login that our comments are written with."""
        try:
            return self._session.ask("GET", "/user", _User).login
        except HostError as error:
            if error.status not in _NO_USER:
                raise
        asked = {"query": _VIEWER}
        try:
            found = self._graphql.ask("POST", "/graphql", _Who, asked, reads=True).data
        except HostError as error:
            # With a wrong login our comment would not be found, and would be posted twice.
            if error.status not in _NO_USER:
                raise
            found = None
        return ACTIONS if found is None else found.viewer.login

    def _is_ours(self, user: _User | None) -> bool:
        # A marker can be copied: the comment of another author must not be edited or hidden.
        return user is not None and user.login == self._author


def _note(comment: _Comment) -> Note:
    """A comment as a Note; its id holds both identifiers, for REST and for GraphQL."""
    name = f"{comment.id} {comment.node_id}"
    return Note(name, comment.html_url, comment.body or "", updated=seconds(comment.updated_at))


def _issue(issue: _Issue) -> Note:
    state: State = "closed" if issue.state == "closed" else "open"
    return Note(str(issue.number), issue.html_url, issue.body or "", state)


def pull_of(environment: Mapping[str, str], session: Session, repository: str) -> str:
    """The number of the pull request of a workflow run, or of the pushed commit.

    In this order: GITHUB_REF, the event, the pull request that contains the commit of a push.
    Raises ConfigError without one.
    """
    found = _REFERENCE.fullmatch(environment.get("GITHUB_REF", ""))
    if found is not None:
        return found[1]
    number = _in_event(environment.get("GITHUB_EVENT_PATH", ""))
    if number:
        return number
    commit = environment.get("GITHUB_SHA", "")
    # For other events, such as a schedule, the commit is only the head of the default branch.
    if commit and environment.get("GITHUB_EVENT_NAME") == "push":
        path = f"/repos/{repository}/commits/{commit}/pulls"
        for pull in session.ask("GET", path, list[_Numbered]):
            return str(pull.number)
    raise ConfigError("this run does not belong to a pull request: name one with --pull NUMBER")


def _in_event(path: str) -> str:
    """The number of the pull request in the event file; otherwise empty."""
    if not path:
        return ""
    try:
        event = msgspec.json.decode(Path(path).read_bytes(), type=_Event)
    except (OSError, msgspec.MsgspecError):
        return ""
    found = [event.pull_request, event.issue, *event.workflow_run.pull_requests]
    return next((str(one.number) for one in found if one is not None), "")
