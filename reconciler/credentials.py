"""The environment -> the address of the API and the token for it.

Neither is read from a file of the project: a pull request can change every such file, and could
otherwise send the token to another host.
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

# Visible ASCII without a space: a header cannot carry other characters, and httpx would quote the
# token in its error.
_TOKEN = re.compile(r"[\x21-\x7e]{8,4096}")
_MAX_TOKEN_BYTES = 4096 + 2
_NOT_IN_TOKEN = re.compile(r"[^\x21-\x7e]")


class Secret:
    """A token that does not appear in print, logs, tracebacks or pickles."""

    __slots__ = ("_hidden",)

    def __init__(self, text: str) -> None:
        self._hidden = text

    def reveal(self) -> str:
        """The token itself; only for the code that sends it."""
        return self._hidden

    def redacted(self, text: str) -> str:
        """The text of a server with every copy of the token replaced by `***`.

        A server may echo the token, also as a JSON string with escapes.
        """
        escaped = json.dumps(self._hidden)[1:-1]
        for form in (self._hidden, escaped, escaped.replace("/", r"\/")):
            text = text.replace(form, "***")
        return text

    def is_in(self, body: bytes) -> bool:
        """Whether a JSON body holds the token, in any of the ways in which JSON can write it."""
        token = self._hidden.encode()
        # Without escapes JSON writes visible ASCII as it is.
        return token in (_unescaped(body) if b"\\" in body else body)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret cannot be pickled")


_ESCAPE = re.compile(rb'\\(?:u00([0-7][0-9a-fA-F])|(["\\/]))')


def _unescaped(body: bytes) -> bytes:
    """A JSON body with the escapes of visible ASCII replaced by the characters themselves."""
    return _ESCAPE.sub(lambda found: found[2] or bytes.fromhex(found[1].decode()), body)


class Target(Struct, frozen=True):
    """The API and the token for it."""

    base_url: str
    """The address in its normal form (see `base_url()`)."""
    token: Secret | None
    """The token; None if no variable sets one, which is enough when no request is made."""


def target(environment: Mapping[str, str]) -> Target:
    """The API and the token of CARRIERX_BASE_URL, CARRIERX_TOKEN and CARRIERX_TOKEN_FILE.

    Raises ConfigError if a value cannot be used, if both token variables are set, or if the token
    file cannot be read.
    """
    return Target(
        base_url(environment.get("CARRIERX_BASE_URL") or DEFAULT_BASE_URL), _token(environment)
    )


def renewed(environment: Mapping[str, str]) -> Secret | None:
    """The token of CARRIERX_TOKEN_FILE, read again; None without the variable.

    A token may be rotated while a run goes on: the file then holds the new one. Raises ConfigError
    if it cannot be used.
    """
    return _token(environment) if environment.get("CARRIERX_TOKEN_FILE") else None


def base_url(text: str) -> str:
    """The API's address in its normal form: lower-case host, no slash at the end.

    Raises ConfigError if it is not an address to which a token may be sent.
    """
    return checked_url(text, "CARRIERX_BASE_URL", DEFAULT_BASE_URL)


def checked_url(text: str, name: str, example: str = "https://...") -> str:
    """The address in the environment variable `name`, in its normal form.

    For example `https://API.example.com:443/v2/` becomes `https://api.example.com/v2`. Raises
    ConfigError, with the variable's name and the `example`, if a token must not be sent there.
    """
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
    # urlsplit and httpx parse some of these characters differently: the host that is checked here
    # could be another one than the host that is connected to.
    if not text.isascii() or not text.isprintable() or "\\" in text or " " in text:
        return "holds a character that is not allowed in an address"
    if url.scheme not in ("http", "https"):
        return "is not an https:// address"
    if "@" in url.netloc or "?" in text or "#" in text:
        return "has a user, a query or a fragment"
    if not url.hostname or url.netloc.startswith("[v"):
        return "has no host name"
    if url.scheme == "http" and url.hostname not in _LOOPBACK:
        return "is http://, which would send the token unencrypted (allowed for localhost only)"
    return ""


def _token(environment: Mapping[str, str]) -> Secret | None:
    text, file = environment.get("CARRIERX_TOKEN"), environment.get("CARRIERX_TOKEN_FILE")
    if text and file:
        raise ConfigError("both CARRIERX_TOKEN and CARRIERX_TOKEN_FILE are set: set one of them")
    if text:
        return checked_token(text, "CARRIERX_TOKEN")
    if not file:
        return None  # a run that makes no request needs no token
    try:
        with Path(file).open("rb") as stream:
            held = stream.read(_MAX_TOKEN_BYTES).decode("latin-1")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its path is not valid"
        raise ConfigError(f"{file} (CARRIERX_TOKEN_FILE): cannot be read: {why}") from None
    # Editors and `echo` end a file with a newline, which is not a part of the token.
    return checked_token(held.removesuffix("\n").removesuffix("\r"), "CARRIERX_TOKEN_FILE")


def checked_token(text: str, name: str) -> Secret:
    """The token as a Secret.

    Raises ConfigError, which names the position and code point of a wrong character and quotes no
    other part of the token.
    """
    bad = _NOT_IN_TOKEN.search(text)
    if bad is not None:
        raise ConfigError(
            f"{name}: character {bad.start() + 1} of the token is U+{ord(bad[0]):04X}, "
            "which is not allowed in a token: was it copied with a line break or a space?"
        )
    if not _TOKEN.fullmatch(text):
        raise ConfigError(f"{name}: a token has 8 to 4096 characters, this one has {len(text):,}")
    return Secret(text)
