"""The result of a guard -> texts that are the same in every format."""

from typing import Literal

from msgspec import Struct

from reconciler.model import GuardResult
from reconciler.planning.guards.registry import GUARDS, MIN_RECORDS_FOR_PERCENT
from reconciler.wording import plural


class GuardText(Struct, frozen=True):
    """The texts for the result of one guard."""

    result: Literal["refused", "allowed", "passed"]
    """Whether an apply is refused; `allowed` means that a raised limit lets it pass."""
    found: str
    """The value with its unit: `12`, or `40.1 %`."""
    limit: str
    """The limit with its unit, and with the raised limit or an exemption if there is one."""
    raised: str
    """The limit of --allow with its unit; empty if it was not given or not needed."""
    sentence: str
    """The value and the limit in words, without a full stop."""


def guard_text(verdict: GuardResult) -> GuardText:
    """The texts for one result, as in `1 record to be cleared; the limit is 0`."""
    guard = GUARDS[verdict.guard]
    unit = " %" if guard.per_cent else ""
    subject = (
        f"{verdict.value:,} % of the managed records"
        if guard.per_cent
        else plural(int(verdict.value), "record")
    )
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
        return f"{limit}, allowed once, up to {raised}"
    if verdict.ok and verdict.value > verdict.limit:
        return f"{limit}, for {MIN_RECORDS_FOR_PERCENT} records or more"
    return limit
