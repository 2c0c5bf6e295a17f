"""Problems of manifests -> SARIF 2.1.0 (OASIS), for code scanning.

A fingerprint is made of the rule, the file and the subject of the problem, never of the line. So a
code-scanning alert does not become a new one when lines are added above it.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from reconciler import __version__
from reconciler.escape.text import brief, in_json
from reconciler.manifests.rule_catalog import RULES, severity
from reconciler.model import Problem

# GitHub shows 5,000 results of a run, the worst first, and accepts at most 25,000.
MAX_RESULTS = 5000
MAX_MESSAGE_CHARS = 1000


def sarif(problems: Sequence[Problem]) -> str:
    """The document: one run with the broken rules and at most 5,000 results, errors first."""
    # Severities are compared as texts: `error` sorts before `warning`.
    first = sorted(problems, key=lambda problem: problem.severity)[:MAX_RESULTS]
    names = sorted({problem.rule for problem in first})
    seen: Counter[str] = Counter()
    results = [_result(problem, names.index(problem.rule), seen) for problem in first]
    driver = {
        "name": "reconciler",
        "semanticVersion": __version__,
        "rules": [_rule(name) for name in names],
    }
    # A column counts code points, as in the problems themselves, and not UTF-16 units.
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    written = msgspec.json.format(msgspec.json.encode(document), indent=2).decode()
    return f"{in_json(written)}\n"


def _rule(name: str) -> dict[str, object]:
    return {
        "id": name,
        "shortDescription": {"text": RULES[name]},
        "defaultConfiguration": {"level": severity(name)},
    }


def _result(problem: Problem, index: int, seen: Counter[str]) -> dict[str, object]:
    source = problem.source
    about = f"{problem.rule}|{source.file}|{problem.about}"
    seen[about] += 1  # the same rule broken twice by the same subject is two alerts
    fingerprint = hashlib.sha256(f"{about}|{seen[about]}".encode()).hexdigest()
    location = {
        # A URI reference (RFC 3986): a space or `%` in a file name has to be percent-encoded.
        "artifactLocation": {"uri": quote(source.file), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": source.line, "startColumn": source.column},
    }
    return {
        "ruleId": problem.rule,
        "ruleIndex": index,
        "level": problem.severity,
        "message": {"text": brief(problem.message, MAX_MESSAGE_CHARS)},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"reconciler/v1": fingerprint},
    }
