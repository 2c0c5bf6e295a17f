"""The environment -> the address of the API and the token for it.

Both come from the environment alone: a pull request can change every file of the tree, and could
otherwise send the token elsewhere.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from reconciler.errors import ConfigError

DEFAULT_BASE_URL = "https://api.carrierx.com/core/v2"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

# Visible ASCII: a header cannot carry anything else, and httpx would quote the token in its error.
_TOKEN = re.compile(r"[\x21-\x7e]{8,4096}")
_MOST_TOKEN_BYTES = 4096 + 2
_NOT_IN_TOKEN = re.compile(r"[^\x21-\x7e]")


class Secret:
    """A token that no print, log, traceback or pickle can show."""

    __slots__ = ("_hidden",)

    def __init__(self, text: str) -> None:
        self._hidden = text

    def reveal(self) -> str:
        """The text itself; for the moment of sending it."""
        return self._hidden

    def redacted(self, text: str) -> str:
        """What somebody else says, who may tell the token back, also as JSON writes it."""
        escaped = json.dumps(self._hidden)[1:-1]
        for form in (self._hidden, escaped, escaped.replace("/", r"\/")):
            text = text.replace(form, "***")
        return text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not written anywhere")


class Target(Struct, frozen=True):
    """Where the API is, and the token for it, if there is one."""

    base_url: str
    token: Secret | None


def target(environment: Mapping[str, str]) -> Target:
    """The API that CARRIERX_BASE_URL, CARRIERX_TOKEN and CARRIERX_TOKEN_FILE name."""
    return Target(
        base_url(environment.get("CARRIERX_BASE_URL") or DEFAULT_BASE_URL), _token(environment)
    )


def base_url(text: str) -> str:
    """The API's address in its one spelling: lower-case host, no slash at the end.

    Raises ConfigError for an address to which a token must not be sent.
    """
    return checked_url(text, "CARRIERX_BASE_URL", DEFAULT_BASE_URL)


def checked_url(text: str, name: str, example: str = "https://...") -> str:
    """The address that a variable of the environment holds, in its one spelling."""
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None
    wrong = _wrong(text, url)
    if wrong:
        raise ConfigError(f"{name}: {wrong}: expected something like {example}")
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    standard = {"http": 80, "https": 443}[url.scheme]
    where = host if port in (None, standard) else f"{host}:{port}"
    return f"{url.scheme}://{where}{url.path.rstrip('/')}"


def _wrong(text: str, url: SplitResult) -> str:
    # urlsplit and httpx read some of these differently, so that one host is checked, another used.
    if not text.isascii() or not text.isprintable() or "\\" in text or " " in text:
        return "holds a character that an address cannot"
    if url.scheme not in ("http", "https"):
        return "is no https:// address"
    if "@" in url.netloc or "?" in text or "#" in text:
        return "has a user, a query or a fragment"
    if not url.hostname or url.netloc.startswith("[v"):
        return "names no host"
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        return "is http://, which would send the token in clear (allowed for this machine alone)"
    return ""


def _token(environment: Mapping[str, str]) -> Secret | None:
    text, file = environment.get("CARRIERX_TOKEN"), environment.get("CARRIERX_TOKEN_FILE")
    if text and file:
        raise ConfigError("both CARRIERX_TOKEN and CARRIERX_TOKEN_FILE are set: set one of them")
    if text:
        return checked_token(text, "CARRIERX_TOKEN")
    if not file:
        return None  # where nothing has to be asked for, none is needed
    try:
        with Path(file).open("rb") as stream:
            held = stream.read(_MOST_TOKEN_BYTES).decode("latin-1")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "no path"
        raise ConfigError(f"CARRIERX_TOKEN_FILE: cannot be read: {why}") from None
    # Editors and `echo` end a file with a newline; nobody means it.
    return checked_token(held.removesuffix("\n").removesuffix("\r"), "CARRIERX_TOKEN_FILE")


def checked_token(text: str, name: str) -> Secret:
    """The token; the error tells the place of a wrong character and nothing of the token."""
    bad = _NOT_IN_TOKEN.search(text)
    if bad is not None:
        raise ConfigError(
            f"{name}: character {bad.start() + 1} of the token is U+{ord(bad[0]):04X}, "
            "which no token holds: was it copied with a line break or a space?"
        )
    if not _TOKEN.fullmatch(text):
        raise ConfigError(f"{name}: a token has 8 to 4096 characters, this one {len(text):,}")
    return Secret(text)
