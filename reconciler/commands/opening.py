"""Settings -> a client of the API: the real one, or the embedded one in process."""

import sqlite3
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from msgspec import Struct

from reconciler import config
from reconciler.commands import SANDBOX_DB
from reconciler.errors import ReconcilerError
from reconciler.transport import Transport

# Never a real host: a plan for the embedded API can be applied to nothing else.
SANDBOX_BASE_URL = "http://sandbox.localhost/core/v2"


class Connection(Struct, frozen=True):
    """Which API a run speaks to, and how many requests it makes at once."""

    target: config.Target
    parallelism: int
    sandbox: bool = False


def connection(environment: Mapping[str, str], *, sandbox: bool, parallelism: int) -> Connection:
    """The embedded API if asked for, else the environment's; ConfigError says why not."""
    if not sandbox:
        return Connection(config.target(environment), parallelism)
    from reconciler.sandbox.tokens import MANAGE  # only the sandbox needs it

    return Connection(
        config.Target(SANDBOX_BASE_URL, config.Secret(MANAGE)), parallelism, sandbox=True
    )


@contextmanager
def said_plainly(db: Path) -> Generator[None]:
    """A store that cannot be used, as an error for people."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise ReconcilerError(f"{db}: the sandbox's store cannot be used: {error}") from None


@asynccontextmanager
async def open_api(connection: Connection) -> AsyncGenerator[Transport]:
    """A client that may write; a command that may not wraps it in ReadOnly at once."""
    from reconciler.transport.http import connect  # httpx costs 0.1 s

    target = connection.target
    if not connection.sandbox:
        async with connect(target.base_url, target.token, at_most=connection.parallelism) as api:
            yield api
        return

    from reconciler.sandbox.app import Options, create_app
    from reconciler.sandbox.seed import open_seeded

    with said_plainly(SANDBOX_DB), open_seeded(SANDBOX_DB) as store:
        app = create_app(store, Options())
        async with connect(
            target.base_url, target.token, at_most=connection.parallelism, app=app
        ) as api:
            yield api
