"""A request to a host's API -> a decoded value, with retries and rate limits.

The only module of this package that imports httpx. The token is sent only to the host that the
environment names: https, no redirects, and no proxy for a host on the local machine.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import httpx
import msgspec
from tenacity import (
    Future,
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_attempt,
    wait_random_exponential,
)

from reconciler import __version__
from reconciler.credentials import Secret
from reconciler.errors import ReconcilerError
from reconciler.forges.protocol import TooLongError

TIMEOUT_SECONDS = 20.0
# Items per page: the maximum of both hosts.
PAGE = 100
# 5,000 items in all. Pull requests with 1,000 comments exist; more than 5,000 is an error.
MAX_PAGES = 50

_ATTEMPTS = 5
# A CI job that waits longer costs more than the comment is worth.
_MAX_WAIT_SECONDS = 60.0
# Enough for a page of 100 comments, each of the maximum length.
_MAX_BYTES = 128 * 1024 * 1024
# Headers that describe the body as sent. The decoded body is not compressed and has another length.
_ENCODING_HEADERS = frozenset(("content-encoding", "content-length", "transfer-encoding"))
_RETRIED = frozenset((429, 500, 502, 503, 504))
_SERVER_FAILED = 500
_OK = range(200, 300)
_FORBIDDEN = 403
# A proxy in front of the host answers 413: its limit can be lower than the host's.
_TOO_LARGE = 413
# Other errors of validation have these statuses too, so that the message decides as well.
_MAY_BE_TOO_LONG = frozenset((400, 422))
_MAX_MESSAGE_CHARS = 300

Value = TypeVar("Value")


class HostError(ReconcilerError):
    """The host refused a request, or gave no usable answer."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status of a refusal; 0 for every other error: the request may have been done."""


class Session:
    """A connection to one host with one token; `close` it after use."""

    def __init__(
        self, base_url: str, headers: Callable[[Secret], Mapping[str, str]], token: Secret
    ) -> None:
        self._base_url = base_url
        self._token = token
        self._client = httpx.Client(
            headers={"user-agent": f"reconciler/{__version__}", **headers(token)},
            timeout=TIMEOUT_SECONDS,
            # On a redirect to another origin httpx removes `authorization` only: GitLab's
            # `private-token` would be sent on.
            follow_redirects=False,
            trust_env=base_url.startswith("https://"),
        )
        self.now = 0
        """The time of the last response by the host's clock, in seconds since 1970."""

    def ask(
        self,
        method: str,
        path: str,
        answer: type[Value],
        body: Mapping[str, object] | None = None,
        *,
        reads: bool = False,
    ) -> Value:
        """The response's JSON body, decoded as the type `answer`.

        Lost answers, 5xx and rate limits are retried. A POST is retried after a rate limit only,
        unless it just `reads` (a GraphQL query): after a lost answer only a new read can show
        whether it was done. Raises HostError if the host refuses the request or gives no usable
        answer, TooLongError if the host refuses the text as too long.
        """
        once = method == "POST" and not reads
        return self._value(method, path, self._answered(method, path, body, once=once), answer)

    def pages(self, path: str, page_of: type[list[Value]]) -> Iterator[Value]:
        """The items of a list, in the host's order, until no response header names a next page.

        Raises HostError if the list is longer than MAX_PAGES.
        """
        joined = "&" if "?" in path else "?"
        for page in range(1, MAX_PAGES + 1):
            asked = f"{path}{joined}per_page={PAGE}&page={page}"
            answer = self._answered("GET", asked, None, once=False)
            yield from self._value("GET", path, answer, page_of)
            # A short page may not be the last one: items that the token may not see are left out.
            headers = answer.headers
            if not (headers.get("x-next-page") or 'rel="next"' in headers.get("link", "")):
                return
        # Our comment may be on a later page; without it every run would post a new comment.
        raise HostError(f"{path}: has more than {MAX_PAGES * PAGE:,} items", 0)

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()

    def _answered(
        self, method: str, path: str, body: Mapping[str, object] | None, *, once: bool
    ) -> httpx.Response:
        """The response, after retries; `once` allows retries of rate limits only."""
        url = f"{self._base_url}{path}"
        try:
            answer = _retrying(once=once)(self._whole, method, url, body)
        except httpx.HTTPError as error:
            why = self._token.redacted(str(error)) or type(error).__name__
            raise HostError(f"{method} {url}: no answer: {why}", 0) from None
        if once and answer.status_code >= _SERVER_FAILED:
            # Status 0: after a 5xx the POST may have been done, so the caller looks for it first.
            raise HostError(f"{method} {url}: {answer.status_code}", 0)
        return answer

    def _whole(self, method: str, url: str, body: Mapping[str, object] | None) -> httpx.Response:
        """The response with its whole body, limited in size and total time.

        httpx's own timeout restarts with every part that arrives.
        """
        until = time.monotonic() + _MAX_WAIT_SECONDS
        with self._client.stream(method, url, json=body) as answer:
            parts, size = [], 0
            for part in answer.iter_bytes():
                size += len(part)
                parts.append(part)
                if size > _MAX_BYTES or time.monotonic() > until:
                    raise httpx.ReadError("the answer is too large, or takes too long")
        self.now = seconds(answer.headers.get("date", "")) or self.now
        headers = [(k, v) for k, v in answer.headers.items() if k not in _ENCODING_HEADERS]
        return httpx.Response(answer.status_code, headers=headers, content=b"".join(parts))

    def _value(self, method: str, path: str, answer: httpx.Response, type_: type[Value]) -> Value:
        asked = f"{method} {self._base_url}{path}"
        # Redacted before it is cut: a part of the token would not be found.
        said = self._token.redacted(answer.text)[:_MAX_MESSAGE_CHARS]
        status = answer.status_code
        if status == _TOO_LARGE or (status in _MAY_BE_TOO_LONG and "too long" in said.lower()):
            raise TooLongError
        if status not in _OK:
            raise HostError(f"{asked}: {status} {said}".rstrip(), status)
        try:
            return msgspec.json.decode(answer.content or b"null", type=type_)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            why = f"the answer does not have the expected format ({error})"
            raise HostError(f"{asked}: {why}", 0) from None


# 0 to 2, 0 to 4, 0 to 8, 0 to 16 seconds: exponential backoff with full jitter.
_BACKOFF = wait_random_exponential(multiplier=2)


def _retrying(*, once: bool) -> Retrying:
    """Repeats a request while it makes sense; the last answer or error is the result."""
    answered = retry_if_result(lambda answer: _is_retried(answer, once=once))
    lost = retry_if_exception_type(httpx.HTTPError)
    return Retrying(
        stop=stop_after_attempt(_ATTEMPTS),
        retry=answered if once else answered | lost,
        wait=_wait,
        retry_error_callback=lambda state: _outcome(state).result(),
    )


def _is_retried(answer: httpx.Response, *, once: bool) -> bool:
    if once and answer.status_code >= _SERVER_FAILED:
        return False
    stated = _stated_wait(answer)
    return (answer.status_code in _RETRIED or _is_rate_limit(answer)) and (
        stated is None or stated <= _MAX_WAIT_SECONDS
    )


def _wait(state: RetryCallState) -> float:
    outcome = _outcome(state)
    stated = None if outcome.failed else _stated_wait(outcome.result())
    return _BACKOFF(state) if stated is None else stated


def _outcome(state: RetryCallState) -> Future:
    assert state.outcome is not None  # noqa: S101  tenacity asks after an attempt
    return state.outcome


def _is_rate_limit(answer: httpx.Response) -> bool:
    """Whether a 403 is a rate limit: GitHub answers it with one of these headers.

    https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
    """
    return answer.status_code == _FORBIDDEN and (
        "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
    )


def seconds(text: str) -> int:
    """A date of HTTP or ISO 8601 in seconds since 1970; 0 if it is neither."""
    for parsed in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, TypeError, OverflowError):
            return max(0, int(parsed(text).timestamp()))
    return 0


def _stated_wait(answer: httpx.Response) -> float | None:
    """Seconds until the next attempt, as the headers state them; None if they do not."""
    after = answer.headers.get("retry-after", "")
    reset = answer.headers.get("x-ratelimit-reset", "")
    if after.isascii() and after.isdigit():
        return float(after)
    # RFC 9110, section 10.2.3: seconds or a date. The clocks can differ.
    if at := seconds(after):
        return max(0.0, at - time.time())
    # GitHub sends the reset time with every answer; only a rate limit has to wait for it.
    if _is_rate_limit(answer) and reset.isascii() and reset.isdigit():
        # The clocks can differ: `time.sleep` raises ValueError for a negative time.
        return max(0.0, float(reset) - time.time())
    return None
