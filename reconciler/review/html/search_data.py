"""Report -> the JSON that the HTML page reads: columns and a table of texts, as small as it gets.

All texts are as they are shown: hidden characters escaped, sensitive values masked. A record is an
entry in each of the `records` columns; what it does is its variant's, which it shares with all
records that do the same.
"""

from collections.abc import Iterator

import msgspec

from reconciler.escape import in_json, mark_of, visible
from reconciler.kinds import KINDS
from reconciler.model import GuardResult
from reconciler.planning.guards.registry import GUARDS
from reconciler.review import value_text
from reconciler.review.codeowners import Owners
from reconciler.review.grouping import Variant, losses_first, with_any_item
from reconciler.review.report import Report, file_of, owners_of
from reconciler.values.diff import Difference

# As drawing.js cuts texts, whose characters beyond U+FFFF count as two.
_WHOLE_CHARS = 60

_OPS = ("add", "replace", "remove")


class Texts:
    """Texts by number, each written once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text."""
        return self._numbers.setdefault(text, len(self._numbers))

    @property
    def all(self) -> list[str]:
        """The texts in the order of their numbers."""
        return list(self._numbers)


def search_data(report: Report, owners: Owners) -> str:
    """The JSON text; safe inside a `script` element."""
    texts, kinds, files = Texts(), list(KINDS), Texts()
    variants, groups = [], []
    columns: dict[str, list[int]] = {name: [] for name in ("kind", "file", "line", "variant")}
    sids = []
    for at, group in enumerate(report.groups):
        first = group.first
        groups.append(
            [
                group.number,
                group.digest,
                group.effect,
                first.action,
                first.origin,
                int(first.released),
            ]
        )
        for one in group.alike:
            variants.append([at, _places(one, texts), _guards(one, report.refused)])
            for change in one.changes:
                columns["kind"].append(kinds.index(change.address.kind))
                columns["file"].append(files.number(file_of(change)))
                columns["line"].append(change.source.line)
                columns["variant"].append(len(variants) - 1)
                sids.append(change.address.sid.replace("-", ""))
    value = {
        "digest": report.plan.digest,
        "kinds": kinds,
        "guards": [verdict.guard for verdict in report.refused],
        "files": [visible(file) for file in files.all],
        "owners": [
            [visible(owner) for owner in owners_of(file, owners)] if owners else []
            for file in files.all
        ],
        "alike": len(report.alike),
        "groups": groups,
        "variants": variants,
        "records": columns | {"sid": "".join(sids)},
        "texts": texts.all,
        # Of a longer one the page shows a part, and what tells it from others.
        "marks": {
            str(at): f"{len(text):,} characters, {mark_of(text)}"
            for at, text in enumerate(texts.all)
            if len(text) > _WHOLE_CHARS
        },
    }
    return _in_script(in_json(msgspec.json.encode(value).decode()))


def _places(one: Variant, texts: Texts) -> list[list[int]]:
    """Each difference: operation, key, path, old and new value (-1 for none), whether it loses."""
    return [
        [
            _OPS.index(difference.op),
            texts.number(value_text.key_name(with_any_item(difference.path), any_item=True)),
            texts.number(value_text.key_name(difference.path)),
            *_values(difference, texts),
            int(difference.loses),
        ]
        for difference in losses_first(one.differences)
    ]


def _values(difference: Difference, texts: Texts) -> Iterator[int]:
    whole = not difference.path
    for value, none in (
        (difference.before, difference.op == "add"),
        (difference.after, difference.op == "remove"),
    ):
        yield -1 if none else texts.number(value_text.value_text(value, whole=whole))


def _guards(one: Variant, refused: tuple[GuardResult, ...]) -> list[int]:
    """Which of the guards that refuse count these changes: all of them, or none."""
    first = one.changes[0]
    return [number for number, verdict in enumerate(refused) if GUARDS[verdict.guard].counts(first)]


def _in_script(text: str) -> str:
    """JSON that closes no element and begins none."""
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escaped)
    return text
