"""The commit that was applied last: noted, and not gone behind."""

from collections.abc import Iterator

from reconciler.commands.plan_run import Inputs
from reconciler.commands.terminal import Terminal
from reconciler.errors import MovedError, ReconcilerError
from reconciler.git import APPLIED, Repository
from reconciler.manifests import at_revision
from reconciler.manifests.settings import Settings
from reconciler.model import Mode, Plan, short


def keep_order(inputs: Inputs) -> None:
    """Refuses what was merged before what was applied last: it would take back what came after."""
    if inputs.comparison.since is None:
        return
    git = at_revision.repository(inputs.manifests.paths)
    head, applied = git.known("HEAD"), git.known(APPLIED)
    if head is None or applied is None or not git.holds(applied, head):
        return
    if not at_revision.alike(git, head, applied, inputs.manifests.paths):
        raise MovedError(
            f"nothing was written: {short(head)} comes before {short(applied)}, which was applied "
            "last; apply the newest commit, or revert what is not wanted",
            [],
        )


def record(plan: Plan, inputs: Inputs, terminal: Terminal, *, saved: bool) -> None:
    """Notes the commit as applied, if the records now hold all that it says.

    What was applied is applied: that nothing can be noted is said, and is no failure.
    """
    try:
        git = at_revision.repository(inputs.manifests.paths)
        why = next(_objections(plan, git, inputs, saved=saved), "")
        if not why:
            head = git.commit(plan.revisions.head or "")
            git.record(head)
            terminal.note(f"Recorded {short(head)} as applied, for --base auto.")
            return
    except ReconcilerError as error:
        why = str(error)
    terminal.note(f"Not recorded: {why}.")


def _objections(plan: Plan, git: Repository, inputs: Inputs, *, saved: bool) -> Iterator[str]:
    """Why a plan is not all of a commit, or not the last one that was applied."""
    scope, head, applied = plan.scope, plan.revisions.head, git.known(APPLIED)
    if head is None:
        yield "the manifests are not those of a commit"
        return
    if scope.manifests or scope.target or scope.exclude or scope.only or plan.left:
        yield "a part of the records was left out"
    paths, since = inputs.manifests.paths, scope.since
    if since is not None and (applied is None or not at_revision.alike(git, applied, since, paths)):
        yield f"only what changed since {short(since)} was looked at"
    if applied is None:
        return
    base = plan.revisions.base
    known = base and (git.holds(applied, base) or at_revision.alike(git, applied, base, paths))
    if _removes(inputs.manifests.settings) and not known:
        yield f"what left git since {short(applied)} was not looked at: use --base auto"
    if saved and not git.holds(head, applied):
        yield f"{short(applied)}, which was applied since, is no part of {short(head)}"


def _removes(settings: Settings) -> bool:
    """Whether what leaves git leaves the records, for which the base has to be known."""
    return any(rule.mode is Mode.MERGE or rule.removed == "clear" for rule in settings.rules)
