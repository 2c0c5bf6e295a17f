"""Annotations of GitHub: within the host's limits, and without commands of strangers."""

from reconciler.model import Problem, Severity, Source
from reconciler.review import github_workflow

EVIL = "x::error::y\n##[group]\x1b[2J %0A, end"


def problem(line: int = 3, about: str = "messages/x", message: str = "m") -> Problem:
    return Problem(Source("a b,c:%.yaml", line, 5), "sid", message, about=about)


def test_an_annotation_names_file_line_column_and_rule() -> None:
    assert list(github_workflow.annotations([problem()])) == [
        "::error file=a b%2Cc%3A%25.yaml,line=3,col=5,title=reconciler%3A sid::m"
    ]


def test_a_hostile_message_starts_no_command_of_its_own() -> None:
    (line,) = github_workflow.annotations([problem(message=EVIL)])

    assert line.count("::") == 2
    assert line.isprintable()
    assert "##" not in line
    assert "%250A" in line


def test_more_than_the_host_shows_is_said_in_one_notice() -> None:
    warning = Problem(Source("w.yaml", 1, 1), "shared-sid", "w", Severity.WARNING)
    lines = list(github_workflow.annotations([warning] * 12 + [problem()] * 30))

    assert [line.partition(" ")[0] for line in lines] == (
        ["::error"] * 10 + ["::warning"] * 10 + ["::notice"]
    )
    assert lines[-1].endswith("::22 more problems are in the log")
