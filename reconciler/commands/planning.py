"""Records + the API -> a plan; what `plan` and `apply` do alike."""

from collections.abc import Mapping

from msgspec import Struct

from reconciler.commands import Terminal
from reconciler.commands.inputs import Manifests, Selection, select
from reconciler.commands.opening import Connection, open_api
from reconciler.fetch.read import How, read
from reconciler.model import Address, Current, Plan, Record, Unreadable
from reconciler.plan import Draft
from reconciler.render import problems
from reconciler.transport.readonly import ReadOnly


class Inputs(Struct, frozen=True):
    """What a plan is made of."""

    manifests: Manifests
    connection: Connection
    selection: Selection = Selection()
    how: How = "auto"


def records(inputs: Inputs, terminal: Terminal) -> dict[Address, Record]:
    """The records that the inputs name; warnings are said, problems raised."""
    with inputs.connection.telemetry.span("manifests.load"):
        loaded = inputs.manifests.load()
    for line in problems.text(loaded.warnings, terminal.paint):
        terminal.note(line)
    return select(loaded.records, inputs.selection)


async def make(wanted: Mapping[Address, Record], inputs: Inputs, terminal: Terminal) -> Plan:
    """The plan for these records, read through a client that cannot write."""
    draft = Draft(inputs.connection.target.base_url, wanted)
    async with open_api(inputs.connection, terminal, records=len(wanted)) as link:
        with terminal.progress("Reading records", len(wanted), link.traffic) as step:

            def add(address: Address, live: Current | Unreadable) -> None:
                draft.add(address, live)
                step()

            with inputs.connection.telemetry.span("records.fetch"):
                await read(
                    wanted.values(),
                    ReadOnly(link.transport),
                    how=inputs.how,
                    parallelism=inputs.connection.parallelism,
                    on_read=add,
                )
    return draft.plan()
