"""Planning alone, and the document of a plan, in memory."""

import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from benchmarks.measure import python

Result = TypeVar("Result")
RECORDS = 300_000


def main() -> None:
    """Three sides in memory: 150,000 records a second; 100,000 changes written, read, shown."""
    print(python("from benchmarks.plan_rate import rate; rate()").output, end="")
    for changes in (20_000, 100_000):
        code = f"from benchmarks.plan_rate import document; document({changes})"
        print(python(code).output, end="")


def rate() -> None:
    """Records, bases and live values that are there already -> a plan, 1 % of them changed."""
    from reconciler.model import Address, Current, Record, Source
    from reconciler.planning.builder import PlanBuilder
    from reconciler.planning.compare import PlanRequest

    source = Source("m.yaml", 1, 1)
    records = {}
    live = {}
    for number in range(RECORDS):
        address = Address("messages", f"{number:08x}-0000-4000-8000-000000000000")
        text = f'{{"campaign":"spring","n":{number}}}'
        records[address] = Record(address, text, True, source)
        live[address] = Current(text if number % 100 else '{"campaign":"winter"}')
    draft = PlanBuilder(
        "https://api.example.com", PlanRequest(records, base_of=lambda record: record)
    )

    def plan() -> object:
        for address, current in live.items():
            draft.add(address, current)
        return draft.plan()

    seconds, _ = timed(plan)
    print(f"  three-way: {RECORDS / seconds:10,.0f} records/s (at least 150,000)")


def document(changes: int) -> None:
    """A plan of so many changes: written, read back, shown as text."""
    from reconciler.model import Address, Change, Origin, Plan, Source
    from reconciler.planning import plan_file as written
    from reconciler.planning.digest import digest
    from reconciler.review.colours import Paint
    from reconciler.review.report import make_report
    from reconciler.review.text import plan_text

    source = Source("manifests/billing/a.yaml", 12, 3)
    rows = tuple(
        Change(
            Address("messages", f"{n:08x}-0000-4000-8000-000000000000"),
            Origin.CHANGE,
            f'{{"campaign":"winter","owner":"team-a","ticket":"OPS-{n}"}}',
            f'{{"campaign":"spring","owner":"team-a","tags":["a","b"],"ticket":"OPS-{n + 1}"}}',
            source,
        )
        for n in range(changes)
    )
    plan = Plan("https://api.example.com", digest("https://api.example.com", rows), rows, 0)
    writing, data = timed(lambda: "".join(written.write(plan)).encode())
    reading, back = timed(lambda: written.read(data, "plan.json"))
    showing, _ = timed(
        lambda: sum(map(len, plan_text.plan(make_report(back), Paint(on=False), 100)))
    )
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    total = writing + reading + showing
    print(
        f"  {changes:7,} changes: written {writing:.2f} s, read {reading:.2f} s, shown "
        f"{showing:.2f} s: {total:.2f} s, {peak:.0f} MB (100,000: under 10 s, 500 MB)"
    )


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """How long it took, in seconds, and what came of it."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result
