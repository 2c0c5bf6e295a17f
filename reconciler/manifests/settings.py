"""reconciler.yaml -> the settings of a run, and the project's root."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct, structs

from reconciler.credentials import checked_url
from reconciler.errors import ConfigError, ProblemsError, UsageError
from reconciler.git import top_of
from reconciler.kinds import is_sid
from reconciler.manifests.composer import ReportProblem, single_document
from reconciler.manifests.discovery import Tree
from reconciler.manifests.globs import fault
from reconciler.manifests.nodes import Mapping, Node, Scalar, descend
from reconciler.manifests.resolver import to_json
from reconciler.manifests.type_check import check_type
from reconciler.manifests.yaml_events import Mark, UnreadableYamlError, source
from reconciler.model import Mode, Problem, Source
from reconciler.wording import did_you_mean

FILE = "reconciler.yaml"
OTHER_NAME = "reconciler.yml"

# A file of settings is written by people. The bound is for files of a pull request.
MAX_SETTINGS_BYTES = 1024 * 1024

# The limit of a guard: a number of records, or per cent of them; None is no limit.
Count: TypeAlias = Annotated[int, Meta(ge=0)] | None
Percent: TypeAlias = Annotated[int, Meta(ge=0, le=100)] | None

# More requests at once than this find no free port, and no API that would serve them.
MAX_PARALLELISM = 1000


class Write(Struct, frozen=True, forbid_unknown_fields=True):
    """`write`: how requests are sent."""

    method: Literal["patch", "put"] = "patch"
    """`patch` sends user_data alone; `put` sends the whole object that was just read."""
    parallelism: Annotated[int, Meta(ge=1, le=MAX_PARALLELISM)] = 10
    """The largest number of requests under way at once."""
    # Less than a request in 100 seconds would be a run that seems to hang.
    requests_per_second: Annotated[float, Meta(ge=0.01, le=100_000)] | None = None
    """The largest number of requests started in a second; None is no limit."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """`limits`: values that the API is known to refuse.

    The API's own limit is not published; the API answers 422 if a text is too long.
    """

    user_data_max_chars: Annotated[int, Meta(ge=0)] | None = None
    """The largest length of user_data in characters (Unicode code points); None is no limit."""


class Guards(Struct, frozen=True, forbid_unknown_fields=True):
    """`guards`: the limits that stop an apply (`planning.guards`). None switches a guard off."""

    max_changes: Count = None
    """Records that may be written."""
    max_change_percent: Percent = 30
    """Per cent of all managed records that may lose a value; setting an empty field loses none."""
    max_clears: Count = None
    """Records that may be cleared."""
    max_overwrites: Count = 0
    """Records of origin `adopt` that may be written: the live value never came from git."""
    max_drift_reverts: Count = None
    """Records of origin `drift` that may be written."""


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """Options for the manifests at some paths.

    For each option, the last matching rule that sets it wins.
    """

    paths: tuple[str, ...]
    """Patterns as in .gitignore, relative to the root."""
    mode: Mode | None = None
    """Whether git owns the whole field or only its own keys; None does not set it."""
    removed: Literal["keep", "clear"] | None = None
    """What happens to a record that is removed from git; None does not set it."""
    user_data_schema: str | None = None
    """The file of a JSON Schema for user_data; None does not set it."""
    allow: tuple[Literal["invisible-character", "shared-sid"], ...] | None = None
    """Warnings that are known and not shown any more; None does not set it."""


# No dot and no underscore: the name stands beside host names in refs, which have them.
EnvironmentName: TypeAlias = Annotated[str, Meta(pattern="^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]


class Environment(Struct, frozen=True, forbid_unknown_fields=True):
    """`environments.<name>`: the manifests of one account, and pins that no other account meets."""

    manifests: tuple[str, ...] | None = None
    """The files and folders with manifests; None for those of the file itself."""
    base_url: str | None = None
    """The only API that this environment may use; None for any."""
    partner_sid: str | None = None
    """The only partner whose records this environment may hold; None for any."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of reconciler.yaml. Command-line flags override it."""

    version: Literal[1] = 1
    """The version of the file's format."""
    manifests: tuple[str, ...] = ("manifests",)
    """The files and folders with manifests, relative to the root."""
    write: Write = Write()
    """How requests are sent."""
    guards: Guards = Guards()
    """The limits that stop an apply."""
    limits: Limits = Limits()
    """Values that the API is known to refuse."""
    rules: tuple[Rule, ...] = ()
    """Options for the manifests at some paths, in the order of the file."""
    environments: dict[EnvironmentName, Environment] = {}
    """The accounts that the repository has manifests for, by name (--env)."""

    def in_environment(self, name: str) -> "Settings":
        """The settings with the manifests of an environment.

        Raises UsageError, with the nearest name, if there is no such environment.
        """
        if name not in self.environments:
            names = ", ".join(self.environments) or "none are defined"
            close = did_you_mean(name, self.environments) or f" ({names})"
            raise UsageError(f"--env {name}: {FILE} has no such environment{close}")
        return structs.replace(self, manifests=self.environments[name].manifests or self.manifests)


def project_root(folder: Path) -> Path:
    """The root of the project that a folder is in: the folder of its reconciler.yaml.

    The file is looked for in the folder itself and upwards to the top of the git repository;
    without one the root is the folder. Outside of a repository only the folder is looked at.
    """
    real = folder.resolve()
    top = top_of(real) or real
    for each in (real, *real.parents):
        if any(os.path.lexists(each / name) for name in (FILE, OTHER_NAME)):
            return each
        if each == top:
            break
    return real


def settings_file(tree: Tree) -> str:
    """The name of the file with the settings: reconciler.yaml, or reconciler.yml."""
    # lexists: a broken link is a file that cannot be read, and not the lack of one.
    there = os.path.lexists(tree.path(FILE))
    return OTHER_NAME if not there and os.path.lexists(tree.path(OTHER_NAME)) else FILE


def load_settings(tree: Tree) -> Settings:
    """The settings in the project's root; the defaults if there is no file.

    Raises ProblemsError with every problem of the file.
    """
    name = settings_file(tree)
    if name == FILE and os.path.lexists(tree.path(OTHER_NAME)):
        message = f"stands beside {FILE}: keep one of them"
        raise ProblemsError([Problem(Source(OTHER_NAME, 1, 1), "config", message)])
    if not os.path.lexists(tree.path(name)):
        return Settings()
    text = tree.text(name, MAX_SETTINGS_BYTES)
    if isinstance(text, Problem):
        raise ProblemsError([text])
    problems: list[Problem] = []

    def report(mark: Mark, rule: str, message: str) -> None:
        problems.append(Problem(source(name, mark), rule, message))

    found = _settings(text, report)
    if problems or found is None:
        raise ProblemsError(sorted(problems, key=lambda problem: problem.source))
    return found


def settings_of(text: str) -> Settings | None:
    """The settings in a text, as a commit holds it; None if it has a problem."""
    problems: list[str] = []

    def report(_mark: Mark, _rule: str, message: str) -> None:
        problems.append(message)

    found = _settings(text, report)
    return None if problems else found


def locate(tree: Tree, *steps: str | int) -> Source:
    """The place of a setting in reconciler.yaml: `locate(tree, "rules", 2)` for the third rule.

    Reads the file again. Returns its first line if the file cannot be read.
    """
    name = settings_file(tree)
    text = tree.text(name)
    root = single_document(text, _silent) if isinstance(text, str) else None
    return Source(name, 1, 1) if root is None else source(name, descend(root, steps).mark)


def _silent(_mark: Mark, _rule: str, _message: str) -> None:
    pass


def _settings(text: str, report: ReportProblem) -> Settings | None:
    try:
        root = single_document(text, report)
    except UnreadableYamlError as broken:
        report(broken.mark, broken.rule, broken.message)
        return None
    if root is None:
        return Settings()
    found = None
    with suppress(msgspec.MsgspecError):
        found = msgspec.json.decode(to_json(root, _silent), type=Settings)
    _check_values(root, report)
    if found is None:
        # The decoder names one problem, in words of its own; these are all of them.
        check_type(root, msgspec.inspect.type_info(Settings), report)
    return found


def _check_values(root: Node, report: ReportProblem) -> None:
    """Reports texts that do not fit their setting: a path, a pattern, an address, a SID."""
    for steps, why in _VALUES:
        for scalar in _scalars(root, steps):
            message = why(scalar.text)
            if message:
                report(scalar.mark, "config", f"{scalar.text}: {message}")


def _scalars(node: Node, steps: Sequence[str]) -> Iterator[Scalar]:
    """The scalars at a path, in which `*` stands for every key or index."""
    if not steps:
        if isinstance(node, Scalar) and node.text:
            yield node
        return
    inner: Iterable[Node] = ()
    if isinstance(node, Mapping):
        inner = (value for key, value in node.pairs if steps[0] in ("*", key.text))
    elif not isinstance(node, Scalar) and steps[0] == "*":
        inner = node.items
    for each in inner:
        yield from _scalars(each, steps[1:])


def _outside(path: str) -> str:
    """Why a path is not one of the project; otherwise empty.

    A pull request controls the file. A path that leaves the project could show, in problems, the
    keys of any file of the machine.
    """
    if path.startswith("/") or ".." in path.split("/"):
        return "leaves the project's folder: only --manifests can name such a path"
    if not path.isprintable():
        return "holds a character that no path of a project may have"
    return ""


def _not_an_api(text: str) -> str:
    """Why a pinned address is not one in its normal form; otherwise empty."""
    try:
        normal = checked_url(text, "base_url")
    except ConfigError as error:
        return str(error).removeprefix("base_url: ")
    return "" if normal == text else f"write it in its normal form: {normal}"


def _not_a_sid(text: str) -> str:
    return "" if is_sid(text.lower()) else "is not a SID, which is a UUID"


_VALUES: tuple[tuple[tuple[str, ...], Callable[[str], str]], ...] = (
    (("manifests", "*"), _outside),
    (("rules", "*", "paths", "*"), fault),
    (("rules", "*", "user_data_schema"), _outside),
    (("environments", "*", "manifests", "*"), _outside),
    (("environments", "*", "base_url"), _not_an_api),
    (("environments", "*", "partner_sid"), _not_a_sid),
)
