"""`--report FORMAT=FILE`: what a run has to say, into files, beside what it prints."""

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from reconciler.errors import ReconcilerError, UsageError
from reconciler.files import PRIVATE, append, check_writable, write_whole

Reports = tuple[tuple[str, Path], ...]

# What an apply has to say: its outcomes.
OF_AN_APPLY = ("text", "json", "github")


def parse_reports(texts: Iterable[str], formats: Collection[str], *inputs: Path | None) -> Reports:
    """`json=report.json` as a format and a file that can be written, and is none of the inputs."""
    reports: list[tuple[str, Path]] = []
    taken = {path.resolve() for path in inputs if path is not None}
    for text in texts:
        name, _, file = text.partition("=")
        if name not in formats or not file:
            raise UsageError(
                f"--report {text}: expected a format and a file, as in json=report.json; "
                f"there are {', '.join(formats)}"
            )
        check_writable(Path(file))  # where links lead in a circle, this says so
        if Path(file).resolve() in taken:
            raise UsageError(f"--report {text}: that file is used for something else in this run")
        taken.add(Path(file).resolve())
        reports.append((name, Path(file)))
    return tuple(reports)


def asked_for(reports: Reports, name: str) -> bool:
    """Whether a format is among the reports."""
    return any(format_ == name for format_, _ in reports)


def size_so_far(name: str, reports: Reports) -> int:
    """How many bytes there are already in the file to which a format is added."""
    files = [file for format_, file in reports if format_ == name]
    return max((file.stat().st_size for file in files if file.exists()), default=0)


def write(
    reports: Reports, made: Mapping[str, Callable[[], Iterable[str]]]
) -> list[ReconcilerError]:
    """Every report, each made anew: whole, or the old file stays.

    A step's summary goes behind what the step has said already. One that cannot be written keeps no
    other from it; what went wrong is told.
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
