"""Records asked for one by one, many at once: our client against a plain shared one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import python

AT_ONCE = 64

PLAIN = """
import asyncio, sys, time, httpx
url, count, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
paths = [f"/core/v2/sms/messages/{n:08x}-0000-4000-8000-000000000000" for n in range(count)]

async def main():
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
        rest = iter(paths)
        async def worker():
            for path in rest:
                response = await client.get(path)
                assert response.json()["user_data"] == "text"
        start = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(at_once)))
        print(count / (time.perf_counter() - start))

asyncio.run(main())
"""

OURS = """
import sys, time
from functools import partial
from reconciler.client.concurrency import runner
from reconciler.client.connection import Client, Connection
from reconciler.client.fetch import ReadOptions, read
from reconciler.client.http import connect
from reconciler.credentials import Secret
from reconciler.model import Address, Record, Source
url, count, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
source = Source("m.yaml", 1, 1)
sids = [f"{n:08x}-0000-4000-8000-000000000000" for n in range(count)]
records = [Record(Address("messages", sid), "x", False, source) for sid in sids]

async def main():
    seen = []
    base_url = f"{url}/core/v2"
    connection = Connection(base_url, partial(connect, base_url, Secret("some-token")), at_once)
    async with Client(connection) as client, client.session(requests=count) as session:
        start = time.perf_counter()
        await read(
            records, session.transport, ReadOptions(at_once, "each"),
            lambda address, live: seen.append(live.user_data),
        )
        took = time.perf_counter() - start
    assert seen == ["text"] * count
    print(count / took)

with runner() as loop:
    loop.run(main())
"""

AIOHTTP = """
import asyncio, sys, time
try:
    import aiohttp
except ImportError:
    print("nan")
    raise SystemExit
url, count, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
paths = [f"{url}/core/v2/sms/messages/{n:08x}-0000-4000-8000-000000000000" for n in range(count)]

async def main():
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=at_once)) as client:
        rest = iter(paths)
        async def worker():
            for path in rest:
                async with client.get(path) as response:
                    await response.json()
        start = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(at_once)))
        print(count / (time.perf_counter() - start))

asyncio.run(main())
"""


def main() -> None:
    """GET each, 64 at once, against one shared httpx client: 3 times, 8 times at 50 ms."""
    for latency_ms, count in ((0, 5000), (50, 2000)):
        with answering(latency_ms) as url:
            found = {
                name: max(
                    float(python(code, url, str(count), str(AT_ONCE)).output) for _ in range(3)
                )
                for name, code in (("ours", OURS), ("plain", PLAIN), ("aiohttp", AIOHTTP))
            }
        for name, rate in found.items():
            print(f"  {latency_ms:2} ms  {name:8} {rate:8,.0f} requests/s")
        print(f"    {found['ours'] / found['plain']:.1f} times the plain client")


@contextmanager
def answering(latency_ms: float) -> Iterator[str]:
    """The address of a server in a process of its own."""
    script = str(Path(__file__).with_name("answering.py"))
    command = [sys.executable, script, str(latency_ms)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()
