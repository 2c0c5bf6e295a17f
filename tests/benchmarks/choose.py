"""Requests of the chooser against the better of its two ways, for many sizes of account."""

import random

from reconciler.client.fetch_pages import PAGE_RECORDS
from reconciler.client.fetch_strategy import PageStrategy

ACCOUNTS = [10**power for power in range(3, 9)]
WANTED = [10**power for power in range(1, 7)]


def main() -> None:
    """Wanted records clustered (c, at the worst place) and scattered (s): at most 2.2 times."""
    worst = 0.0
    print(f"  {'account':>11}  " + "".join(f"{wanted:>18,}" for wanted in WANTED))
    for account in ACCOUNTS:
        row = f"  {account:>11,}  "
        for wanted in WANTED:
            if wanted > account:
                row += f"{'':>18}"
                continue
            clustered = max(ratio(first, account, wanted) for first in starts(account, wanted))
            scattered = ratio(None, account, wanted)
            worst = max(worst, clustered, scattered)
            row += f"{f'c {clustered:.2f}  s {scattered:.2f}':>18}"
        print(row)
    print(f"    at most {worst:.2f} times the optimum")


def starts(account: int, wanted: int) -> list[int]:
    """Places of the account where a cluster could begin, the worst ones among them."""
    last = account - wanted
    near = [page * PAGE_RECORDS for page in (0, 1, wanted - 1, wanted, wanted + 1)]
    return sorted({min(start, last) for start in (*near, last // 2, last)})


def ratio(first: int | None, account: int, wanted: int) -> float:
    """Requests made over the fewest possible, for a cluster or, without a start, for a scatter."""
    pages = found_a_page(first, account, wanted)
    chooser, left, asked = PageStrategy(wanted), wanted, 0
    while left and chooser.another_page(asked, left, None):
        left -= pages.get(asked, 0)
        asked += 1
    return (asked + left) / min(wanted, max(pages) + 1)


def found_a_page(first: int | None, account: int, wanted: int) -> dict[int, int]:
    """How many wanted records each page holds."""
    pages: dict[int, int] = {}
    if first is None:
        places: range | list[int] = random.Random(1).sample(range(account), wanted)
    else:
        places = range(first, first + wanted)
    for place in places:
        pages[place // PAGE_RECORDS] = pages.get(place // PAGE_RECORDS, 0) + 1
    return pages
