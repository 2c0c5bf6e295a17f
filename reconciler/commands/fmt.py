"""`reconciler fmt`: manifests -> the same manifests in the canonical layout."""

from collections.abc import Iterator
from difflib import unified_diff

from msgspec import Struct

from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, ProblemsError
from reconciler.escape.text import visible
from reconciler.files import rewrite
from reconciler.manifests.cache import MIN_CHARS, Cache, layout_key_of
from reconciler.manifests.discovery import Tree
from reconciler.manifests.formatter import FORMATTER_VERSION, LayoutError, format_manifest
from reconciler.manifests.loader import parse_records
from reconciler.manifests.validation import collect_records, is_error
from reconciler.model import Problem
from reconciler.review.colours import Paint


class Parameters(Struct, frozen=True):
    """The options of `fmt`."""

    tree: Tree
    """The project."""
    names: tuple[str, ...]
    """Files and folders to format, relative to the project."""
    check: bool = False
    """Whether to write nothing and return REFUSED if a file would change."""
    diff: bool = False
    """Whether to write nothing and print the changes as a unified diff."""
    cache: Cache | None = None
    """Remembers the texts that are in the canonical layout; None if the cache is off."""


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Rewrites the files that are not in the canonical layout and prints their names.

    Returns REFUSED if `check` found such a file, ERROR if a file cannot be formatted without a
    loss; that file is not written. Raises ProblemsError, before anything is written, if a file is
    not a valid manifest.
    """
    texts = _valid(parameters)
    changed = refused = False
    for name, text in texts.items():
        try:
            laid_out = format_manifest(name, text)
        except LayoutError as error:
            terminal.note(visible(str(error)))
            refused = True
            continue
        if laid_out != text:
            changed = True
            _take(name, text, laid_out, parameters, terminal)
        elif parameters.cache is not None and len(text) >= MIN_CHARS:
            parameters.cache.put(layout_key_of(text, name, FORMATTER_VERSION), ())
    if refused:
        return ExitCode.ERROR
    # 3 and not 1: a hook can distinguish a wrong layout from a file that is not valid.
    return ExitCode.REFUSED if parameters.check and changed else ExitCode.OK


def _take(name: str, text: str, laid_out: str, parameters: Parameters, terminal: Terminal) -> None:
    """Writes one formatted file, or shows the change, and prints its name.

    Raises LayoutError if another program changed the file since it was read.
    """
    if parameters.diff:
        terminal.write_lines(_difference(name, text, laid_out, terminal.paint))
        return
    if not parameters.check:
        if parameters.tree.text(name) != text:
            raise LayoutError(
                f"{name}: another program changed it meanwhile: not written; run fmt again"
            )
        rewrite(parameters.tree.path(name), laid_out)
    terminal.write_lines([visible(name)])


def _valid(parameters: Parameters) -> dict[str, str]:
    """The text of each file by its name, without those that are known to be in canonical layout.

    Raises ProblemsError with the problems of all files.
    """
    tree, texts = parameters.tree, dict[str, str]()
    problems: list[Problem] = []
    for found in tree.find(parameters.names):
        text = found if isinstance(found, Problem) else tree.text(found)
        if isinstance(text, Problem):
            problems.append(text)
        elif isinstance(found, str) and not _is_known(found, text, parameters.cache):
            texts[found] = text
            problems += collect_records(parse_records(found, text))[1]
    if is_error(problems):
        raise ProblemsError(problems)
    return texts


def _is_known(name: str, text: str, cache: Cache | None) -> bool:
    """Whether an earlier run found a text valid and in the canonical layout."""
    if cache is None or len(text) < MIN_CHARS:
        return False
    return cache.get(layout_key_of(text, name, FORMATTER_VERSION), name) is not None


def _difference(name: str, before: str, after: str, paint: Paint) -> Iterator[str]:
    name = visible(name)
    paints = {"+": paint.added, "-": paint.removed}
    # Not splitlines: it also splits at U+2028 and form feeds, which are no line ends here.
    for line in unified_diff(before.split("\n"), after.split("\n"), name, name, lineterm=""):
        yield paints.get(line[:1], str)(visible(line))
