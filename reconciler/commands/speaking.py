"""Events of a run -> stdout, by a thread: a reader that stalls must not hold up the run."""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

from reconciler.commands import Terminal

# A reader that has read nothing for so long, once all is done, will not read the rest either.
SECONDS_TO_READ = 5.0


class Speaker:
    """Prints what it is told, in order; what goes wrong is told once, and known at the end."""

    def __init__(self, terminal: Terminal, on_failure: Callable[[], None]) -> None:
        self._terminal = terminal
        self._on_failure = on_failure
        self._failure: BaseException | None = None
        self._told: SimpleQueue[str | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="events", daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        """Takes a line; whoever says it does not wait until it is printed."""
        self._told.put(line)

    def end(self, patience_seconds: float = SECONDS_TO_READ) -> None:
        """Waits while lines are being read; raises what printing them came to."""
        self._told.put(None)
        before = -1
        while self._thread.is_alive() and self._told.qsize() != before:
            before = self._told.qsize()
            self._thread.join(patience_seconds)
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while (line := self._told.get()) is not None:
            if self._failure is not None:
                continue
            try:
                self._terminal.write([line])
            except BaseException as error:  # noqa: BLE001  it is raised where the run ends
                self._failure = error
                self._on_failure()
