"""How many records are wanted, how many pages were read -> whether another page is worth it."""

from reconciler.client.fetch_pages import PAGE_RECORDS


class PageStrategy:
    """Decides for one kind, without knowing how many records the account has.

    A page costs one request, and so does asking for one record. Reading pages as long as they are
    fewer than the wanted records, and asking for what is left then, costs at most twice what the
    better of the two ways would have cost; and no rule that knows no more can promise less.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted

    def another_page(self, pages: int, left: int, total: int | None) -> bool:
        """Whether to read on, after so many pages, with so many records still to be found.

        `total` is how many records the account has, where the API says it.
        """
        if left <= 1 or pages >= self._wanted:
            return False  # one record is cheaper asked for
        if total is None:
            return True
        return -(-total // PAGE_RECORDS) - pages <= left
