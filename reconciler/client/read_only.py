"""A client that cannot write: what `plan` is given."""

from reconciler.client.transport import Request, Response, Transport
from reconciler.errors import WriteRefusedError


class ReadOnly:
    """Passes GET on and refuses all else, so that no dry run depends on each path remembering."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    async def send(self, request: Request) -> Response:
        """The answer to a GET; raises WriteRefusedError for any other method."""
        if request.method != "GET":
            raise WriteRefusedError(f"{request}: this command may only read")
        return await self._inner.send(request)
