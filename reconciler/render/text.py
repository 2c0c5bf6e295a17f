"""Plan and outcomes -> lines for people, at any width, with or without colour."""

import re
from collections.abc import Iterable, Iterator

from reconciler.diff import Op, Place, places
from reconciler.kinds import MANAGED_FIELD
from reconciler.model import Action, Change, Outcome, OutcomeName, Plan, Source, Unreadable
from reconciler.render.escape import quoted, visible
from reconciler.render.paint import Paint
from reconciler.report import summarize, tally
from reconciler.value import JsonValue, Number, canonical, parse, structure

NO_CHANGES = "No changes. Your records match the configuration."

_MARKS: dict[Op, str] = {"add": "+", "replace": "~", "remove": "-"}
_ACTION_MARKS = {Action.SET: "+", Action.CHANGE: "~", Action.CLEAR: "-"}


def plan(plan: Plan, paint: Paint, width: int) -> Iterator[str]:
    """A whole plan, a line at a time without its newline.

    The last line is the one that scripts look for: `Plan: 0 to add, ...` or `No changes. ...`.
    """
    if plan.changes:
        yield f"These records of {visible(plan.base_url)} differ from the manifests:"
        yield ""
    for change in plan.changes:
        yield from _change(change, paint, width)
        yield ""
    if plan.unreadable:
        yield paint.strong(f"{_records(len(plan.unreadable))} could not be read:")
        yield ""
        for record in plan.unreadable:
            yield from _unreadable(record, paint)
        yield ""
    yield from totals(plan, paint)


def outcomes(all_of_them: Iterable[Outcome], paint: Paint) -> Iterator[str]:
    """What an apply did: each record that was not simply written, then the counts."""
    done = tuple(all_of_them)
    counts = tally(done)
    for outcome in done:
        if outcome.name is not OutcomeName.APPLIED or outcome.detail:
            mark = paint.removed("!") if outcome.name in _BAD else " "
            detail = f": {visible(outcome.detail)}" if outcome.detail else ""
            yield f"{mark} {outcome.change.address} {outcome.name}{detail}"
    if len(counts) > 1 or OutcomeName.APPLIED not in counts:
        yield ", ".join(f"{count:,} {name}" for name, count in counts.items()) + "."
    applied = counts.get(OutcomeName.APPLIED, 0)
    complete = not _BAD.intersection(counts) and OutcomeName.STALE not in counts
    word = paint.strong("Apply complete!" if complete else "Apply incomplete!")
    yield f"{word} Resources: 0 added, {applied} changed, 0 destroyed."


_BAD = frozenset(OutcomeName) - {OutcomeName.APPLIED, OutcomeName.ALREADY, OutcomeName.STALE}


def totals(plan: Plan, paint: Paint) -> Iterator[str]:
    """The last lines of a plan: the counts, the digest, and the line that scripts look for."""
    summary = summarize(plan)
    parts = [f"{summary.in_sync:,} in sync"]
    actions = [(action, getattr(summary, action)) for action in Action]
    parts += [f"{count:,} to {action}" for action, count in actions if count]
    if summary.unreadable:
        parts.append(f"{summary.unreadable:,} not read")
    yield f"{_records(summary.managed)}: {', '.join(parts)}."
    if summary.changes:
        yield paint.dim(f"Digest: {plan.digest}")
        yield paint.strong(f"Plan: 0 to add, {summary.changes} to change, 0 to destroy.")
    elif not summary.unreadable:
        yield paint.strong(NO_CHANGES)


def _change(change: Change, paint: Paint, width: int) -> Iterator[str]:
    action = _painted(_ACTION_MARKS[change.action], str(change.action), paint)
    yield f"  {paint.changed('~')} {paint.strong(str(change.address))}"
    yield f"      {_where(change.source, paint)}  {action} (origin: {change.origin})"
    found = places(change.before, change.after)
    longest = max(len(_name(place)) for place in found)
    for place in found:
        yield from _place(place, min(longest, width // 3), paint, width)


# A key that needs no quotes to be told from what stands round it.
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def _place(place: Place, name_width: int, paint: Paint, width: int) -> Iterator[str]:
    mark = _MARKS[place.op]
    head = f"{' ' * 6}{_painted(mark, mark, paint)} {f'{_name(place)}:':<{name_width + 1}}"
    whole = not place.steps
    old, new = _shown(place.before, whole=whole), _shown(place.after, whole=whole)
    if place.op == "add":
        yield f"{head} {paint.added(new)}"
    elif place.op == "remove":
        yield f"{head} {paint.removed(old)}"
    elif len(old) + len(new) + name_width + 14 <= width:
        yield f"{head} {paint.removed(old)} -> {paint.added(new)}"
    else:
        yield head.rstrip()
        yield f"{' ' * 10}{paint.removed(f'- {old}')}"
        yield f"{' ' * 10}{paint.added(f'+ {new}')}"


def _name(place: Place) -> str:
    """`tags[2]`, `owner.name`, `["a key in quotes"]`; the whole field by its name, as no key is."""
    if not place.steps:
        return MANAGED_FIELD
    name = "".join(map(_step, place.steps)).removeprefix(".")
    return f'["{name}"]' if name == MANAGED_FIELD else name


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{quoted(step)}]"


def _shown(json: str | None, *, whole: bool) -> str:
    """A place's value; a whole field's text is shown as the JSON it holds, if that is all it is."""
    value = parse(json or "null")
    if whole and isinstance(value, str):
        held = structure(value)
        if held is not None and canonical(held) == value:
            value = held
    return _json(value)


def _json(value: JsonValue) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{quoted(key)}: {_json(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, str) and not isinstance(value, Number):
        return quoted(value)
    return canonical(value)


def _unreadable(record: Unreadable, paint: Paint) -> Iterator[str]:
    status = f"{record.status} " if record.status else ""
    yield f"  {paint.removed('!')} {paint.strong(str(record.address))}"
    yield f"      {_where(record.source, paint)}  {status}{visible(record.reason)}"


def _where(source: Source, paint: Paint) -> str:
    return paint.dim(f"{visible(source.file)}:{source.line}")


def _painted(mark: str, text: str, paint: Paint) -> str:
    return {"+": paint.added, "~": paint.changed, "-": paint.removed}[mark](text)


def _records(count: int) -> str:
    return "1 record" if count == 1 else f"{count:,} records"
