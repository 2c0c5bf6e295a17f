"""SIGINT and SIGTERM while an apply writes: no new write starts, and writes in flight finish."""

import asyncio
import os
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from reconciler.applying.executor import Executor

# A CI system kills a job 7.5 s after its first signal (GitHub: "Canceling a workflow"). The rest
# of that time is for the reports.
SECONDS_TO_FINISH = 6.0

_BOTH = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopped_by_signals(
    apply: Executor, note: Callable[[str], None]
) -> Generator[Sequence[signal.Signals]]:
    """Handles signals in the running event loop; the value holds those that were received.

    The first signal starts no new write and waits for those in flight, at most SECONDS_TO_FINISH.
    The second one ends the process at once. Both are handled because process 1 of a container has
    no default action for a signal.
    """
    loop = asyncio.get_running_loop()
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        for each in _BOTH:
            # In this order: asyncio restores the default handler, which would replace `_leave`.
            # `_leave` is no handler of the loop: those wait until the running callback returns.
            loop.remove_signal_handler(each)
            signal.signal(each, _leave)
        apply.stop(f"interrupted by {number.name}")
        loop.call_later(SECONDS_TO_FINISH, apply.abandon)
        note(f"{number.name}: starting no new write, waiting for those in flight ...")

    # asyncio does not restore these: without them the SIGTERM handler of `main` would be lost.
    before = {each: signal.getsignal(each) for each in _BOTH}
    for each in _BOTH:
        loop.add_signal_handler(each, stop, each)
    try:
        yield received
    finally:
        for each in _BOTH:
            loop.remove_signal_handler(each)
            # After a first signal the next one still ends the process.
            signal.signal(each, _leave if received else before[each])


def _leave(number: int, _: object) -> None:
    # An exception would first run every `finally`, such as reports and the export of traces.
    os._exit(128 + number)
