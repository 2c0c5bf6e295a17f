"""An answer of the API -> the outcome of a change; no I/O."""

from msgspec import Struct

from reconciler.client import api
from reconciler.client.transport import TransportError
from reconciler.escape.text import short_digest
from reconciler.model import REDACTED_REASON, Change, Current, Outcome, OutcomeName
from reconciler.values.canonical import matches


class InDoubt(Struct, frozen=True):
    """An earlier write of this change that may have reached the API: no usable answer came back.

    Only the live value, read again, ends the doubt.
    """

    reason: str
    """The event instead of an answer: `503 busy`."""


def unseen_outcome(
    change: Change, name: OutcomeName, detail: str, doubt: InDoubt | None
) -> Outcome:
    """The outcome when the live value was not read: `unknown` if an earlier write is in doubt."""
    if doubt is not None:
        return Outcome(change, OutcomeName.UNKNOWN, f"{doubt.reason}; then {detail}")
    return Outcome(change, name, detail)


def is_in_place(change: Change, live: Current) -> bool:
    """Whether a record holds the wanted value; another layout of the same JSON counts."""
    return matches(change.after, live.user_data, structured=change.structured)


def transport_message(change: Change, error: TransportError) -> str:
    """Why there is no answer; no reason for a sensitive record: an error may quote an answer."""
    if change.sensitive is None:
        return str(error)
    return "no answer (why is not shown: the record is sensitive)"


def api_message(change: Change, refusal: api.Refusal) -> str:
    """The status and the API's message, which may quote a value: redacted for a sensitive record.

    For example `422 user_data: the maximum length is 5 characters`.
    """
    reason = refusal.reason if change.sensitive is None else REDACTED_REASON
    return f"{refusal.status} {reason}"


def stored_outcome(
    change: Change, stored: Current, changed_fields: tuple[str, ...], doubt: InDoubt | None
) -> Outcome:
    """The outcome of a write that was answered with the stored value.

    `changed_fields` are other fields of the object that changed with it, as a PUT may do.
    """
    if is_in_place(change, stored):
        beside = ""
        if changed_fields:
            beside = f"other fields are not as they were: {', '.join(changed_fields)}"
        return Outcome(change, OutcomeName.APPLIED, beside)
    shown = "null" if stored.user_data is None else f'"{stored.user_data}"'
    if change.sensitive is not None:
        shown = "something else (not shown)"
    elif len(shown) > api.MAX_REASON_CHARS:
        # The digest separates two values that differ only behind the cut.
        shown = (
            f"{shown[: api.MAX_REASON_CHARS]}… ({len(shown):,} characters, {short_digest(shown)})"
        )
    return unseen_outcome(change, OutcomeName.ALTERED, f"the API stored {shown}", doubt)
