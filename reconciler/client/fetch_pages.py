"""Pages of 1,000 records, one after the other, until every wanted one was seen.

A page's word about the next one is not relied on: the API's own pages show `has_more` without a
`next`, and a `total` of null.
"""

from collections.abc import AsyncGenerator, Mapping

from msgspec import UnsetType

from reconciler.client import api
from reconciler.client.capabilities import Capabilities
from reconciler.client.transport import Transport, TransportError
from reconciler.errors import ApiError
from reconciler.kinds import Kind

PAGE_RECORDS = 1000

# What an API says that does not know a parameter.
_REFUSED = frozenset((400, 422))


class SweepBrokenError(Exception):
    """The pages lead nowhere; what is still wanted has to be asked for record by record."""


async def pages(
    kind: Kind, transport: Transport, learned: Capabilities
) -> AsyncGenerator[api.Page]:
    """The records of one kind, page by page; each page is one request.

    A page begins behind the last record of the one before. `next` is never followed: it could lead
    anywhere. Raises SweepBrokenError where the pages cannot be walked, ApiError where nothing can
    be read at all.
    """
    where: dict[str, str] = {}
    by_offset = False
    seen, firsts = 0, set[str]()
    while True:
        page = await _page(kind, where, transport, learned)
        if page is None:
            if not where or by_offset:
                raise SweepBrokenError("the API does not list this kind")
            by_offset, where = True, {"offset": str(seen)}  # it does not know `after`
            continue
        if not page.items:
            return
        if page.items[0].sid in firsts:
            if by_offset or len(firsts) > 1:
                raise SweepBrokenError("the pages lead in a circle")
            by_offset, where = True, {"offset": str(seen)}  # it ignores `after`
            continue
        learned.answered = True
        yield page
        seen += len(page.items)
        firsts.add(page.items[0].sid)
        if not page.more and (page.more is False or len(page.items) < PAGE_RECORDS):
            return
        where = {"offset": str(seen)} if by_offset else {"after": page.items[-1].sid}


async def _page(
    kind: Kind, where: Mapping[str, str], transport: Transport, learned: Capabilities
) -> api.Page | None:
    """One page, whole objects where narrow ones are not to be had; None where it is refused."""
    asked_narrow = learned.narrow  # the other kind may find out meanwhile
    request = api.page(kind, where, limit=PAGE_RECORDS, narrow=asked_narrow)
    try:
        page = api.page_of(kind, await transport.send(request))
    except TransportError as error:
        raise SweepBrokenError(str(error)) from None
    if isinstance(page, api.Refusal):
        if page.status == api.UNAUTHORIZED:
            raise ApiError(f"{request}: 401 {page.reason}: the API does not accept the token")
        if page.status not in _REFUSED:
            raise SweepBrokenError(f"{page.status} {page.reason}")
    narrowed = asked_narrow and (
        isinstance(page, api.Refusal)
        or (page.items and isinstance(page.items[0].user_data, UnsetType))
    )
    if narrowed:
        learned.narrow = False
        return await _page(kind, where, transport, learned)
    return None if isinstance(page, api.Refusal) else page
