"""Requests to a host's API, with its rate limits and failures (a door to httpx, for forges alone).

Its token goes to the host that the environment names, and nowhere else: https, no redirects, and no
proxy for what is on this machine.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

import httpx
import msgspec

from reconciler import __version__
from reconciler.credentials import Secret
from reconciler.errors import ReconcilerError
from reconciler.forges.protocol import TooLongError

TIMEOUT_SECONDS = 20.0
PAGE = 100
# Pull requests have had a thousand comments; what has more has another problem.
MOST_PAGES = 50

_ATTEMPTS = 5
# A job that waits longer costs more than the comment is worth.
_MOST_WAIT_SECONDS = 60.0
# A page of a hundred comments, each as long as may be.
_MOST_BYTES = 128 * 1024 * 1024
# What is decoded is another length, and no longer compressed.
_OF_THE_WIRE = frozenset(("content-encoding", "content-length", "transfer-encoding"))
_RETRIED = frozenset((429, 500, 502, 503, 504))
_SERVER_FAILED = 500
_OK = range(200, 300)
_FORBIDDEN = 403
_TOO_LARGE = 413
_MAY_BE_TOO_LONG = frozenset((400, 422))
_MOST_MESSAGE_CHARS = 300

Value = TypeVar("Value")


class HostError(ReconcilerError):
    """The host said no; `status` is its answer's, 0 where there was none that can be read."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Session:
    """One host, one token."""

    def __init__(
        self, base_url: str, headers: Callable[[Secret], Mapping[str, str]], token: Secret
    ) -> None:
        self._base_url = base_url
        self._token = token
        self._client = httpx.Client(
            headers={"user-agent": f"reconciler/{__version__}", **headers(token)},
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
            trust_env=base_url.startswith("https://"),
        )

    def ask(
        self,
        method: str,
        path: str,
        answer: type[Value],
        body: Mapping[str, object] | None = None,
        *,
        reads: bool = False,
    ) -> Value:
        """What the host answers, as a value of a type; HostError where it does not.

        What was lost on its way is asked again, but for a POST that does more than it `reads`:
        whether that arrived only a look at what is there now can tell. TooLongError says that a
        text has to be shorter.
        """
        once = method == "POST" and not reads
        return self._value(method, path, self._answered(method, path, body, once=once), answer)

    def pages(self, path: str, page_of: type[list[Value]]) -> Iterator[Value]:
        """The items of a list, page by page, as long as the host says that there is a next one."""
        joined = "&" if "?" in path else "?"
        for page in range(1, MOST_PAGES + 1):
            asked = f"{path}{joined}per_page={PAGE}&page={page}"
            answer = self._answered("GET", asked, None, once=False)
            yield from self._value("GET", path, answer, page_of)
            # A page may be short of what the token may not see, with others behind it.
            headers = answer.headers
            if not (headers.get("x-next-page") or 'rel="next"' in headers.get("link", "")):
                return
        # Ours may be behind: without it a comment would be posted again and again.
        raise HostError(f"{path}: has more than {MOST_PAGES * PAGE:,} items", 0)

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def _answered(
        self, method: str, path: str, body: Mapping[str, object] | None, *, once: bool
    ) -> httpx.Response:
        asked = f"{method} {self._base_url}{path}"
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS
            try:
                answer = self._whole(method, f"{self._base_url}{path}", body)
            except httpx.HTTPError as error:
                if once or last:
                    why = self._token.redacted(str(error)) or type(error).__name__
                    raise HostError(
                        f"{method} {self._base_url}{path}: no answer: {why}", 0
                    ) from None
                time.sleep(_pause(attempt))
                continue
            if once and answer.status_code >= _SERVER_FAILED:
                raise HostError(f"{asked}: {answer.status_code}", 0)
            wait = _asked_to_wait(answer, attempt)
            if wait is None or last:
                return answer
            time.sleep(wait)
        raise AssertionError  # the last attempt returns or raises

    def _whole(self, method: str, url: str, body: Mapping[str, object] | None) -> httpx.Response:
        """An answer of a size and in a time that a comment is worth."""
        until = time.monotonic() + _MOST_WAIT_SECONDS
        with self._client.stream(method, url, json=body) as answer:
            parts, size = [], 0
            for part in answer.iter_bytes():
                size += len(part)
                parts.append(part)
                if size > _MOST_BYTES or time.monotonic() > until:
                    raise httpx.ReadError("the answer is too large, or takes too long")
        headers = [(k, v) for k, v in answer.headers.items() if k not in _OF_THE_WIRE]
        return httpx.Response(answer.status_code, headers=headers, content=b"".join(parts))

    def _value(self, method: str, path: str, answer: httpx.Response, type_: type[Value]) -> Value:
        asked = f"{method} {self._base_url}{path}"
        said = self._token.redacted(answer.text)[:_MOST_MESSAGE_CHARS]
        status = answer.status_code
        if status == _TOO_LARGE or (status in _MAY_BE_TOO_LONG and "too long" in said.lower()):
            raise TooLongError
        if status not in _OK:
            raise HostError(f"{asked}: {status} {said}".rstrip(), status)
        try:
            return msgspec.json.decode(answer.content or b"null", type=type_)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            why = f"the answer is not what this host should give ({error})"
            raise HostError(f"{asked}: {why}", 0) from None


def _asked_to_wait(answer: httpx.Response, attempt: int) -> float | None:
    """Seconds until it may be asked again; None where it is not to be."""
    headers = answer.headers
    limited = answer.status_code == _FORBIDDEN and (
        "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    )
    if answer.status_code not in _RETRIED and not limited:
        return None
    stated, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    wait = _pause(attempt)
    if stated.isascii() and stated.isdigit():
        wait = float(stated)
    elif limited and reset.isascii() and reset.isdigit():
        wait = max(0.0, float(reset) - time.time())
    return wait if wait <= _MOST_WAIT_SECONDS else None


def _pause(attempt: int) -> float:
    return random.uniform(0, 2.0**attempt)  # noqa: S311  jitter, no secret
