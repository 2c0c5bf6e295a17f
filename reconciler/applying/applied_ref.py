"""The commit that was applied last to an account: recorded in git, never undone by an older one."""

from collections.abc import Iterator

from reconciler.errors import MovedError, ReconcilerError
from reconciler.git import FETCH, Repository
from reconciler.manifests import at_revision
from reconciler.manifests.loader import Manifests
from reconciler.manifests.settings import Settings
from reconciler.model import Mode, Plan, short_commit
from reconciler.planning.base_revision import account_ref


def keep_order(manifests: Manifests, account: str) -> None:
    """Refuses to apply a commit that is older than the one that was applied last.

    Raises MovedError: such an apply would undo what was merged after it.
    """
    git = at_revision.repository(manifests)
    head, applied = git.known("HEAD"), git.known(account_ref(account))
    if head is None or applied is None:
        return
    older = git.holds(applied, head)
    if not older and (git.holds(head, applied) or not git.is_shallow):
        return
    # An older commit with the same manifests, as after a revert, undoes nothing.
    if at_revision.same_manifests(git, head, applied, manifests):
        return
    if not older:
        raise MovedError(
            f"nothing was written: this shallow clone does not show whether {short_commit(head)} "
            f"comes before {short_commit(applied)}, which was applied last{FETCH}"
        )
    raise MovedError(
        f"nothing was written: {short_commit(head)} comes before {short_commit(applied)}, "
        "which was applied last; apply the newest commit, or revert what is not wanted"
    )


def recorded(manifests: Manifests, account: str) -> str | None:
    """The object that is recorded as applied last, also if it is not here; None without one."""
    try:
        return at_revision.repository(manifests).ref(account_ref(account))
    except ReconcilerError:
        return None  # without git nothing is recorded


def record(
    plan: Plan, manifests: Manifests, account: str, *, saved: bool, before: str | None
) -> str:
    """Records the commit of an applied plan as the next base, and returns its name.

    `saved` says whether the plan came from a file, `before` is the object that was recorded when
    the run began. Raises ReconcilerError, which says why, if the live records may not hold every
    value of the commit.
    """
    git = at_revision.repository(manifests)
    ref = account_ref(account)
    why = next(_objections(plan, git, manifests, ref, saved=saved), "")
    now = git.ref(ref)
    if not why and now not in (None, before, plan.revisions.head):
        why = f"another run recorded {short_commit(now or '')} meanwhile"
    if why:
        raise ReconcilerError(why)
    head = git.commit(plan.revisions.head or "")
    if git.ref(ref) != head:
        git.record(ref, head, before)
    return head


def _objections(
    plan: Plan, git: Repository, manifests: Manifests, ref: str, *, saved: bool
) -> Iterator[str]:
    """Why a plan is not all of a commit, or not the newest one that was applied."""
    scope, head, applied = plan.scope, plan.revisions.head, git.known(ref)
    if head is None and plan.revisions.base_is is None:
        yield "a rollback takes values of a commit back; revert that commit, and apply the revert"
        return
    if head is None:
        yield "the manifests are not those of a commit"
        return
    if scope.manifests or scope.target or scope.exclude or scope.only or plan.left_alone:
        yield "a part of the records was left out"
    since = scope.since
    looked_at_all = since is None or (
        applied is not None and at_revision.same_manifests(git, applied, since, manifests)
    )
    if since is not None and not looked_at_all:
        yield f"only what changed since {short_commit(since)} was looked at"
    if applied is None:
        lost = git.ref(ref)
        if lost is not None and _removes(manifests.settings):
            yield (
                f"{short_commit(lost)}, which was applied last, is not in this clone, and removals "
                f"since then were not checked{FETCH}; if it is gone: git update-ref -d {ref}"
            )
        return
    # The recorded commit is the next base: a removal that this plan did not compare would be in no
    # later plan.
    base = plan.revisions.base
    known = base and (
        git.holds(applied, base) or at_revision.same_manifests(git, applied, base, manifests)
    )
    if _removes(manifests.settings) and not known:
        yield (
            f"records that were removed from git since {short_commit(applied)} were not checked: "
            "leave out --base"
        )
    # A plan that was compared with the recorded commit knows it: nothing was applied since.
    if saved and base != applied and not git.holds(head, applied):
        newer = short_commit(applied)
        yield f"{newer}, which was applied since, is not an ancestor of {short_commit(head)}"


def _removes(settings: Settings) -> bool:
    """Whether a removal from git changes live records: then the base has to be known."""
    return any(rule.mode is Mode.MERGE or rule.removed == "clear" for rule in settings.rules)
