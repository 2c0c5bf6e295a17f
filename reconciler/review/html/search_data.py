"""Report -> the JSON that the HTML page reads (data.js), kept small.

Every text is stored once and referred to by its number. A record is an entry in each of the
`records` columns; it refers to its variant, which holds the differences that all records with equal
changes share. Texts are stored as they are displayed: hidden characters are escaped and sensitive
values are masked.
"""

from collections.abc import Iterator

from reconciler.escape.text import in_json, short_digest, visible
from reconciler.kinds import KINDS
from reconciler.model import GuardResult
from reconciler.planning.guards.registry import GUARDS
from reconciler.review import value_text
from reconciler.review.codeowners import Owners
from reconciler.review.grouping import Variant, losses_first, with_any_item
from reconciler.review.report import Report, file_of, owners_of
from reconciler.values.diff import Difference
from reconciler.values.json_text import encode

# Shorter texts are never shortened by drawing.js (MAX_CLIPPED is 120), and need no mark. Half of
# that, because JavaScript counts UTF-16 units: a character beyond U+FFFF counts as two.
_WHOLE_CHARS = 60

_OPS = ("add", "replace", "remove")


class Texts:
    """A table of texts: each distinct text has a number, from 0 in order of first use."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """The number of a text; a new text gets the next number."""
        return self._numbers.setdefault(text, len(self._numbers))

    @property
    def all(self) -> list[str]:
        """The texts in order of their numbers."""
        return list(self._numbers)


def search_data(report: Report, owners: Owners) -> str:
    """The JSON text, safe inside a `script` element.

    `groups` are rows of number, digest, effect, action, origin and released; `variants` are rows of
    group, differences and guards; `records.sid` joins the SIDs without dashes, 32 digits each.
    """
    texts, kinds, files = Texts(), list(KINDS), Texts()
    variants, groups = [], []
    # Columns keep the file small: an object for each record would repeat all member names.
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
        for one in group.variants:
            variants.append([at, _places(one, texts), _guards(one, report.refused)])
            for change in one.changes:
                columns["kind"].append(kinds.index(change.address.kind))
                columns["file"].append(files.number(file_of(change)))
                columns["line"].append(change.source.line)
                columns["variant"].append(len(variants) - 1)
                # 32 characters a record; in a list, quotes, comma and dashes would make them 39.
                sids.append(change.address.sid.replace("-", ""))
    value = {
        "digest": report.plan.digest,
        "kinds": kinds,
        "guards": [guard_result.guard for guard_result in report.refused],
        # Escaped only here: CODEOWNERS has to match the name that is on the disk.
        "files": [visible(file) for file in files.all],
        "owners": [
            [visible(owner) for owner in owners_of(file, owners)] if owners else []
            for file in files.all
        ],
        # data.js takes a group with a higher number for an outlier: outliers are numbered last.
        "alike": len(report.similar_groups),
        "groups": groups,
        "variants": variants,
        "records": columns | {"sid": "".join(sids)},
        "texts": texts.all,
        # The page shows a part of a long text; length and hash distinguish it from other texts.
        "marks": {
            str(at): f"{len(text):,} characters, {short_digest(text)}"
            for at, text in enumerate(texts.all)
            if len(text) > _WHOLE_CHARS
        },
    }
    return _in_script(in_json(encode(value)))


def _places(one: Variant, texts: Texts) -> list[list[int]]:
    """A row for each difference: operation, key, path, old value, new value, whether it loses data.

    The operation is an index of `_OPS`; key, path and values are numbers of texts, -1 for no value.
    Differences that lose data come first.
    """
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
    """The numbers of the old and the new value; -1 where the operation has none."""
    whole = not difference.path
    for value, none in (
        (difference.before, difference.op == "add"),
        (difference.after, difference.op == "remove"),
    ):
        yield -1 if none else texts.number(value_text.value_text(value, whole=whole))


def _guards(one: Variant, refused: tuple[GuardResult, ...]) -> list[int]:
    """The indexes in `refused` of the guards that count these changes."""
    first = one.changes[0]  # the changes of a variant are equal: a guard counts all or none
    return [
        number
        for number, guard_result in enumerate(refused)
        if GUARDS[guard_result.guard].counts(first)
    ]


def _in_script(text: str) -> str:
    """JSON without `<`, `>` and `&`, so that `</script>` or `<!--` in a value cannot end it."""
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escaped)
    return text
