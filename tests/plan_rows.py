"""Rows of chance -> a plan."""

import random

from hypothesis import strategies as st

from reconciler.model import Address, Current, Plan, Record, Source
from reconciler.planning.builder import PlanBuilder
from reconciler.planning.compare import PlanRequest
from writing import sid

TEXTS = st.none() | st.text()
ROWS = st.dictionaries(
    st.tuples(st.sampled_from(["messages", "message_drs"]), st.integers(0, 99)),
    st.tuples(TEXTS, TEXTS),
    max_size=8,
)
SOURCE = Source("m.yaml", 1, 1)
URL = "https://api.carrierx.com/core/v2"

Rows = dict[tuple[str, int], tuple[str | None, str | None]]


def plan_of(rows: Rows, url: str = URL, source: Source = SOURCE, seed: int = 0) -> Plan:
    """The plan for rows of (live, wanted), read in an order of chance."""
    records = {
        (address := Address(kind, sid(number))): Record(address, wanted, False, source)
        for (kind, number), (_, wanted) in rows.items()
    }
    draft = PlanBuilder(url, PlanRequest(records))
    order = list(rows.items())
    random.Random(seed).shuffle(order)
    for (kind, number), (live, _) in order:
        draft.add(Address(kind, sid(number)), Current(live))
    return draft.plan()
