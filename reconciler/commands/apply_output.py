"""The events of a running apply -> a progress bar, or one line of JSON per event."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.applying.executor import Executor
from reconciler.applying.recovery import Recovered
from reconciler.commands.event_stream import SECONDS_TO_READ, EventStream
from reconciler.commands.terminal import Terminal
from reconciler.escape.text import visible
from reconciler.model import Change, Outcome, Plan
from reconciler.review import apply_events
from reconciler.review.colours import Paint
from reconciler.wording import plural

if TYPE_CHECKING:
    from signal import Signals

# Replaces SECONDS_TO_READ after a signal: a CI system kills the job a few seconds later.
_HURRY_SECONDS = 0.5


class ApplyOutput:
    """Observes an apply and shows progress. It keeps the outcomes, also if an exception ends it."""

    def __init__(self, terminal: Terminal, plan: Plan) -> None:
        self._terminal = terminal
        self._plan = plan
        self.outcomes: list[Outcome] = []
        """The outcomes so far, in the order in which the changes ended."""
        self.received: Sequence[Signals] = ()
        """The signals that stopped the run."""
        self.failure: BaseException | None = None
        """Why not all events could be printed; None if they were."""
        self._step = _nothing

    @asynccontextmanager
    async def writing(self, apply: Executor, traffic: object) -> AsyncGenerator[None]:
        """Shows progress; SIGINT or SIGTERM stops the run."""
        total = len(self._plan.changes)
        with (
            self._terminal.progress("Writing records", total, traffic) as self._step,
            self._terminal.stop_on_signals(apply) as self.received,
        ):
            yield

    def started(self, change: Change) -> None:
        """Shows nothing: only finished changes count."""

    def ended(self, outcome: Outcome) -> None:
        """Keeps the outcome and counts a step."""
        self.outcomes.append(outcome)
        self._step()


class ApplyEvents(ApplyOutput):
    """Like ApplyOutput, and prints an event to stdout for each step."""

    def __init__(self, terminal: Terminal, plan: Plan) -> None:
        super().__init__(terminal, plan)
        self._speaker = EventStream(terminal)

    @asynccontextmanager
    async def writing(self, apply: Executor, traffic: object) -> AsyncGenerator[None]:
        """Prints all events of the run: version, planned changes, each step, counts of outcomes."""
        async with super().writing(apply, traffic):
            speaker = self._speaker
            # `apply --format json | head -1` stops the run instead of writing without a reader.
            speaker.start(lambda: apply.stop("stdout cannot be written"))
            speaker.say(apply_events.version(_now()))
            for change in self._plan.changes:
                speaker.say(apply_events.planned(change, _now()))
            speaker.say(apply_events.change_count(len(self._plan.changes), _now()))
            yield
            speaker.say(apply_events.applied(self.outcomes, _now()))
            # Inside the signal handlers: a SIGTERM during this wait still makes it shorter.
            self.failure = await speaker.end(
                lambda: _HURRY_SECONDS if self.received else SECONDS_TO_READ
            )

    def started(self, change: Change) -> None:
        """Prints the event of a write that begins."""
        self._speaker.say(apply_events.started(change, _now()))

    def ended(self, outcome: Outcome) -> None:
        """Prints the event of an outcome."""
        super().ended(outcome)
        self._speaker.say(apply_events.ended(outcome, _now()))

    def nothing_to_do(self) -> None:
        """Prints the events of a run without changes."""
        self._terminal.write([apply_events.version(_now()), apply_events.applied((), _now())])


def recovery_lines(recovered: Recovered, paint: Paint) -> Iterator[str]:
    """The lines that report the possible writes of a run that did not close its journal.

    No lines if nothing was in flight and its journal could be closed.
    """
    if recovered.fates:
        count = plural(len(recovered.fates), "record")
        yield (
            f"The run of {visible(recovered.started)} stopped without a final report; it may have "
            f"been writing {count}:"
        )
    for address, (fate, reason) in recovered.fates.items():
        yield f"  {address}: {fate}{f': {visible(reason)}' if reason else ''}"
    if recovered.error:
        yield f"{paint.removed('error')}: {visible(recovered.error)}"


def _nothing() -> None:
    pass


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
