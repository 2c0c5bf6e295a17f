"""The input of a markdown page besides its report: its context, and how much detail to show."""

from typing import Literal

from msgspec import Struct

from reconciler.planning.plan_diff import PlanDiff


class Links(Struct, frozen=True):
    """The https addresses that the pipeline passed."""

    report: str = ""
    """The HTML report, which records and groups link to; otherwise empty."""
    plan: str = ""
    """The plan file; otherwise empty."""
    run: str = ""
    """The run of the CI system; empty if it is not known."""


class CommentContext(Struct, frozen=True):
    """The text of a comment that does not come from its plan."""

    name: str = ""
    """The name of the plan in the heading; empty for the host of the API."""
    links: Links = Links()
    """Addresses of the report, the plan file and the run."""
    since: PlanDiff | None = None
    """The differences from the previous plan; None if there is no previous plan to compare with."""
    status: str = ""
    """The result of the apply, as in `Applied: ...`; trusted text. Empty if it was not applied."""
    why: str = ""
    """The error that ended the apply early; untrusted text. Empty if there was none."""


class Level(Struct, frozen=True):
    """How much detail a page shows: the maximum number of items of each list."""

    every: Literal["diff", "rows", ""]
    """How every record is listed: in one diff instead of groups, in a table, or not at all."""
    groups: int
    """Rows of the table of groups."""
    named: int
    """Records listed of each group; 0 for no such lists."""
    outliers: int
    """Records like no others."""
    removals: int
    """Records that lose data."""
    others: int
    """Rows of each other list: conflicts, unreadable and released records, owners, files, keys."""
    # Limited even if the rows are not: a few records of many long keys would leave no room for
    # the losses of all others.
    keys: int = 6
    """Keys shown of one record, conflict or group."""
