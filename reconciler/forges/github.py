"""GitHub, and GitHub Enterprise: comments on pull requests, and issues.

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
from reconciler.forges.session import HostError, Session

_REFERENCE = re.compile(r"refs/pull/([0-9]+)/(?:merge|head)")

# The login behind a workflow's own token.
ACTIONS = "github-actions[bot]"
# A token of an app is nobody to REST; GraphQL knows who writes with it.
_NO_USER = frozenset((403, 404))
_VIEWER = "query { viewer { login } }"

_MINIMISE = (
    "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) "
    "{ minimizedComment { isMinimized } } }"
)


class _User(Struct):
    login: str


class _Comment(Struct):
    id: int
    node_id: str = ""
    html_url: str = ""
    body: str | None = None
    user: _User | None = None


class _Issue(Struct):
    number: int
    html_url: str = ""
    body: str | None = None
    state: str = "open"
    user: _User | None = None
    pull_request: Raw | None = None


class _Numbered(Struct):
    number: int


class _Run(Struct, frozen=True):
    pull_requests: tuple[_Numbered, ...] = ()


class _Event(Struct):
    pull_request: _Numbered | None = None
    issue: _Numbered | None = None
    workflow_run: _Run = _Run()


class _Error(Struct):
    message: str = ""


class _Done(Struct):
    errors: list[_Error] = []


class _Viewer(Struct):
    viewer: _User


class _Who(Struct):
    data: _Viewer | None = None


def headers(token: Secret) -> Mapping[str, str]:
    """What every request carries."""
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

    def notes(self) -> Iterator[Note]:
        """Our comments on the pull request, the oldest first."""
        path = f"{self._repository}/issues/{self._pull}/comments"
        for comment in self._session.pages(path, list[_Comment]):
            if self._is_ours(comment.user):
                yield _note(comment)

    def post(self, body: str) -> Note:
        """A new comment."""
        path = f"{self._repository}/issues/{self._pull}/comments"
        return _note(self._session.ask("POST", path, _Comment, {"body": body}))

    def edit(self, note: Note, body: str) -> None:
        """Another text for a comment."""
        number = note.id.partition(" ")[0]
        path = f"{self._repository}/issues/comments/{number}"
        self._session.ask("PATCH", path, Raw, {"body": body})

    def minimise(self, note: Note) -> None:
        """Folds a comment away as outdated."""
        asked = {"query": _MINIMISE, "variables": {"id": note.id.partition(" ")[2]}}
        done = self._graphql.ask("POST", "/graphql", _Done, asked)
        if done.errors:
            raise HostError(f"minimizeComment: {done.errors[0].message}", 0)

    def issues(self, label: str) -> Iterator[Note]:
        """Our issues with a label, the newest first."""
        path = f"{self._repository}/issues?state=all&sort=created&direction=desc&labels={label}"
        for issue in self._session.pages(path, list[_Issue]):
            if self._is_ours(issue.user) and issue.pull_request is None:
                yield _issue(issue)

    def open_issue(self, title: str, body: str, label: str) -> Note:
        """A new issue."""
        issue = {"title": title, "body": body, "labels": [label]}
        return _issue(self._session.ask("POST", f"{self._repository}/issues", _Issue, issue))

    def edit_issue(self, issue: Note, title: str, body: str, state: State) -> None:
        """Another text and state for an issue."""
        change = {"title": title, "body": body, "state": state}
        self._session.ask("PATCH", f"{self._repository}/issues/{issue.id}", Raw, change)

    def remark(self, issue: Note, body: str) -> None:
        """A comment on an issue."""
        path = f"{self._repository}/issues/{issue.id}/comments"
        self._session.ask("POST", path, Raw, {"body": body})

    def _login(self) -> str:
        try:
            return self._session.ask("GET", "/user", _User).login
        except HostError as error:
            if error.status not in _NO_USER:
                raise
        asked = {"query": _VIEWER}
        try:
            found = self._graphql.ask("POST", "/graphql", _Who, asked, reads=True).data
        except HostError as error:
            # By another name than its own a comment is not found again, and posted twice.
            if error.status not in _NO_USER:
                raise
            found = None
        return ACTIONS if found is None else found.viewer.login

    def _is_ours(self, user: _User | None) -> bool:
        return user is not None and user.login == self._author


def _note(comment: _Comment) -> Note:
    """A comment has a number, and a name in GraphQL."""
    return Note(f"{comment.id} {comment.node_id}", comment.html_url, comment.body or "")


def _issue(issue: _Issue) -> Note:
    state: State = "closed" if issue.state == "closed" else "open"
    return Note(str(issue.number), issue.html_url, issue.body or "", state)


def pull_of(environment: Mapping[str, str], session: Session, repository: str) -> str:
    """The number of the pull request that a workflow runs for, or that its commit came from."""
    found = _REFERENCE.fullmatch(environment.get("GITHUB_REF", ""))
    if found is not None:
        return found[1]
    number = _in_event(environment.get("GITHUB_EVENT_PATH", ""))
    if number:
        return number
    commit = environment.get("GITHUB_SHA", "")
    # Of any other event the commit is just where the default branch stands.
    if commit and environment.get("GITHUB_EVENT_NAME") == "push":
        path = f"/repos/{repository}/commits/{commit}/pulls"
        for pull in session.ask("GET", path, list[_Numbered]):
            return str(pull.number)
    raise ConfigError("this run belongs to no pull request: name one with --pull NUMBER")


def _in_event(path: str) -> str:
    if not path:
        return ""
    try:
        event = msgspec.json.decode(Path(path).read_bytes(), type=_Event)
    except (OSError, msgspec.MsgspecError):
        return ""
    found = [event.pull_request, event.issue, *event.workflow_run.pull_requests]
    return next((str(one.number) for one in found if one is not None), "")
