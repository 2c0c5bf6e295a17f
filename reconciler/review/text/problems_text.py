"""Problems of manifests -> lines for people, or one JSON document for programs."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from reconciler.escape.text import brief, in_json, visible
from reconciler.model import Problem, Severity
from reconciler.review.colours import Paint

# The most lines that a terminal shows; the JSON document holds all problems.
MAX_A_FILE = 20
MAX_A_RUN = 200
MAX_MESSAGE_CHARS = 300


def text(problems: Sequence[Problem], paint: Paint) -> Iterator[str]:
    """A line each as `line` makes it, at most 20 a file and 200 a run, then the number left out."""
    shown, in_file, file = 0, 0, None
    for problem in problems:
        in_file = in_file + 1 if problem.source.file == file else 1
        file = problem.source.file
        # A limit of the run alone would let one broken file hide the problems of all other files.
        if in_file <= MAX_A_FILE and shown < MAX_A_RUN:
            shown += 1
            yield line(problem, paint)
    if shown < len(problems):
        left = f"{len(problems) - shown:,}"
        yield f"... and {left} more (reconciler validate --format json lists them all)"


def line(problem: Problem, paint: Paint) -> str:
    """One problem in one line: `file:line:column: error: message [rule]`."""
    warning = problem.severity is Severity.WARNING
    severity = paint.changed("warning") if warning else paint.removed("error")
    message = brief(problem.message, MAX_MESSAGE_CHARS)
    return f"{visible(str(problem.source))}: {severity}: {message} {paint.dim(f'[{problem.rule}]')}"


def json(problems: Iterable[Problem], *, files: int, records: int) -> str:
    """All problems as one document, with the number of files and records that were checked."""
    listed = [msgspec.to_builtins(problem) for problem in problems]
    valid = all(problem["severity"] != Severity.ERROR for problem in listed)
    document = {"valid": valid, "files": files, "records": records, "problems": listed}
    written = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return f"{in_json(written)}\n"
