"""The counts of wanted records and of pages read -> whether to read another page."""

from reconciler.client.fetch_pages import PAGE_RECORDS


class PageStrategy:
    """Decides for one kind, even if the API does not state the number of records in the account.

    A page costs one request, and so does one record by its SID. The rule: read pages while their
    number is lower than the number of wanted records, then read the remaining records one by one.
    It costs at most twice the requests of the better way, and no rule with the same information
    can guarantee less (the ski rental problem).
    """

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted

    def another_page(self, pages: int, left: int, total: int | None) -> bool:
        """Whether to read another page after `pages` pages, with `left` records still to be found.

        `total` is the number of records in the account; None if the API does not state it.
        """
        if left <= 1 or pages >= self._wanted:
            return False  # one request by SID surely finds the last record; a page may not
        if total is None:
            return True
        # All pages that are left, as the last wanted record may be on the last one.
        return -(-total // PAGE_RECORDS) - pages <= left
