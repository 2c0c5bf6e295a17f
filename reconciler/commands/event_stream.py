"""Events of a run -> stdout, by a thread: a reader that stalls must not hold up the run."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

from reconciler.commands.terminal import Terminal
from reconciler.errors import ReconcilerError

# A reader that has read nothing for so long, once all is done, will not read the rest either.
SECONDS_TO_READ = 5.0
_SECONDS_BETWEEN_LOOKS = 0.05


class EventStream:
    """Prints what it is told, in order; what goes wrong is told once, and known at the end."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._failure: BaseException | None = None
        self._told: SimpleQueue[str | None] = SimpleQueue()
        self._on_failure: Callable[[], None] = lambda: None
        self._thread = Thread(target=self._work, name="events", daemon=True)

    def start(self, on_failure: Callable[[], None]) -> None:
        """Begins to print; the event loop of here is told of a failure."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            with suppress(RuntimeError):  # a loop that has ended needs no telling
                loop.call_soon_threadsafe(on_failure)

        self._on_failure = tell
        self._thread.start()

    def say(self, line: str) -> None:
        """Takes a line; whoever says it does not wait until it is printed."""
        self._told.put(line)

    async def end(self, patience_seconds: Callable[[], float]) -> BaseException | None:
        """Waits while lines are being read; what printing them came to, None if all went well."""
        self._told.put(None)
        left, since = -1, time.monotonic()
        while self._thread.is_alive():
            if self._told.qsize() != left:
                left, since = self._told.qsize(), time.monotonic()
            elif time.monotonic() - since > patience_seconds():
                return ReconcilerError("nobody read all of the events: the rest of them is lost")
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        return self._failure

    def _work(self) -> None:
        while (line := self._told.get()) is not None:
            if self._failure is not None:
                continue
            try:
                self._terminal.write([line])
            except BaseException as error:  # noqa: BLE001  it is raised where the run ends
                self._failure = error
                self._on_failure()
