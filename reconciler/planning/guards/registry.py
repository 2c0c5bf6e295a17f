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


def recheck(plan: Plan, allowed: Mapping[str, int]) -> tuple[GuardResult, ...]:
    """The results for a saved plan with its own guards and limits, and with `allowed` on top."""
    # Not from reconciler.yaml: a saved plan keeps its guards and is applied without manifests.
    limits = {guard_result.guard: guard_result.limit for guard_result in plan.guards}
    before = {v.guard: v.allowed for v in plan.guards if v.allowed is not None}
    return judge(plan, limits, before | dict(allowed))


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
        if not (number.isascii() and number.isdigit()):
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
    return GuardResult(guard.name, limit, value, ok, raised, first)


def _per_cent(count: int, records: int) -> float:
    """The percentage with one decimal, rounded up: 30.01 must not pass a limit of 30 as 30.0."""
    return math.ceil(1000 * count / max(records, 1)) / 10
