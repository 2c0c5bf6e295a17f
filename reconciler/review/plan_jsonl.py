"""A plan -> JSON Lines: the rows of the plan file one by one, for `jq`, `grep` and log stores.

The first line is the head and the last one the summary, so that a truncated file is recognised.
Sensitive values are masked.
"""

from collections.abc import Iterator

from reconciler.escape.text import in_json
from reconciler.model import Plan
from reconciler.planning import plan_rows
from reconciler.planning.plan_file import FORMAT_VERSION
from reconciler.planning.summary import summarize
from reconciler.values.json_text import encode


def lines(plan: Plan) -> Iterator[str]:
    """The lines with their newlines; `type` names the only other member of each line.

    For example `{"type": "released", "released": {...}}`.
    """
    key = plan.meta.fingerprint_key.encode()
    yield _line(
        "plan",
        {
            "format_version": FORMAT_VERSION,
            "digest": plan.digest,
            "complete": plan.complete,
            "applyable": plan.applyable,
            "target": {"base_url": plan.base_url},
            "source": plan.revisions,
            "scope": plan.scope,
            "created": plan.meta.created,
        },
    )
    for change in plan.changes:
        # The rows of the plan file itself: a jq filter for a row works for both formats.
        yield _line("resource_change", plan_rows.change_row(change, key))
    for lost in plan.unreadable:
        yield _line("unreadable", plan_rows.unreadable_row(lost))
    for conflict in plan.conflicts:
        yield _line("conflict", plan_rows.conflict_row(conflict, key))
    for gone in plan.released:
        yield _line("released", plan_rows.released_row(gone))
    for guard_result in plan.guards:
        yield _line("guard", guard_result)
    yield _line("summary", summarize(plan))


def _line(type_: str, value: object) -> str:
    return in_json(encode({"type": type_, type_: value})) + "\n"
