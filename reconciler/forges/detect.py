"""The environment of a CI system -> the host that it runs for."""

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
    # On a server of one's own GraphQL is beside the REST API, not below it.
    graphql = new(url.removesuffix("/v3"), github.headers, token)
    return github.GitHub(session, graphql, repository, number)


def _gitlab(environment: Mapping[str, str], pull: str, new: NewSession, *, of_pull: bool) -> Forge:
    url = checked_url(_named(environment, "CI_API_V4_URL"), "CI_API_V4_URL")
    project = _named(environment, "CI_PROJECT_ID")
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
    """A host; `pull` is the number of the pull request, if it is named and not to be found out."""
    with ExitStack() as stack:

        def new(url: str, headers: Headers, token: Secret) -> Session:
            return stack.enter_context(closing(Session(url, headers, token)))

        yield _HOSTS[host](environment, pull, new, of_pull=of_pull)


def detected(environment: Mapping[str, str]) -> str:
    """The host whose CI system this runs in; ConfigError where it is none of them."""
    if environment.get("GITHUB_ACTIONS"):
        return "github"
    if environment.get("GITLAB_CI"):
        return "gitlab"
    raise ConfigError("this is no job of GitHub or GitLab: name the host, as in --on github")


def _named(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise ConfigError(f"{name} is not set: in CI the host sets it")
    if not (value.isascii() and value.isprintable()) or {" ", "?", "#"} & set(value):
        raise ConfigError(f"{name}: holds a character that cannot be in it")
    return value


def _token(environment: Mapping[str, str], name: str) -> Secret:
    value = environment.get(name, "")
    if not value:
        raise ConfigError(f"no token: set {name}")
    return checked_token(value, name)
