"""`reconciler comment`: a saved plan as the one comment of a pull request, or as one issue."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, structs

from reconciler.applying.actor import job_url
from reconciler.commands.terminal import Terminal
from reconciler.errors import ExitCode, ReconcilerError, UsageError
from reconciler.escape import visible
from reconciler.files import read_regular
from reconciler.forges import comment_marker
from reconciler.forges.detect import detected, opened
from reconciler.forges.sticky_comment import Posted, Posting, When
from reconciler.model import OutcomeName, Plan
from reconciler.planning.plan_diff import diff_plans
from reconciler.planning.plan_file import read_plan
from reconciler.review.formats import View
from reconciler.review.markdown import comment
from reconciler.review.markdown.detail_levels import CommentContext, Links

# A result names every record: about 300 bytes each.
_MAX_RESULT_BYTES = 1024 * 1024 * 1024


# Something was written, but for nobody knows what, or nobody knows whether.
_PERHAPS = frozenset((OutcomeName.ALTERED, OutcomeName.UNKNOWN))


class Parameters(Struct, frozen=True):
    """Which plan to post, where, and what is known of it; `result` is what its apply reported."""

    plan: Path
    root: Path
    host: Literal["github", "gitlab"] | None
    environment: Mapping[str, str]
    name: str = ""
    pull: str = ""
    links: Links = Links()
    previous: Path | None = None
    result: Path | None = None
    when: When = "changes-only"
    issue: bool = False


def run(parameters: Parameters, terminal: Terminal) -> ExitCode:
    """OK once the host shows it; that it does not is an error, never a silence."""
    if parameters.issue:
        _refuse_with_issue(parameters)
    plan = read_plan(parameters.plan)
    name = _name(parameters.name, plan)
    ended = None if parameters.result is None else _result(parameters.result, plan)
    around = _around(parameters, plan, name)
    if ended is not None:
        around = structs.replace(around, status=_status(ended), why=ended.error)
    mark = comment_marker.of_plan("drift" if parameters.issue else "plan", name, plan)
    mark = structs.replace(mark, report=around.links.report)
    if ended is not None and ended.exit_code == ExitCode.OK:
        mark = structs.replace(mark, status="applied")
    report = View(plan, parameters.root).report
    host = parameters.host or detected(parameters.environment)
    of_pull = not parameters.issue
    empty = not plan.differs and plan.complete
    with opened(host, parameters.environment, parameters.pull, of_pull=of_pull) as forge:
        posting = Posting(
            forge,
            mark,
            lambda most, url: comment.comment(report, _linked(around, url), most=most),
            comment.COMMENT_BYTES,
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


def _refuse_with_issue(parameters: Parameters) -> None:
    given = {
        "--pull": parameters.pull,
        "--result": parameters.result,
        "--previous": parameters.previous,
        "--when always": parameters.when == "always",
    }
    for flag, value in given.items():
        if value:
            raise UsageError(f"{flag} does not go with --issue, which is of no pull request")


def _say(posted: Posted, terminal: Terminal) -> None:
    if posted.warning:
        terminal.note(f"{terminal.paint.changed('warning')}: {visible(posted.warning)}")
    terminal.note(f"{posted.done[0].upper()}{posted.done[1:]}.")
    if posted.url:
        terminal.write([f"{visible(posted.url)}\n"])


def _name(given: str, plan: Plan) -> str:
    """How the plan is told from others of the same pull request: by default its API's host."""
    host = plan.base_url.partition("://")[2].partition("/")[0]
    name = given or "".join(c if comment_marker.NAME.fullmatch(c) else "-" for c in host)[:60]
    if not comment_marker.NAME.fullmatch(name):
        raise UsageError(f"--name {name}: expected up to 60 letters, digits, dots, dashes")
    return name


def _around(parameters: Parameters, plan: Plan, name: str) -> CommentContext:
    links = parameters.links
    for flag, url in (("report", links.report), ("plan", links.plan), ("run", links.run)):
        if url and not comment_marker.is_link(url):
            raise UsageError(f"--{flag}-url {url}: expected an https:// address")
    run_url = links.run or job_url(parameters.environment)
    links = structs.replace(links, run=run_url if comment_marker.is_link(run_url) else "")
    since = None
    if parameters.previous is not None:
        since = diff_plans(read_plan(parameters.previous), plan)
        if since.old.base_url != plan.base_url:
            raise ReconcilerError(
                f"{parameters.previous}: is of {since.old.base_url}, not of this API"
            )
    return CommentContext(name, links, since)


def _linked(around: CommentContext, report: str) -> CommentContext:
    return structs.replace(around, links=structs.replace(around.links, report=report))


def _whole(plan: Plan) -> bool:
    """Whether the plan looked at every record that there is."""
    scope = plan.scope
    narrowed = scope.since, scope.manifests, scope.target, scope.exclude, scope.only
    return not any(narrowed)


class _Of(Struct):
    digest: str


class _Result(Struct):
    """What a result document says of a run as a whole."""

    exit_code: int
    plan: _Of | None
    summary: dict[str, int]
    error: str = ""
    expected: str | None = None


def _result(path: Path, plan: Plan) -> _Result:
    """What the apply of a plan reported; it has to be of this very plan."""
    try:
        result = msgspec.json.decode(read_regular(path, _MAX_RESULT_BYTES), type=_Result)
    except OSError as error:
        raise ReconcilerError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ReconcilerError(f"{path}: is no report of an apply ({error})") from None
    if plan.digest not in (result.expected, result.plan and result.plan.digest):
        raise ReconcilerError(f"{path}: is the report of another plan")
    return result


def _status(result: _Result) -> str:
    """How it ended, in a line."""
    counts = ", ".join(
        f"{count:,} {outcome}" for outcome, count in result.summary.items() if outcome.isalpha()
    )
    if result.exit_code == ExitCode.OK:
        ended = "✅ Applied"
    elif OutcomeName.APPLIED in result.summary:
        ended = "⚠️ Applied in part"
    elif _PERHAPS & result.summary.keys():
        ended = "❓ Perhaps applied"
    else:
        ended = "⛔ Not applied"
    return f"{ended}: {counts or 'nothing was written'}."
