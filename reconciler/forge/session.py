"""Requests to a host's API, with its rate limits and failures (a door to httpx, for forges alone).

Its token goes to the host that the environment names, and nowhere else: https, no redirects.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx

from reconciler import __version__
from reconciler.config import Secret
from reconciler.errors import ReconcilerError
from reconciler.forge import TooLongError

TIMEOUT_SECONDS = 20.0
PAGE = 100
# Pull requests have had a thousand comments; what has more has another problem.
MOST_PAGES = 50

_ATTEMPTS = 5
# A job that waits longer costs more than the comment is worth.
_MOST_WAIT_SECONDS = 60.0
_RETRIED = frozenset((429, 500, 502, 503, 504))
_OK = range(200, 300)
_FORBIDDEN = 403
_TOO_LONG = frozenset((413, 422, 400))
_MOST_MESSAGE_CHARS = 300


class HostError(ReconcilerError):
    """The host said no; `status` is its answer's, 0 where there was none."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Session:
    """One host, one token."""

    def __init__(
        self,
        base_url: str,
        headers: Callable[[Secret], Mapping[str, str]],
        token: Secret,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._base_url = base_url
        self._token = token
        self._sleep = sleep
        self._client = httpx.Client(
            headers={"user-agent": f"reconciler/{__version__}", **headers(token)},
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
        )

    def ask(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """The host's answer, as JSON; HostError where it is none, TooLongError for a long text.

        What was lost on its way is asked again, but for a POST: whether that arrived only a look
        at what is there now can tell.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._client.request(method, f"{self._base_url}{path}", json=body)
            except httpx.HTTPError as error:
                why = self._redacted(str(error)) or type(error).__name__
                if method == "POST" or attempt == _ATTEMPTS:
                    raise HostError(f"{method} {path}: no answer: {why}", 0) from None
                self._sleep(self._pause(attempt))
                continue
            wait = self._asked_to_wait(answer, attempt)
            if wait is None or attempt == _ATTEMPTS:
                return self._value(method, path, answer)
            if method == "POST" and answer.status_code >= 500:  # noqa: PLR2004  a server's failure
                raise HostError(f"{method} {path}: {answer.status_code}", 0)
            self._sleep(wait)
        raise AssertionError  # the last attempt returns or raises

    def pages(self, path: str) -> Iterator[Any]:
        """The items of a list, page by page."""
        joined = "&" if "?" in path else "?"
        for page in range(1, MOST_PAGES + 1):
            items = self.ask("GET", f"{path}{joined}per_page={PAGE}&page={page}")
            yield from items
            if len(items) < PAGE:
                return

    def close(self) -> None:
        """Closes the connection."""
        self._client.close()

    def _asked_to_wait(self, answer: httpx.Response, attempt: int) -> float | None:
        """Seconds until it may be asked again; None where it is not to be."""
        headers = answer.headers
        limited = answer.status_code == _FORBIDDEN and (
            "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
        )
        if answer.status_code not in _RETRIED and not limited:
            return None
        stated = headers.get("retry-after", "")
        reset = headers.get("x-ratelimit-reset", "")
        if stated.isascii() and stated.isdigit():
            wait = float(stated)
        elif limited and reset.isascii() and reset.isdigit():
            wait = max(0.0, float(reset) - time.time())
        else:
            wait = self._pause(attempt)
        return wait if wait <= _MOST_WAIT_SECONDS else None

    def _pause(self, attempt: int) -> float:
        return random.uniform(0, 2.0**attempt)  # noqa: S311  jitter, no secret

    def _value(self, method: str, path: str, answer: httpx.Response) -> Any:
        said = self._said(answer)
        status = answer.status_code
        if status in _TOO_LONG and "too long" in said.lower():
            raise TooLongError
        if status not in _OK:
            raise HostError(f"{method} {path}: {status} {said}".rstrip(), status)
        try:
            return answer.json() if answer.content else None
        except ValueError:
            raise HostError(f"{method} {path}: the answer is no JSON", 0) from None

    def _said(self, answer: httpx.Response) -> str:
        """What the host says went wrong, in its own words, without our token."""
        return self._redacted(answer.text[:_MOST_MESSAGE_CHARS])

    def _redacted(self, text: str) -> str:
        return text.replace(self._token.reveal(), "***")
