"""`reconciler validate`: check manifests, offline and without a token."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from reconciler.commands import Terminal, lines
from reconciler.commands.inputs import load_all
from reconciler.errors import ExitCode, ProblemsError
from reconciler.model import Problem
from reconciler.render import problems as render


class Parameters(Struct, frozen=True):
    """What to check and how to say it."""

    paths: tuple[Path, ...]
    format: Literal["text", "json"] = "text"


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """OK where every file is valid, warnings or not; else ERROR."""
    try:
        loaded = load_all(parameters.paths)
    except ProblemsError as error:
        if parameters.format == "text":
            raise
        terminal.write([render.json(error.problems, files=0, records=0)])
        return ExitCode.ERROR
    records = len(loaded.admitted.records)
    _say(loaded.admitted.warnings, loaded.files, records, parameters, terminal)
    return ExitCode.OK


def _say(
    warnings: Sequence[Problem],
    files: int,
    records: int,
    parameters: Parameters,
    terminal: Terminal,
) -> None:
    if parameters.format == "json":
        terminal.write([render.json(warnings, files=files, records=records)])
        return
    for line in render.text(warnings, terminal.paint):
        terminal.note(line)
    count = "1 record" if records == 1 else f"{records:,} records"
    where = "1 file" if files == 1 else f"{files:,} files"
    terminal.write(lines([f"Valid: {count} in {where}."]))
