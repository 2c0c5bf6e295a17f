"""A transport -> the same transport that refuses wanted records of any other partner."""

from collections.abc import Container

from msgspec import Struct

from reconciler.client import api
from reconciler.client.transport import Request, Response, Transport
from reconciler.errors import ApiError


class Pin(Struct, frozen=True):
    """The partner whose records an environment holds (`partner_sid` in reconciler.yaml)."""

    partner_sid: str
    """The SID of the partner, in lower case."""
    environment: str
    """The name of the environment, for the error."""


class PartnerCheck:
    """Reads also the partner of every record, and ends the run at a wanted one of another partner.

    A token of another account so ends the run before anything is written. The account may list
    records of other partners as well; only the wanted ones matter.
    """

    def __init__(self, inner: Transport, pin: Pin, wanted: Container[str]) -> None:
        self._inner = inner
        self._pin = pin
        self._wanted = wanted
        """The SIDs of the wanted records, in lower case."""

    async def send(self, request: Request) -> Response:
        """The response to a request.

        Raises ApiError if it holds a wanted record of another partner, or one that names none.
        """
        response = await self._inner.send(api.with_partner(request))
        pin = self._pin
        for sid, partner_sid in api.partners(request, response).items():
            if sid not in self._wanted or (partner_sid or "").lower() == pin.partner_sid:
                continue
            held = "names no partner"
            if partner_sid is not None:
                held = f"is a record of the partner {partner_sid[:36]}"
            raise ApiError(
                f"{request}: --env {pin.environment} is for the partner {pin.partner_sid}, but "
                f"{sid} {held}: nothing was written; is this the token of another account?"
            )
        return response
