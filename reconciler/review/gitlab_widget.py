"""Report -> the three numbers of GitLab's merge-request widget (`artifacts:reports:terraform`).

https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsterraform
"""

import msgspec

from reconciler.review.report import Report

# GitLab shows no larger number.
_MOST = 999_999


def widget(report: Report) -> str:
    """Fields filled, changed and emptied, as resources created, updated and deleted."""
    counts = report.summary
    numbers = {"create": counts.set, "update": counts.change, "delete": counts.clear}
    return msgspec.json.encode({name: min(n, _MOST) for name, n in numbers.items()}).decode() + "\n"
