"""A transport -> the same transport without writes, for commands such as `plan`."""

from reconciler.client.transport import Request, Response, Transport
from reconciler.errors import WriteRefusedError


class ReadOnly:
    """Passes GET on and refuses every other method: one check covers every path of a dry run."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    async def send(self, request: Request) -> Response:
        """The response to a GET. Raises WriteRefusedError for any other method."""
        if request.method != "GET":
            raise WriteRefusedError(f"{request}: this command may only read")
        return await self._inner.send(request)
