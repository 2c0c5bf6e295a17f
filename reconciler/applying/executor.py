"""Changes of a plan -> outcomes: read again, note the intent, write, check the answer.

The API has no ETag, so the live value itself is the precondition: right before each write, and
before each retry of a write, the record must hold what the plan expected. A failure is an outcome
and never an exception. An outcome is never a guess: a write that was sent and not answered is read
back, and until the live value was seen the change is in doubt.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Literal

from msgspec import Struct

from reconciler.applying import outcomes
from reconciler.applying.journal_format import JournalError
from reconciler.applying.journal_writer import Journal
from reconciler.applying.outcomes import InDoubt
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
from reconciler.model import GOOD_OUTCOMES, Address, Change, Current, Outcome, OutcomeName
from reconciler.values.canonical import describe_length

WriteMethod = Literal["patch", "put"]

MAX_WRITES = 4
# How often a write may be held back by the throttle, and need another read, before it fails.
MAX_HELD = 20
BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 20.0

# A slow write may arrive after a read that did not see it: the last reads are some time apart.
FINAL_READS_AFTER_SECONDS = (0.5, 1.5, 3.0)

# Statuses that prove that a write was not done and will not be. Any other leaves it in doubt.
_REJECTED = (*range(300, 400), 400, 401, 403, 405, 413, 415, 422)
# Not done, and worth another attempt. docs.carrierx.com, "Responses", on 409: "try to resolve the
# conflict by resubmitting your request".
_RETRIED = (409, 429)


class ApplyContext(Struct, frozen=True):
    """The connections and limits that an apply uses."""

    transport: Transport
    """Sends reads and writes; it retries reads only."""
    budget: Budget
    """The retries left to the run; a retry of a write takes one."""
    clock: Clock
    """Waits between attempts."""
    random: Callable[[], float]
    """Jitter, from 0 to 1."""
    journal: Journal
    """Holds every intent before its write is sent."""


class ApplyOptions(Struct, frozen=True):
    """How an apply writes."""

    method: WriteMethod = "patch"
    """PATCH `user_data` alone, or PUT the whole object that was just read."""
    parallelism: int = 10
    """The most changes in progress at once; at least 1."""
    stop_on_error: bool = False
    """Whether the first change that fails stops those that have not begun."""


class _NotDone(Struct, frozen=True):
    """An attempt to write that ended without an outcome."""

    reason: str
    """Why: an error of the transport, or the API's message."""
    in_doubt: bool
    """Whether the write may have reached the API all the same."""


class Executor:
    """Applies changes; `stop` ends a run early: changes in flight finish, others are skipped."""

    def __init__(
        self,
        context: ApplyContext,
        options: ApplyOptions,
        on_outcome: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        self._context = context
        self._options = options
        self._on_outcome = on_outcome
        self._stopped = ""
        self._forbidden = 0
        self._enough_forbidden = api.FORBIDDEN_LIMIT
        self._in_flight: set[Address] = set()
        self._running: set[asyncio.Task[Outcome]] = set()
        self._abandoned = False
        self.refused = ""
        """The API's message when it refused the token; empty if it did not."""

    def stop(self, why: str) -> None:
        """Starts no further change; the first reason given is the one that outcomes show."""
        self._stopped = self._stopped or why

    def abandon(self) -> None:
        """Stops waiting for changes in flight: one whose write may have been sent is `unknown`."""
        self._abandoned = True
        for task in self._running:
            task.cancel()

    async def run(self, changes: Collection[Change]) -> list[Outcome]:
        """The outcome of every change, in their order."""
        by_address: dict[Address, Outcome] = {}
        # `min`: a run of two changes must stop as well if both of them get a 403.
        self._enough_forbidden = min(api.FORBIDDEN_LIMIT, len(changes))

        async def work(change: Change) -> None:
            outcome = await self._run_change(change)
            by_address[change.address] = outcome
            # First the journal: a callback that raises must not leave the change in flight there.
            self._context.journal.outcome(outcome)
            self._on_outcome(outcome)

        self._context.journal.expect(changes)
        await each_of(changes, work, at_most=self._options.parallelism)
        return [by_address[change.address] for change in changes]

    async def _run_change(self, change: Change) -> Outcome:
        """The outcome of a change, also if the run stops waiting for it."""
        if self._stopped:
            return Outcome(change, OutcomeName.SKIPPED, self._stopped)
        # A task of its own, so that `abandon` can cancel it and its outcome is still returned.
        task = asyncio.create_task(self._apply_change(change))
        self._running.add(task)
        try:
            outcome = await task
        except asyncio.CancelledError:
            if not self._abandoned:
                raise
            why = f"{self._stopped}; not waited for any longer"
            sent = change.address in self._in_flight
            outcome = Outcome(change, OutcomeName.UNKNOWN if sent else OutcomeName.SKIPPED, why)
        finally:
            self._running.discard(task)
            self._in_flight.discard(change.address)
        if self._options.stop_on_error and outcome.name not in GOOD_OUTCOMES:
            self.stop(f"stopped after {change.address} was {outcome.name}")
        return outcome

    async def _apply_change(self, change: Change) -> Outcome:
        """Reads the record again and writes it, as often as another attempt can help."""
        failure: _NotDone | None = None
        doubt: InDoubt | None = None
        writes = held = 0
        while writes < MAX_WRITES:
            read = await self._re_read(change, doubt)
            if isinstance(read, Outcome):
                return read
            if self._stopped or not await self._note_intent(change, writes + 1):
                break
            # Before the send: a write that is cancelled on its way may still arrive.
            self._in_flight.add(change.address)
            written = await self._write(change, read, doubt)
            if isinstance(written, Outcome):
                return written
            if written is not None and written.in_doubt:
                doubt = InDoubt(written.reason)
            # While a write is in doubt, the change stays in flight: if the run is abandoned, its
            # outcome is `unknown` and not `skipped`.
            if doubt is None:
                self._in_flight.discard(change.address)
            if written is None and held < MAX_HELD:
                held += 1
                continue  # not sent, because it had to wait: the value that was read is out of date
            writes, failure = (
                writes + 1,
                written or _NotDone("it had to wait again and again", in_doubt=False),
            )
            if not self._context.budget.take():
                break
            await self._back_off(writes)
        return await self._final_outcome(change, failure, doubt)

    async def _note_intent(self, change: Change, attempt: int) -> bool:
        """Whether the intent to write is on disk. If it cannot be written, the run stops."""
        try:
            await self._context.journal.intent(change, attempt)
        except JournalError as error:
            self.stop(str(error))
            return False
        return True

    async def _re_read(self, change: Change, doubt: InDoubt | None) -> Response | Outcome:
        """The answer of another read if the record holds what the plan expected, or the outcome."""
        try:
            # Not `narrow`: a PUT sends back the whole object of this response.
            response = await self._context.transport.send(api.get(change.address))
        except TransportError as error:
            why = f"not read again: {outcomes.transport_message(change, error)}"
            return outcomes.unseen_outcome(change, OutcomeName.FAILED, why, doubt)
        live = api.current(change.address, response)
        if isinstance(live, api.Refusal):
            name = OutcomeName.MISSING if live.status in GONE else OutcomeName.FAILED
            return self._refused(change, name, live, doubt, prefix="not read again: ")
        # Before the comparison with `before`: a write in doubt that arrived is not `stale`.
        if outcomes.is_in_place(change, live):
            if doubt is not None:
                return Outcome(change, OutcomeName.APPLIED, f"read back after: {doubt.reason}")
            return Outcome(change, OutcomeName.ALREADY)
        if live.user_data != change.before:
            why = "it was changed since the plan"
            return outcomes.unseen_outcome(change, OutcomeName.STALE, why, doubt)
        return response

    async def _write(
        self, change: Change, just_read: Response, doubt: InDoubt | None
    ) -> Outcome | _NotDone | None:
        """How one write ended; None if it had to wait and was not sent."""
        try:
            response = await self._context.transport.send(self._request(change, just_read))
        except api.UnreadableError as error:
            # `_request` raises this, so nothing was sent by this attempt.
            detail = f"the object cannot be sent back: {error}"
            return outcomes.unseen_outcome(change, OutcomeName.FAILED, detail, doubt)
        except HeldError:
            return None
        except TransportError as error:
            return _NotDone(outcomes.transport_message(change, error), error.sent)
        stored = api.stored(change.address, response)
        if isinstance(stored, api.Refusal):
            return self._not_stored(change, stored, doubt)
        self._forbidden = 0
        put = self._options.method == "put"
        # A PATCH names `user_data` alone, so it cannot overwrite another field.
        changed = api.other_changed_fields(just_read, response) if put else ()
        outcome = outcomes.stored_outcome(change, stored, changed, doubt)
        if outcome.name in GOOD_OUTCOMES:
            return outcome
        return await self._confirmed(change, outcome)

    async def _confirmed(self, change: Change, outcome: Outcome) -> Outcome:
        """The outcome of a write whose answer holds another value, after another read.

        A server or proxy that sends an answer twice makes the one of an earlier request look like
        that of the write.
        """
        try:
            response = await self._context.transport.send(api.get(change.address))
        except TransportError:
            return outcome
        live = api.current(change.address, response)
        if isinstance(live, Current) and outcomes.is_in_place(change, live):
            return Outcome(change, OutcomeName.APPLIED, "read back: its answer held another value")
        return outcome

    def _request(self, change: Change, just_read: Response) -> Request:
        if self._options.method == "put":
            return api.put(change.address, change.after, just_read.body)
        return api.patch(change.address, change.after)

    def _not_stored(
        self, change: Change, refusal: api.Refusal, doubt: InDoubt | None
    ) -> Outcome | _NotDone:
        if refusal.status in _RETRIED:
            return _NotDone(outcomes.api_message(change, refusal), in_doubt=False)
        if refusal.status in GONE:
            return self._refused(change, OutcomeName.MISSING, refusal, doubt)
        if refusal.status in _REJECTED:
            return self._refused(change, OutcomeName.REJECTED, refusal, doubt)
        return _NotDone(outcomes.api_message(change, refusal), in_doubt=True)

    async def _back_off(self, writes: int) -> None:
        # Full jitter: clients that failed together must not come back together.
        ceiling = min(MAX_BACKOFF_SECONDS, BACKOFF_SECONDS * 2 ** (writes - 1))
        await self._context.clock.sleep(ceiling * self._context.random())

    async def _final_outcome(
        self, change: Change, failure: _NotDone | None, doubt: InDoubt | None
    ) -> Outcome:
        """The outcome when no further write is tried; a write in doubt is read back first."""
        if doubt is None:
            if failure is None:
                return Outcome(change, OutcomeName.SKIPPED, self._stopped)
            name = OutcomeName.SKIPPED if self._stopped else OutcomeName.FAILED
            return Outcome(change, name, failure.reason)
        for number, seconds in enumerate(FINAL_READS_AFTER_SECONDS):
            # The first read is free: with an empty budget a write that arrived is still `applied`.
            if number and not self._context.budget.take():
                break
            await self._context.clock.sleep(seconds)
            read = await self._re_read(change, doubt)
            if isinstance(read, Outcome):
                return read
        # The old value proves nothing: a slow write may still arrive.
        return Outcome(change, OutcomeName.UNKNOWN, f"{doubt.reason}; not there when read back")

    def _refused(
        self,
        change: Change,
        name: OutcomeName,
        refusal: api.Refusal,
        doubt: InDoubt | None,
        *,
        prefix: str = "",
    ) -> Outcome:
        message = outcomes.api_message(change, refusal)
        if refusal.status == api.FORBIDDEN:
            message = f"{message}: the token needs {api.scopes_to_write(change.address)}"
        self._forbidden += refusal.status == api.FORBIDDEN
        if refusal.status == api.UNAUTHORIZED or self._forbidden >= self._enough_forbidden:
            self.refused = f"the API refuses the token: {message}"
            self.stop(self.refused)
            if refusal.status == api.UNAUTHORIZED:  # no value was refused
                name, message = OutcomeName.FAILED, f"the token was refused: {message}"
        elif name is OutcomeName.REJECTED and refusal.status != api.FORBIDDEN:
            message = f"{message}; the value has {describe_length(change.after)}"
        return outcomes.unseen_outcome(change, name, f"{prefix}{message}", doubt)
