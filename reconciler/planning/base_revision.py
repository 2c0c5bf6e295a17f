"""What a plan is compared with: which revision of git is the base, and how it was found."""

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
    """Which revisions a run is told to look at, and which of the differences to write.

    `environment` is where CI systems say what the base of a pull request is; `notes_head` asks for
    the commit that the manifests are, even without a base.
    """

    base: str | None = None
    since: str | None = None
    only: tuple[Origin, ...] = ()
    choices: Mapping[Address, Side] = MappingProxyType({})
    environment: Mapping[str, str] = MappingProxyType({})
    notes_head: bool = False

    @property
    def asked(self) -> bool:
        """Whether git is needed."""
        return self.base is not None or self.since is not None


def checked(comparison: Comparison) -> Comparison:
    """The comparison itself; UsageError for what makes no sense without a base."""
    if not comparison.asked:
        for flag, given in (("--only", comparison.only), ("--resolve", comparison.choices)):
            if given:
                raise UsageError(f"{flag} needs --base or --since: all else is this revision's")
    return comparison


def parse_choices(texts: Iterable[str]) -> dict[Address, Side]:
    """`messages/097b49df-...=git` as a choice; UsageError for what is none."""
    chosen = {}
    for text in texts:
        name, _, side = text.lower().partition("=")
        address = Address.parse(name)
        if address.kind not in KINDS or not is_sid(address.sid) or side not in list(Side):
            raise UsageError(
                f"--resolve {text}: expected one record and whose value it takes, as in "
                "messages/097b49df-c54e-4eaf-97d0-89cf7d5a655b=git (or =live)"
            )
        chosen[address] = Side(side)
    return chosen


def base_commit(comparison: Comparison, git: Repository) -> tuple[str, str]:
    """The commit to compare with, and in words how it was found."""
    name = comparison.since if comparison.base is None else comparison.base
    if name != AUTO and name is not None:
        return git.commit(name), name
    applied = git.known(APPLIED)
    if applied is not None:
        return applied, "the last one that was applied"
    return _branching(comparison.environment, git)


def past_rules(
    commits: Iterable[str | None], comparison: Comparison, git: Repository, tree: Tree
) -> Iterator[PastRules]:
    """The rules at the given commits, at the last applied one and at target branches' tips."""
    names = (APPLIED, *_upstream(comparison.environment))
    for commit in dict.fromkeys(filter(None, (*commits, *map(git.known, names)))):
        yield PastRules(commit, git, tree)


def _upstream(environment: Mapping[str, str]) -> Iterator[str]:
    """The names of the branches that this one may go into."""
    yield "origin/HEAD"
    for name in ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"):
        if environment.get(name):
            yield f"origin/{environment[name]}"


def _branching(environment: Mapping[str, str], git: Repository) -> tuple[str, str]:
    """Where this branch left the one that it will go into."""
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
    where = f"where this branch left {name}"
    return found, f"{where}, which is this very commit" if found == head else where
