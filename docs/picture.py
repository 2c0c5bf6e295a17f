"""The output of `reconciler plan` for the example manifests -> docs/plan.svg, for the README.

Run it when the output changes: `.venv/bin/python docs/picture.py`.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

HERE = Path(__file__).parent
COLUMNS = 84
THEME = TerminalTheme(
    (24, 26, 31),
    (201, 209, 217),
    [(40, 42, 46), (240, 113, 120), (126, 200, 140), (229, 192, 123),
     (97, 175, 239), (198, 120, 221), (86, 182, 194), (201, 209, 217)],
)  # fmt: skip

# rich's default frame loads a font from a content delivery network; this one loads nothing.
FRAME = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" \
role="img" aria-label="reconciler plan on a terminal">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; \
font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    """Plans the example manifests in a temporary folder and draws the output."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(HERE.parent / "manifests", Path(folder) / "manifests")
        environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
        command = [sys.executable, "-m", "reconciler", "plan", "--sandbox"]
        process = subprocess.run(  # noqa: S603  our own command
            command, cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
    console.print(Text("$ reconciler plan --sandbox"))
    console.print(Text.from_ansi(process.stdout))
    svg = console.export_svg(title="reconciler", theme=THEME, code_format=FRAME, unique_id="plan")
    (HERE / "plan.svg").write_text(svg, "utf-8")


if __name__ == "__main__":
    main()
