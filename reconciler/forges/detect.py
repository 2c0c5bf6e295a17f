"""The environment variables of a CI job -> the host of its pull requests, ready for requests."""

from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from types import MappingProxyType
from typing import TypeAlias

from reconciler.credentials import Secret, checked_token, checked_url
from reconciler.errors import ConfigError
from reconciler.forges import github, gitlab
from reconciler.forges.protocol import Forge
from reconciler.forges.session import Session

Headers: TypeAlias = Callable[[Secret], Mapping[str, str]]
NewSession: TypeAlias = Callable[[str, Headers, Secret], Session]

_GITHUB_API = "https://api.github.com"


def _github(environment: Mapping[str, str], pull: str, new: NewSession, *, of_pull: bool) -> Forge:
    url = checked_url(environment.get("GITHUB_API_URL") or _GITHUB_API, "GITHUB_API_URL")
    token = _token(environment, "GITHUB_TOKEN")
    repository = _named(environment, "GITHUB_REPOSITORY")
    session = new(url, github.headers, token)
    number = pull or (github.pull_of(environment, session, repository) if of_pull else "")
    # GitHub Enterprise Server has REST at /api/v3 and GraphQL at /api/graphql.
    graphql = new(url.removesuffix("/v3"), github.headers, token)
    return github.GitHub(session, graphql, repository, number)


def _gitlab(environment: Mapping[str, str], pull: str, new: NewSession, *, of_pull: bool) -> Forge:
    url = checked_url(_named(environment, "CI_API_V4_URL"), "CI_API_V4_URL")
    project = _named(environment, "CI_PROJECT_ID")
    # GITLAB_TOKEN comes first: CI_JOB_TOKEN may not write notes on most servers.
    of_job = not environment.get("GITLAB_TOKEN")
    if of_job:
        session = new(url, gitlab.job_headers, _token(environment, "CI_JOB_TOKEN"))
    else:
        session = new(url, gitlab.headers, _token(environment, "GITLAB_TOKEN"))
    number = pull or (gitlab.pull_of(environment, session, project) if of_pull else "")
    return gitlab.GitLab(session, project, number, gitlab.login(session, of_job=of_job))


_HOSTS: Mapping[str, Callable[..., Forge]] = MappingProxyType(
    {"github": _github, "gitlab": _gitlab}
)


@contextmanager
def opened(
    host: str, environment: Mapping[str, str], pull: str, *, of_pull: bool
) -> Generator[Forge]:
    """The host `github` or `gitlab`; its connections are closed at the end of the block.

    `pull` is the number of the pull request; if it is empty and `of_pull` is true, the number is
    found from the environment. Raises ConfigError if a variable is missing or invalid, or if no
    pull request is found; HostError if the host refuses the token.
    """
    with ExitStack() as stack:

        def new(url: str, headers: Headers, token: Secret) -> Session:
            return stack.enter_context(closing(Session(url, headers, token)))

        yield _HOSTS[host](environment, pull, new, of_pull=of_pull)


def detected(environment: Mapping[str, str]) -> str:
    """`github` or `gitlab`, from GITHUB_ACTIONS or GITLAB_CI.

    Raises ConfigError if neither is set.
    """
    if environment.get("GITHUB_ACTIONS"):
        return "github"
    if environment.get("GITLAB_CI"):
        return "gitlab"
    raise ConfigError("this is not a job of GitHub or GitLab: name the host, as in --on github")


def _named(environment: Mapping[str, str], name: str) -> str:
    """The value of a variable that becomes a part of request paths."""
    value = environment.get(name, "")
    if not value:
        raise ConfigError(f"{name} is not set: in CI the host sets it")
    if not (value.isascii() and value.isprintable()) or {" ", "?", "#"} & set(value):
        raise ConfigError(f"{name}: holds a character that is not allowed")
    return value


def _token(environment: Mapping[str, str], name: str) -> Secret:
    value = environment.get(name, "")
    if not value:
        raise ConfigError(f"no token: set {name}")
    return checked_token(value, name)
