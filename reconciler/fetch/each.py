"""One GET a record, at most so many at once."""

from collections.abc import Callable, Collection

from reconciler import api
from reconciler.errors import ApiError
from reconciler.model import Address, Current, Record, Unreadable
from reconciler.pool import each_of
from reconciler.transport import Transport, TransportError


async def read_each(
    records: Collection[Record],
    transport: Transport,
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
        request = api.get(record.address)
        try:
            response = await transport.send(request)
        except TransportError as error:
            if not error.sent:
                raise ApiError(str(error)) from None
            on_read(record.address, Unreadable(record.address, record.source, None, str(error)))
            return
        held = api.current(record.address, response)
        if isinstance(held, Current):
            readable = True
            on_read(record.address, held)
            return
        if held.status == api.UNAUTHORIZED:
            raise ApiError(f"{request}: 401 {held.reason}: the API does not accept the token")
        if held.status == api.FORBIDDEN and not readable:
            forbidden += 1
            if forbidden >= min(api.FORBIDDEN_IN_A_ROW, len(records)):
                raise ApiError(
                    f"{request}: 403 {held.reason}: the token needs sms.read or sms.manage"
                )
        on_read(record.address, Unreadable(record.address, record.source, held.status, held.reason))

    await each_of(records, read, at_most=parallelism)
