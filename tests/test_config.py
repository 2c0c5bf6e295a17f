"""The environment and reconciler.yaml."""

import pickle
from pathlib import Path

import pytest

from reconciler.credentials import DEFAULT_BASE_URL, Secret, base_url, target
from reconciler.errors import ConfigError, ProblemsError
from reconciler.manifests.settings import Settings, Write, load_settings
from writing import tree, write

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


def test_without_a_file_the_defaults_hold() -> None:
    assert load_settings(tree()) == Settings(1, ("manifests",), Write("patch", 10))


def test_the_file_is_read() -> None:
    write(
        "version: 1\nmanifests: [a, b]\nwrite: {method: put, parallelism: 3}\n", "reconciler.yaml"
    )

    assert load_settings(tree()) == Settings(1, ("a", "b"), Write("put", 3))


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        ("version: 2\n", "1:10", "invalid enum value 2"),
        ("write:\n  parallelism: 0\n", "2:16", "expected `int` >= 1"),
        ("write:\n  paralelism: 1\n", "2:3", "unknown field `paralelism`"),
        ("base_url: https://evil.example\n", "1:1", "unknown field `base_url`"),
        ("manifests: x\n", "1:12", "expected `array`"),
        ("manifests: [1]\n", "1:13", "expected `str`"),
        ("- a\n", "1:1", "expected `object`"),
        ("rules:\n- paths: [a, 'b\\']\n", "2:14", "b\\: is not a pattern"),
        ("a: [\n", "2:1", "did not find"),
        ("version: 0x1\n", "1:10", "is ambiguous"),
        ("version: 1\n---\nversion: 1\n", "1:1", "several documents"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_by_its_place(text: str, where: str, says: str) -> None:
    write(text, "reconciler.yaml")

    with pytest.raises(ProblemsError) as caught:
        load_settings(tree())

    problem = caught.value.problems[0]
    assert f"{problem.source}" == f"reconciler.yaml:{where}"
    assert says in problem.message


def test_the_file_may_be_no_link() -> None:
    write("version: 1\n", "other.yaml")
    Path("reconciler.yaml").symlink_to("other.yaml")

    with pytest.raises(ProblemsError):
        load_settings(tree())
