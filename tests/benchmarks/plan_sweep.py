"""A plan over a real socket, by pages: requests, and the client's processor time."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.measure import Figures, python, reconciler

RECORDS = 100_000
MANY = 1_000_000

# What cannot be saved: reading the manifests, and decoding the pages that were fetched.
FLOOR = """
import sys
from pathlib import Path
import msgspec
from reconciler.client import api
from reconciler.manifests.discovery import Tree
from reconciler.manifests.loader import load
from reconciler.client.transport import Response
from reconciler.kinds import KINDS
load(Tree(Path.cwd()), ["manifests"])
for path in sorted(Path("pages").iterdir()):
    kind = KINDS[path.name.partition(".")[0]]
    page = api.page_of(kind, Response(200, {"content-type": "application/json"}, path.read_bytes()))
    for item in page.items:
        api.value_of(item)
"""

FETCH = """
import sys
from pathlib import Path
import asyncio, os
from reconciler.client import api
from reconciler.credentials import Secret
from reconciler.client import fetch_pages
from reconciler.client.capabilities import Capabilities
from reconciler.kinds import KINDS
from reconciler.client.http import connect

class Saving:
    def __init__(self, inner): self.inner, self.count = inner, 0
    async def send(self, request):
        response = await self.inner.send(request)
        name = request.path.rpartition("/")[2]
        Path(f"pages/{name}.{self.count:04}").write_bytes(response.body)
        self.count += 1
        return response

async def main():
    os.mkdir("pages")
    token = Secret(os.environ["CARRIERX_TOKEN"])
    async with connect(os.environ["CARRIERX_BASE_URL"], token) as http:
        for kind in KINDS.values():
            async for _ in fetch_pages.pages(kind, Saving(http), Capabilities()):
                pass

asyncio.run(main())
"""


def main() -> None:
    """100,000 records by pages: 101 requests, 1.5 times the floor; 1,000,000: 25 s, 1.2 GB."""
    os.environ["RECONCILER_NO_CACHE"] = "1"
    with seeded(RECORDS) as folder:
        requests = requests_of(folder)
        python(FETCH, folder=folder)
        rounds = [(plan(folder), python(FLOOR, folder=folder)) for _ in range(3)]
        ours = min((a for a, _ in rounds), key=lambda figures: figures.cpu_seconds)
        floor = min((b for _, b in rounds), key=lambda figures: figures.cpu_seconds)
        print(f"  plan of {RECORDS:,} records {ours}")
        print(f"  loading and decoding alone {floor}")
        ratio = ours.cpu_seconds / floor.cpu_seconds
        print(f"    {requests} requests, {ratio:.2f} times the processor time")
    with seeded(MANY) as folder:
        figures = plan(folder)
        print(f"  plan of {MANY:,} records {figures}")
        print(f"    {figures.output.splitlines()[-3]}")


def plan(folder: str) -> Figures:
    """`reconciler plan` in a folder, against the server of the environment."""
    return reconciler("plan", folder=folder)


def requests_of(folder: str) -> int:
    """How many requests a plan makes."""
    command = [sys.executable, "-m", "reconciler", "plan", "--log-format", "json"]
    process = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return process.stderr.count('"message":"request"')


@contextmanager
def seeded(count: int) -> Iterator[str]:
    """A folder with manifests of so many records, and a server that holds them, 1 % drifted."""
    with tempfile.TemporaryDirectory() as folder:
        seed = ("sandbox", "seed", "--records", str(count // 2), "--drift", "0.01")
        reconciler(*seed, "--out", "manifests", folder=folder)
        command = [sys.executable, "-m", "reconciler", "sandbox", "serve", "--port", "0"]
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        said = "".join(server.stdout.readline() for _ in range(4))
        for name, value in re.findall(r"export (\w+)=(\S+)", said):
            os.environ[name] = value
        try:
            yield folder
        finally:
            server.kill()
            server.communicate()
