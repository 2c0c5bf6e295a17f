"""Events of a run -> lines on stdout, by a thread: a slow reader must not delay the writes."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

from reconciler.commands.terminal import Terminal
from reconciler.errors import ReconcilerError

# At the end of a run, the wait for the reader ends if it takes no line for this long.
SECONDS_TO_READ = 5.0
_SECONDS_BETWEEN_LOOKS = 0.05


class EventStream:
    """Prints lines in the order in which they are given.

    After a failure it prints nothing: it reports the failure once, and again at the end.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._failure: BaseException | None = None
        # Without a bound: `put` in a full queue would block the event loop and so the writes.
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._on_failure: Callable[[], None] = lambda: None
        # daemon: the interpreter would wait at its exit for a thread that is blocked in write(2).
        self._thread = Thread(target=self._work, name="events", daemon=True)

    def start(self, on_failure: Callable[[], None]) -> None:
        """Starts the thread; on a failure it calls `on_failure` in the running event loop."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            with suppress(RuntimeError):  # the event loop has been closed
                loop.call_soon_threadsafe(on_failure)

        self._on_failure = tell
        self._thread.start()

    def say(self, line: str) -> None:
        """Queues a line, which ends in a newline; returns before it is printed."""
        self._queue.put(line)

    async def end(self, patience_seconds: Callable[[], float]) -> BaseException | None:
        """Waits until all lines are printed; returns the failure, or None if all were printed.

        Gives up if the reader takes no line for `patience_seconds()`, which may change meanwhile.
        """
        self._queue.put(None)
        left, since = -1, time.monotonic()
        while self._thread.is_alive():
            # The limit restarts with each line: a slow reader gets all events, however many.
            if self._queue.qsize() != left:
                left, since = self._queue.qsize(), time.monotonic()
            elif time.monotonic() - since > patience_seconds():
                return ReconcilerError(
                    "the reader of stdout stopped reading: the last events are lost"
                )
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        return self._failure

    def _work(self) -> None:
        while (line := self._queue.get()) is not None:
            if self._failure is not None:
                continue
            try:
                self._terminal.write([line])
            except BaseException as error:  # noqa: BLE001  `end` returns it, and the run raises it
                self._failure = error
                self._on_failure()
