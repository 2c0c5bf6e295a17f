"""GitHub, and GitHub Enterprise: comments on pull requests, and issues.

https://docs.github.com/rest/issues/comments, https://docs.github.com/rest/issues/issues.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from reconciler.config import Secret
from reconciler.errors import ConfigError
from reconciler.forge import Note, State
from reconciler.forge.session import HostError, Session

# The login behind a workflow's own token, which may not ask who it is.
ACTIONS = "github-actions[bot]"
_NOT_A_USER = frozenset((403, 404))

_MINIMISE = (
    "mutation($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) "
    "{ minimizedComment { isMinimized } } }"
)


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
        for item in self._session.pages(f"{self._repository}/issues/{self._pull}/comments"):
            if self._is_ours(item):
                yield _note(item)

    def post(self, body: str) -> Note:
        """A new comment."""
        path = f"{self._repository}/issues/{self._pull}/comments"
        return _note(self._session.ask("POST", path, {"body": body}))

    def edit(self, note: Note, body: str) -> None:
        """Another text for a comment."""
        number = note.id.partition(" ")[0]
        self._session.ask("PATCH", f"{self._repository}/issues/comments/{number}", {"body": body})

    def minimise(self, note: Note) -> None:
        """Folds a comment away as outdated."""
        node = note.id.partition(" ")[2]
        asked = {"query": _MINIMISE, "variables": {"id": node}}
        answer = self._graphql.ask("POST", "/graphql", asked)
        if answer.get("errors"):
            raise HostError(f"minimizeComment: {answer['errors'][0].get('message', '')}", 0)

    def issues(self, label: str) -> Iterator[Note]:
        """Our issues with a label, the newest first."""
        path = f"{self._repository}/issues?state=all&sort=created&direction=desc&labels={label}"
        for item in self._session.pages(path):
            if self._is_ours(item) and "pull_request" not in item:
                yield _issue(item)

    def open_issue(self, title: str, body: str, label: str) -> Note:
        """A new issue."""
        issue = {"title": title, "body": body, "labels": [label]}
        return _issue(self._session.ask("POST", f"{self._repository}/issues", issue))

    def edit_issue(self, issue: Note, title: str, body: str, state: State) -> None:
        """Another text and state for an issue."""
        change = {"title": title, "body": body, "state": state}
        self._session.ask("PATCH", f"{self._repository}/issues/{issue.id}", change)

    def remark(self, issue: Note, body: str) -> None:
        """A comment on an issue."""
        path = f"{self._repository}/issues/{issue.id}/comments"
        self._session.ask("POST", path, {"body": body})

    def _login(self) -> str:
        try:
            return str(self._session.ask("GET", "/user")["login"])
        except HostError as error:
            if error.status in _NOT_A_USER:
                return ACTIONS
            raise

    def _is_ours(self, item: Mapping[str, Any]) -> bool:
        return (item.get("user") or {}).get("login") == self._author


def _note(item: Mapping[str, Any]) -> Note:
    """A comment has a number, and a name in GraphQL."""
    identity = f"{item['id']} {item.get('node_id', '')}"
    return Note(identity, str(item.get("html_url", "")), item.get("body") or "")


def _issue(item: Mapping[str, Any]) -> Note:
    state: State = "closed" if item.get("state") == "closed" else "open"
    url = str(item.get("html_url", ""))
    return Note(str(item["number"]), url, item.get("body") or "", state)


def pull_of(environment: Mapping[str, str], session: Session, repository: str) -> str:
    """The number of the pull request that a workflow runs for, or that its commit came from."""
    reference = environment.get("GITHUB_REF", "").split("/")
    if reference[:2] == ["refs", "pull"]:
        return reference[2]
    number = _in_event(environment.get("GITHUB_EVENT_PATH", ""))
    if number:
        return number
    commit = environment.get("GITHUB_SHA", "")
    if commit:
        for pull in session.ask("GET", f"/repos/{repository}/commits/{commit}/pulls"):
            return str(pull["number"])
    raise ConfigError("this run belongs to no pull request: name one with --pull NUMBER")


class _Numbered(msgspec.Struct):
    number: int


class _Event(msgspec.Struct):
    pull_request: _Numbered | None = None
    issue: _Numbered | None = None


def _in_event(path: str) -> str:
    if not path:
        return ""
    try:
        with open(path, "rb") as stream:  # noqa: PTH123  the runner's own file
            event = msgspec.json.decode(stream.read(), type=_Event)
    except (OSError, msgspec.MsgspecError):
        return ""
    found = event.pull_request or event.issue
    return str(found.number) if found is not None else ""
