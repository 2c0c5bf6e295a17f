"""A journal that notes nothing: for other tests, and to measure what the real one costs."""

from collections.abc import Iterable

from reconciler.model import Change, Outcome


class NoJournal:
    """Notes nothing."""

    def expect(self, changes: Iterable[Change]) -> None:
        """Nothing."""

    async def intent(self, change: Change, attempt: int) -> None:
        """Nothing."""

    def outcome(self, outcome: Outcome) -> None:
        """Nothing."""
