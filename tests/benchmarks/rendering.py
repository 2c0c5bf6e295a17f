"""A saved plan shown in each format, as a whole process; and the page of it in Chromium."""

import shutil
import tempfile
from pathlib import Path

from benchmarks.measure import reconciler
from planned import large
from reconciler.planning import plan_file

SIZES = (20_000, 100_000)
KEYSTROKES = ("s", "sp", "spring", "op:remove", "file:team-03", 'value:"at 3"', "messages/0a")


def main() -> None:
    """`show PLAN --format X`: 100,000 changes in 10 s and 400 MB each, linear; the page in use."""
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            plan = Path(folder, f"{size}.json")
            plan.write_text("".join(plan_file.write(large(size))), "utf-8")
            for name in ("text", "markdown", "github", "html"):
                figures = reconciler("show", str(plan), "--format", name)
                print(f"  {size:7,} changes as {name:8} {figures}  {len(figures.output):,} chars")
        page(Path(folder))


def page(folder: Path) -> None:
    """First paint (with 5,000 changes under 1 s), and the slowest keystroke (under 100 ms)."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("  no chromium: the page was not opened")
        return
    from playwright.sync_api import sync_playwright

    from reconciler.review.html.page import html_page
    from reconciler.review.report import make_report

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for size in (5_000, 50_000):
            file = folder / f"{size}.html"
            file.write_text("".join(html_page(make_report(large(size)))), "utf-8")
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(file.as_uri())
            tab.wait_for_selector(".item")
            paint = tab.evaluate(PAINTED)
            slowest = max(tab.evaluate(TYPED, text) for text in KEYSTROKES)
            print(
                f"  {size:7,} changes in a page of {file.stat().st_size / 1e3:,.0f} KB: "
                f"first paint {paint:.0f} ms, slowest keystroke {slowest:.0f} ms"
            )
        browser.close()


PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"

TYPED = """text => new Promise(done => {
  const box = document.getElementById("q");
  box.value = text;
  const start = performance.now();
  const count = document.getElementById("count");
  new MutationObserver((_, seen) => {
    seen.disconnect();
    document.body.offsetHeight;
    done(performance.now() - start);
  }).observe(count, {childList: true});
  box.dispatchEvent(new Event("input"));
})"""
