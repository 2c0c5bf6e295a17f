"""The progress of an apply -> JSON Lines, one event a line, as `terraform apply -json` writes them.

The types `version`, `planned_change`, `apply_start`, `apply_complete`, `apply_errored` and
`change_summary` have Terraform's meaning; the members `outcome`, `detail` and `outcomes` are added.
No event holds the value of a record, except where `detail` quotes the API.

Every function returns one line with its newline; `now` is the time of the event (RFC 3339).
https://developer.hashicorp.com/terraform/internals/machine-readable-ui
"""

from collections.abc import Iterable, Mapping

from reconciler import __version__
from reconciler.escape.text import in_json
from reconciler.model import GOOD_OUTCOMES, Change, Outcome
from reconciler.planning.summary import tally
from reconciler.values.json_text import encode

# The outcomes after which a record holds the wanted value.
# The version of Terraform's format that these events follow.
_UI = "1.2"


def version(now: str) -> str:
    """The first event: the versions of the format and of reconciler."""
    return _event(
        "version", f"reconciler {__version__}", now, {"ui": _UI, "reconciler": __version__}
    )


def planned(change: Change, now: str) -> str:
    """A change of the plan; Terraform calls each of them an `update`."""
    body = {"resource": _resource(change), "action": "update"}
    return _event("planned_change", f"{change.address}: {change.action}", now, {"change": body})


def change_count(changes: int, now: str) -> str:
    """How many changes the plan has."""
    return _summary("plan", changes, now, {})


def _summary(operation: str, changes: int, now: str, more: Mapping[str, object]) -> str:
    counts = {"add": 0, "change": changes, "remove": 0, "operation": operation}
    return _event("change_summary", f"{operation}: {changes:,}", now, {"changes": counts, **more})


def applied(outcomes: Iterable[Outcome], now: str) -> str:
    """The last event: the number of changes by outcome, as in `{"applied": 3, "stale": 1}`."""
    counts = {name.value: count for name, count in tally(outcomes).items()}
    return _summary("apply", counts.get("applied", 0), now, {"outcomes": counts})


def started(change: Change, now: str) -> str:
    """The write of a change begins."""
    hook = {"resource": _resource(change), "action": "update"}
    return _event("apply_start", f"{change.address}: writing", now, {"hook": hook})


def ended(outcome: Outcome, now: str) -> str:
    """The outcome of a change: an error unless the record holds the wanted value."""
    change, fine = outcome.change, outcome.name in GOOD_OUTCOMES
    hook = {"resource": _resource(change), "action": "update"}
    return _event(
        "apply_complete" if fine else "apply_errored",
        f"{change.address}: {outcome.name}",
        now,
        {"hook": hook, "outcome": outcome.name, "detail": outcome.detail},
        level="info" if fine else "error",
    )


def _resource(change: Change) -> dict[str, str]:
    kind, sid = change.address.kind, change.address.sid
    return {
        "addr": str(change.address),
        "module": "",
        "resource": str(change.address),
        "implied_provider": "carrierx",
        "resource_type": kind,
        "resource_name": sid,
    }


def _event(
    name: str, message: str, now: str, members: Mapping[str, object], *, level: str = "info"
) -> str:
    common = {"@level": level, "@message": message, "@module": "reconciler.ui", "@timestamp": now}
    # `detail` may quote the API: `::` or `##` in it must not command a CI system.
    event = encode({**common, "type": name, **members})
    return f"{in_json(event)}\n"
