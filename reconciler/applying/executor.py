"""Plan -> outcomes: look again, note the intent, write, check the answer.

The API has no ETag, so the guard is the value itself: what is there must be what the plan expected,
by a look of its own before each write, retries too. A failure is an outcome, never an exception,
and an outcome is never a guess: what was sent and not answered is read back, and once a write of
ours is in doubt, only the value itself, seen live, ends the doubt.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Literal

from msgspec import Struct

from reconciler.applying import outcomes
from reconciler.applying.journal_format import JournalError
from reconciler.applying.journal_writer import Ledger
from reconciler.client import api
from reconciler.client.concurrency import each_of
from reconciler.client.retry import Budget
from reconciler.client.transport import (
    Clock,
    HeldError,
    Request,
    Response,
    Transport,
    TransportError,
)
from reconciler.kinds import GONE
from reconciler.model import Address, Change, Outcome, OutcomeName
from reconciler.values.canonical import lengths

WriteMethod = Literal["patch", "put"]

MAX_WRITES = 4
# How often a write may have to wait, and so need another look, before that counts as a failure.
MAX_HELD = 20
BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 20.0

# A write that was slow may come after the look that missed it: the last looks are some time apart.
LAST_LOOKS_AFTER_SECONDS = (0.5, 1.5, 3.0)

# Answers to a write that prove that it was not done and will not be; others leave it in doubt.
_REJECTED = (*range(300, 400), 400, 401, 403, 405, 413, 415, 422)
# Not done, and worth another look: "try to resolve the conflict by resubmitting your request".
_AGAIN = (409, 429)


class Means(Struct, frozen=True):
    """What an apply works with: the API, patience, and where it notes what it does."""

    transport: Transport
    budget: Budget
    clock: Clock
    random: Callable[[], float]
    ledger: Ledger


class Manner(Struct, frozen=True):
    """How an apply goes about it."""

    method: WriteMethod = "patch"
    parallelism: int = 10
    stop_on_error: bool = False


class _Doubt(Struct, frozen=True):
    """A write that did not end in an outcome: why, and whether it may have been done."""

    why: str
    done: bool


class Apply:
    """One run over a plan; `stop` ends it early: in-flight changes finish, others are skipped."""

    def __init__(
        self,
        means: Means,
        manner: Manner,
        on_outcome: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        self._means = means
        self._manner = manner
        self._on_outcome = on_outcome
        self._stopped = ""
        self._forbidden = 0
        self._enough_forbidden = api.FORBIDDEN_IN_A_ROW
        self._in_air: set[Address] = set()
        self._running: set[asyncio.Task[Outcome]] = set()
        self._abandoned = False
        self.refused = ""  # what the API said when it refused the token

    def stop(self, why: str) -> None:
        """Starts no further change."""
        self._stopped = self._stopped or why

    def abandon(self) -> None:
        """Waits no longer for what is in flight: what may have been sent is unknown."""
        self._abandoned = True
        for task in self._running:
            task.cancel()

    async def run(self, changes: Collection[Change]) -> list[Outcome]:
        """The outcome of every change, in their order."""
        by_address: dict[Address, Outcome] = {}
        self._enough_forbidden = min(api.FORBIDDEN_IN_A_ROW, len(changes))

        async def work(change: Change) -> None:
            outcome = await self._to_the_end(change)
            by_address[change.address] = outcome
            self._means.ledger.outcome(outcome)
            self._on_outcome(outcome)

        self._means.ledger.expect(changes)
        await each_of(changes, work, at_most=self._manner.parallelism)
        return [by_address[change.address] for change in changes]

    async def _to_the_end(self, change: Change) -> Outcome:
        """The outcome, also of a change that nobody waits for any longer."""
        if self._stopped:
            return Outcome(change, OutcomeName.SKIPPED, self._stopped)
        task = asyncio.create_task(self._one(change))
        self._running.add(task)
        try:
            outcome = await task
        except asyncio.CancelledError:
            if not self._abandoned:
                raise
            why = f"{self._stopped}; not waited for any longer"
            in_air = change.address in self._in_air
            outcome = Outcome(change, OutcomeName.UNKNOWN if in_air else OutcomeName.SKIPPED, why)
        finally:
            self._running.discard(task)
            self._in_air.discard(change.address)
        if self._manner.stop_on_error and outcome.name not in _DONE:
            self.stop(f"stopped after {change.address} was {outcome.name}")
        return outcome

    async def _one(self, change: Change) -> Outcome:
        """The protocol: look, write, and again as long as that can help."""
        doubt: _Doubt | None = None
        maybe = ""  # why an earlier write of ours may have been done
        writes = held = 0
        while writes < MAX_WRITES:
            look = await self._look(change, maybe=maybe)
            if isinstance(look, Outcome):
                return look
            if self._stopped or not await self._noted(change, writes + 1):
                break
            self._in_air.add(change.address)
            ended = await self._write(change, look, maybe=maybe)
            if isinstance(ended, Outcome):
                return ended
            if ended is not None and ended.done:
                maybe = ended.why
            if not maybe:
                self._in_air.discard(change.address)
            if ended is None and held < MAX_HELD:
                held += 1
                continue  # not sent, since it had to wait: what was seen is old by now
            writes, doubt = (
                writes + 1,
                ended or _Doubt("it had to wait again and again", done=False),
            )
            if not self._means.budget.take():
                break
            await self._back_off(writes)
        return await self._last_word(change, doubt, maybe=maybe)

    async def _noted(self, change: Change, attempt: int) -> bool:
        """Whether the intent to write is on disk; if it cannot be, the run ends."""
        try:
            await self._means.ledger.intent(change, attempt)
        except JournalError as error:
            self.stop(str(error))
            return False
        return True

    async def _look(self, change: Change, *, maybe: str) -> Response | Outcome:
        """The answer to a fresh look, if it holds what the plan expected."""
        try:
            response = await self._means.transport.send(api.get(change.address))
        except TransportError as error:
            why = f"not read again: {outcomes.told(change, error)}"
            return outcomes.ended(change, OutcomeName.FAILED, why, maybe=maybe)
        held = api.current(change.address, response)
        if isinstance(held, api.Refusal):
            name = OutcomeName.MISSING if held.status in GONE else OutcomeName.FAILED
            return self._refused(change, name, held, maybe=maybe, prefix="not read again: ")
        if outcomes.holds(change, held):
            if maybe:
                return Outcome(change, OutcomeName.APPLIED, f"read back after: {maybe}")
            return Outcome(change, OutcomeName.ALREADY)
        if held.user_data != change.before:
            why = "somebody changed it since the plan"
            return outcomes.ended(change, OutcomeName.STALE, why, maybe=maybe)
        return response

    async def _write(
        self, change: Change, just_read: Response, *, maybe: str
    ) -> Outcome | _Doubt | None:
        """How one write ended; None where it had to wait, and was not sent."""
        try:
            response = await self._means.transport.send(self._request(change, just_read))
        except api.UnreadableError as error:
            detail = f"the object cannot be sent back: {error}"
            return outcomes.ended(change, OutcomeName.FAILED, detail, maybe=maybe)
        except HeldError:
            return None
        except TransportError as error:
            return _Doubt(outcomes.told(change, error), error.sent)
        held = api.stored(change.address, response)
        if isinstance(held, api.Refusal):
            return self._not_stored(change, held, maybe=maybe)
        self._forbidden = 0
        put = self._manner.method == "put"
        others = api.changed_beside(just_read, response) if put else ()
        return outcomes.stored(change, held, others, maybe=maybe)

    def _request(self, change: Change, just_read: Response) -> Request:
        if self._manner.method == "put":
            return api.put(change.address, change.after, just_read.body)
        return api.patch(change.address, change.after)

    def _not_stored(self, change: Change, held: api.Refusal, *, maybe: str) -> Outcome | _Doubt:
        if held.status in _AGAIN:
            return _Doubt(outcomes.said(change, held), done=False)
        if held.status in GONE:
            return self._refused(change, OutcomeName.MISSING, held, maybe=maybe)
        if held.status in _REJECTED:
            return self._refused(change, OutcomeName.REJECTED, held, maybe=maybe)
        return _Doubt(outcomes.said(change, held), done=True)

    async def _back_off(self, writes: int) -> None:
        # Full jitter: clients that failed together must not come back together.
        ceiling = min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2 ** (writes - 1))
        await self._means.clock.sleep(ceiling * self._means.random())

    async def _last_word(self, change: Change, doubt: _Doubt | None, *, maybe: str) -> Outcome:
        """The outcome where no further write is tried: only the API can tell of a doubtful one."""
        if doubt is None:
            return Outcome(change, OutcomeName.SKIPPED, self._stopped)
        if not maybe:
            name = OutcomeName.SKIPPED if self._stopped else OutcomeName.FAILED
            return Outcome(change, name, doubt.why)
        for number, seconds in enumerate(LAST_LOOKS_AFTER_SECONDS):
            if number and not self._means.budget.take():
                break
            await self._means.clock.sleep(seconds)
            look = await self._look(change, maybe=maybe)
            if isinstance(look, Outcome):
                return look
        # The old value proves nothing: a write that was slow may still come.
        return Outcome(change, OutcomeName.UNKNOWN, f"{maybe}; not there when read back")

    def _refused(
        self,
        change: Change,
        name: OutcomeName,
        refusal: api.Refusal,
        *,
        maybe: str,
        prefix: str = "",
    ) -> Outcome:
        said = outcomes.said(change, refusal)
        self._forbidden += refusal.status == api.FORBIDDEN
        if refusal.status == api.UNAUTHORIZED or self._forbidden >= self._enough_forbidden:
            self.refused = f"the API refuses the token: {said}"
            self.stop(self.refused)
        elif name is OutcomeName.REJECTED and refusal.status != api.FORBIDDEN:
            said = f"{said}; the value has {lengths(change.after)}"
        return outcomes.ended(change, name, f"{prefix}{said}", maybe=maybe)


_DONE = (OutcomeName.APPLIED, OutcomeName.ALREADY)
