"""A kind -> its records, in pages of 1,000, one request after the other.

The pages' own pagination fields are not trusted: the API's documentation shows `has_more` without
a `next`, and a `total` of null.
"""

from collections.abc import AsyncGenerator, Mapping

from msgspec import UnsetType

from reconciler.client import api
from reconciler.client.capabilities import Capabilities
from reconciler.client.transport import Transport, TransportError
from reconciler.errors import ApiError
from reconciler.kinds import Kind

# The most records that the API returns on a page.
PAGE_RECORDS = 1000

# Ten million records. An API that lists ever-new SIDs must not keep a run going for ever.
MAX_PAGES = 10_000

# Statuses of an API that does not know a query parameter.
_REFUSED = frozenset((400, 422))


class SweepBrokenError(Exception):
    """The pages cannot be read to the end; the remaining records must be read one by one."""


async def pages(
    kind: Kind, transport: Transport, learned: Capabilities
) -> AsyncGenerator[api.Page]:
    """The records of one kind, page by page; each page is one request.

    A page begins after the last SID of the previous one (`after`); if the API does not support
    that, at an `offset`. `next` is never followed: its address could be on another host. Raises
    SweepBrokenError if the pages cannot be read to the end, ApiError if the API refuses the token.
    """
    where: dict[str, str] = {}
    by_offset = False
    seen, firsts = 0, set[str]()
    for _ in range(MAX_PAGES):
        page = await _page(kind, where, transport, learned)
        if page is None:
            if not where or by_offset:
                raise SweepBrokenError("the API does not list this kind")
            by_offset, where = True, {"offset": str(seen)}  # `after` is refused
            continue
        if not page.items:
            return
        if page.items[0].sid in firsts:
            # An ignored `after` repeats the first page at once; a later repeat is a circle.
            if by_offset or len(firsts) > 1:
                raise SweepBrokenError("the API returned a page twice")
            by_offset, where = True, {"offset": str(seen)}  # `after` is ignored
            continue
        learned.answered = True
        yield page
        seen += len(page.items)
        firsts.add(page.items[0].sid)
        if not page.more and (page.more is False or len(page.items) < PAGE_RECORDS):
            return
        where = {"offset": str(seen)} if by_offset else {"after": page.items[-1].sid}
    raise SweepBrokenError(f"the list does not end within {MAX_PAGES:,} pages")


async def _page(
    kind: Kind, where: Mapping[str, str], transport: Transport, learned: Capabilities
) -> api.Page | None:
    """One page, with whole objects if the API does not support few fields; None if refused."""
    # A copy: the sweep of another kind may change `narrow` while this one waits for its answer.
    asked_narrow = learned.narrow
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
