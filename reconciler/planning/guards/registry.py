"""A plan and limits -> the result of each guard; one file per guard.

A guard can refuse an apply; it never prevents a plan from being shown.
"""

import math
from collections.abc import Iterable, Mapping
from itertools import islice
from types import MappingProxyType

from reconciler.errors import UsageError
from reconciler.model import GuardResult, Plan
from reconciler.planning.guards import (
    max_change_percent,
    max_changes,
    max_clears,
    max_drift_reverts,
    max_overwrites,
)
from reconciler.planning.guards.guard import Guard
from reconciler.wording import did_you_mean

GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        guard.name: guard
        for guard in (
            max_changes.GUARD,
            max_change_percent.GUARD,
            max_clears.GUARD,
            max_overwrites.GUARD,
            max_drift_reverts.GUARD,
        )
    }
)

# Below this number of records a percentage means little: 2 of 5 records are 40 %, and still not a
# mass change.
MIN_RECORDS_FOR_PERCENT = 10
# The number of addresses that a result names.
FIRST_RECORDS = 10


def judge(
    plan: Plan, limits: Mapping[str, int | None], allowed: Mapping[str, int]
) -> tuple[GuardResult, ...]:
    """The result of every guard that has a limit, in the order of `GUARDS`.

    `limits` come from reconciler.yaml, where None turns a guard off; `allowed` from --allow.
    """
    guard_results = []
    for name, guard in GUARDS.items():
        limit = limits.get(name)
        if limit is not None:
            guard_results.append(_guard_result(guard, plan, limit, allowed.get(name)))
    return tuple(guard_results)


def recheck(plan: Plan) -> tuple[GuardResult, ...]:
    """The results for a saved plan with its own limits and allowances."""
    return judge(plan, stricter(plan.guards, {}), allowances(plan.guards))


def allowances(guard_results: Iterable[GuardResult]) -> dict[str, int]:
    """The raised limits that results were judged with, by the guard's name."""
    return {one.guard: one.allowed for one in guard_results if one.allowed is not None}


def stricter(
    guard_results: Iterable[GuardResult], limits: Mapping[str, int | None]
) -> dict[str, int]:
    """For each guard the lower one of two limits: that of a saved plan and that of the settings."""
    found = {one.guard: one.limit for one in guard_results}
    for name, limit in limits.items():
        if limit is not None:
            found[name] = min(limit, found.get(name, limit))
    return found


# More digits than any count of records has; Python refuses to read 5,000 of them.
_MAX_DIGITS = 18


def parse_allowances(texts: Iterable[str]) -> dict[str, int]:
    """The raised limits of --allow: `["max_clears=12"]` gives `{"max_clears": 12}`.

    Raises UsageError for an unknown guard, or if the limit is not a number.
    """
    limits = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in GUARDS:
            hint = did_you_mean(name, GUARDS) or f": the guards are {', '.join(GUARDS)}"
            raise UsageError(f"--allow {text}: `{name}` is not a guard{hint}")
        # isdigit() alone accepts `²`, for which int() raises ValueError.
        if not (number.isascii() and number.isdigit()) or len(number) > _MAX_DIGITS:
            raise UsageError(f"--allow {text}: expected a number, as in --allow {name}=12")
        limits[name] = int(number)
    return limits


def allow_flag(guard_result: GuardResult) -> str:
    """The flag that allows this plan to be applied: `--allow max_clears=12`."""
    # Rounded up, as --allow takes whole numbers: =30 would not let 30.1 % pass.
    return f"--allow {guard_result.guard}={math.ceil(guard_result.value)}"


def _guard_result(guard: Guard, plan: Plan, limit: int, allowed: int | None) -> GuardResult:
    counted = [change.address for change in plan.changes if guard.counts(change)]
    value: int | float = len(counted)
    # The scope counts all manifests: with --since or --target, `managed` is a small part of them
    # (test_a_part_is_one_of_all_records_of_the_manifests).
    records = max(plan.scope.records, plan.managed)
    if guard.per_cent:
        value = _per_cent(len(counted), records)
    too_few = guard.per_cent and records < MIN_RECORDS_FOR_PERCENT
    passes = value <= limit or too_few
    # Record an allowance only if it was needed.
    raised = None if passes else allowed
    ok = passes or (raised is not None and value <= raised)
    first = () if passes else tuple(map(str, islice(counted, FIRST_RECORDS)))
    # A rollback has no base, and needs none: it knows what was written (Revisions.base_is).
    unknown = plan.revisions.base is None and plan.revisions.base_is is not None
    checked = not (guard.needs_base and unknown and plan.changes)
    return GuardResult(guard.name, limit, value, ok, raised, first, checked)


def count_passed(guard_results: Iterable[GuardResult]) -> str:
    """The guards that do not refuse, in words: `4 passed`, or `4 passed, 1 not checked`."""
    results = [guard_result for guard_result in guard_results if guard_result.ok]
    unchecked = sum(not guard_result.checked for guard_result in results)
    passed = f"{len(results) - unchecked:,} passed"
    return f"{passed}, {unchecked:,} not checked" if unchecked else passed


def _per_cent(count: int, records: int) -> float:
    """The percentage with one decimal, rounded up: 30.01 must not pass a limit of 30 as 30.0."""
    return math.ceil(1000 * count / max(records, 1)) / 10
