"""An apply as it goes -> a line of JSON an event, in Terraform's machine-readable words.

`version`, `planned_change`, `apply_start`, `apply_complete`, `apply_errored` and `change_summary`
mean what they mean there; `outcome`, `detail` and `outcomes` are ours. Of values an event holds
only what the API said of them.
"""

from collections.abc import Iterable, Mapping

import msgspec

from reconciler import __version__
from reconciler.escape import in_json
from reconciler.model import Change, Outcome, OutcomeName
from reconciler.planning.summary import tally

_FINE = (OutcomeName.APPLIED, OutcomeName.ALREADY)
_UI = "1.2"  # the version of Terraform's interface


def version(now: str) -> str:
    """The first event."""
    return _event(
        "version", f"reconciler {__version__}", now, {"ui": _UI, "reconciler": __version__}
    )


def planned(change: Change, now: str) -> str:
    """A change that the plan holds."""
    body = {"resource": _resource(change), "action": "update"}
    return _event("planned_change", f"{change.address}: {change.action}", now, {"change": body})


def change_count(changes: int, now: str) -> str:
    """How many changes there are to make."""
    return _summary("plan", changes, now, {})


def _summary(operation: str, changes: int, now: str, more: Mapping[str, object]) -> str:
    counts = {"add": 0, "change": changes, "remove": 0, "operation": operation}
    return _event("change_summary", f"{operation}: {changes:,}", now, {"changes": counts, **more})


def applied(outcomes: Iterable[Outcome], now: str) -> str:
    """The last event: what happened, by outcome."""
    counts = {name.value: count for name, count in tally(outcomes).items()}
    return _summary("apply", counts.get("applied", 0), now, {"outcomes": counts})


def started(change: Change, now: str) -> str:
    """A write that begins."""
    hook = {"resource": _resource(change), "action": "update"}
    return _event("apply_start", f"{change.address}: writing", now, {"hook": hook})


def ended(outcome: Outcome, now: str) -> str:
    """How a change ended."""
    change, fine = outcome.change, outcome.name in _FINE
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
    event = msgspec.json.encode({**common, "type": name, **members}).decode()
    return f"{in_json(event)}\n"
