"""Environment variables, git and the operating system -> who started a run."""

import getpass
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from reconciler.applying.result_file import plain
from reconciler.errors import ReconcilerError
from reconciler.git import Repository

# Variables of GitHub, GitLab, Jenkins and Buildkite; the first one that is set counts. GitHub has
# no variable with the URL of a run (see `_github_run`).
_ACTOR = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID", "BUILDKITE_BUILD_CREATOR")
_URL = ("CI_JOB_URL", "BUILD_URL", "BUILDKITE_BUILD_URL")
_COMMIT = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILDKITE_COMMIT")


def actor_of(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The known ones of `user`, `git`, `actor`, `url` and `commit`.

    For example `{"user": "runner", "git": "Ada <ada@example.com>", "commit": "1a2b..."}`. The
    commit of the CI system takes precedence over HEAD.
    """
    known = {
        "user": _user(),
        **_git(folder),
        "actor": _first(environment, _ACTOR),
        "url": job_url(environment),
    }
    stated = _first(environment, _COMMIT)
    if stated:
        known["commit"] = stated
    # A variable can hold bytes that are not UTF-8; the JSON encoder refuses their surrogates.
    return {name: plain(value) for name, value in known.items() if value}


def job_url(environment: Mapping[str, str]) -> str:
    """The URL of this run in the CI system; otherwise empty."""
    return _github_run(environment) or _first(environment, _URL)


def _user() -> str:
    with suppress(OSError, KeyError):  # a container's user may have no name
        return getpass.getuser()
    return str(os.getuid())


def _git(folder: Path) -> dict[str, str]:
    with suppress(ReconcilerError):
        git = Repository(folder)
        return {"git": git.identity(), "commit": git.known("HEAD") or ""}
    return {}


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")


def _github_run(environment: Mapping[str, str]) -> str:
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (environment.get(name, "") for name in names)
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
