"""Two lists -> pairs of indexes of the items that belong together and differ."""

from collections.abc import Iterator
from difflib import SequenceMatcher

from reconciler.values.canonical import JsonValue, equal
from reconciler.values.masking import unique_text

# Matching takes time in the square of the number of items; one record must not delay the whole
# plan. Longer lists are compared by position.
MAX_MATCHED_ITEMS = 200

# Two mappings with the same value of one of these keys are versions of the same item.
_IDENTITIES = ("id", "sid", "key", "name")


def align(old: list[JsonValue], new: list[JsonValue]) -> Iterator[tuple[int | None, int | None]]:
    """The indexes (old, new) of the items that differ; (1, None) is removed, (None, 2) is added.

    Equal items are found as `diff` finds equal lines. Between them, items with the same identity
    belong together, then items at the same position.
    """
    for olds, news in _gaps(
        [unique_text(item) for item in old], [unique_text(item) for item in new]
    ):
        yield from _pairs(old, new, olds, news)


def _gaps(old: list[str], new: list[str]) -> Iterator[tuple[range, range]]:
    """The ranges of both lists between their equal items."""
    start, most = 0, min(len(old), len(new))
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    olds, news = range(start, len(old) - end), range(start, len(new) - end)
    if max(len(olds), len(news)) > MAX_MATCHED_ITEMS:
        # By position. Equal pairs that remain here have no difference inside.
        yield from ((olds[n : n + 1], news[n : n + 1]) for n in range(max(len(olds), len(news))))
        return
    middle = SequenceMatcher(
        None, old[olds.start : olds.stop], new[news.start : news.stop], autojunk=False
    )
    for tag, i, j, k, m in middle.get_opcodes():
        if tag != "equal":
            yield olds[i:j], news[k:m]


def _pairs(
    old: list[JsonValue], new: list[JsonValue], olds: range, news: range
) -> Iterator[tuple[int | None, int | None]]:
    """The pairs of one range: by identity first, then by position; the rest has None."""
    named: dict[str, list[int]] = {}
    for j in news:
        identity = _identity(new[j])
        if identity is not None:
            named.setdefault(identity, []).append(j)
    gone, nameless = [], []
    for i in olds:
        identity = _identity(old[i])
        if identity is None:
            nameless.append(i)
        elif named.get(identity):
            yield i, named[identity].pop(0)
        else:
            gone.append(i)
    others = [j for j in news if _identity(new[j]) is None]
    for i, j in zip(nameless, others, strict=False):
        if not equal(old[i], new[j]):
            yield i, j
    came = [*others[len(nameless) :], *(j for left in named.values() for j in left)]
    yield from ((i, None) for i in (*gone, *nameless[len(others) :]))
    yield from ((None, j) for j in came)


def _identity(item: JsonValue) -> str | None:
    if isinstance(item, dict):
        for name in _IDENTITIES:
            if isinstance(item.get(name), str):
                return f"{name} {unique_text(item[name])}"
    return None
