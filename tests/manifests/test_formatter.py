"""fmt moves and indents, and never changes what is sent nor loses a comment."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import REPOSITORY, Run
from reconciler.manifests.comments import comments
from reconciler.manifests.formatter import LayoutError, format_manifest
from reconciler.manifests.formatter_lines import comment_owners
from reconciler.manifests.loader import parse_records
from reconciler.model import Record
from writing import DETAIL_RECORD, MESSAGE, OTHER_MESSAGE, sid, write

BEFORE = f"""\
# yaml-language-server: $schema=x

# the detail records
message_drs:
    # about the second
    {DETAIL_RECORD}:   # at its SID
        user_data: {{b: 1,   "a": ~, c: , d: [1,2 , 2024-01-02]}}  # at its value


    # about the first

    097b49df-c54e-4eaf-97d0-89cf7d5a655b: {{user_data: null}}   # at the end
messages:
    {OTHER_MESSAGE}:
      user_data:
      - 1.50
      - |
         block # no comment
           text

      # in the list
      - >-
         folded text
         goes on

         here
      - "quoted \\u202e \\
        and on"
      - 'sq ''q'' '
# at the very end
"""

AFTER = f"""\
# yaml-language-server: $schema=x

# the detail records
messages:
  {OTHER_MESSAGE}:
    user_data:
      - 1.50
      - |
        block # no comment
          text

      # in the list
      - >-
        folded text
        goes on

        here
      - "quoted \\u202e and on"
      - 'sq ''q'' '
message_drs:
  # about the first

  097b49df-c54e-4eaf-97d0-89cf7d5a655b: # at the end
    user_data: null
  # about the second
  {DETAIL_RECORD}: # at its SID
    user_data: {{b: 1, "a": ~, c: null, d: [1, 2, 2024-01-02]}} # at its value
# at the very end
"""


def test_the_layout_is_the_canonical_one() -> None:
    assert format_manifest("m.yaml", BEFORE) == AFTER


def test_json_is_laid_out_as_json_numbers_as_written() -> None:
    second = f'"{sid(2)}":{{"user_data":[1.50,"é"]}}'
    first = f'"{sid(1)}":{{"user_data":"x"}}'
    text = f'{{"message_drs":{{{second},{first}}},"messages":{{}}}}'

    assert format_manifest("m.json", text) == (
        '{\n  "messages": {},\n  "message_drs": {\n'
        f'    "{sid(1)}": {{\n      "user_data": "x"\n    }},\n'
        f'    "{sid(2)}": {{\n      "user_data": [\n        1.50,\n        "é"\n      ]\n    }}\n'
        "  }\n}\n"
    )


def sent(file: str, text: str) -> dict[str, tuple[str | None, bool]]:
    found = list(parse_records(file, text))
    assert all(isinstance(item, Record) for item in found), found
    return {
        str(record.address): (record.wanted, record.structured)
        for record in found
        if isinstance(record, Record)
    }


def noted(text: str) -> Counter[str]:
    return Counter(comment[0].rstrip() for comment in comments(text))


COMMENT = st.sampled_from(["", " # note", "   # 'quoted'", " # key: {x}"])
LINE = st.sampled_from(["", "# above\n", "\n", "\n\n# a block\n# of two\n", "  # further in\n"])
VALUE = st.sampled_from(
    [
        "text", "'it''s'", '"a\\u200bb\\n"', "null", "{a: 1, b: [x, {c: ~}]}", "[]", "{}", "[a,b]",
        '{"k": "v", x: 1.50}', "\n      a: b\n      note: |-\n        # not a comment\n        two",
        "\n      - a\n      - {b: c}\n      -   - deep\n",
        ">\n      folded\n      text\n\n      more",
        "|+\n      kept\n\n", "&anchor {a: 1}",
        "\n      owner:    x # at a key\n      # inside\n      tier: gold",
        "*anchor", "{a: 1} # at braces", "{a: 1,\n      b: 2}",
        "plain # with a comment", "quoted0quoted", "multi\n      line",
    ]
)  # fmt: skip


# What fmt may leave alone: a block with open end that would not be the last, an anchor used again.
ODD = ("|+", "&anchor")


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """Valid manifests of every style, comments everywhere."""
    kinds = draw(st.permutations(["messages", "message_drs"]))
    text = draw(LINE)
    for kind in kinds:
        numbers = draw(st.lists(st.integers(0, 50), unique=True, min_size=1, max_size=4))
        text += f"{kind}:{draw(COMMENT)}\n"
        for number in numbers:
            text += draw(LINE)
            value = draw(VALUE)
            if draw(st.booleans()) or "\n" in value:
                text += f"  {sid(number)}:{draw(COMMENT)}\n    user_data: {value}\n"
            else:
                plain = value.partition(" #")[0]
                text += f"  {sid(number)}: {{user_data: {plain}}}{draw(COMMENT)}\n"
        text += draw(LINE)
    return text


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(manifests())
@pytest.mark.slow
def test_the_same_is_sent_every_comment_is_there_and_again_changes_nothing(text: str) -> None:
    try:
        before = sent("m.yaml", text)
    except AssertionError:
        return  # an anchor twice, a comment that ended a scalar: not a manifest
    try:
        once = format_manifest("m.yaml", text)
    except LayoutError:
        assert any(odd in text for odd in ODD), text
        return

    assert sent("m.yaml", once) == before
    assert comment_owners(once) == comment_owners(text)
    assert noted(once) == noted(text)
    assert format_manifest("m.yaml", once) == once
    kinds = once.partition("\nmessage_drs:")
    for part in (kinds[0], kinds[2]):
        sids = re.findall(r"^  (0000[0-9a-f-]+):", part, re.MULTILINE)
        assert sids == sorted(sids) or any(odd in text for odd in ODD)


def test_an_alias_stays_behind_its_anchor_where_sorting_would_part_them() -> None:
    text = f"messages:\n  {sid(2)}:\n    user_data: &x [a]\n  {sid(1)}:\n    user_data: *x\n"

    assert format_manifest("m.yaml", text) == text.replace(
        "    user_data: &x [a]", "    user_data: &x [a]"
    )


CASES = {
    "braces with comments": (
        f"messages:\n  {sid(1)}: {{user_data: x}} # one\n\n  # two\n  {sid(2)}: {{user_data: y}}\n"
        "# drs\nmessage_drs: {}\n",
        f"messages:\n  {sid(1)}: # one\n    user_data: x\n\n"
        f"  # two\n  {sid(2)}:\n    user_data: y\n"
        "# drs\nmessage_drs: {}\n",
    ),
    "a comment that ends a record": (
        f"messages:\n  {sid(2)}:\n    user_data:\n      a: 1\n      # b: 2\n"
        f"  {sid(1)}:\n    user_data: x\n",
        f"messages:\n  {sid(1)}:\n    user_data: x\n"
        f"  {sid(2)}:\n    user_data:\n      a: 1\n      # b: 2\n",
    ),
    "one line": (
        f"{{messages: {{{sid(1)}: {{user_data: x}}}}}}\n",
        f"messages:\n  {sid(1)}:\n    user_data: x\n",
    ),
    "empty documents": (
        f"---\n---\nmessages:\n  {sid(1)}: {{user_data: x}}\n---\n",
        f"messages:\n  {sid(1)}:\n    user_data: x\n",
    ),
    "what looks like a key in a block": (
        f"messages:\n  {sid(1)}:\n    user_data: |\n      a:\n\n        b\n",
        f"messages:\n  {sid(1)}:\n    user_data: |\n      a:\n\n        b\n",
    ),
    "windows": (
        f"messages:\r\n  {sid(2)}: {{user_data: x}}\r\n  {sid(1)}: {{user_data: x}}\r\n",
        f"messages:\r\n  {sid(1)}:\r\n    user_data: x\r\n  {sid(2)}:\r\n    user_data: x\r\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_odd_files_are_laid_out(name: str) -> None:
    before, after = CASES[name]

    assert format_manifest("m.yaml", before) == after
    assert format_manifest("m.yaml", after) == after


def test_a_file_that_is_better_left_alone_stops_no_other(run: Run) -> None:
    odd = f"# licence\n---\nmessages:\n  {sid(3)}:\n    user_data: x\n# more\n---\n# and more\n"
    path = write(odd, "manifests/odd.yaml")
    write(BEFORE)

    result = run("fmt")

    assert result.code == 1
    assert "manifests/odd.yaml: " in result.err
    assert path.read_text() == odd
    assert result.out == "manifests/a.yaml\n"


def test_fmt_writes_names_and_then_has_nothing_to_do(run: Run) -> None:
    path = write(BEFORE)
    write(f"messages:\n  {sid(1)}:\n    user_data: x\n", "manifests/done.yaml")
    path.chmod(0o640)

    first = run("fmt")
    assert (first.code, first.out) == (0, "manifests/a.yaml\n")
    assert path.read_text() == AFTER
    assert run("fmt") == (0, "", "")


def test_check_and_diff_write_nothing(run: Run) -> None:
    path = write(BEFORE)

    assert run("fmt", "--check") == (3, "manifests/a.yaml\n", "")
    shown = run("fmt", "--diff")
    assert shown.code == 0
    assert "-message_drs:" in shown.out
    assert "\x1b" not in shown.out
    assert run("fmt", "--check", "--diff").code == 3
    assert path.read_text() == BEFORE


def test_a_broken_manifest_stops_fmt_before_any_file_is_written(run: Run) -> None:
    path = write(BEFORE)
    write("messages: [\n", "manifests/b.yaml")

    result = run("fmt")

    assert result.code == 1
    assert "manifests/b.yaml:2:1: error" in result.err
    assert path.read_text() == BEFORE


def test_the_example_is_in_the_canonical_layout(run: Run) -> None:
    assert run("fmt", "--check", REPOSITORY / "manifests").code == 0


def test_the_file_keeps_its_mode(run: Run) -> None:
    path = write(BEFORE)
    path.chmod(0o600)

    run("fmt")

    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(Path("manifests").iterdir()) == [path]


@pytest.mark.parametrize("again", [MESSAGE, MESSAGE.upper()])
def test_a_record_that_a_json_file_holds_twice_is_not_dropped(run: Run, again: str) -> None:
    body = '{"user_data": "%s"}'
    text = f'{{"messages": {{"{MESSAGE}": {body % "a"}, "{again}": {body % "b"}}}}}'
    path = write(text, "manifests/a.json")

    result = run("fmt")

    assert result.code == 1
    assert "manifests/a.json:1:75: error" in result.err
    assert path.read_text() == text
    with pytest.raises(LayoutError, match=r"^m\.json: cannot be formatted: a value to send"):
        format_manifest("m.json", text)


def test_sids_of_a_json_file_are_in_order_in_any_case() -> None:
    first, second = f'"{sid(0xA)}"', f'"{sid(0xB).upper()}"'
    text = f'{{"messages":{{{second}:{{"user_data":"b"}},{first}:{{"user_data":"a"}}}}}}'

    laid_out = format_manifest("m.json", text)

    assert laid_out.index(first) < laid_out.index(second)
