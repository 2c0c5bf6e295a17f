"""Text of strangers cannot act, and two texts never look the same."""

import csv
import json
import re
import unicodedata
from xml.etree import ElementTree as ET

import cmarkgfm
import html5lib
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.escape.text import cell, code, fenced, in_json, quoted, visible, xml
from reconciler.escape.unseen import is_unseen

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


def is_new(character: str) -> bool:
    """Whether the table knows a character that this Python's Unicode does not."""
    return unicodedata.category(character) == "Cn" and not is_unseen(character)


@given(ANY_TEXT | HOSTILE)
def test_nothing_unseen_and_no_command_gets_through(text: str) -> None:
    for shown in (quoted(text), visible(text)):
        assert "::" not in shown
        assert "##" not in shown
        assert all(
            character == " " or unicodedata.category(character)[0] not in "CZM" or is_new(character)
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


KOREAN = st.text(st.sampled_from("\u1100\u1161\u11a8\uac00\uac01\ua960\ud7b0"))


@given(ANY_TEXT | HOSTILE | KOREAN)
def test_no_two_texts_are_drawn_as_one(text: str) -> None:
    assert unicodedata.normalize("NFC", quoted(text)) == quoted(text)


@pytest.mark.parametrize("text", ["=1", "＝1", "x;=1", 'x;"=1', "x; ＠1", "-1"])
def test_no_cell_becomes_a_formula_however_it_is_parted(text: str) -> None:
    row = f'"{cell(text).replace(chr(34), chr(34) * 2)}"'

    for delimiter in ",;":
        for found in next(csv.reader([row], delimiter=delimiter)):
            assert found.lstrip(' "')[:1] not in tuple("=+-@＝＋－＠")


@given(ANY_TEXT | HOSTILE)
def test_escaped_json_means_the_same_and_cannot_act(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        return  # no JSON of ours can hold half a pair
    written = json.dumps({text: [text]}, ensure_ascii=False)

    shown = in_json(written)

    assert json.loads(shown) == {text: [text]}
    assert "::" not in shown
    assert "##" not in shown
    assert all(c == " " or unicodedata.category(c)[0] not in "CZM" or is_new(c) for c in shown)


PIECES = (
    "` `` | \\ <b> </details> @joe a@b.com www.x.com https://x.y [a](b) &lt; <!-- --> #1 ** ~~~"
    " $x$ é /merge"
).split()
MARKDOWN = st.lists(st.sampled_from([*PIECES, "  ", " ", "\n"])).map("".join)


def seen(rendered: str) -> tuple[list[str], list[str]]:
    """The texts of the code elements of a page, and the names of all of its elements."""
    tree = html5lib.parseFragment(rendered, namespaceHTMLElements=False)
    tags = [node.tag for node in tree.iter() if isinstance(node.tag, str)]
    return ["".join(node.itertext()) for node in tree.iter("code")], tags


def as_a_host_shows(shown: str) -> str:
    return re.sub(" {2,}", lambda run: " " + r"\u0020" * (len(run[0]) - 1), shown)


@given(ANY_TEXT | HOSTILE | MARKDOWN)
def test_a_code_span_holds_the_text_and_nothing_else(text: str) -> None:
    shown = quoted(text)

    spans, tags = seen(cmarkgfm.github_flavored_markdown_to_html(f"a {code(shown)} b"))

    assert spans == [as_a_host_shows(shown)]
    assert set(tags) == {"DOCUMENT_FRAGMENT", "p", "code"}


@example([" ", ""])
@given(st.lists(ANY_TEXT | HOSTILE | MARKDOWN, min_size=2, max_size=2))
def test_a_cell_of_a_table_holds_the_text_and_nothing_else(texts: list[str]) -> None:
    shown = [visible(texts[0]) or "-", quoted(texts[1])]
    row = " | ".join(code(text, in_table=True) for text in shown)

    table = f"| a | b |\n|---|---|\n| {row} |\n"
    spans, tags = seen(cmarkgfm.github_flavored_markdown_to_html(table))

    assert spans == [as_a_host_shows(text) for text in shown]
    assert tags.count("td") == 2
    assert tags.count("code") == 2
    assert not {"a", "b", "img", "details"} & set(tags)


@given(st.lists(ANY_TEXT | HOSTILE | MARKDOWN, min_size=1))
def test_no_line_closes_its_fence(texts: list[str]) -> None:
    lines = [f"- {quoted(text)}" for text in texts]
    page = "\n".join(["before", "", *fenced(lines, "diff"), "", "after"])

    spans, tags = seen(cmarkgfm.github_flavored_markdown_to_html(page))

    assert spans == ["\n".join(lines) + "\n"]
    assert tags.count("p") == 2


@given(ANY_TEXT | HOSTILE | st.text("=+-@';\t5 "))
def test_no_cell_of_a_sheet_is_a_formula_and_no_two_are_the_same(text: str) -> None:
    for shown in (quoted(text), visible(text)):
        safe = cell(shown)

        assert safe[:1] not in set("=+-@\t\r")
        assert safe.removeprefix("'").replace(r"\u003b", ";") == shown.replace(r"\u003b", ";")
        assert not re.search(r"; *[=+@-]", safe)


@given(ANY_TEXT | HOSTILE | MARKDOWN)
def test_a_text_in_xml_is_read_back(text: str) -> None:
    shown = quoted(text)

    assert ET.fromstring(f"<a>{xml(shown)}</a>").text == shown
    assert ET.fromstring(f'<a b="{xml(shown)}"/>').attrib == {"b": shown}


@pytest.mark.parametrize(
    "sentence",
    [
        "No changes. Infrastructure is up-to-date.",
        "No changes. Your infrastructure matches the configuration.",
        "no changes.",
        "Plan: 0 to add, 9 to change, 0 to destroy.",
        "Plan: 3 to import, 0 to add, 1 to change, 0 to destroy.",
        "Apply complete! Resources: 0 added, 9 changed, 0 destroyed.",
    ],
)
def test_a_value_cannot_speak_for_the_plan(sentence: str) -> None:
    for shown in (quoted(sentence), visible(sentence)):
        assert sentence not in shown
        assert not re.search(r"No changes\.|Plan: \d|complete!|up-to-date\.", shown, re.IGNORECASE)
    assert json.loads(quoted(sentence)) == sentence
