"""`reconciler validate`: manifests -> their problems; works offline and without a token."""

import posixpath
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from msgspec import Struct, structs

from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, ProblemsError
from reconciler.manifests.loader import Loaded
from reconciler.model import Problem
from reconciler.review import github_workflow, sarif
from reconciler.review.text import problems_text as render
from reconciler.wording import plural

Format: TypeAlias = Literal["text", "json", "github", "sarif"]

_DOCUMENTS: dict[Format, Callable[[Sequence[Problem], Loaded], str]] = {
    "json": lambda problems, loaded: render.json(
        problems, files=loaded.files, records=len(loaded.records)
    ),
    "github": lambda problems, _: "".join(
        f"{line}\n" for line in github_workflow.annotations(problems)
    ),
    "sarif": lambda problems, _: sarif.sarif(problems),
}


class Parameters(Struct, frozen=True):
    """The options of `validate`."""

    load: Callable[[], Loaded]
    """Reads reconciler.yaml and the manifests; raises ProblemsError with every problem."""
    format: Format = "text"
    """The format of stdout."""
    folder: str = ""
    """The project's path from the top of its repository, for formats that machines read."""


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Prints the result; returns OK if every file is valid, also with warnings, otherwise ERROR.

    In text, problems are raised as ProblemsError instead.
    """
    problems: Sequence[Problem]
    code = ExitCode.OK
    try:
        loaded = parameters.load()
        problems = loaded.warnings
    except ProblemsError as error:
        if parameters.format == "text":
            raise
        # The document is written nevertheless: CI systems read annotations and SARIF of a failure.
        loaded, problems, code = Loaded({}, (), 0), error.problems, ExitCode.ERROR
    if parameters.format == "text":
        _say(loaded, terminal)
    else:
        if parameters.format in ("github", "sarif"):
            problems = [_from_top(problem, parameters.folder) for problem in problems]
        terminal.write([_DOCUMENTS[parameters.format](problems, loaded)])
    return code


def _from_top(problem: Problem, folder: str) -> Problem:
    """The problem, its file named from the top of the repository."""
    file = posixpath.join(folder, problem.source.file)
    return structs.replace(problem, source=structs.replace(problem.source, file=file))


def _say(loaded: Loaded, terminal: Terminal) -> None:
    """Prints warnings to stderr and the counts to stdout."""
    for line in render.text(loaded.warnings, terminal.note_paint):
        terminal.note(line)
    records, files = len(loaded.records), loaded.files
    terminal.write_lines([f"Valid: {plural(records, 'record')} in {plural(files, 'file')}."])
