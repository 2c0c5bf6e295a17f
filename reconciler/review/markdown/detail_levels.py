"""What a page of markdown is about, and how much of it is told."""

from typing import Literal

from msgspec import Struct

from reconciler.planning.plan_diff import PlanDiff


class Links(Struct, frozen=True):
    """Where the rest is, as the pipeline knows it: https addresses, or nothing."""

    report: str = ""
    plan: str = ""
    run: str = ""


class CommentContext(Struct, frozen=True):
    """What stands round a plan in a comment: how it is called, where the rest is, what was before.

    `status` is a line for what became of the plan, in our words: `Applied: ...`; `why` it ended
    early, if it did, may be in others'.
    """

    name: str = ""
    links: Links = Links()
    since: PlanDiff | None = None
    status: str = ""
    why: str = ""


class Level(Struct, frozen=True):
    """How much is told: at most so many of each, and `named` records of each group.

    `every` record is told as a diff, as a row, or not at all; `keys` are those of one record.
    """

    every: Literal["diff", "rows", ""]
    groups: int
    named: int
    outliers: int
    removals: int
    others: int
    keys: int = 6
