"""A generated plan of 5,000 changes -> docs/report-*.png, the pictures of the HTML report.

Run it when the page changes: `.venv/bin/python docs/report.py`. It needs Chromium.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from planned import large
from reconciler.review.codeowners import Owners
from reconciler.review.html.page import html_page
from reconciler.review.report import make_report

OWNERS = Owners(["manifests/team-0* @org/billing", "manifests/team-1* @org/support"])
WIDE = {"width": 1280, "height": 900}
PICTURES = {
    "light": ("", WIDE, "light"),
    "dark": ("#view=records&q=resolved", WIDE, "dark"),
    "phone": ("#view=records&op=remove", {"width": 390, "height": 844}, "light"),
}


def main() -> None:
    """Renders the report and takes a screenshot for each entry of PICTURES."""
    plan = large(5000)
    page = "".join(html_page(make_report(plan, OWNERS), OWNERS))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder, "plan.html")
        file.write_text(page, "utf-8")
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (fragment, size, scheme) in PICTURES.items():
            tab = browser.new_page(viewport=size, color_scheme=scheme)
            tab.goto(f"{file.as_uri()}{fragment}")
            tab.wait_for_selector(".item")
            if name != "light":
                tab.keyboard.press("j")
                tab.keyboard.press("o")
            tab.wait_for_timeout(300)
            tab.screenshot(path=HERE / f"report-{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
