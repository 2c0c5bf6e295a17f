"""Patterns of JSON Schema mean what ECMA-262 says; Node.js is the other opinion."""

import json
import os
import shutil
import subprocess

import pytest

from reconciler.manifests.user_schemas.ecma_regex import PatternError, compiled

PATTERNS = [
    *(r"^(a+)+$", r"^OPS-[0-9]+$", r"\d{3}", r"\p{L}+", r"(?<n>a)b", r"\u0041", r"[\d\-]"),
    *(r"\cA", r"[^]", r"a\/b", r"[]", r"^.$", r"\s", r"[\s]", r"[\S]", r"\w+$", r"[[a]", r"[a^]"),
    *(r"\ud83d\ude00", r"\u{1f600}", r"^[\ud83d\ude00x]$", r"x{2,3}", r"\bfoo\b", r"[\b]", r"\0"),
    *(r"a|b$", r"[a-z\]]", r"^\$$", r"\p{Script=Greek}", r"[^\s]", r"^$", r".", r"[^a]", r"\W"),
    *(r"\D", r"[\w-]", r"(?:a|b)+?c", r"\x41"),
]
TEXTS = [
    *("", "a", "aaa", "OPS-1", "OPS-1\n", "123", "\u0661\u0662\u0663", "\u00e9", "ab", "A", "-"),
    *("5", "\x01", "a/b", "\U0001f600", "\u2028", "\u00a0", "\ufeff", "\n", "\r", "[", "^", "xx"),
    *("foo", "a foo b", "\x08", "\x00", "b\n", "b", "]", "$", "\u03b1\u03b2\u03b3", "_", "x"),
    *("\u0085", "\u180e", "\u00e9\n", "\u212a", "\u017f", "aabc"),
]
NODE = shutil.which("node")
SCRIPT = """
const [patterns, texts] = JSON.parse(require("fs").readFileSync(0));
const rows = patterns.map((one) => texts.map((text) => new RegExp(one, "u").test(text)));
console.log(JSON.stringify(rows));
"""


@pytest.mark.skipif(NODE is None and not os.environ.get("CI"), reason="needs node")
def test_for_every_pattern_and_text_node_says_the_same() -> None:
    done = subprocess.run(
        [str(NODE), "-e", SCRIPT],
        input=json.dumps([PATTERNS, TEXTS]),
        capture_output=True,
        text=True,
        check=True,
    )

    for pattern, row in zip(PATTERNS, json.loads(done.stdout), strict=True):
        assert [compiled(pattern)(text) for text in TEXTS] == row, pattern


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(?=x)", "looks around"),
        ("(?<!x)", "looks around"),
        (r"\1", "refers back"),
        (r"\k<n>", "refers back"),
        ("a{1001}", "is not a regular expression"),
        ("(", "is not a regular expression"),
        (r"\A", "is not an escape"),
        ("[a", "is not closed"),
        ("(?i)x", "is not a group"),
        ("\\", "ends with a backslash"),
        (r"\p", "needs a property"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern: str, says: str) -> None:
    with pytest.raises(PatternError, match=says):
        compiled(pattern)


def test_half_of_a_surrogate_pair_is_one_character_like_any_other() -> None:
    assert compiled("^.$")("\ud800")
    assert not compiled("^[a-z]$")("\ud800")
    assert compiled("^\\u{1f600}$")("\ud83d\ude00")
