"""What a manifest says, and where it is wrong."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifests import composer, nodes, yaml_events
from reconciler.manifests.loader import parse_records, read_records
from reconciler.manifests.rule_catalog import RULES
from reconciler.manifests.validation import collect_records
from reconciler.model import Address, Problem, Record, Severity
from writing import DETAIL_RECORD, MESSAGE, OTHER_MESSAGE, sid, tree, write


def records(text: str) -> list[Record]:
    found, wrong = collect_records(parse_records("m.yaml", text))
    assert wrong == []
    return list(found.values())


def problems(text: str) -> list[str]:
    """Every problem as `line:column rule`."""
    return [f"{p.source.line}:{p.source.column} {p.rule}" for p in all_problems(text)]


def all_problems(text: str) -> list[Problem]:
    _, found = collect_records(parse_records("m.yaml", text))
    assert {problem.rule for problem in found} <= RULES.keys()
    return found


def message(text: str) -> str:
    (problem,) = all_problems(text)
    return problem.message


def wanted(user_data: str) -> str | None:
    """What would be sent for one written value."""
    (record,) = records(f"messages:\n  {MESSAGE}:\n    user_data: {user_data}\n")
    return record.wanted


def problem(user_data: str) -> str:
    """The rule that one written value breaks."""
    (found,) = problems(f"messages:\n  {MESSAGE}:\n    user_data: {user_data}\n")
    return found.partition(" ")[2]


def test_a_record_has_its_address_its_text_and_its_place() -> None:
    (record,) = records(f"# a comment\nmessages:\n  {MESSAGE.upper()}:\n    user_data: hello\n")

    assert record.address == Address("messages", MESSAGE)
    assert (record.wanted, record.structured) == ("hello", False)
    assert str(record.source) == "m.yaml:3:3"


def test_many_documents_and_both_kinds_may_share_a_file() -> None:
    found = records(
        f"---\nmessages:\n  {MESSAGE}: {{user_data: a}}\nmessage_drs:\n"
        f"  {DETAIL_RECORD}: {{user_data: b}}\n---\n---\nmessages:\n"
        f"  {OTHER_MESSAGE}: {{user_data: c}}\n"
    )

    assert [(r.address.kind, r.wanted) for r in found] == [
        ("messages", "a"),
        ("message_drs", "b"),
        ("messages", "c"),
    ]


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("2024-01-02", "2024-01-02"),
        ("190:20:30", "190:20:30"),
        ("=", "="),
        ("<<", "<<"),
        ('"5"', "5"),
        ("'null'", "null"),
        ('""', ""),
        ("null", None),
        ("|\n      two\n      lines", "two\nlines\n"),
        (">-\n      one\n      line", "one line"),
        ('"a\\tb\\u00e9\\n"', "a\tbé\n"),
        ("e\u0301", "e\u0301"),
        ("  spaces at the ends are YAML's  ", "spaces at the ends are YAML's"),
        ("1.2.3", "1.2.3"),
        ("trueish", "trueish"),
    ],
)
def test_text_is_sent_exactly_as_written(written: str, sent: str | None) -> None:
    assert wanted(written) == sent


@pytest.mark.parametrize(
    "written",
    "5 -5 0 5.0 1e3 true True FALSE +15551234567 0123 1_000 0x1F 0o17 0b1 .inf -.INF .nan .5 5. "
    "1_0.0 12e03 9007199254740993".split(),
)
def test_a_bare_number_or_boolean_has_to_be_quoted(written: str) -> None:
    assert problem(written) == "type"
    assert wanted(f'"{written}"') == written


@pytest.mark.parametrize("written", ["~", "Null", "NULL", "", "# nothing"])
def test_clearing_a_field_has_to_be_said_as_null(written: str) -> None:
    assert problem(written) == "null"


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("{b: 1, a: [x, 'y']}", '{"a":["x","y"],"b":1}'),
        ("{t: true, T: True, f: FALSE, n: ~, m: , o: null}",
         '{"T":true,"f":false,"m":null,"n":null,"o":null,"t":true}'),
        ("[1, 1.50, 1e3, -0, 12e03]", "[1,1.50,1e3,-0,12e03]"),
        ("[no, 12:30:45, 2024-01-02, 1.2.3, '007']",
         '["no","12:30:45","2024-01-02","1.2.3","007"]'),
        ("[9007199254740992, -9007199254740992]", "[9007199254740992,-9007199254740992]"),
        ("{}", "{}"),
        ("[]", "[]"),
        ('{"k\\"": "\\u00e9é"}', '{"k\\"":"éé"}'),
    ],
)  # fmt: skip
def test_a_mapping_or_a_list_is_sent_as_canonical_json(written: str, sent: str) -> None:
    (record,) = records(f"messages:\n  {MESSAGE}:\n    user_data: {written}\n")

    assert (record.wanted, record.structured) == (sent, True)


@pytest.mark.parametrize(
    "written",
    "+15551234567 0123 1_000 0x1F 0o17 .inf .NaN .5 5. 9007199254740993 -9007199254740993 "
    "00 -01 +1.5".split(),
)
def test_a_doubtful_scalar_inside_a_structure_has_to_be_quoted(written: str) -> None:
    assert problem(f"[{written}]") == "doubtful"
    assert wanted(f'["{written}"]') == json.dumps([written], separators=(",", ":"))


@pytest.mark.parametrize("key", ["1", "true", "null", "~", "1.5", "0x1F"])
def test_a_key_that_is_not_text_has_to_be_quoted(key: str) -> None:
    assert problem(f"{{{key}: x}}") == "key"
    assert problem(f"{{a: {{{key}: x}}}}") == "key"


def test_keys_that_yaml_1_1_takes_for_booleans_are_text() -> None:
    assert wanted("{no: 1, on: 2, y: 3}") == '{"no":1,"on":2,"y":3}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1 empty"]),
        ("# only a comment\n", ["1:1 empty"]),
        ("---\n---\n", ["1:1 empty"]),
        ("- a\n", ["1:1 shape"]),
        ("hello\n", ["1:1 shape"]),
        ("messages:\n", ["1:10 shape"]),
        ("messages: []\n", ["1:11 shape"]),
        ("mesages: {}\n", ["1:1 unknown-kind"]),
        ("messages: {}\nmessages: {}\n", ["2:1 duplicate-key"]),
        (f"messages:\n  {MESSAGE}: x\n", ["2:41 shape"]),
        (f"messages:\n  {MESSAGE}: {{}}\n", ["2:41 shape"]),
        (f"messages:\n  {MESSAGE}: {{userdata: x}}\n", ["2:42 unknown-field"]),
        (f"messages:\n  {MESSAGE}: {{status: x}}\n", ["2:42 read-only"]),
        (f"messages:\n  {MESSAGE}: {{user_data: x, price: 1, foo: 2}}\n",
         ["2:56 read-only", "2:66 unknown-field"]),
        (f"messages:\n  {MESSAGE}: {{user_data: a, user_data: b}}\n", ["2:56 duplicate-key"]),
        (f"messages:\n  {MESSAGE}: {{user_data: {{a: 1, 'a': 2}}}}\n", ["2:60 duplicate-key"]),
        (f"messages:\n  {MESSAGE}: {{user_data: !!str x}}\n", ["2:53 tag"]),
        (f"messages:\n  {MESSAGE}: {{user_data: {{<<: {{a: 1}}}}}}\n", ["2:54 merge-key"]),
        (f"messages:\n  {MESSAGE}: {{user_data: {{? [a] : b}}}}\n", ["2:56 key"]),
        ("messages:\n  ? [a]\n  : {user_data: x}\n", ["2:5 key"]),
        (f"%YAML 1.1\n---\nmessages:\n  {MESSAGE}: {{user_data: x}}\n", ["1:1 directive"]),
        ("messages: [\n", ["2:1 syntax"]),
        ("messages: a: b\n", ["1:11 shape", "1:12 syntax"]),
        (f"messages:\n  {MESSAGE}: {{user_data: *x}}\n", ["2:53 alias"]),
        (f"messages: {{{MESSAGE}: {{&a user_data: x, *a : y}}}}\n",
         ["1:51 duplicate-key", "1:68 alias"]),
        (f"messages: {{{MESSAGE}: {{user_data: {{&a k: 1, *a : 2}}}}}}\n",
         ["1:63 duplicate-key", "1:72 alias"]),
        (f"messages:\n  {MESSAGE}: {{user_data: &x [*x]}}\n", ["2:57 alias"]),
        (f'messages:\n  {MESSAGE}: {{user_data: "a\\0b"}}\n', ["2:53 character"]),
        (f'messages:\n  {MESSAGE}: {{user_data: ["a\\0b"]}}\n', ["2:54 character"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_line_column_and_rule(text: str, expected: list[str]) -> None:
    assert problems(text) == expected


@pytest.mark.parametrize(
    "written",
    [
        "../../admin", ".", "..", "a/b", MESSAGE + "?x=1", MESSAGE + "#f", "%2F", MESSAGE[:-1],
        MESSAGE.replace("-", ""), "{" + MESSAGE + "}", "urn:uuid:" + MESSAGE, MESSAGE + "0",
        '"' + MESSAGE + '\\n"', "٠" + MESSAGE[1:], "Ⓐ" + MESSAGE[1:], MESSAGE.replace("-", "‐"),
    ],
)  # fmt: skip
def test_only_a_uuid_in_ascii_is_a_sid(written: str) -> None:
    quoted_sid = written if written.startswith('"') else json.dumps(written, ensure_ascii=False)

    assert problems(f"messages:\n  {quoted_sid}: {{user_data: x}}\n") == ["2:3 sid"]


def test_all_problems_of_all_entries_come_at_once() -> None:
    assert problems(
        f"messages:\n  x: {{user_data: 1}}\n  {MESSAGE}: {{status: a, user_data: [0x1, 0x2]}}\n"
    ) == ["2:3 sid", "2:18 type", "3:42 read-only", "3:65 doubtful", "3:70 doubtful"]


def test_messages_name_the_fate_of_a_field() -> None:
    assert message(f"messages:\n  {MESSAGE}: {{status: x}}\n") == (
        "`status` is read-only: only user_data can be changed"
    )
    assert message(f"messages:\n  {MESSAGE}: {{userdata: x}}\n") == (
        "`userdata` is not a field of a message (did you mean `user_data`?)"
    )
    assert message(f"message_drs:\n  {MESSAGE}: {{from_did: x}}\n") == (
        "`from_did` is not a field of a message detail record: only user_data can be changed"
    )
    assert message("mesage_drs: {}\n") == "`mesage_drs` is not a kind (did you mean `message_drs`?)"


def test_the_same_address_twice_is_a_problem_that_names_both_places() -> None:
    text = f"messages:\n  {MESSAGE}: {{user_data: a}}\n  {MESSAGE.upper()}: {{user_data: a}}\n"

    assert problems(text) == ["3:3 duplicate-address"]
    assert message(text) == f"messages/{MESSAGE} is already defined at m.yaml:2:3"


def test_one_sid_under_both_kinds_is_a_warning() -> None:
    found, problems = collect_records(
        parse_records(
            "m.yaml",
            f"messages:\n  {MESSAGE}: {{user_data: a}}\n"
            f"message_drs:\n  {MESSAGE}: {{user_data: b}}\n",
        )
    )

    (warning,) = problems
    assert (str(warning.source), warning.rule) == ("m.yaml:4:3", "shared-sid")
    assert warning.severity is Severity.WARNING
    assert "m.yaml:2:3" in warning.message
    assert len(found) == 2


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ('"a\\u200bb"', "U+200B"),
        ('"a\\eb"', "U+001B"),
        ('["a\\u202eb"]', "U+202E"),
        ('{"a\\xadb": 1}', "U+00AD"),
        ("a\u200eb", "U+200E"),
    ],
)
def test_a_character_that_cannot_be_seen_is_sent_with_a_warning(written: str, names: str) -> None:
    text = f"messages:\n  {MESSAGE}:\n    user_data: {written}\n"

    found, (warning,) = collect_records(parse_records("m.yaml", text))

    assert warning.rule == "invisible-character"
    assert names in warning.message
    assert len(found) == 1


@pytest.mark.parametrize("written", ["👨\u200d👩", "می\u200cخواهم", "größe", '"tab\\t and\\nline"'])
def test_what_scripts_and_emoji_need_is_no_reason_to_warn(written: str) -> None:
    assert wanted(written) is not None


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("messages:\t{}\n", ["1:10 tab"]),
        ("messages: {}\t# \t\n", ["1:13 tab"]),
    ],
)
def test_a_tab_outside_quotes_is_a_problem(text: str, places: list[str]) -> None:
    assert [place for place in problems(text) if place.endswith("tab")][:1] == places


@pytest.mark.parametrize(
    ("written", "sent"),
    [('"a\tb"', "a\tb"), ("'a\tb'", "a\tb"), ("|\n      a\tb", "a\tb\n"), ("a # \t", "a")],
)
def test_a_tab_inside_quotes_blocks_and_comments_is_none(written: str, sent: str) -> None:
    assert wanted(written) == sent


def test_an_alias_stands_for_its_anchors_value() -> None:
    found = records(
        f"messages:\n  {MESSAGE}: &both\n    user_data: &data {{a: [1]}}\n"
        f"  {OTHER_MESSAGE}: *both\n"
        f"message_drs:\n  {DETAIL_RECORD}: {{user_data: [*data]}}\n"
    )

    assert [record.wanted for record in found] == ['{"a":[1]}', '{"a":[1]}', '[{"a":[1]}]']


def test_an_anchor_does_not_outlive_its_document() -> None:
    assert problems(
        f"messages:\n  {MESSAGE}: {{user_data: &x a}}\n---\n"
        f"messages:\n  {OTHER_MESSAGE}: {{user_data: *x}}\n"
    ) == ["5:53 alias"]


def test_crlf_reads_as_lf() -> None:
    text = f"messages:\n  {MESSAGE}:\n    user_data: |\n      a\n      b\n"

    assert records(text.replace("\n", "\r\n"))[0].wanted == records(text)[0].wanted == "a\nb\n"


def loaded(data: bytes, name: str = "m.yaml") -> list[str]:
    path = Path(name)
    path.write_bytes(data)
    return [
        f"{item.source.line}:{item.source.column} {item.rule}"
        for item in read_records(tree(), str(path))
        if isinstance(item, Problem)
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"messages:\n  \xff", ["2:3 encoding"]),
        ("é".encode() + b"\xe9", ["1:2 encoding"]),
        ("messages: {}".encode("utf-16"), ["1:1 encoding"]),
        (b"messages: {}\n# \x1b[31m", ["2:3 character"]),
        (b"messages: {}\n# \x00", ["2:3 character"]),
        ("messages: {}\n# \x85".encode(), ["2:3 character"]),
        ("messages: {}\n# \u2028".encode(), ["2:3 character"]),
        ("messages: {}\n# \ufeff".encode(), ["2:3 character"]),
        ("messages: {}\n# \u202e".encode(), ["2:3 character"]),
        ("messages: {}\n# \u2066".encode(), ["2:3 character"]),
        (b"messages: {}\r# old Mac", ["1:13 character"]),
    ],
)
def test_bytes_that_nobody_can_review_are_refused_where_they_stand(
    data: bytes, expected: list[str]
) -> None:
    assert loaded(data) == expected


def test_a_byte_order_mark_at_the_start_is_no_problem() -> None:
    text = f"\ufeffmessages:\n  {MESSAGE}: {{user_data: x}}\n"
    (entry,) = read_records(tree(), str(write(text, "m.yaml")))

    assert isinstance(entry, Record)


def test_json_is_a_manifest_too_with_the_same_places() -> None:
    text = json.dumps({"messages": {MESSAGE: {"user_data": "a\U0001f600\\ud83d\\ude00"}}}, indent=1)
    (record,) = read_records(tree(), str(write(text, "m.json")))

    assert isinstance(record, Record)
    assert record.wanted == "a\U0001f600\\ud83d\\ude00"
    assert str(record.source) == "m.json:3:3"


def test_a_folder_is_read_in_order_of_name_its_files_first_and_nothing_hidden() -> None:
    for name in ("b.yml", "a/z.yaml", "a/b.json", ".git/x.yaml", "a/.hidden/y.yaml", "notes.txt"):
        write("messages: {}\n", f"manifests/{name}")

    found = list(tree().find(["manifests"]))

    assert found == ["manifests/b.yml", "manifests/a/b.json", "manifests/a/z.yaml"]


def rules(path: str) -> list[str]:
    return [item.rule for item in tree().find([path]) if isinstance(item, Problem)]


def test_links_are_never_followed(folder: Path) -> None:
    secret = write("secret: 1\n", "outside/secret.yaml")
    Path("manifests").mkdir()
    Path("manifests/link.yaml").symlink_to(secret.absolute())
    Path("manifests/folder").symlink_to(folder / "outside")
    Path("manifests/circle").symlink_to(folder / "manifests/circle")  # leads nowhere
    Path("other").symlink_to(folder / "outside")

    assert rules("manifests") == ["symlink", "symlink"]
    assert rules("other") == ["symlink"]
    assert [
        item.rule
        for item in read_records(tree(), "manifests/link.yaml")
        if isinstance(item, Problem)
    ]


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (os.mkfifo, "unreadable-file"),
        (Path.mkdir, "unreadable-file"),
    ],
)
def test_what_is_no_regular_file_is_refused_without_waiting(
    make: Callable[[Path], None], rule: str
) -> None:
    path = Path("m.yaml")
    make(path)

    (found,) = read_records(tree(), str(path))
    assert isinstance(found, Problem)
    assert found.rule == rule


def test_a_path_that_is_not_there_is_a_problem() -> None:
    assert rules("nowhere") == ["not-found"]
    write("x", "notes.txt")
    assert rules("notes.txt") == ["not-a-manifest"]


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * 100_000,
        "{messages: " * 100_000,
        "- " * 50_000,
        "? " * 50_000,
        "messages: {x: " + "[" * 5000,
        "&a [" + "*a, " * 1000,
    ],
)
def test_deep_nesting_ends_at_once_with_a_problem(bomb: str) -> None:
    assert len(problems(bomb)) == 1


def test_a_billion_laughs_end_at_once_with_a_problem() -> None:
    tens = {n: ", ".join([f"*a{n - 1}"] * 10) for n in range(1, 12)}
    rows = "".join(f"  {sid(n)}: {{user_data: &a{n} [{tens[n]}]}}\n" for n in tens)
    text = f"messages:\n  {MESSAGE}: {{user_data: &a0 [lol]}}\n{rows}"

    assert problems(text)[-1].endswith("alias")


@given(st.text(alphabet="ab:-?[]{}&*!|>'\"%@`#, \n0~<é", max_size=60))
def test_both_parsers_give_the_same_verdict(text: str) -> None:
    """And neither leaks an exception of its own."""

    def verdict(parser: Callable[[str], object] | None) -> object:
        reported: list[str] = []
        reader = composer.Reader(text, lambda _, rule, __: reported.append(rule), parser)
        nodes = []
        try:
            while (event := reader.next_document()) is not None:
                nodes.append(shape(reader.node(event)))
        except yaml_events.UnreadableYamlError:
            return "refused"
        return "refused" if reported else nodes

    assert verdict(None) == verdict(yaml_events.PureParser)


def shape(node: nodes.Node) -> object:
    if isinstance(node, nodes.Scalar):
        if not node.text and node.plain:
            return "nothing"  # which has no place that both would have to agree on
        return (node.text, node.plain, node.mark.line, node.mark.column)
    if isinstance(node, nodes.Sequence):
        return [shape(item) for item in node.items]
    return [(shape(key), shape(value)) for key, value in node.pairs]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{'messages': {}}", ["1:2 syntax"]),
        ('{"messages": {}, 1}', ["1:18 syntax"]),
        ('{"messages": {}} # x', ["1:18 syntax"]),
        ('{"messages": True}', ["1:14 syntax"]),
        ('{"messages": {}}\n---\n{}', ["2:1 syntax"]),
        ("messages: {}", ["1:1 syntax"]),
        ("[NaN]", ["1:1 syntax"]),
        ("[" * 100_000, ["1:1 syntax"]),
        ("", ["1:1 empty"]),
    ],
)
def test_a_json_manifest_is_json(text: str, expected: list[str]) -> None:
    found = [
        f"{item.source.line}:{item.source.column} {item.rule}"
        for item in parse_records("m.json", text)
        if isinstance(item, Problem)
    ]
    assert found == expected


def test_json_may_be_indented_by_tabs() -> None:
    text = f'{{\n\t"messages":\t{{\n\t\t"{MESSAGE}": {{"user_data": ["a\\tb"]}}\n\t}}\n}}\n'
    (record,) = parse_records("m.json", text)

    assert isinstance(record, Record)
    assert record.wanted == '["a\\tb"]'
    assert str(record.source) == "m.json:3:3"


@pytest.mark.parametrize("written", ["[a\u200bb]", "{a: x\u200by}", "{a\u200bb: x}", "[\u3164]"])
def test_what_cannot_be_seen_is_told_without_quotes_as_well(written: str) -> None:
    text = f"messages:\n  {MESSAGE}:\n    user_data: {written}\n"

    assert problems(text)[0].endswith("invisible-character")


def test_a_problem_that_an_alias_repeats_is_told_once() -> None:
    rows = "".join(f"  {sid(n)}: {{user_data: *a}}\n" for n in range(500))

    assert problems(f"messages:\n  {MESSAGE}: {{user_data: &a [0x1, 0x2]}}\n{rows}") == [
        "2:57 doubtful",
        "2:62 doubtful",
    ]


def test_folders_may_be_as_deep_as_they_like() -> None:
    folder = Path("manifests")
    for _ in range(300):
        folder /= "d"
    write(f"messages:\n  {MESSAGE}: {{user_data: x}}\n", str(folder / "M.YAML"))
    write("not ours", "manifests/.#lock.yaml")

    assert list(tree().find(["manifests"])) == [str(folder / "M.YAML")]


@pytest.mark.parametrize("flow", ["[{}]", "{{k: {}}}"])
@given(text=st.text(alphabet="ab:-?&*!|>'\"%@`#, 0~<é.+", max_size=20))
def test_both_parsers_read_the_same_value_in_flow(flow: str, text: str) -> None:
    """Where both accept a text; the fallback refuses and accepts a few odd ones by itself."""
    values = []
    refused: list[str] = []
    for parser in (None, yaml_events.PureParser):
        reader = composer.Reader(
            flow.format(text), lambda _mark, rule, _message: refused.append(rule), parser
        )
        try:
            event = reader.next_document()
            values.append(shape(reader.node(event)) if event is not None else None)
        except yaml_events.UnreadableYamlError:
            return
    # `[! ]` has a tag, which is a problem of its own: then no value is read.
    assert refused or values[0] == values[1]


def test_the_fallback_reads_a_question_in_flow() -> None:
    reader = composer.Reader("{q: why?, when?: now}", lambda *_: None, yaml_events.PureParser)

    node = reader.node(reader.next_document())
    assert isinstance(node, nodes.Mapping)
    assert [
        (key.text, value.text) for key, value in node.pairs if isinstance(value, nodes.Scalar)
    ] == [
        ("q", "why?"),
        ("when?", "now"),
    ]


def test_many_tabs_cost_no_more_than_many_lines() -> None:
    text = "".join(f"  {sid(n)}: {{user_data: x}} # \t\n" for n in range(20_000))

    assert len(records(f"messages:\n{text}")) == 20_000
