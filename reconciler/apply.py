"""Plan -> outcomes: look again, write, check the answer.

The API has no ETag, so the guard is the value itself: what is there must be what the plan expected.
A failure is an outcome, never an exception, and an outcome is never a guess: what was sent and not
answered is read back, and stays `unknown` unless the API itself shows the value.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

from reconciler import api
from reconciler.model import Change, Current, Outcome, OutcomeName, Plan
from reconciler.pool import each_of
from reconciler.transport import Request, Response, Transport, TransportError
from reconciler.value import canonical, same, structure

WriteMethod = Literal["patch", "put"]

# Answers to a write that prove that it was not done; any other leaves it in doubt.
_REJECTED = (*range(300, 400), 400, 401, 403, 405, 413, 415, 422)
_NOT_DONE: Mapping[int, OutcomeName] = MappingProxyType(
    {
        **dict.fromkeys(_REJECTED, OutcomeName.REJECTED),
        404: OutcomeName.MISSING,
        409: OutcomeName.FAILED,  # "try to resolve the conflict by resubmitting your request later"
        429: OutcomeName.FAILED,
    }
)


class Apply:
    """One run over a plan; `stop` ends it early: in-flight changes finish, others are skipped."""

    def __init__(
        self,
        transport: Transport,
        *,
        method: WriteMethod = "patch",
        parallelism: int = 10,
        stop_on_error: bool = False,
        on_outcome: Callable[[Outcome], None] = lambda _: None,
    ) -> None:
        self._transport = transport
        self._method = method
        self._parallelism = parallelism
        self._stop_on_error = stop_on_error
        self._on_outcome = on_outcome
        self._stopped = ""
        self._forbidden = 0
        self._enough_forbidden = api.FORBIDDEN_IN_A_ROW
        self.refused = ""  # what the API said when it refused the token

    def stop(self, why: str) -> None:
        """Starts no further change."""
        self._stopped = self._stopped or why

    async def run(self, plan: Plan) -> list[Outcome]:
        """The outcome of every change of the plan, in the plan's order."""
        outcomes: dict[Change, Outcome] = {}
        self._enough_forbidden = min(api.FORBIDDEN_IN_A_ROW, len(plan.changes))

        async def work(change: Change) -> None:
            outcome = await self._one(change)
            outcomes[change] = outcome
            self._on_outcome(outcome)

        await each_of(plan.changes, work, at_most=self._parallelism)
        return [outcomes[change] for change in plan.changes]

    async def _one(self, change: Change) -> Outcome:
        if self._stopped:
            return Outcome(change, OutcomeName.SKIPPED, self._stopped)
        outcome = await self._read_and_write(change)
        if self._stop_on_error and outcome.name not in (OutcomeName.APPLIED, OutcomeName.ALREADY):
            self.stop(f"stopped after {change.address} was {outcome.name}")
        return outcome

    async def _read_and_write(self, change: Change) -> Outcome:
        try:
            response = await self._transport.send(api.get(change.address))
        except TransportError as error:
            return Outcome(change, OutcomeName.FAILED, f"not read again: {error}")
        held = api.current(change.address, response)
        if isinstance(held, api.Refusal):
            name = OutcomeName.MISSING if held.status == api.NOT_FOUND else OutcomeName.FAILED
            return self._refused(change, name, held, "not read again: ")
        if _holds(change, held):
            return Outcome(change, OutcomeName.ALREADY)
        if held.user_data != change.before:
            return Outcome(change, OutcomeName.STALE, "somebody changed it since the plan")
        return await self._write(change, response)

    async def _write(self, change: Change, just_read: Response) -> Outcome:
        try:
            response = await self._transport.send(self._request(change, just_read))
        except api.UnreadableError as error:
            detail = f"the object cannot be sent back: {error}"
            return Outcome(change, OutcomeName.FAILED, detail)
        except TransportError as error:
            if not error.sent:
                return Outcome(change, OutcomeName.FAILED, str(error))
            return await self._read_back(change, str(error))
        held = api.stored(change.address, response)
        if isinstance(held, Current):
            self._forbidden = 0
            return _stored(change, held)
        if held.status in _NOT_DONE:
            return self._refused(change, _NOT_DONE[held.status], held)
        return await self._read_back(change, _said(change, held))

    def _request(self, change: Change, just_read: Response) -> Request:
        if self._method == "put":
            return api.put(change.address, change.after, just_read.body)
        return api.patch(change.address, change.after)

    async def _read_back(self, change: Change, doubt: str) -> Outcome:
        """The outcome of a write that may or may not have been done: only the API can tell."""
        try:
            response = await self._transport.send(api.get(change.address))
        except TransportError as error:
            return Outcome(change, OutcomeName.UNKNOWN, f"{doubt}; not read back: {error}")
        held = api.current(change.address, response)
        if isinstance(held, Current) and _holds(change, held):
            return Outcome(change, OutcomeName.APPLIED, f"read back after: {doubt}")
        # The old value proves nothing: a write that was slow may still come.
        return Outcome(change, OutcomeName.UNKNOWN, f"{doubt}; not there when read back")

    def _refused(
        self, change: Change, name: OutcomeName, refusal: api.Refusal, prefix: str = ""
    ) -> Outcome:
        said = _said(change, refusal)
        self._forbidden += refusal.status == api.FORBIDDEN
        if refusal.status == api.UNAUTHORIZED or self._forbidden >= self._enough_forbidden:
            self.refused = f"the API refuses the token: {said}"
            self.stop(self.refused)
        return Outcome(change, name, f"{prefix}{said}")


def _holds(change: Change, held: Current) -> bool:
    """Whether a record holds what is wanted, an API's own layout of the same JSON included."""
    wanted = structure(change.after)
    structured = wanted is not None and canonical(wanted) == change.after
    return same(change.after, held.user_data, structured=structured)


def _said(change: Change, refusal: api.Refusal) -> str:
    """What the API said; it may quote the value, which is not always to be shown."""
    reason = "(its words are not shown: the record is sensitive)" if change.sensitive else ""
    return f"{refusal.status} {reason or refusal.reason}"


def _stored(change: Change, held: Current) -> Outcome:
    if _holds(change, held):
        return Outcome(change, OutcomeName.APPLIED)
    if change.sensitive:
        return Outcome(change, OutcomeName.ALTERED, "the API stored something else (not shown)")
    stored = "null" if held.user_data is None else f'"{held.user_data}"'
    return Outcome(change, OutcomeName.ALTERED, f"the API stored {stored[: api.MAX_REASON_CHARS]}")
