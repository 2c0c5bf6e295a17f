"""Text of strangers cannot act, and two texts never look the same."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.escape import quoted, visible

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=[]))
HOSTILE = st.lists(
    st.sampled_from(
        [
            ":",
            "#",
            "::",
            "##[",
            "::error::",
            "\x1b[2J",
            "\r",
            "\n",
            "\\",
            '"',
            "\\u202e",
            "\u202e",
            "a",
            "\\n",
        ]
    )
).map("".join)


@given(ANY_TEXT | HOSTILE)
def test_nothing_unseen_and_no_command_gets_through(text: str) -> None:
    for shown in (quoted(text), visible(text)):
        assert "::" not in shown
        assert "##" not in shown
        assert all(
            character == " " or unicodedata.category(character)[0] not in "CZM"
            for character in shown
        )


@given(ANY_TEXT | HOSTILE)
def test_a_quoted_text_can_be_read_back(text: str) -> None:
    """So two different texts cannot look the same."""

    def unit(match: re.Match[str]) -> str:
        escape = match[0]
        short = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\"": '"', r"\\": "\\"}
        return short.get(escape) or chr(int(escape.removeprefix("\\u"), base=16))

    inner = quoted(text)[1:-1]
    read = re.sub(r"\\u[0-9a-f]{4}|\\.", unit, inner)
    assert read.encode("utf-16", "surrogatepass") == text.encode("utf-16", "surrogatepass")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, 5 %", '"plain text, 5 %"'),
        ("http://x/y", '"http://x/y"'),
        ("größe 漢字", '"größe 漢字"'),
        ('say "hi" \\', r'"say \"hi\" \\"'),
        ("a\nb\tc\r", r'"a\nb\tc\r"'),
        ("\x1b[31m\x9b", r'"\u001b[31m\u009b"'),
        ("e\u0301", r'"e\u0301"'),
        ("a\u200bb\u202ec\ufeff", r'"a\u200bb\u202ec\ufeff"'),
        ("a\u00a0b\u3000c", r'"a\u00a0b\u3000c"'),
        ("\u3164\u2800", r'"\u3164\u2800"'),
        ("\U000e0041", r'"\udb40\udc41"'),
        ("::error::x ##[group]", r'":\u003aerror:\u003ax #\u0023[group]"'),
        ("", '""'),
    ],
)
def test_what_it_looks_like(text: str, shown: str) -> None:
    assert quoted(text) == shown
