"""--base and --since -> the commit that a plan is compared with, and how it was found."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from msgspec import Struct, structs

from reconciler.errors import ReconcilerError, UsageError
from reconciler.git import APPLIED, FETCH, Repository
from reconciler.kinds import KINDS, is_sid
from reconciler.manifests.discovery import Tree
from reconciler.model import Address, Origin, Side, short_commit
from reconciler.planning.redaction import PastRules

AUTO, NONE = "auto", "none"


class Base(Struct, frozen=True):
    """The commit to compare with, or the reason why none is known."""

    commit: str | None
    """The full name of the commit; None if no base is known."""
    found_as: str
    """How it was found, or why none is known, for people."""
    applied: bool = False
    """Whether it was found as the commit that was applied last: then all of it was applied."""


class Comparison(Struct, frozen=True):
    """The revisions to compare, and the differences to write."""

    base: str | None = None
    """The revision of --base, `auto` or `none`; None for the commit that was applied last."""
    since: str | None = None
    """The revision of --since, or `auto`; None without the flag."""
    only: tuple[Origin, ...] = ()
    """The origins of --only; empty for all origins."""
    choices: Mapping[Address, Side] = MappingProxyType({})
    """The sides of --resolve, by record."""
    environment: Mapping[str, str] = MappingProxyType({})
    """The environment variables, in which CI systems name the base of a pull request."""
    with_head: bool = False
    """Whether the plan names the commit of the manifests even without --base and --since."""

    @property
    def needs_git(self) -> bool:
        """Whether a revision was named, so that a run outside of git is an error."""
        return self.since is not None or self.base not in (None, NONE)


def checked(comparison: Comparison) -> Comparison:
    """The comparison itself. Raises UsageError if --only is given where no origin is known."""
    if comparison.base == NONE and comparison.since is None and comparison.only:
        raise UsageError("--only needs a base: with --base none no origin is known")
    return comparison


def account_ref(account: str) -> str:
    """The ref that holds the commit applied last to an account: `prod`, or `api.carrierx.com`."""
    return f"{APPLIED}/{account}"


def account_of(
    base_url: str, environment: str | None, *, sandbox: bool = False, project: str = ""
) -> str:
    """The name under which the applied commit of an account is kept.

    That of the environment, otherwise the host of the API: `api.carrierx.com`, `localhost_8080`.
    The folder of a project below the top of its repository stands behind it, as in
    `api.carrierx.com+svc%2Fsms`: an apply of one project says nothing about the records of another.
    """
    # No `+` is in the names of hosts and environments.
    below = re.sub(b"[^A-Za-z0-9_-]", lambda found: b"%%%02X" % found[0][0], os.fsencode(project))
    name = below.decode()
    if len(name) > _MAX_PROJECT_CHARS:
        digest = hashlib.sha256(below).hexdigest()[:16]
        name = f"{name[:_MAX_PROJECT_CHARS]}+{digest}"
    return _account(base_url, environment, sandbox=sandbox) + (f"+{name}" if name else "")


# git keeps a ref in a file, whose name most file systems limit to 255 bytes.
_MAX_PROJECT_CHARS = 100


def _account(base_url: str, environment: str | None, *, sandbox: bool) -> str:
    # Names of environments hold neither dots nor underscores: no host and no sandbox has the name
    # of an environment.
    if environment is not None:
        return f"{environment}_sandbox" if sandbox else environment
    url = urlsplit(base_url)
    host = re.sub("[^a-z0-9.-]", "_", url.hostname or "")
    port = url.port or ("" if "." in host else {"http": 80, "https": 443}[url.scheme])
    return f"{host}_{port}" if port else host


def parse_choices(texts: Iterable[str]) -> dict[Address, Side]:
    """The choices of --resolve: `messages/097b49df-...=git` gives `{Address: Side.GIT}`.

    Raises UsageError if a text has another form.
    """
    chosen: dict[Address, Side] = {}
    for text in texts:
        name, _, side = text.lower().partition("=")
        address = Address.parse(name)
        if address.kind not in KINDS or not is_sid(address.sid) or side not in list(Side):
            raise UsageError(
                f"--resolve {text}: expected a record and the side whose value it takes, as in "
                "messages/097b49df-c54e-4eaf-97d0-89cf7d5a655b=git (or =live)"
            )
        if chosen.setdefault(address, Side(side)) != side:
            raise UsageError(f"--resolve {name}: is given with both sides: choose one")
    return chosen


def find_base(comparison: Comparison, git: Repository | None, account: str) -> Base:
    """The base of a plan without --since.

    Raises ReconcilerError, with the command to run next, if --base names no commit that is here.
    """
    if comparison.base == NONE:
        return Base(None, "--base none")
    if git is None:
        return Base(None, "the manifests are in no git repository")
    if comparison.base not in (None, AUTO):
        return _named(str(comparison.base), git)
    # Before the branching point: if that commit was merged and never applied, its changes would
    # look like drift (docs/approval.md).
    last = _applied(git, account)
    if last.commit is None and comparison.base == AUTO:
        return _branching(comparison.environment, git)
    return last


def find_since(comparison: Comparison, git: Repository, account: str) -> Base:
    """The commit after which records must have changed in git to be looked at (--since).

    It is the merge base with HEAD: merges of others after this branch left are no changes of this
    branch. Raises ReconcilerError, with the command to run next, if there is no such commit.
    """
    name = comparison.since or AUTO
    if name == AUTO:
        found = _applied(git, account)
        if found.commit is None:
            return _branching(comparison.environment, git)
        name = "the last applied commit"
        since = _merge_base(git, found.commit, found.found_as, name)
        return structs.replace(since, applied=True)
    commit = git.commit(name)
    return _merge_base(git, commit, name, name)


def _merge_base(git: Repository, commit: str, found_as: str, name: str) -> Base:
    head = git.known("HEAD")
    if head is None or git.holds(head, commit):
        return Base(commit, found_as)
    found = git.merge_base(head, commit)
    if found is None:
        raise ReconcilerError(f"--since: HEAD and {name} have no commit in common here{FETCH}")
    return Base(found, f"where HEAD and {name} parted")


def _named(name: str, git: Repository) -> Base:
    commit = git.commit(name)
    head = git.known("HEAD")
    if head is None or git.holds(head, commit):
        return Base(commit, name)
    return Base(commit, f"{name}, {_NOT_IN_HEAD}")


def _applied(git: Repository, account: str) -> Base:
    """The commit that was applied last to an account; none, and why, if it is not known here."""
    ref = account_ref(account)
    held = git.ref(ref)
    if held is None:
        return Base(None, f"no commit is recorded as applied to {account}")
    commit = git.known(ref)
    if commit is None:
        return Base(
            None,
            f"{short_commit(held)}, which was applied last to {account}, is not in this "
            f"clone{FETCH}",
        )
    head = git.known("HEAD")
    words = f"applied last to {account}"
    if head is not None and not git.holds(head, commit):
        words = f"{words}, {_NOT_IN_HEAD}"
    return Base(commit, words, applied=True)


_NOT_IN_HEAD = "not in HEAD: merges since then would be undone"


def past_rules(
    commits: Iterable[str | None],
    comparison: Comparison,
    git: Repository,
    tree: Tree,
) -> Iterator[PastRules]:
    """The rules at the given commits, all last applied commits and the tips of target branches.

    Each commit occurs once; None and unknown revisions are skipped.
    """
    # A branch may be older than the rule that hides a value; its target branch has the rule
    # (test_a_stale_branch_shows_nothing_that_is_hidden_where_it_goes_to).
    # All recorded commits: a pull request that moves the project's root also changes its account.
    names = (*git.refs(APPLIED), *_upstream(comparison.environment))
    for commit in dict.fromkeys(filter(None, (*commits, *map(git.known, names)))):
        yield PastRules(commit, git, tree)


def _upstream(environment: Mapping[str, str]) -> Iterator[str]:
    """The remote branches that this branch may be merged into: `origin/main`."""
    yield "origin/HEAD"
    for name in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        if environment.get(name):
            yield f"origin/{environment[name]}"


def _branching(environment: Mapping[str, str], git: Repository) -> Base:
    """The commit at which this branch left its target branch.

    CI_MERGE_REQUEST_DIFF_BASE_SHA (GitLab) names that commit, GITHUB_BASE_REF the target branch
    (predefined variables of GitLab CI/CD and GitHub Actions). Without them the target is
    origin/HEAD, the default branch.
    """
    stated = environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA")
    if stated:
        return Base(git.commit(stated), "the base of this merge request")
    target = environment.get("GITHUB_BASE_REF")
    name = f"origin/{target}" if target else "origin/HEAD"
    branch = git.commit(name) if target else git.known(name)
    if branch is None:
        raise ReconcilerError(
            "--base auto: no commit is recorded as applied, and no default branch is known here "
            "(origin/HEAD): name the base, as in --base origin/main"
        )
    head = git.commit("HEAD")
    found = git.merge_base(head, branch)
    if found is None:
        raise ReconcilerError(
            f"--base auto: HEAD and {name} have no commit in common here{FETCH}, or name the base"
        )
    # On the target branch itself the base is HEAD: only uncommitted edits are then `change`.
    where = f"where this branch left {name}"
    return Base(found, f"{where}, which is HEAD itself" if found == head else where)
