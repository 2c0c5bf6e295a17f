"""SARIF: within the hosts' limits, and steady."""

import json
from typing import Any

from reconciler.manifests.rule_catalog import RULES, severity
from reconciler.model import Problem, Severity, Source
from reconciler.review import sarif

EVIL = "x::error::y\n##[group]\x1b[2J %0A, end"


def problem(line: int = 3, about: str = "messages/x", message: str = "m") -> Problem:
    return Problem(Source("a b,c:%.yaml", line, 5), "sid", message, about=about)


def run_of(*problems: Problem) -> Any:
    document = json.loads(sarif.sarif(problems))
    assert document["version"] == "2.1.0"
    (run,) = document["runs"]
    return run


def test_a_result_has_its_rule_its_level_and_its_place() -> None:
    (result,) = run_of(problem(message=EVIL))["results"]

    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("sid", 0, "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20b%2Cc%3A%25.yaml"
    assert place["region"] == {"startLine": 3, "startColumn": 5}
    assert "\n" not in result["message"]["text"]


def fingerprints(*problems: Problem) -> list[str]:
    results = run_of(*problems)["results"]
    return [result["partialFingerprints"]["reconciler/v1"] for result in results]


def test_a_fingerprint_does_not_move_with_its_line() -> None:
    assert fingerprints(problem(line=3)) == fingerprints(problem(line=300))
    assert len(set(fingerprints(problem(), problem(about="other"), problem()))) == 3


def test_no_more_results_than_are_taken_and_errors_first() -> None:
    warning = Problem(Source("w.yaml", 1, 1), "shared-sid", "w", Severity.WARNING)
    results = run_of(*[warning] * 4000, *[problem()] * 2000)["results"]

    assert len(results) == 5000
    assert [result["level"] for result in results[:2000]] == ["error"] * 2000


def test_every_rule_says_what_it_asks_for() -> None:
    for name, text in RULES.items():
        assert text.endswith(".")
        assert severity(name) in Severity
