"""The address and the token of the environment."""

import pickle

import pytest

from reconciler.credentials import DEFAULT_BASE_URL, Secret, base_url, target
from reconciler.errors import ConfigError
from writing import write

TOKEN = "canary-7f3a9b1c"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://api.carrierx.com/core/v2", "https://api.carrierx.com/core/v2"),
        ("https://API.CarrierX.com:443/core/v2/", "https://api.carrierx.com/core/v2"),
        ("https://api.example.com:8443", "https://api.example.com:8443"),
        ("http://localhost:8025/core/v2", "http://localhost:8025/core/v2"),
        ("http://127.0.0.1/core/v2", "http://127.0.0.1/core/v2"),
        ("http://[::1]:8025", "http://[::1]:8025"),
    ],
)
def test_an_address_has_one_spelling(given: str, used: str) -> None:
    assert base_url(given) == used


@pytest.mark.parametrize(
    "given",
    [
        "http://api.carrierx.com/core/v2",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "ftp://api.carrierx.com",
        "file:///etc/passwd",
        "api.carrierx.com",
        "https://",
        "https:///core/v2",
        "https://user:secret@api.carrierx.com",
        "https://api.carrierx.com?x=1",
        "https://api.carrierx.com#x",
        "https://api.example.com\\@evil.com/",
        "https://exаmple.com",
        "https://a b.com",
        "https://api.carrierx.com\n",
        "https://api.carrierx.com:99999",
        "https://api.carrierx.com:port",
        "https://[::1",
    ],
)
def test_an_address_to_which_no_token_may_go_is_refused(given: str) -> None:
    with pytest.raises(ConfigError, match=r"^CARRIERX_BASE_URL: ") as caught:
        base_url(given)
    assert "secret" not in str(caught.value)


def test_without_an_address_it_is_the_real_api() -> None:
    found = target({"CARRIERX_TOKEN": TOKEN})

    assert found.token is not None
    assert (found.base_url, found.token.reveal()) == (DEFAULT_BASE_URL, TOKEN)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_token_may_be_in_a_file_that_ends_in_a_newline(end: str) -> None:
    write(f"{TOKEN}{end}", "token")

    found = target({"CARRIERX_TOKEN_FILE": "token"}).token

    assert found is not None
    assert found.reveal() == TOKEN


@pytest.mark.parametrize(
    "bad",
    [f"{TOKEN}\n", f" {TOKEN}", f"{TOKEN[:5]}\r\n{TOKEN[5:]}", f"{TOKEN}é", "x" * 7, "x" * 5000],
)
def test_a_bad_token_is_refused_and_never_shown(bad: str) -> None:
    with pytest.raises(ConfigError) as caught:
        target({"CARRIERX_TOKEN": bad})

    assert "CARRIERX_TOKEN" in str(caught.value)
    assert TOKEN[:5] not in str(caught.value)
    assert "xxxxx" not in str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {"CARRIERX_TOKEN_FILE": "nowhere"},
        {"CARRIERX_TOKEN_FILE": "a\0b"},
        {"CARRIERX_TOKEN_FILE": "."},
        {"CARRIERX_TOKEN": TOKEN, "CARRIERX_TOKEN_FILE": "token"},
    ],
)
def test_a_token_that_cannot_be_had_is_an_error(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="CARRIERX_TOKEN"):
        target(environment)


def test_no_way_to_show_a_secret_shows_it() -> None:
    secret = Secret(TOKEN)

    assert TOKEN not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
