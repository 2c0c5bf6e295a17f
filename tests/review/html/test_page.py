"""The HTML report in a real browser: search, links, keys, themes, without JavaScript, and safe."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from msgspec import structs
from playwright.sync_api import Browser, Page, sync_playwright

from planned import approval, large, mixed
from reconciler.model import Address, Change, Origin, Plan, Unreadable
from reconciler.review.codeowners import Owners
from reconciler.review.grouping import Effect
from reconciler.review.html.page import html_page
from reconciler.review.report import make_report
from writing import sid

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="needs chromium"),
]

OWNERS = Owners(["manifests/team-0* @org/billing", "manifests/team-1* @org/support"])
# As root Chromium needs --no-sandbox; the others keep it from looking for its maker's hosts.
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


Show = Callable[..., Page]


@pytest.fixture
def show(browser: Browser, folder: Path) -> Iterator[Show]:
    """Opens the report of a plan; at the end nothing was asked for and nothing went wrong."""
    wrong: list[str] = []
    contexts = []

    def show(plan: Plan, fragment: str = "", **settings: Any) -> Page:
        file = folder / "plan.html"
        file.write_text("".join(html_page(make_report(plan, OWNERS), OWNERS)), "utf-8")
        context = browser.new_context(viewport=settings.pop("viewport", WIDE), **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.on(
            "request",
            lambda asked: (
                None if asked.url.startswith(("file:", "data:")) else wrong.append(asked.url)
            ),
        )
        page.goto(f"{file.as_uri()}{fragment}")
        if settings.get("java_script_enabled", True) and plan.changes:
            page.wait_for_selector(".js #app:visible")
        return page

    yield show
    for context in contexts:
        context.close()
    assert wrong == []


WIDE = {"width": 1280, "height": 900}
PLAN = large(600)


def count(page: Page) -> str:
    return page.inner_text("#count")


def search(page: Page, text: str) -> int:
    """How many records a search finds."""
    page.fill("#q", text)
    return int(count(page).split(" ")[0].replace(",", ""))


def changes(keep: Callable[[Change], bool]) -> int:
    return sum(map(keep, PLAN.changes))


def test_the_head_says_counts_share_guards_and_what_could_not_be_read(show: Show) -> None:
    page = show(PLAN)

    assert page.inner_text("h1") == "600 of 1,201 records would change (49.96 %)"
    assert "1 record could not be read" in page.inner_text("#warnings")
    assert "max_change_percent" in page.inner_text("#guards")
    assert "404 cannot find item by sid" in page.inner_text("#unreadable")
    assert count(page) == f"600 records: {len(make_report(PLAN).similar_groups)} groups"


def test_groups_come_first_with_what_loses_something_on_top(show: Show) -> None:
    page = show(PLAN)

    first = page.locator(".item").first
    assert first.locator(".title b").inner_text() == "G1"
    assert first.locator(".badge").first.inner_text() == "removes"


@pytest.mark.parametrize(
    ("query", "keep"),
    [
        ("spring-2026", lambda change: "spring-2026" in (change.after or "")),
        ("op:remove", lambda change: "legacy" in (change.before or "")),
        ("effect:removes", lambda change: "legacy" in (change.before or "")),
        ("action:set", lambda change: change.before is None),
        ("origin:drift", lambda change: change.origin is Origin.DRIFT),
        ("-origin:drift", lambda change: change.origin is not Origin.DRIFT),
        ("key:campaign", lambda change: "campaign" in (change.after or "")),
        ("file:team-03", lambda change: "team-03" in change.source.file),
        ("owner:@org/billing", lambda change: "team-0" in change.source.file),
        ("kind:messages", lambda change: change.address.kind == "messages"),
        ("value:platinum", lambda change: "platinum" in (change.after or "")),
        ('before:"text 1"', lambda change: "text 1" in (change.before or "")),
        ("after:gold", lambda _: False),
        ("changed:>1", lambda change: "platinum" in (change.after or "")),
        (
            "key:tier origin:drift",
            lambda c: "platinum" in (c.after or "") and c.origin is Origin.DRIFT,
        ),
        ("guard:max_change_percent", lambda change: change.before is not None),
        ("op:remove,", lambda change: "legacy" in (change.before or "")),
        ("nothing like this", lambda _: False),
    ],
)
def test_a_search_finds_just_what_it_says(
    show: Show, query: str, keep: Callable[[Change], bool]
) -> None:
    assert search(show(PLAN), query) == changes(keep)


def test_a_search_by_regex_and_one_that_is_none(show: Show) -> None:
    page = show(PLAN)
    page.check("#regex")

    assert search(page, "^messages/[0-7]") == changes(
        lambda change: change.address.kind == "messages" and change.address.sid[0] in "01234567"
    )
    assert search(page, '^"spring-2026"$') == changes(lambda c: "spring-2026" in (c.after or ""))
    assert search(page, 'spring-2026"\\s') == 0  # each value by itself
    assert search(page, "platin\\p{Ll}m") == changes(lambda c: "platinum" in (c.after or ""))
    page.fill("#q", "(")
    assert "regular expression" in page.inner_text("#banner")
    page.fill("#q", "")
    assert page.is_hidden("#banner")


def test_what_was_searched_is_marked_where_it_stands(show: Show) -> None:
    page = show(PLAN)
    page.fill("#q", "platinum")

    assert set(page.locator("mark").all_inner_texts()) == {"platinum"}


def test_facets_count_what_a_choice_would_leave(show: Show) -> None:
    page = show(PLAN)
    drift = page.locator('input[data-facet="origin=drift"]')

    assert drift.locator("xpath=..").locator("b").inner_text() == str(
        changes(lambda change: change.origin is Origin.DRIFT)
    )
    drift.check()
    set_and_drift = changes(lambda c: c.origin is Origin.DRIFT and c.before is None)
    action = page.locator('input[data-facet="action=set"]')
    assert action.locator("xpath=..").locator("b").inner_text() == str(set_and_drift)
    action.check()
    assert count(page).startswith(f"{set_and_drift} of 600")
    assert "origin=drift" in page.url
    assert "action=set" in page.url


def test_every_view_is_a_key_away_and_kept_in_the_address(show: Show) -> None:
    page = show(PLAN)
    page.keyboard.press("2")
    assert page.locator(".item .title code").first.inner_text() == str(PLAN.changes[0].address)
    page.keyboard.press("3")
    assert page.locator("#results tbody tr").count() == 25
    page.keyboard.press("4")
    rows = {
        row.split("\t")[0]: row.split("\t")[1]
        for row in page.locator("#results tbody tr").all_inner_texts()
    }
    assert rows["campaign"] == str(changes(lambda change: "campaign" in (change.after or "")))
    assert "view=keys" in page.url


def test_a_table_is_sorted_by_any_column(show: Show) -> None:
    page = show(PLAN, "#view=files")
    header = page.locator("#results th", has_text="file")
    header.locator("button").click()

    names = page.locator("#results tbody tr td:first-child").all_inner_texts()
    assert names == sorted(names)
    assert page.locator("#results th").first.get_attribute("aria-sort") == "ascending"


def test_a_link_to_a_record_opens_it(show: Show) -> None:
    wanted = PLAN.changes[400]
    page = show(PLAN, f"#sid={wanted.address.sid}")

    item = page.locator(".item.current")
    assert item.locator("code").first.inner_text() == str(wanted.address)
    assert item.locator(".toggle").get_attribute("aria-expanded") == "true"
    assert f"{wanted.source.file}:{wanted.source.line}" in item.inner_text()


def test_a_link_to_what_is_not_there_says_so(show: Show) -> None:
    page = show(PLAN, "#sid=00000000-0000-4000-8000-000000000000")
    assert "is not in this plan" in page.inner_text("#banner")

    page = show(PLAN, "#g=G999")
    assert "not in this plan" in page.inner_text("#banner")


def test_a_link_to_a_group_by_number_or_by_digest(show: Show) -> None:
    group = make_report(PLAN).groups[3]
    for fragment in (f"#g={group.name}", f"#g=G1&gd={group.digest}"):
        page = show(PLAN, fragment)
        assert page.locator(".item.current .title b").inner_text() == group.name


def test_a_link_to_a_line_of_a_file_and_to_all_that_is_lost(show: Show) -> None:
    wanted = PLAN.changes[7]
    page = show(PLAN, f"#file={wanted.source.file}&L={wanted.source.line}")
    assert str(wanted.address) in page.locator(".item.current").inner_text()

    page = show(PLAN, "#removals")
    assert count(page).startswith(f"{make_report(PLAN).effects[Effect.REMOVES]} of 600")


def test_the_link_that_is_copied_leads_back_to_its_record_whatever_its_twin(show: Show) -> None:
    twin = structs.replace(
        PLAN.changes[-1],
        address=structs.replace(PLAN.changes[-1].address, kind="message_drs"),
        after="the twin",
    )
    plan = structs.replace(PLAN, changes=(twin, *PLAN.changes))
    page = show(plan, f"#sid={twin.address.sid}&kind=messages")
    assert page.locator(".item.current .title code").inner_text() == str(PLAN.changes[-1].address)
    page.reload()
    page.wait_for_selector(".item.current")
    assert page.locator(".item.current .title code").inner_text() == str(PLAN.changes[-1].address)


def test_a_link_to_a_group_that_is_gone_does_not_lead_to_another(show: Show) -> None:
    page = show(PLAN, "#g=G3&gd=000000000000")

    assert "not in this plan" in page.inner_text("#banner")
    assert page.locator(".item.current").count() == 0


def test_a_link_to_a_record_in_conflict_leads_to_it(show: Show) -> None:
    conflict = approval().conflicts[0]
    page = show(approval(), f"#sid={conflict.address.sid}")

    assert "does not change" in page.inner_text("#banner")
    row = page.locator("#conflicts tr", has_text=str(conflict.address))
    assert row.locator("td").all_inner_texts()[1:5] == ["o.p", "1", "2", "(nothing)"]


def test_a_search_finds_what_does_not_change_too(show: Show) -> None:
    page = show(approval())
    address = str(approval().conflicts[1].address)

    assert search(page, address.partition("/")[2]) == 0
    assert page.inner_text("#results").startswith("No change matches.")
    assert page.inner_text("#also") == "and 1 that does not change"
    page.click("#also")
    assert address in page.inner_text(".sought")
    assert search(page, "conflict a.yaml") == 0
    assert search(page, "a.yaml") == len([one for one in approval().changes if not one.released])
    assert page.inner_text("#also") == "and 25 that do not change"
    for elsewhere in ("origin:drift", "-a.yaml", "", "  "):
        search(page, elsewhere)
        assert page.is_hidden("#also"), elsewhere


def test_what_left_git_is_opened_where_the_search_leads_there(show: Show) -> None:
    page = show(approval())
    last = approval().released[-1].address

    page.check("#regex")
    page.fill("#q", f"{last.sid[:8]}.*a\\.yaml")
    assert page.is_hidden("#released table")
    page.click("#also")

    assert page.is_visible(".sought")
    assert str(last) in page.inner_text(".sought")


def test_keys_of_one_character_can_be_switched_off_for_good(show: Show) -> None:
    page = show(PLAN)

    page.keyboard.press("?")
    page.uncheck("#letters")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    assert "view=records" not in page.url
    page.reload()
    page.wait_for_selector(".item")
    page.keyboard.press("2")
    assert "view=records" not in page.url
    page.click("#help-open")
    page.check("#letters")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    assert "view=records" in page.url


def test_going_back_leads_to_the_view_before(show: Show) -> None:
    page = show(PLAN)
    page.keyboard.press("3")
    page.locator("#results .link").first.click()
    page.wait_for_selector(".item")
    page.go_back()

    assert page.locator('[data-view="files"]').get_attribute("aria-current") == "true"


def test_items_stand_in_the_page_in_the_order_in_which_they_are_shown(show: Show) -> None:
    page = show(PLAN, "#view=records")
    for y in (9000, 0, 4000, 2500):
        page.evaluate(f"scrollTo(0, {y})")
        page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    order = page.eval_on_selector_all(".item", "all => all.map(one => +one.ariaPosInSet)")
    assert order == sorted(order)


def test_keys_are_for_the_item_that_has_the_focus(show: Show) -> None:
    page = show(PLAN)
    page.keyboard.press("j")
    page.locator(".item .tick").nth(3).focus()
    page.keyboard.press("x")

    assert page.locator(".item .tick").nth(3).is_checked()
    assert not page.locator(".item .tick").first.is_checked()


def test_a_group_found_in_part_is_ticked_in_part(show: Show) -> None:
    group = make_report(PLAN).groups[2]
    some = sum(change.address.kind == "message_drs" for change, _ in group.members)
    page = show(PLAN, f"#q=group:{group.name}%20kind:message_drs")
    page.locator(".item .tick").first.click()

    assert f"0 of {len(make_report(PLAN).groups)} groups, {some} of 600" in page.inner_text(
        "#progress"
    )
    page.fill("#q", f"group:{group.name}")
    assert page.locator(".item .tick").first.evaluate("box => box.indeterminate")


def test_where_nothing_matches_all_can_be_cleared(show: Show) -> None:
    page = show(PLAN, "#origin=drift&key=tier&action=set")
    page.get_by_role("button", name="Clear search and filters").click()

    assert count(page).startswith("600 records: ")


def test_a_value_of_a_megabyte_can_be_opened_and_seen_whole(show: Show) -> None:
    change = PLAN.changes[0]
    words = "lorem ipsum " * 50_000
    change = structs.replace(change, before=f"{words}old {words}", after=f"{words}new {words}")
    page = show(structs.replace(PLAN, changes=(change,)), "#view=records&q=lorem")
    page.keyboard.press("e")

    item = page.locator(".item")
    assert item.locator("del .other").all_inner_texts() == ["old"]
    assert len(item.inner_text()) < 30_000
    item.get_by_role("button", name="more characters").first.click()
    assert len(item.inner_text()) > 500_000


def test_two_long_values_of_closed_records_do_not_look_the_same(show: Show) -> None:
    texts = [json.dumps({"k": "p" * 200 + end + "q" * 300}) for end in "AB"]
    changes_ = tuple(
        structs.replace(one, before=None, after=text)
        for one, text in zip(PLAN.changes, texts, strict=False)
    )
    page = show(structs.replace(PLAN, changes=changes_), "#view=records")

    shown = page.locator(".item ins").all_inner_texts()
    assert len(set(shown)) == 2
    assert all("(503 characters, " in one for one in shown)


def test_a_record_of_very_many_keys_opens_at_once_and_can_be_seen_whole(show: Show) -> None:
    text = json.dumps({f"key{n:05}": n for n in range(5000)}, separators=(",", ":"))
    change = structs.replace(PLAN.changes[0], before=None, after=text)
    page = show(structs.replace(PLAN, changes=(change,)), f"#sid={change.address.sid}")

    assert page.locator(".more .diff").count() == 200
    page.get_by_role("button", name="4,800 more keys").click()
    assert page.locator(".more .diff").count() == 5000


def test_of_two_texts_the_words_that_differ_stand_out(show: Show) -> None:
    page = show(PLAN, "#view=records&q=resolved")
    page.keyboard.press("j")
    page.keyboard.press("o")

    item = page.locator(".item.current")
    assert item.locator("del .other").all_inner_texts() == ["called back"]
    assert item.locator("ins .other").all_inner_texts() == ["resolved"]


def test_a_line_break_of_a_value_is_seen(show: Show) -> None:
    page = show(approval(), "#view=records&q=verse")
    page.keyboard.press("e")

    assert page.locator("ins br").count() == 11
    assert page.locator("ins .other").all_inner_texts() == ["verse"]


def test_what_was_reviewed_is_remembered_for_this_plan_alone(show: Show) -> None:
    page = show(PLAN)
    page.keyboard.press("j")
    page.keyboard.press("x")
    size = make_report(PLAN).groups[0].count
    total = len(make_report(PLAN).groups)
    assert f"1 of {total} groups, {size} of 600" in page.inner_text("#progress")
    page.reload()
    assert f"1 of {total} groups, {size} of 600" in page.inner_text("#progress")
    # One of its records taken back: the others stay.
    page.fill("#q", "group:G1")
    page.click('button[data-view="records"]')
    page.locator(".item .tick").first.uncheck()
    assert f"0 of {total} groups, {size - 1} of 600" in page.inner_text("#progress")

    other = structs.replace(PLAN, digest="sha256:" + "0" * 64)
    Path("plan.html").write_text("".join(html_page(make_report(other))), "utf-8")
    page.reload()
    assert f"0 of {total} groups, 0 of 600" in page.inner_text("#progress")


def test_what_is_found_can_be_copied(show: Show) -> None:
    page = show(PLAN, "#q=op:remove", permissions=["clipboard-read", "clipboard-write"])
    removed = [str(change.address) for change, _ in make_report(PLAN).removals()]

    def copied(button: str) -> str:
        page.click(button)
        page.wait_for_selector(f"{button}:has-text('Copied')")
        return str(page.evaluate("navigator.clipboard.readText()"))

    assert sorted(copied("#copy-sids").split()) == sorted(one.partition("/")[2] for one in removed)
    assert copied("#copy-targets").count("--target ") == len(removed)
    assert all(f"| `{one}` | - `legacy_id`" in copied("#copy-markdown") for one in removed[:1])


def test_only_the_rows_near_the_window_are_in_the_page_and_all_can_be_reached(show: Show) -> None:
    plan = large(5000)
    page = show(plan, "#view=records")

    assert page.locator(".item").count() < 60
    page.keyboard.press("End")
    page.wait_for_selector('[aria-posinset="5000"]')
    last = page.locator('[aria-posinset="5000"]')
    assert str(plan.changes[-1].address) in last.inner_text()
    assert last.get_attribute("aria-setsize") == "5000"
    page.keyboard.press("e")
    assert page.locator(".item").count() < 60


def test_keys_move_and_open_and_help_tells_them(show: Show) -> None:
    page = show(PLAN)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.locator(".item.current .title b").inner_text() == "G1"
    page.keyboard.press("o")
    assert page.locator(".item.current .more").is_visible()
    page.keyboard.press("c")
    assert page.locator(".more").count() == 0
    page.keyboard.press("/")
    page.keyboard.type("j o ?")
    assert page.input_value("#q") == "j o ?"
    page.keyboard.press("Escape")
    assert page.input_value("#q") == ""
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.is_visible("#help")


def test_light_and_dark_follow_the_system_and_can_be_chosen(show: Show) -> None:
    def ground(page: Page) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    light, dark = show(PLAN, color_scheme="light"), show(PLAN, color_scheme="dark")
    assert ground(light) != ground(dark)
    light.click("#theme")
    assert ground(light) == ground(dark)
    assert "theme=dark" in light.url
    assert ground(show(PLAN, "#theme=light", color_scheme="dark")) != ground(dark)


def test_without_javascript_groups_losses_and_outliers_are_there(show: Show) -> None:
    page = show(PLAN, java_script_enabled=False)
    report = make_report(PLAN)

    assert page.is_hidden("#app")
    for group in report.similar_groups:
        assert f"{group.count:,}" in page.inner_text(f"#g-{group.name}")
    for change, _ in report.removals():
        assert "legacy_id" in page.inner_text(f"#sid-{change.address.sid}")
    assert "1 record could not be read" in page.inner_text("main")


def test_a_plan_without_changes_is_a_page_too(show: Show) -> None:
    page = show(structs.replace(PLAN, changes=(), guards=()))

    assert page.inner_text("h1") == "No changes in the records that could be read"


def test_conflicts_alone_can_be_searched_and_linked_to(show: Show) -> None:
    conflicts = approval().conflicts
    plan = structs.replace(approval(), changes=())
    page = show(plan, f"#sid={conflicts[1].address.sid}")

    page.wait_for_selector(".js #app:visible")
    assert str(conflicts[1].address) in page.inner_text(".sought")
    assert "--resolve ADDRESS=git" in page.inner_text("#conflicts")
    assert conflicts[1].address.sid in page.url
    page.fill("#q", "conflict")
    assert page.inner_text("#results") == "Nothing changes."
    page.fill("#q", conflicts[0].address.sid)
    assert page.inner_text("#also") == "and 1 that does not change"


def test_more_than_the_page_lists_is_not_said_to_be_all(show: Show) -> None:
    one = approval().conflicts[0]
    lost = tuple(
        Unreadable(Address("messages", sid(n)), one.source, 404, "gone") for n in range(2100)
    )
    page = show(structs.replace(PLAN, unreadable=lost), f"#sid={sid(2099)}")

    assert "is not among the records that this page lists" in page.inner_text("#banner")
    page.fill("#q", "gone")
    assert page.inner_text("#also") == "and at least 2,000 that do not change"


def test_hostile_values_are_shown_and_do_nothing(show: Show) -> None:
    evil = "</script><img src=x onerror=alert(1)><b id=evil>\u202e{{7*7}}"
    source = structs.replace(mixed().changes[0].source, file=f"manifests/{evil}.yaml")
    changes = tuple(
        structs.replace(change, after=evil, source=source) for change in mixed().changes
    )
    page = show(structs.replace(mixed(), changes=changes, guards=()), "#view=records")
    page.keyboard.press("e")

    assert page.locator("#evil, img").count() == 0
    assert "</script><img src=x onerror=alert(1)><b id=evil>\\u202e{{7*7}}" in page.inner_text(
        "#results"
    )
    page.fill("#q", '"<b id=evil>"')
    assert page.locator("mark").first.inner_text() == "<b id=evil>"


def test_the_page_forbids_any_script_but_its_own(browser: Browser) -> None:
    Path("plan.html").write_text("".join(html_page(make_report(PLAN))), "utf-8")
    page = browser.new_page()
    page.goto(Path("plan.html").absolute().as_uri())
    page.wait_for_selector(".js")

    page.evaluate(
        """() => {
          const script = document.createElement("script");
          try { script.text = "window.evil = 1"; } catch { return; }
          document.body.append(script);
        }"""
    )
    assert page.evaluate("window.evil") is None
    assert page.evaluate("fetch('https://example.com').catch(() => 'refused')") == "refused"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["groups", "records", "files", "keys"])
def test_the_page_is_accessible(show: Show, scheme: str, view: str) -> None:
    page = show(PLAN, f"#view={view}&q=-origin:both", color_scheme=scheme)
    page.keyboard.press("j")
    page.keyboard.press("o")

    violations = Axe().run(page).response["violations"]

    assert [(rule["id"], node["html"]) for rule in violations for node in rule["nodes"]] == []


def test_it_fits_a_phone(show: Show) -> None:
    page = show(PLAN, "#view=records", viewport={"width": 390, "height": 844})
    page.keyboard.press("e")

    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(("records", "most"), [(5_000, 1_000_000), (50_000, 8_000_000)])
def test_the_file_is_small(records: int, most: int) -> None:
    page = "".join(html_page(make_report(large(records))))

    assert len(page.encode()) < most


def test_the_same_plan_makes_the_same_page_and_a_large_one_is_packed(show: Show) -> None:
    plan = large(40_000)
    assert "".join(html_page(make_report(plan))) == "".join(html_page(make_report(plan)))

    page = show(plan)
    assert page.get_attribute("#plan", "data-packed") == "gzip"
    assert count(page).startswith("40,000 records")


def test_the_embedded_data_is_json_that_holds_every_record() -> None:
    page = "".join(html_page(make_report(PLAN)))
    data = json.loads(page.partition('id="plan">')[2].partition("</script>")[0])

    assert len(data["records"]["sid"]) == 32 * 600
