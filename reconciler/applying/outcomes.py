"""An answer -> what it means for a change; pure."""

from reconciler.client import api
from reconciler.client.transport import TransportError
from reconciler.escape import mark_of
from reconciler.model import HUSHED, Change, Current, Outcome, OutcomeName
from reconciler.values.canonical import same


def ended(change: Change, name: OutcomeName, detail: str, *, maybe: str) -> Outcome:
    """An outcome without the value having been seen: after a doubtful write it is in doubt."""
    if maybe:
        return Outcome(change, OutcomeName.UNKNOWN, f"{maybe}; then {detail}")
    return Outcome(change, name, detail)


def holds(change: Change, held: Current) -> bool:
    """Whether a record holds what is wanted, an API's own layout of the same JSON included."""
    return same(change.after, held.user_data, structured=change.structured)


def told(change: Change, error: TransportError) -> str:
    """Why there is no answer; it may quote one, which is not always to be shown."""
    if change.sensitive is None:
        return str(error)
    return "no answer (why is not shown: the record is sensitive)"


def said(change: Change, refusal: api.Refusal) -> str:
    """What the API said; it may quote the value, which is not always to be shown."""
    return f"{refusal.status} {refusal.reason if change.sensitive is None else HUSHED}"


def stored(change: Change, held: Current, others: tuple[str, ...], *, maybe: str) -> Outcome:
    """How an answered write ended; `others` are fields beside it that are not as they were."""
    if holds(change, held):
        beside = f"other fields are not as they were: {', '.join(others)}" if others else ""
        return Outcome(change, OutcomeName.APPLIED, beside)
    there = "null" if held.user_data is None else f'"{held.user_data}"'
    if change.sensitive is not None:
        there = "something else (not shown)"
    elif len(there) > api.MAX_REASON_CHARS:
        there = f"{there[: api.MAX_REASON_CHARS]}… ({len(there):,} characters, {mark_of(there)})"
    detail = f"the API stored {there}"
    return ended(change, OutcomeName.ALTERED, detail, maybe=maybe)
