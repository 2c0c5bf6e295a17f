"""`reconciler comment`: a saved plan -> one comment on a pull request, or one issue."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

from reconciler.applying.actor import job_url
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, ReconcilerError, UsageError
from reconciler.escape.text import visible
from reconciler.files import read_regular
from reconciler.forges import comment_marker
from reconciler.forges.detect import detected, opened
from reconciler.forges.sticky_comment import Posted, Posting, When
from reconciler.git import Repository
from reconciler.model import OutcomeName, Plan
from reconciler.planning.plan_diff import diff_plans
from reconciler.planning.plan_file import read_plan
from reconciler.review.formats import View
from reconciler.review.markdown import comment
from reconciler.review.markdown.detail_levels import CommentContext, Links

# A result names every record: about 300 bytes each.
_MAX_RESULT_BYTES = 1024 * 1024 * 1024


# Outcomes where something may have been written.
_MAYBE_WRITTEN = frozenset((OutcomeName.ALTERED, OutcomeName.UNKNOWN))


class Parameters(Struct, frozen=True):
    """The options of `comment`."""

    plan: Path
    """The file of the saved plan."""
    root: Path
    """The project's root folder; CODEOWNERS is read from its repository."""
    host: Literal["github", "gitlab"] | None
    """Where to post; None for the host of the CI system."""
    environment: Mapping[str, str]
    """Environment variables, with the token and the CI system's variables."""
    name: str = ""
    """Separates several plans of one pull request; empty for the host of the API."""
    pull: str = ""
    """The number of the pull request; empty for the one of this CI run."""
    links: Links = Links()
    """Addresses of the HTML report, the plan file and the CI run."""
    previous: Path | None = None
    """The plan of the last push, to show the changes since; None to show none."""
    result: Path | None = None
    """The JSON report of the plan's apply; None if it was not applied."""
    when: When = "changes-only"
    """Whether a plan without changes gets a new comment."""
    issue: bool = False
    """Whether to update an issue instead of a comment."""


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """Posts the plan, prints the address of the comment or issue, and returns OK.

    Raises ReconcilerError if the host cannot be used or a file does not belong to the plan,
    UsageError for flags that cannot be used together.
    """
    if parameters.issue:
        _refuse_with_issue(parameters)
    plan = read_plan(parameters.plan)
    name = _name(parameters.name, plan)
    ended = None if parameters.result is None else _result(parameters.result, plan)
    context = _context(parameters, plan, name)
    if ended is not None:
        context = structs.replace(context, status=_status(ended), why=ended.error)
    mark = comment_marker.of_plan("drift" if parameters.issue else "plan", name, plan)
    # The marker keeps the link: the later `comment --result` has no --report-url.
    mark = structs.replace(mark, report=context.links.report)
    # An `applied` comment is not changed any more: only a full apply may mark it (docs/review.md).
    if ended is not None and ended.exit_code == ExitCode.OK:
        mark = structs.replace(mark, status="applied")
    report = View(plan, parameters.root).report
    host = parameters.host or detected(parameters.environment)
    of_pull = not parameters.issue
    # A plan that could not read a record is not empty: reviewers have to see the gap.
    empty = not plan.differs and plan.complete
    with opened(host, parameters.environment, parameters.pull, of_pull=of_pull) as forge:
        posting = Posting(
            forge,
            mark,
            # A function: if the host refuses the length, the text is rendered again with less.
            lambda most, url: comment.comment(report, _linked(context, url), most=most),
            comment.COMMENT_BYTES,
            partial(_contains, parameters.root),
        )
        if parameters.issue:
            posted = posting.issue(
                f"Drift: {name}",
                report.headline,
                resolved=not plan.differs,
                complete=plan.complete,
                whole=_whole(plan),
            )
        else:
            wrote = None if ended is None else OutcomeName.APPLIED in ended.summary
            posted = posting.comment(when=parameters.when, empty=empty, wrote=wrote)
    _say(posted, terminal)
    return ExitCode.OK


def _contains(root: Path, newer: str, older: str) -> bool:
    """Whether git knows both commits here, and the older one is an ancestor of the newer one."""
    try:
        return Repository(root).holds(newer, older)
    except ReconcilerError:
        return False


def _refuse_with_issue(parameters: Parameters) -> None:
    """Raises UsageError for a flag that applies to pull requests only."""
    given = {
        "--pull": parameters.pull,
        "--result": parameters.result,
        "--previous": parameters.previous,
        "--when always": parameters.when == "always",
    }
    for flag, value in given.items():
        if value:
            raise UsageError(
                f"{flag} cannot be used with --issue, which belongs to no pull request"
            )


def _say(posted: Posted, terminal: Terminal) -> None:
    if posted.warning:
        terminal.note(f"{terminal.note_paint.changed('warning')}: {visible(posted.warning)}")
    terminal.note(f"{posted.done[0].upper()}{posted.done[1:]}.")
    if posted.url:
        terminal.write([f"{visible(posted.url)}\n"])


def _name(given: str, plan: Plan) -> str:
    """The name that separates this plan from others of the same pull request.

    By default the host of its API: `api.carrierx.com`.
    """
    host = plan.base_url.partition("://")[2].partition("/")[0]
    # A port (`localhost:8025`) brings a colon, which a name in the marker may not contain.
    name = given or "".join(c if comment_marker.NAME.fullmatch(c) else "-" for c in host)[:60]
    if not comment_marker.NAME.fullmatch(name):
        raise UsageError(f"--name {name}: expected up to 60 letters, digits, dots and dashes")
    return name


def _context(parameters: Parameters, plan: Plan, name: str) -> CommentContext:
    """The links and the changes since the last push.

    Raises UsageError for a link that is not an https:// address, ReconcilerError if the previous
    plan was made for another API.
    """
    links = parameters.links
    for flag, url in (("report", links.report), ("plan", links.plan), ("run", links.run)):
        if url and not comment_marker.is_link(url):
            raise UsageError(f"--{flag}-url {url}: expected an https:// address")
    # An unusable address in a CI variable is dropped: unlike a flag, the user did not type it.
    run_url = links.run or job_url(parameters.environment)
    links = structs.replace(links, run=run_url if comment_marker.is_link(run_url) else "")
    since = None
    if parameters.previous is not None:
        since = diff_plans(read_plan(parameters.previous), plan)
        if since.old.base_url != plan.base_url:
            raise ReconcilerError(
                f"{parameters.previous}: was made for {since.old.base_url}, not for this API"
            )
    return CommentContext(name, links, since)


def _linked(context: CommentContext, report: str) -> CommentContext:
    """The same context with another link to the HTML report."""
    return structs.replace(context, links=structs.replace(context.links, report=report))


def _whole(plan: Plan) -> bool:
    """Whether the plan covers every managed record: no flag limited it to a part."""
    scope = plan.scope
    narrowed = scope.since, scope.manifests, scope.target, scope.exclude, scope.only
    return not any(narrowed)


class _Of(Struct):
    """The plan of a result document."""

    digest: str
    """The digest of the plan that was applied: `sha256:...`."""


class _Result(Struct):
    """The members of a result document (`apply --report json=FILE`) that a comment needs."""

    exit_code: int
    """The exit code of the run."""
    plan: _Of | None
    """The plan; None if the run ended before there was one."""
    summary: dict[str, int]
    """The number of changes by outcome: `applied`, `failed`."""
    error: str = ""
    """Why the run ended early or is not complete; empty otherwise."""
    expected: str | None = None
    """The digest of the approved plan (--expect); None without it."""


def _result(path: Path, plan: Plan) -> _Result:
    """Reads the report of the plan's apply.

    Raises ReconcilerError if it cannot be read or belongs to another plan.
    """
    try:
        result = msgspec.json.decode(read_regular(path, _MAX_RESULT_BYTES), type=_Result)
    except OSError as error:
        raise ReconcilerError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ReconcilerError(f"{path}: is not a JSON report of an apply ({error})") from None
    # After a killed run `--expect` applies only the rest: that plan has another digest.
    if plan.digest not in (result.expected, result.plan and result.plan.digest):
        raise ReconcilerError(f"{path}: is the report of another plan")
    return result


def _status(result: _Result) -> str:
    """One line on how the apply ended: `✅ Applied: 3 applied.` if it succeeded."""
    # isalpha: the keys come from a file and must not bring Markdown into the comment.
    counts = ", ".join(
        f"{count:,} {outcome}" for outcome, count in result.summary.items() if outcome.isalpha()
    )
    if result.exit_code == ExitCode.OK:
        ended = "✅ Applied"
    elif OutcomeName.APPLIED in result.summary:
        ended = "⚠️ Applied in part"
    elif _MAYBE_WRITTEN & result.summary.keys():
        ended = "❓ Perhaps applied"
    else:
        ended = "⛔ Not applied"
    return f"{ended}: {counts or 'nothing was written'}."
