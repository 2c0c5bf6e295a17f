"""The SPEC of --fault -> faults that a client must handle, drawn by a seeded random generator."""

import random
import re
from typing import Literal

from msgspec import Struct

Name = Literal["status", "cut", "html", "slow"]

_SPEC = re.compile(
    r"(?:(?P<status>[45][0-9]{2})(?P<after>-after)?|(?P<name>cut|html|slow))=(?P<share>[0-9.]+)"
)


class Fault(Struct, frozen=True):
    """One kind of fault and how often it happens."""

    name: Name
    """An error `status`, a response that is `cut`, a proxy's `html` page, or a `slow` response."""
    share: float
    """The share of the requests that get this fault, 0 to 1."""
    status: int = 0
    """The HTTP status of the fault `status`; 0 for the others."""
    after: bool = True
    """Whether the request is carried out before the fault."""


def parse(spec: str) -> tuple[Fault, ...]:
    """The faults of a SPEC such as `429=0.01,500-after=0.01,cut=0.005`, in its order.

    Raises ValueError, which names the part that cannot be parsed.
    """
    faults = []
    for part in filter(None, spec.split(",")):
        match = _SPEC.fullmatch(part.strip())
        if match is None:
            raise ValueError(
                f"{part!r}: expected STATUS=SHARE, STATUS-after=SHARE, cut=SHARE, html=SHARE or "
                "slow=SHARE"
            )
        share = float(match["share"])
        if match["name"]:
            faults.append(Fault(_NAMES[match["name"]], share))
        else:
            faults.append(Fault("status", share, int(match["status"]), bool(match["after"])))
    if sum(fault.share for fault in faults) > 1:
        raise ValueError("the shares add up to more than 1")
    return tuple(faults)


_NAMES: dict[str, Name] = {"cut": "cut", "html": "html", "slow": "slow"}


class FaultSampler:
    """Draws at most one fault per request; the same seed draws the same faults."""

    def __init__(self, faults: tuple[Fault, ...], seed: int = 0) -> None:
        self._faults = faults
        self._random = random.Random(seed)  # noqa: S311  a simulation, not a secret

    def draw(self) -> Fault | None:
        """The fault of the next request; None for no fault."""
        point = self._random.random()
        for fault in self._faults:
            point -= fault.share
            if point < 0:
                return fault
        return None
