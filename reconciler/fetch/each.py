"""One GET a record, at most so many at once."""

from collections.abc import Callable, Collection

from reconciler import api
from reconciler.errors import ApiError
from reconciler.fetch.narrow import Narrow
from reconciler.model import Address, Current, Record, Unreadable
from reconciler.pool import each_of
from reconciler.transport import Transport, TransportError

# Answers that asking for few fields may be the reason of.
_MAY_BE_NARROW = frozenset((200, 400, 422))


async def read_each(
    records: Collection[Record],
    transport: Transport,
    narrow: Narrow,
    *,
    parallelism: int,
    on_read: Callable[[Address, Current | Unreadable], None],
) -> None:
    """Tells `on_read` what the API holds for each record, in the order of the answers.

    Raises ApiError where going on would be the same refusal again and again: nothing answers, the
    token is refused (401), or it may read none of the records (403).
    """
    forbidden = 0
    readable = False

    async def read(record: Record) -> None:
        nonlocal forbidden, readable
        held = await _held(record.address, transport, narrow)
        if isinstance(held, Current):
            readable = True
            on_read(record.address, held)
            return
        request = api.get(record.address)
        if held.status == api.UNAUTHORIZED:
            raise ApiError(f"{request}: 401 {held.reason}: the API does not accept the token")
        if held.status == api.FORBIDDEN and not readable:
            forbidden += 1
            if forbidden >= min(api.FORBIDDEN_IN_A_ROW, len(records)):
                raise ApiError(
                    f"{request}: 403 {held.reason}: the token needs sms.read or sms.manage"
                )
        status = held.status or None
        on_read(record.address, Unreadable(record.address, record.source, status, held.reason))

    await each_of(records, read, at_most=parallelism)


async def _held(address: Address, transport: Transport, narrow: Narrow) -> Current | api.Refusal:
    """What a record holds; a status of 0 where there was no answer."""
    if narrow.on:
        held = await _asked(address, transport, narrow=True)
        if isinstance(held, Current) or held.status not in _MAY_BE_NARROW:
            return held
        # A parameter that is not understood, or an answer without the field: whole from here on.
        narrow.refused()
    return await _asked(address, transport, narrow=False)


async def _asked(address: Address, transport: Transport, *, narrow: bool) -> Current | api.Refusal:
    try:
        response = await transport.send(api.get(address, narrow=narrow))
    except TransportError as error:
        if not error.sent:
            raise ApiError(str(error)) from None
        return api.Refusal(0, str(error))
    return (api.stored if narrow else api.current)(address, response)
