"""The result of a guard -> texts that are the same in every format."""

from typing import Literal

from msgspec import Struct

from reconciler.model import GuardResult
from reconciler.planning.guards.registry import GUARDS, MIN_RECORDS_FOR_PERCENT
from reconciler.wording import plural


class GuardText(Struct, frozen=True):
    """The texts for the result of one guard."""

    result: Literal["refused", "allowed", "passed", "not checked"]
    """Whether an apply is refused; `allowed` means that a raised limit lets it pass.

    `not checked` means that the guard cannot count without a base; it refuses nothing then.
    """
    found: str
    """The value with its unit: `12`, or `40.1 %`."""
    limit: str
    """The limit with its unit, and with the raised limit or an exemption if there is one."""
    raised: str
    """The limit of --allow with its unit; empty if it was not given or not needed."""
    sentence: str
    """The value and the limit in words, without a full stop."""


def guard_text(guard_result: GuardResult) -> GuardText:
    """The texts for one result, as in `1 record to be cleared; the limit is 0`."""
    guard = GUARDS[guard_result.guard]
    unit = " %" if guard.per_cent else ""
    subject = (
        f"{guard_result.value:,} % of the managed records"
        if guard.per_cent
        else plural(int(guard_result.value), "record")
    )
    limit = f"{guard_result.limit:,}{unit}"
    raised = "" if guard_result.allowed is None else f"{guard_result.allowed:,}{unit}"
    if not guard_result.checked:
        sentence = "without a base no change is known to revert drift"
        return GuardText("not checked", "not known", limit, raised, sentence)
    return GuardText(
        result="refused" if not guard_result.ok else "allowed" if raised else "passed",
        found=f"{guard_result.value:,}{unit}",
        limit=_limit(guard_result, limit, raised),
        raised=raised,
        sentence=f"{subject} {guard.danger}; the limit is {limit}",
    )


def _limit(guard_result: GuardResult, limit: str, raised: str) -> str:
    if raised:
        return f"{limit}, allowed once, up to {raised}"
    # Without the exemption the row would contradict itself: above the limit, but passed.
    if guard_result.ok and guard_result.value > guard_result.limit:
        return f"{limit}, for {MIN_RECORDS_FOR_PERCENT} records or more"
    return limit
