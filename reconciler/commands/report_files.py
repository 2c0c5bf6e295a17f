"""`--report FORMAT=FILE` -> files that a run writes in addition to its output."""

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from reconciler.errors import ReconcilerError, UsageError
from reconciler.files import PRIVATE, append, check_writable, write_whole

# Format and file of each report.
Reports = tuple[tuple[str, Path], ...]

# The formats that can show outcomes; the others show plans only.
OF_AN_APPLY = ("text", "json", "github")


def parse_reports(texts: Iterable[str], formats: Collection[str], *inputs: Path | None) -> Reports:
    """The reports of texts such as `json=report.json`: `(("json", Path("report.json")),)`.

    Raises UsageError for a text that is not a known format and a file, and for a file that is one
    of the `inputs` or of another report; ReconcilerError for a file that cannot be written.
    """
    reports: list[tuple[str, Path]] = []
    # Resolved: `d/../x.html` or a link would let one report overwrite another or the plan.
    taken = {path.resolve() for path in inputs if path is not None}
    for text in texts:
        name, _, file = text.partition("=")
        if name not in formats or not file:
            raise UsageError(
                f"--report {text}: expected a format and a file, as in json=report.json; "
                f"formats: {', '.join(formats)}"
            )
        check_writable(Path(file))  # before `resolve`, which fails for a circle of links
        if Path(file).resolve() in taken:
            raise UsageError(f"--report {text}: the file is already an input or output of this run")
        taken.add(Path(file).resolve())
        reports.append((name, Path(file)))
    return tuple(reports)


def asked_for(reports: Reports, name: str) -> bool:
    """Whether one of the reports has the format `name`."""
    return any(format_ == name for format_, _ in reports)


def size_so_far(name: str, reports: Reports) -> int:
    """The bytes already in the largest file of a format's reports; otherwise 0.

    The format `github` is appended to a file whose size GitHub limits.
    """
    files = [file for format_, file in reports if format_ == name]
    return max((file.stat().st_size for file in files if file.exists()), default=0)


def write(
    reports: Reports, made: Mapping[str, Callable[[], Iterable[str]]]
) -> list[ReconcilerError]:
    """Writes every report; `made` makes the text of a format.

    A file is replaced as a whole or not at all; `github` is appended, because the step may have
    written to its summary before. Returns the errors of the reports that could not be written; the
    others are written nevertheless.
    """
    failures: list[ReconcilerError] = []
    for name, file in reports:
        try:
            if name == "github":
                append(file, made[name]())
            else:
                write_whole(file, made[name](), mode=PRIVATE)
        except ReconcilerError as error:
            failures.append(error)
    return failures
