"""Values, names and messages of strangers, in every format: none of them can do anything."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import cmarkgfm
import html5lib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Run
from planned import URL
from reconciler.escape.unseen import is_unseen
from reconciler.kinds import MESSAGES
from reconciler.model import (
    Address,
    Change,
    Conflict,
    Meta,
    Origin,
    Plan,
    Problem,
    Released,
    Revisions,
    Scope,
    Source,
    Unreadable,
)
from reconciler.planning.digest import digest
from reconciler.review import sarif
from reconciler.review.codeowners import Owners
from reconciler.review.formats import FORMATS, SUMMARY_BYTES, View
from reconciler.review.html.page import html_page
from reconciler.review.markdown import comment
from reconciler.review.markdown.detail_levels import CommentContext, Links
from reconciler.review.report import make_report
from reconciler.review.text import problems_text
from reconciler.review.text.plan_text import Detail
from reconciler.sandbox.store import Store
from writing import messages, sid, user_data, write

# What an attacker may write, each with a word that is to be found in code alone.
WORDS = (
    "```|``` |`` EVIL|\\|<script>EVIL()</script>|</script><b>EVIL|-->EVIL<!--|</details>EVIL|"
    "@EVIL|EVIL@example.com|www.EVIL.com|https://EVIL.com/x|[EVIL](javascript:x)|![EVIL](x)|/EVIL|"
    "/merge EVIL|\n/close EVIL|\n::error::EVIL|##[error]EVIL|\x1b[2JEVIL|\u202eEVIL|E\u200bVIL|"
    "\u2028EVIL|=EVIL()|+EVIL|-EVIL|@SUM(EVIL)|\tEVIL|\r\n- EVIL|{{EVIL}}|{% EVIL %}|&lt;EVIL|"
    "a|  EVIL  b|\"EVIL|'EVIL|#1EVIL|**EVIL**|$EVIL$|\\u202eEVIL|\U000e0041EVIL|\x9b31mEVIL|é"
).split("|")
TEXTS = st.lists(st.sampled_from([*WORDS, "|"]), min_size=1, max_size=4).map("".join)
VALUES = st.one_of(
    st.none(),
    TEXTS,
    st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS), min_size=1).map(
        lambda value: json.dumps(value, ensure_ascii=False)
    ),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans that a hostile pull request, hostile records and a hostile API bring about."""
    changes = []
    for n in range(draw(st.integers(1, 8))):
        before, after = draw(VALUES), draw(VALUES)
        source = Source(draw(TEXTS), n + 1, 1)
        origin = draw(st.sampled_from(Origin))
        changes.append(Change(Address("messages", sid(n)), origin, before, after, source))
    ordered = tuple(change for change in changes if change.before != change.after)
    name = draw(TEXTS)
    source = Source(name, 1, 1)
    return Plan(
        URL,
        digest(URL, ordered),
        ordered,
        3,
        unreadable=(Unreadable(Address("messages", sid(90)), source, 500, draw(TEXTS)),),
        conflicts=(
            Conflict(
                Address("messages", sid(91)),
                *(draw(TEXTS), draw(TEXTS), draw(TEXTS)),
                ("", "/" + draw(TEXTS).replace("~", "")),
                source,
            ),
        ),
        released=(Released(Address("messages", sid(92)), source),),
        revisions=Revisions("1" * 40, draw(TEXTS), "2" * 40),
        scope=Scope(100, None, (name,), (draw(TEXTS),), (draw(TEXTS),)),
        meta=Meta("1", "2026-01-05T09:14:00+00:00"),
    )


OWNERS = Owners(["* @org/a EVIL@example.com <b>EVIL</b>"])


def shown(plan: Plan) -> Iterator[tuple[str, str]]:
    view = View(plan, Path())
    view.owners = OWNERS
    for name, made in FORMATS.items():
        yield name, "".join(made(view))


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(plans())
@pytest.mark.slow
def test_in_no_format_is_anything_hidden_and_no_ci_system_is_commanded(plan: Plan) -> None:
    for name, text in shown(plan):
        content = text
        if name == "html":  # the page's own script has hashes of its own
            content = re.sub(r"<(style|script)>.*?</\1>", "", text, flags=re.DOTALL)
        hidden = {
            character
            for character in content
            if is_unseen(character)
            and unicodedata.category(character)[0] in "CM"
            and character not in "\n\ufe0f"
        } - ({"\r"} if name == "csv" else set())
        assert not hidden, name
        assert "##[" not in content, name
        assert not re.search(r"^\s*::", content, re.MULTILINE), name


def without_code(rendered: str) -> tuple[str, set[str], list[str]]:
    """The text of a page outside of code, the names of its elements, and where its links lead."""
    tree = html5lib.parseFragment(rendered, namespaceHTMLElements=False)
    for parent in list(tree.iter()):
        for child in list(parent):
            if child.tag in {"code", "pre"}:
                tail = child.tail
                child.clear()
                child.tail = tail
    nodes = [node for node in tree.iter() if isinstance(node.tag, str)]
    return (
        "".join(tree.itertext()),
        {node.tag for node in nodes},
        [node.get("href", "") for node in nodes if node.tag == "a"],
    )


OURS = set(
    "DOCUMENT_FRAGMENT h3 p br table thead tbody tr th td a b strong code pre details summary ul li"
    " blockquote".split()
)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(plans(), st.sampled_from(["", "https://reports.example.com/plan.html"]))
@pytest.mark.slow
def test_in_markdown_strangers_texts_are_code_and_nothing_else(plan: Plan, url: str) -> None:
    report = make_report(plan, OWNERS)
    around = CommentContext("EVIL <b>`@x`", Links(report=url))
    for page in (
        comment.comment(report, around),
        comment.summary(report, around, most=SUMMARY_BYTES),
    ):
        text, tags, links = without_code(cmarkgfm.github_flavored_markdown_to_html(page))

        assert "EVIL" not in text
        assert tags <= OURS
        assert all((url and link.startswith(f"{url}#")) or link == url for link in links)
        fenced = False
        for line in page.split("\n"):
            fenced ^= line.startswith("```")
            assert fenced or not line.startswith(("/", "@", "::", "#!")), line


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(plans())
@pytest.mark.slow
def test_in_html_strangers_texts_are_text_and_nothing_else(plan: Plan) -> None:
    page = "".join(html_page(make_report(plan, OWNERS), OWNERS))

    tree = html5lib.parse(page, namespaceHTMLElements=False)
    scripts = list(tree.iter("script"))
    assert [script.get("type") for script in scripts] == (
        ["application/json", None] if plan.changes or plan.conflicts or plan.unreadable else []
    )
    for script in scripts[:1]:
        assert json.loads(script.text or "")["digest"] == plan.digest
    for node in tree.iter():
        assert "EVIL" not in str(node.tag)
        assert not any(name.startswith("on") for name in node.attrib)
        assert all("EVIL" not in value for name, value in node.attrib.items() if name != "id")
        assert node.get("src") is None


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(plans())
def test_in_sheets_and_test_reports_strangers_texts_stay_in_their_cells(plan: Plan) -> None:
    made = dict(shown(plan))

    rows = list(csv.reader(io.StringIO(made["csv"])))
    assert {len(row) for row in rows} == {10}
    assert not any(cell[:1] in set("=+-@\t\r") for row in rows for cell in row if cell)
    root = ET.fromstring(made["junit"])
    cases = list(root.iter("testcase"))
    assert len(cases) == int(root.attrib["tests"]) == 1 + len(plan.changes) + 2
    assert [json.loads(line)["type"] for line in made["jsonl"].splitlines()][-1] == "summary"
    assert json.loads(made["json"])["digest"] == plan.digest


@given(VALUES, VALUES)
def test_two_different_values_never_look_the_same(one: str | None, other: str | None) -> None:
    def look(value: str | None) -> dict[str, str]:
        change = Change(
            Address("messages", sid(1)), Origin.CHANGE, "was", value, Source("a.yaml", 1, 1)
        )
        made = dict(shown(Plan(URL, "sha256:0", (change,), 0)))
        return {name: made[name] for name in ("text", "markdown", "html", "csv", "junit", "jsonl")}

    if one != other and "was" not in (one, other):
        ours, theirs = look(one), look(other)
        assert all(ours[name] != theirs[name] for name in ours)


CANARY = "canary-6f2c"


def test_a_problem_is_told_to_programs_without_acting() -> None:
    source = Source("manifests/\x9b31m##[error]x\u202e.yaml", 1, 1)
    problem = Problem(source, "empty", "::error::\u200b")

    for written in (
        problems_text.json([problem], files=1, records=0),
        sarif.sarif([problem]),
    ):
        assert "##" not in written
        assert "::" not in written
        assert not {"\x9b", "\u202e", "\u200b"} & set(written)
        assert json.loads(written)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("detail", ["verbose", "grouped", "concise"])
def test_a_sensitive_value_is_in_no_format(name: str, detail: Detail) -> None:
    """Changed, added, removed, cleared, in a text that is none of its schema, in conflict."""
    secret = ("/token", "/deep/er")
    texts = [
        (f'{{"n":1,"token":"{CANARY}1"}}', f'{{"n":2,"token":"{CANARY}2"}}'),
        (None, f'{{"token":"{CANARY}3","deep":{{"er":["{CANARY}"]}}}}'),
        (f'{{"token":"{CANARY}4"}}', None),
        (f"{CANARY} as text", f'{{"token":"{CANARY}5"}}'),
        (f'{{"deep":{{"er":{{"x":"{CANARY}"}}}}}}', '{"deep":{"er":{}}}'),
    ] * 20
    source = Source("a.yaml", 1, 1)
    changes = tuple(
        Change(Address("messages", sid(n)), Origin.CHANGE, before, after, source, secret)
        for n, (before, after) in enumerate(texts)
    )
    git, base, live = (f'{{"token":"{CANARY}{n}"}}' for n in range(3))
    address = Address("messages", sid(900))
    conflict = Conflict(address, base, git, live, ("/token",), source, secret)
    plan = Plan(
        URL,
        digest(URL, changes),
        changes,
        0,
        conflicts=(conflict,),
        meta=Meta("1", "", "00" * 16),
    )
    view = View(plan, Path(), detail=detail)

    assert CANARY not in "".join(FORMATS[name](view))


@pytest.mark.parametrize("how", ["each", "sweep", "auto"])
def test_a_live_text_with_half_a_surrogate_pair_is_read_shown_and_replaced(
    run: Run, store: Store, how: str
) -> None:
    """JSON can write it, UTF-8 cannot: it must not make a record that nothing can mend."""
    for number in (1, 2):
        body = {"message_sid": sid(number), "user_data": f"{number} a\ud800b"}
        store.add(MESSAGES, [(sid(number), json.dumps(body))])
    write(messages({1: "mended", 2: {"a": "mended"}}))

    planned = run(
        "plan", "--sandbox", "--read", how, "--out", "plan.json", "--report", "html=p.html"
    )
    for format_ in ("text", "json", "jsonl", "markdown", "html", "csv", "junit"):
        assert run("show", "plan.json", "--format", format_).code == 0
    applied = run("apply", "--sandbox", "plan.json", "--report", "json=result.json")
    (journal,) = Path(".reconciler/journal").glob("*.jsonl")
    undone = run("rollback", journal, "--sandbox", "--out", "back.json")

    assert planned.code == 0, planned.err
    assert '"1 a\\ud800b"' in planned.out
    assert applied.code == 0, applied.err
    assert [user_data(store, f"messages/{sid(n)}") for n in (1, 2)] == ["mended", '{"a":"mended"}']
    assert undone.code == 0
    # The sandbox refuses such a text, as an API may; the record keeps its new value.
    assert run("apply", "--sandbox", "back.json").code == 4
    assert user_data(store, f"messages/{sid(1)}") == "mended"
