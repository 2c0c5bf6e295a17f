"""An event loop whose time is made up: it jumps to the next timer instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _NoWait(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[Any]:
        del timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time starts at 0 and passes only while everybody sleeps."""

    def __init__(self) -> None:
        super().__init__(_NoWait())
        self._virtual = 0.0

    def time(self) -> float:
        return self._virtual

    def _run_once(self) -> None:
        # Cancelled timers must go first, or the jump would be to a moment nobody waits for.
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        live = [timer for timer in scheduled if not timer.cancelled()]
        if not self._ready and live:  # type: ignore[attr-defined]
            self._virtual = max(self._virtual, min(timer.when() for timer in live))
        super()._run_once()  # type: ignore[misc]


def run(main: Coroutine[Any, Any, Result]) -> tuple[Result, float]:
    """What a coroutine returns, and the seconds that it took in its own time."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        result = loop.run_until_complete(main)
        return result, loop.time()
    finally:
        asyncio.set_event_loop(None)
        loop.close()
