"""What it costs to note every write on disk before it is sent."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import python

WRITES = 3_000
ROUNDS = 5
LATENCY_MS = 2

APPLY = """
import asyncio, random, sys, tempfile, time
from datetime import UTC, datetime
from pathlib import Path
from reconciler.applying.executor import ApplyContext, ApplyOptions, Executor
from reconciler.applying import journal_store
from reconciler.client.concurrency import runner
from reconciler.client.connection import Client, Connection
from reconciler.client.http import connect
from reconciler.credentials import Secret
from forgetting import NoJournal
from functools import partial
from reconciler.model import Address, Change, Origin, Plan, Source
url, count, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
source = Source("manifests/billing/a.yaml", 1, 1)
changes = tuple(
    Change(Address("messages", f"{n:08x}-0000-4000-8000-000000000000"), Origin.CHANGE, "text",
           '{"campaign":"spring","owner":"team-a","ticket":"OPS-123"}', source)
    for n in range(count)
)
plan = Plan(url, "sha256:0", changes, 0)

async def apply(link, journal):
    context = ApplyContext(link.transport, link.budget, link.clock, random.random, journal)
    start = time.perf_counter()
    outcomes = await Executor(context, ApplyOptions(parallelism=10)).run(changes)
    took = time.perf_counter() - start
    assert {outcome.name for outcome in outcomes} == {"applied"}, outcomes[0]
    return took

async def main():
    base_url = f"{url}/core/v2"
    connection = Connection(base_url, partial(connect, base_url, Secret("some-token")))
    async with Client(connection) as client, client.session(requests=count) as link:
        for number in range(rounds):
            plain = await apply(link, NoJournal())
            with tempfile.TemporaryDirectory(dir=".") as folder:
                name = journal_store.Run(f"bench-{number}", datetime.now(UTC))
                noted = journal_store.open_journal(Path(folder), name, plan, "patch", 10)
                async with noted as journal:
                    print(plain, await apply(link, journal))

with runner() as loop:
    loop.run(main())
"""


def main() -> None:
    """3,000 writes at parallelism 10, 2 ms of latency: the journal costs under 5 % of the time."""
    with _server() as url:
        output = python(APPLY, url, str(WRITES), str(ROUNDS)).output
    pairs = [tuple(map(float, line.split())) for line in output.splitlines()]
    plain, noted = (min(pair[side] for pair in pairs) for side in (0, 1))
    print(f"  with the journal {noted:.2f} s, without {plain:.2f} s: {noted / plain - 1:+.1%}")


@contextmanager
def _server() -> Iterator[str]:
    script = Path(__file__).with_name("answering.py")
    command = [sys.executable, str(script), str(LATENCY_MS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()
