"""Records -> their live values, with one GET per record and bounded concurrency."""

from collections.abc import Callable, Collection

from reconciler.client import api
from reconciler.client.capabilities import Capabilities
from reconciler.client.concurrency import each_of
from reconciler.client.transport import Transport, TransportError
from reconciler.errors import ApiError
from reconciler.kinds import KINDS
from reconciler.model import Address, Current, Record, Unreadable

# Statuses that `includeFields` may have caused: it is refused, or the body lacks a field.
_MAY_BE_NARROW = frozenset((200, 400, 422))


async def read_each(
    records: Collection[Record],
    transport: Transport,
    learned: Capabilities,
    *,
    parallelism: int,
    on_read: Callable[[Address, Current | Unreadable], None],
) -> None:
    """Calls `on_read` once for each record, in the order of the responses.

    `parallelism` is the most GETs in progress at once. Raises ApiError if every further request
    would fail as well: no connection to the API, a refused token (401), or a token that may not
    read the first FORBIDDEN_LIMIT records (403).
    """
    forbidden = 0

    async def ask(record: Record) -> None:
        nonlocal forbidden
        try:
            held = await _held(record.address, transport, learned)
        except TransportError as error:
            # No connection yet: a wrong address, proxy or certificate, which concerns every record.
            if not (error.sent or learned.answered):
                raise ApiError(str(error)) from None
            on_read(record.address, Unreadable(record.address, record.source, None, str(error)))
            return
        if isinstance(held, Current):
            learned.answered = True
            on_read(record.address, held)
            return
        request = api.get(record.address)
        if held.status == api.UNAUTHORIZED:
            raise ApiError(f"{request}: 401 {held.reason}: the API does not accept the token")
        if held.status == api.FORBIDDEN and not learned.answered:
            forbidden += 1
            # `min`: a run of two records with two refusals must stop as well.
            if forbidden >= min(api.FORBIDDEN_LIMIT, len(records)):
                scopes = KINDS[record.address.kind].scopes
                raise ApiError(
                    f"{request}: 403 {held.reason}: the token needs {scopes.read} or "
                    f"{scopes.manage}"
                )
        on_read(record.address, Unreadable(record.address, record.source, held.status, held.reason))

    await each_of(records, ask, at_most=parallelism)


async def _held(
    address: Address, transport: Transport, learned: Capabilities
) -> Current | api.Refusal:
    """The live value of a record. Raises TransportError if there is no answer."""
    if learned.narrow:
        held = api.stored(address, await transport.send(api.get(address, narrow=True)))
        if isinstance(held, Current) or held.status not in _MAY_BE_NARROW:
            return held
        # The parameter is refused, or the answer lacks user_data: read whole objects from now on.
        learned.narrow = False
    return api.current(address, await transport.send(api.get(address)))
