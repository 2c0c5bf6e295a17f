"""A share of bad days: answers that a client has to survive, drawn by a seeded dice."""

import random
import re
from typing import Literal

from msgspec import Struct

Name = Literal["status", "cut", "html", "slow"]

_SPEC = re.compile(
    r"(?:(?P<status>[45][0-9]{2})(?P<after>-after)?|(?P<name>cut|html|slow))=(?P<share>[0-9.]+)"
)


class Fault(Struct, frozen=True):
    """One kind of fault and the share of requests (0 to 1) that meet it.

    `status` answers with an error, before the request is carried out or `after`; `cut` breaks the
    connection in the middle of the answer; `html` is a proxy's page; `slow` takes longer than any
    client waits.
    """

    name: Name
    share: float
    status: int = 0
    after: bool = True


def parse(spec: str) -> tuple[Fault, ...]:
    """The faults of a SPEC such as `429=0.01,500-after=0.01,cut=0.005`.

    Raises ValueError, which names the part that is wrong.
    """
    faults = []
    for part in filter(None, spec.split(",")):
        match = _SPEC.fullmatch(part.strip())
        if match is None:
            raise ValueError(
                f"{part!r}: expected STATUS=SHARE, STATUS-after=SHARE, cut=, html= or slow=SHARE"
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
    """Draws at most one fault a request; the same seed draws the same faults."""

    def __init__(self, faults: tuple[Fault, ...], seed: int = 0) -> None:
        self._faults = faults
        self._random = random.Random(seed)  # noqa: S311  a simulation, no secret

    def draw(self) -> Fault | None:
        """The fault that this request meets."""
        point = self._random.random()
        for fault in self._faults:
            point -= fault.share
            if point < 0:
                return fault
        return None
