"""`reconciler fmt`: put manifests into their canonical layout."""

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

from msgspec import Struct

from reconciler.commands import Terminal, lines
from reconciler.commands.files import rewrite
from reconciler.errors import ExitCode, ProblemsError
from reconciler.layout import canonical
from reconciler.loading import records_in
from reconciler.manifest import find, read_text
from reconciler.model import Problem
from reconciler.render.escape import visible
from reconciler.render.paint import Paint
from reconciler.schema import is_error


class Parameters(Struct, frozen=True):
    """Which files to lay out; `check` and `diff` write nothing."""

    paths: tuple[Path, ...]
    check: bool = False
    diff: bool = False


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Writes the files that are not in the canonical layout and names them on stdout.

    REFUSED where `check` found one. Raises ProblemsError, before anything is written, where a file
    is no valid manifest.
    """
    texts = _valid(parameters.paths)
    changed = {}
    for path, text in texts.items():
        laid_out = canonical(path.as_posix(), text)
        if laid_out != text:
            changed[path] = laid_out
    for path, laid_out in changed.items():
        if parameters.diff:
            terminal.write(lines(_difference(path, texts[path], laid_out, terminal.paint)))
        elif parameters.check:
            terminal.write(lines([visible(str(path))]))
        else:
            rewrite(path, laid_out)
            terminal.write(lines([visible(str(path))]))
    return ExitCode.REFUSED if parameters.check and changed else ExitCode.OK


def _valid(paths: tuple[Path, ...]) -> dict[Path, str]:
    texts: dict[Path, str] = {}
    problems: list[Problem] = []
    for found in find(paths):
        text = found if isinstance(found, Problem) else read_text(found)
        if isinstance(text, Problem):
            problems.append(text)
        elif isinstance(found, Path):
            texts[found] = text
            items = records_in(found.as_posix(), text)
            problems += [item for item in items if isinstance(item, Problem)]
    if is_error(problems):
        raise ProblemsError(problems)
    return texts


def _difference(path: Path, before: str, after: str, paint: Paint) -> Iterator[str]:
    name = visible(path.as_posix())
    paints = {"+": paint.added, "-": paint.removed}
    for line in unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm=""):
        yield paints.get(line[:1], str)(visible(line))
