"""A saved plan -> the plan to apply: for this API and environment, its guards judged again."""

from pathlib import Path

from msgspec import structs

from reconciler.client.connection import Client, Connection
from reconciler.client.fetch import ReadOptions, read
from reconciler.commands.plan_output import account_cure
from reconciler.commands.plan_run import PlanInputs
from reconciler.errors import PlanFileError
from reconciler.manifests.sid_index import count_records
from reconciler.model import GuardResult, Plan, Record, Scope
from reconciler.planning.guards.registry import allowances, judge, stricter
from reconciler.planning.plan_file import read_plan


def open_plan(file: Path, inputs: PlanInputs, connection: Connection, *, expected: bool) -> Plan:
    """A saved plan, its guards judged again with the limits that this run raises.

    `expected` says whether only its digest is trusted (--expect). Raises PlanFileError if it cannot
    be trusted or was made for another API.
    """
    plan = read_plan(file)
    base_url, environment = connection.base_url, connection.environment
    if plan.environment != environment:
        made_for = "no environment" if plan.environment is None else f"--env {plan.environment}"
        used = "uses none" if environment is None else f"uses --env {environment}"
        cure = "leave out --env" if plan.environment is None else f"use {made_for}"
        raise PlanFileError(f"{file}: was made for {made_for}, but this run {used}: {cure}")
    if plan.base_url != base_url:
        raise PlanFileError(
            f"{file}: was made for {plan.base_url}, but this run uses {base_url}: "
            f"{account_cure(plan.base_url)}"
        )
    return structs.replace(plan, guards=_judged_again(plan, inputs, expected=expected))


def _judged_again(plan: Plan, inputs: PlanInputs, *, expected: bool) -> tuple[GuardResult, ...]:
    """The guards of a saved plan: its own limits and those of this checkout, the stricter of both.

    Its checksum protects against accidents and not against a person, who could leave out the guards
    and compute it again. With --expect only the changes are known to be the approved ones: then the
    allowances of the file and its count of all records are not trusted.
    """
    limits = stricter(plan.guards, structs.asdict(inputs.manifests.settings.guards))
    if not expected:
        return judge(plan, limits, allowances(plan.guards) | dict(inputs.allowed))
    manifests = inputs.manifests
    count = count_records(manifests.tree, manifests.names, manifests.cache)
    if count is None:
        return judge(plan, limits, inputs.allowed)
    gone = sum(change.released for change in plan.changes)
    bare = Plan(plan.base_url, plan.digest, plan.changes, 0, scope=Scope(count + gone))
    return judge(structs.replace(bare, revisions=plan.revisions), limits, inputs.allowed)


async def check_partner(plan: Plan, client: Client) -> None:
    """Reads the records of a saved plan, of which this run has seen none.

    Raises ApiError if the environment is pinned to another partner than theirs.
    """
    connection = client.connection
    if connection.pin is None:
        return
    records = [
        Record(change.address, change.after, change.structured, change.source)
        for change in plan.changes
    ]
    async with client.session(requests=len(records)) as session:
        await read(
            records,
            session.reading,
            ReadOptions(connection.parallelism, pin=connection.pin),
            lambda _address, _live: None,
        )
