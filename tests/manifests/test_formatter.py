"""fmt moves and indents, and never changes what is sent nor loses a comment."""

import random
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
      - "quoted \\u202e \\
        and on"
      - 'sq ''q'' '
message_drs:
  # about the first

  097b49df-c54e-4eaf-97d0-89cf7d5a655b: {{user_data: null}}   # at the end


  # about the second
  {DETAIL_RECORD}:   # at its SID
    user_data: {{b: 1,   "a": ~, c: , d: [1,2 , 2024-01-02]}}  # at its value
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


# Sorting these would change a value: their order stays as it is.
NOT_SORTED = ("|+", "&anchor")


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(manifests())
@pytest.mark.slow
def test_the_same_is_sent_every_comment_is_there_and_again_changes_nothing(text: str) -> None:
    try:
        before = sent("m.yaml", text)
    except AssertionError:
        return  # an anchor twice, a comment that ended a scalar: not a manifest

    once = format_manifest("m.yaml", text)

    assert sent("m.yaml", once) == before
    assert comment_owners(once) == comment_owners(text)
    assert noted(once) == noted(text)
    assert bare(once) == bare(text)
    assert format_manifest("m.yaml", once) == once
    kinds = once.partition("\nmessage_drs:")
    for part in (kinds[0], kinds[2]):
        sids = re.findall(r"^  (0000[0-9a-f-]+):", part, re.MULTILINE)
        assert sids == sorted(sids) or any(odd in text for odd in NOT_SORTED)


def bare(text: str) -> Counter[str]:
    """The lines without their indentation, and without the spaces behind dashes."""
    return Counter(re.sub("(?:^|(?<=- )) +", "", line) for line in text.splitlines())


def test_an_alias_stays_behind_its_anchor_where_sorting_would_part_them() -> None:
    text = f"messages:\n  {sid(2)}:\n    user_data: &x [a]\n  {sid(1)}:\n    user_data: *x\n"

    assert format_manifest("m.yaml", text) == text.replace(
        "    user_data: &x [a]", "    user_data: &x [a]"
    )


RECORD = f"messages:\n  {sid(1)}:\n    user_data: x\n"
SAME = {
    "braces with comments": f"messages:\n  {sid(1)}: {{user_data: x}} # one\n\n  # two\n"
    f"  {sid(2)}: {{user_data: y}}\n# drs\nmessage_drs: {{}}\n",
    "one line": f"{{messages: {{{sid(1)}: {{user_data: x}}}}}}\n",
    "empty documents": f"---\n---\n{RECORD}---\n",
    "a document start below a comment": f"# yaml-language-server: $schema=x\n---\n{RECORD}",
    "a document start with a comment": f"--- # first\n{RECORD}...\n# more\n--- # second\n",
    "what looks like a key in a block": f"messages:\n  {sid(1)}:\n    user_data: |\n      a:\n\n"
    "        b\n",
    "escapes": f'messages:\n  {sid(1)}:\n    user_data: "\\u0430dmin \\x41 \\/ \\N"\n',
    "a comment behind an open brace": f"messages:\n  {sid(1)}:\n    user_data: {{ # a\n"
    "      b: 1, # c\n      # d\n      e: [ # f\n        2 # g\n      ] # h\n    } # i\n",
    "a comment at an anchor": f"messages:\n  {sid(1)}:\n    user_data: &x # a\n      b: 1\n"
    f"  {sid(2)}:\n    user_data: *x # c\n",
    "a comment at the header of a block": f"messages:\n  {sid(1)}:\n    user_data: |- # a\n"
    "      b # no comment\n",
    "an explicit key": f"messages:\n  {sid(2)}:\n    user_data: x\n  ? {sid(1)}\n"
    "  : user_data: y\n",
    "indentation indicators": f"messages:\n  {sid(1)}:\n    user_data: |2\n         three more\n"
    "      none\n",
    "an anchor at a record": f"messages:\n  {sid(1)}: &a\n    user_data: x\n  {sid(2)}: *a\n",
}
CASES = {
    "a comment that ends a record": (
        f"messages:\n  {sid(2)}:\n    user_data:\n      a: 1\n      # b: 2\n"
        f"  {sid(1)}:\n    user_data: x\n",
        f"messages:\n  {sid(1)}:\n    user_data: x\n"
        f"  {sid(2)}:\n    user_data:\n      a: 1\n      # b: 2\n",
    ),
    "windows": (
        f"messages:\r\n  {sid(2)}: {{user_data: x}}\r\n  {sid(1)}:\r\n   user_data: x\r\n",
        f"messages:\r\n  {sid(1)}:\r\n    user_data: x\r\n  {sid(2)}: {{user_data: x}}\r\n",
    ),
    "no line end": (f"messages:\n {sid(1)}:\n  user_data: x", RECORD),
    "lists in the column of their key": (
        f"messages:\n  {sid(1)}:\n    user_data:\n      a:\n      - 1\n      -   b: 2\n"
        "          c: |2\n              d\n             e\n      -  - 3\n         - 4\n"
        "      f: 5\n",
        f"messages:\n  {sid(1)}:\n    user_data:\n      a:\n        - 1\n        - b: 2\n"
        "          c: |2\n              d\n             e\n        - - 3\n          - 4\n"
        "      f: 5\n",
    ),
    "four spaces": (
        f"messages:\n    {sid(1)}:\n        user_data:\n            a: 'b\n              c'\n"
        "            d:\n                - >\n                    e\n\n                      f\n"
        "                # g\n            # h\n",
        f"messages:\n  {sid(1)}:\n    user_data:\n      a: 'b\n        c'\n"
        "      d:\n        - >\n            e\n\n              f\n        # g\n        # h\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_what_is_no_order_and_no_indentation_stays_to_the_byte(name: str) -> None:
    assert format_manifest("m.yaml", SAME[name]) == SAME[name]


def test_of_300_files_in_every_style_only_order_and_indentation_change(run: Run) -> None:
    """Files as people write them: indented by 1 to 8, with comments and anchors at every place."""
    dice = random.Random(0)
    texts = [public_style(dice) for _ in range(300)]
    changed = 0

    for text in texts:
        before = sent("m.yaml", text.replace("\r\n", "\n"))
        laid_out = format_manifest("m.yaml", text)
        assert sent("m.yaml", laid_out.replace("\r\n", "\n")) == before
        assert bare(laid_out) == bare(text)
        assert comment_owners(laid_out.replace("\r\n", "\n")) == comment_owners(
            text.replace("\r\n", "\n")
        )
        assert format_manifest("m.yaml", laid_out) == laid_out
        assert ("\r\n" in laid_out) == ("\r\n" in text)
        changed += laid_out != text
        write(text)
        assert run("validate").code == 0
        assert run("fmt").code == 0
    assert changed > 100


def public_style(dice: random.Random) -> str:
    """A valid manifest in a style of its own."""
    step, list_step = dice.choice([1, 2, 2, 3, 4, 8]), dice.choice([0, 2, 4])

    def note() -> str:
        return dice.choice(["", "", "  # note", " # a: b", "   # 'c'"])

    def alone(at: int) -> str:
        return dice.choice(["", "", "\n", f"{' ' * at}# alone\n", "# left\n"])

    lines = [dice.choice(["", "---\n", "# top\n", "# top\n---\n", "--- # top\n"])]
    for kind in dice.sample(["messages", "message_drs"], dice.choice([1, 2])):
        lines.append(f"{alone(0)}{kind}:{note()}\n")
        for number in dice.sample(range(50), dice.choice([1, 2, 5])):
            at, inner = step, 2 * step
            name = dice.choice(['"{}"', "'{}'", "{}", "{}"]).format(sid(number))
            value = dice.choice(
                [
                    f"x{note()}", f'"\\u0430 \\x41"{note()}', f"'it''s'{note()}", "null",
                    f"{{a: 1,   b: [x,{{c: ~}}]}}{note()}",
                    f"{{ # open\n{' ' * (inner + 1)}a: 1, # one\n{' ' * (inner + 2)}# two\n"
                    f"{' ' * (inner + 1)}b: [2,\n{' ' * (inner + 3)}3]}}{note()}",
                    f"&n{number}x{dice.randrange(99)} {{a: 1}}{note()}",
                    f"|{dice.choice(['', '-', ''])}{note()}\n{' ' * (inner + 3)}text # no\n\n"
                    f"{' ' * (inner + 5)}more\n",
                    f">-\n{' ' * (inner + 1)}folded\n{' ' * (inner + 1)}text",
                    f"\n{' ' * (inner + 2)}a:{note()}\n{alone(inner + 2)}"
                    + "".join(
                        f"{' ' * (inner + 2 + list_step)}-{' ' * dice.choice([1, 3])}{item}\n"
                        for item in ("b", "'c'", "{d: e}")
                    )
                    + f"{' ' * (inner + 2)}f: g{note()}",
                    f'"several\n{" " * (inner + 2)}lines \\\n{" " * (inner + 1)}long"',
                    f"plain\n{' ' * (inner + 1)}text",
                ]
            )  # fmt: skip
            lines.append(f"{alone(at)}{' ' * at}{name}:{note()}\n{alone(inner)}")
            lines.append(f"{' ' * inner}user_data: {value}".rstrip("\n") + "\n")
        lines.append(alone(step))
    lines.append(dice.choice(["", "# end\n", "...\n", "\n"]))
    text = "".join(lines)
    return text.replace("\n", "\r\n") if dice.random() < 0.2 else text


@pytest.mark.parametrize("name", CASES)
def test_odd_files_are_laid_out(name: str) -> None:
    before, after = CASES[name]

    assert format_manifest("m.yaml", before) == after
    assert format_manifest("m.yaml", after) == after


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


def test_what_is_known_to_be_canonical_is_not_read_again(run: Run) -> None:
    rows = "".join(f"  {sid(number)}:\n    user_data: x\n" for number in range(500))
    path = write(f"messages:\n{rows}")
    assert run("fmt", "--check").code == 0
    (entry,) = (found for found in Path(".cache").rglob("*") if found.is_file())

    assert run("fmt", "--check").code == 0
    path.write_text(f"messages:\n   {rows.lstrip()}")
    assert run("fmt", "--check").code == 1
    path.write_text(f"messages:\n{rows}".replace("user_data: x", "  user_data: x", 1))
    assert run("fmt", "--check").code == 3
    assert entry.exists()


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


@pytest.mark.parametrize("style", ["|", "|+", ">", ">+", "|-"])
def test_a_text_without_a_line_end_at_the_end_of_the_file_keeps_its_value(style: str) -> None:
    text = f"messages:\n    {sid(1)}:\n        user_data: {style}\n          first\n          last"

    formatted = format_manifest("a.yaml", text)

    assert sent("a.yaml", formatted) == sent("a.yaml", text)
    assert format_manifest("a.yaml", formatted) == formatted


def test_a_second_run_finds_nothing_to_do() -> None:
    text = (
        '"message_drs":\n 0000003a-0000-4000-8000-000000000004: {user_data: x}\n'
        ' 0000001c-0000-4000-8000-000000000004:\n     user_data: "a\\n b"\n'
        " # c26279\n  \n 0000003b-0000-4000-8000-000000000002:\n   user_data: {}\n"
    )

    once = format_manifest("a.yaml", text)

    assert format_manifest("a.yaml", once) == once


@pytest.mark.parametrize("end", ["", f"message_drs:\n  {sid(0)}: {{user_data: x}}\n"])
def test_a_comment_below_the_last_record_of_a_kind_does_not_keep_it_from_its_order(
    end: str,
) -> None:
    records = [f"  {sid(number)}: {{user_data: x}}\n" for number in (3, 2)]
    note = "  # the end of the messages\n"

    formatted = format_manifest("a.yaml", f"messages:\n{''.join(records)}{note}{end}")

    assert formatted == f"messages:\n{records[1]}{records[0]}{note}{end}"
