"""--base and --since -> the commit that a plan is compared with, and how it was found."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct

from reconciler.errors import ReconcilerError, UsageError
from reconciler.git import APPLIED, Repository
from reconciler.kinds import KINDS, is_sid
from reconciler.manifests.discovery import Tree
from reconciler.model import Address, Origin, Side
from reconciler.planning.redaction import PastRules

AUTO = "auto"


class Comparison(Struct, frozen=True):
    """The revisions to compare, and the differences to write."""

    base: str | None = None
    """The revision of --base, or `auto`; None without the flag."""
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
    def asked(self) -> bool:
        """Whether --base or --since was given, so that git is needed."""
        return self.base is not None or self.since is not None


def checked(comparison: Comparison) -> Comparison:
    """The comparison itself. Raises UsageError if --only or --resolve is given without a base."""
    if not comparison.asked:
        for flag, given in (("--only", comparison.only), ("--resolve", comparison.choices)):
            if given:
                raise UsageError(
                    f"{flag} needs --base or --since: without a base every origin is `change`"
                )
    return comparison


def parse_choices(texts: Iterable[str]) -> dict[Address, Side]:
    """The choices of --resolve: `messages/097b49df-...=git` gives `{Address: Side.GIT}`.

    Raises UsageError if a text has another form.
    """
    chosen = {}
    for text in texts:
        name, _, side = text.lower().partition("=")
        address = Address.parse(name)
        if address.kind not in KINDS or not is_sid(address.sid) or side not in list(Side):
            raise UsageError(
                f"--resolve {text}: expected a record and the side whose value it takes, as in "
                "messages/097b49df-c54e-4eaf-97d0-89cf7d5a655b=git (or =live)"
            )
        chosen[address] = Side(side)
    return chosen


def base_commit(comparison: Comparison, git: Repository) -> tuple[str, str]:
    """The base: the full name of a commit, and how it was found, for people.

    `auto` takes the last applied commit, otherwise the commit at which this branch left its target.
    Raises ReconcilerError, with the command to run next, if there is no such commit.
    """
    name = comparison.since if comparison.base is None else comparison.base
    if name != AUTO and name is not None:
        return git.commit(name), name
    # Before the branching point: if that commit was merged and never applied, its changes would
    # look like drift (docs/approval.md).
    applied = git.known(APPLIED)
    if applied is not None:
        return applied, "the last one that was applied"
    return _branching(comparison.environment, git)


def past_rules(
    commits: Iterable[str | None], comparison: Comparison, git: Repository, tree: Tree
) -> Iterator[PastRules]:
    """The rules at the given commits, the last applied commit and the tips of target branches.

    Each commit occurs once; None and unknown revisions are skipped.
    """
    # A branch may be older than the rule that hides a value; its target branch has the rule
    # (test_a_stale_branch_shows_nothing_that_is_hidden_where_it_goes_to).
    names = (APPLIED, *_upstream(comparison.environment))
    for commit in dict.fromkeys(filter(None, (*commits, *map(git.known, names)))):
        yield PastRules(commit, git, tree)


def _upstream(environment: Mapping[str, str]) -> Iterator[str]:
    """The remote branches that this branch may be merged into: `origin/main`."""
    yield "origin/HEAD"
    for name in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        if environment.get(name):
            yield f"origin/{environment[name]}"


def _branching(environment: Mapping[str, str], git: Repository) -> tuple[str, str]:
    """The commit at which this branch left its target branch, and how it was found.

    CI_MERGE_REQUEST_DIFF_BASE_SHA (GitLab) names that commit, GITHUB_BASE_REF the target branch
    (predefined variables of GitLab CI/CD and GitHub Actions). Without them the target is
    origin/HEAD, the default branch.
    """
    stated = environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA")
    if stated:
        return git.commit(stated), "the base of this merge request"
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
            f"--base auto: HEAD and {name} have no commit in common here: fetch the whole history "
            "(`fetch-depth: 0`, `git fetch --unshallow`), or name the base"
        )
    # On the target branch itself the base is HEAD: only uncommitted edits are then `change`.
    where = f"where this branch left {name}"
    return found, f"{where}, which is HEAD itself" if found == head else where
