"""Problems for people and for programs."""

import json

from reconciler.model import Problem, Severity, Source
from reconciler.review.colours import Paint
from reconciler.review.text import problems_text

PLAIN = Paint(on=False)


def flood(files: int, each: int) -> list[Problem]:
    return [
        Problem(Source(f"f{file:02}.yaml", line, 1), "sid", "x")
        for file in range(files)
        for line in range(1, each + 1)
    ]


def test_a_problem_is_one_line_with_its_place_first() -> None:
    found = Problem(Source("a.yaml", 3, 5), "read-only", "`status` is read-only")

    assert (
        problems_text.line(found, PLAIN) == "a.yaml:3:5: error: `status` is read-only [read-only]"
    )


def test_a_warning_says_so() -> None:
    found = Problem(Source("a.yaml", 3, 5), "shared-sid", "x", Severity.WARNING)

    assert problems_text.line(found, PLAIN) == "a.yaml:3:5: warning: x [shared-sid]"


def test_hostile_names_and_messages_stay_on_their_line() -> None:
    found = Problem(Source("\x1b[2J\n::error::.yaml", 1, 1), "sid", "\r\u202e" + "x" * 1000)
    shown = problems_text.line(found, PLAIN)

    assert shown.isprintable()
    assert "::" not in shown
    assert len(shown) < 400


def test_a_flood_is_capped_a_file_and_a_run_and_says_how_much_is_left() -> None:
    shown = list(problems_text.text(flood(files=20, each=500), PLAIN))

    assert len(shown) == 201
    assert shown[-1] == "... and 9,800 more (reconciler validate --format json lists them all)"
    assert sum(line.startswith("f00.yaml") for line in shown) == 20


def test_json_has_them_all() -> None:
    document = json.loads(problems_text.json(flood(files=20, each=500), files=20, records=0))

    assert len(document["problems"]) == 10_000
    assert document["valid"] is False
    assert document["problems"][0] == {
        "source": {"file": "f00.yaml", "line": 1, "column": 1},
        "rule": "sid",
        "message": "x",
        "severity": "error",
        "about": "",
    }
