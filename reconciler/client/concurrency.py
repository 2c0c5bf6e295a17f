"""An event loop, and bounded concurrent work on many items."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

Item = TypeVar("Item")


def runner() -> asyncio.Runner:
    """An event loop that runs coroutines one after another; uses uvloop if it is installed.

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
    """Starts `work` on every item, in their order, with at most `at_most` in progress at once.

    The first exception cancels the rest and is raised as itself, not in an ExceptionGroup.
    """
    # The workers share one iterator: otherwise a million tasks would exist at once.
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
