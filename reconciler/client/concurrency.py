"""Event loops, and work on many items at once with a bound."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

Item = TypeVar("Item")


def runner() -> asyncio.Runner:
    """An event loop for one coroutine after another; on uvloop, if it is installed.

    uvloop makes requests 5 to 10 % faster (tests/benchmarks/README.md).
    """
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def each_of(
    items: Collection[Item], work: Callable[[Item], Awaitable[None]], *, at_most: int
) -> None:
    """Runs `work` on every item, in their order, at most `at_most` at the same time.

    The first exception cancels the rest and is raised as itself, not in a group.
    """
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_most, len(items))):
                group.create_task(worker())
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None
