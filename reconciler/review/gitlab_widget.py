"""A report -> the three numbers of GitLab's merge-request widget (`artifacts:reports:terraform`).

https://docs.gitlab.com/ci/yaml/artifacts_reports/#artifactsreportsterraform
"""

import msgspec

from reconciler.review.report import Report

# The largest number that GitLab shows.
_MOST = 999_999


def widget(report: Report) -> str:
    """One line of JSON: set, changed and cleared fields as `create`, `update` and `delete`."""
    # GitLab's own jq expression counts each change of the plan document as an update: cleared
    # fields would not be visible (tests/promises/test_tools.py).
    counts = report.summary
    numbers = {"create": counts.set, "update": counts.change, "delete": counts.clear}
    return msgspec.json.encode({name: min(n, _MOST) for name, n in numbers.items()}).decode() + "\n"
