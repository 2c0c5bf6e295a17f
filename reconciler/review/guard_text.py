"""What a guard says of a plan -> words, the same in every format."""

from typing import Literal

from msgspec import Struct

from reconciler.model import GuardResult
from reconciler.planning import guards


class GuardText(Struct, frozen=True):
    """A verdict in words, numbers with their unit, and what it found as a `sentence`.

    `raised` is the limit that was raised once by hand, or nothing.
    """

    result: Literal["refused", "allowed", "passed"]
    found: str
    limit: str
    raised: str
    sentence: str


def guard_text(verdict: GuardResult) -> GuardText:
    """What a reviewer reads of a guard."""
    guard = guards.GUARDS[verdict.guard]
    unit = " %" if guard.per_cent else ""
    records = "1 record" if verdict.value == 1 else f"{verdict.value:,} records"
    subject = f"{verdict.value:,} % of the managed records" if guard.per_cent else records
    limit = f"{verdict.limit:,}{unit}"
    raised = "" if verdict.allowed is None else f"{verdict.allowed:,}{unit}"
    return GuardText(
        result="refused" if not verdict.ok else "allowed" if raised else "passed",
        found=f"{verdict.value:,}{unit}",
        limit=_limit(verdict, limit, raised),
        raised=raised,
        sentence=f"{subject} {guard.danger}; the limit is {limit}",
    )


def _limit(verdict: GuardResult, limit: str, raised: str) -> str:
    if raised:
        return f"{limit}, allowed this once up to {raised}"
    if verdict.ok and verdict.value > verdict.limit:
        return f"{limit}, of {guards.MIN_RECORDS_FOR_PERCENT} records or more"
    return limit
