"""reconciler.yaml -> the settings of a run."""

import os
import re
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from reconciler.errors import ProblemsError
from reconciler.manifests.composer import ReportProblem, single_document
from reconciler.manifests.discovery import Tree
from reconciler.manifests.globs import fault
from reconciler.manifests.nodes import Node, descend
from reconciler.manifests.resolver import to_json
from reconciler.manifests.yaml_events import Mark, UnreadableYamlError, source
from reconciler.model import Mode, Problem, Source

FILE = "reconciler.yaml"
_OTHER_NAME = "reconciler.yml"

# The limit of a guard: a number of records, or per cent of them; None is no limit.
Count: TypeAlias = Annotated[int, Meta(ge=0)] | None
Percent: TypeAlias = Annotated[int, Meta(ge=0, le=100)] | None


class Write(Struct, frozen=True, forbid_unknown_fields=True):
    """`write`: how requests are sent."""

    method: Literal["patch", "put"] = "patch"
    """`patch` sends user_data alone; `put` sends the whole object that was just read."""
    parallelism: Annotated[int, Meta(ge=1)] = 10
    """The largest number of requests under way at once."""
    requests_per_second: Annotated[float, Meta(gt=0)] | None = None
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


def load_settings(tree: Tree) -> Settings:
    """The settings of reconciler.yaml; the defaults if the file does not exist.

    Raises ProblemsError with every problem of the file.
    """
    if (misplaced := _misplaced(tree)) is not None:
        raise ProblemsError([misplaced])
    if not os.path.lexists(tree.path(FILE)):  # lexists: a broken link is an error, not "no file"
        return Settings()
    text = tree.text(FILE)
    if isinstance(text, Problem):
        raise ProblemsError([text])
    problems: list[Problem] = []

    def report(mark: Mark, rule: str, message: str) -> None:
        problems.append(Problem(source(FILE, mark), rule, message))

    found = _settings(text, report)
    if problems or found is None:
        raise ProblemsError(problems)
    return found


def _misplaced(tree: Tree) -> Problem | None:
    """A settings file that is not read, although its rules and guards were written for this run.

    It is an error: without the rules a sensitive value would be shown, and without the guards a
    mass change would be written.
    """
    if os.path.lexists(tree.path(_OTHER_NAME)):
        return Problem(Source(_OTHER_NAME, 1, 1), "config", f"is not read: rename it to {FILE}")
    if os.path.lexists(tree.path(FILE)):
        return None
    root = tree.path(".").resolve()
    folders = (root, *root.parents)
    top = next((n for n, one in enumerate(folders) if os.path.lexists(one / ".git")), 0)
    for folder in folders[1 : top + 1]:
        if os.path.lexists(folder / FILE):
            message = f"is not read in another folder: run there, or with --chdir {folder}"
            return Problem(Source(str(folder / FILE), 1, 1), "config", message)
    return None


def locate(tree: Tree, *steps: str | int) -> Source:
    """The place of a setting in reconciler.yaml: `locate(tree, "rules", 2)` for the third rule.

    Reads the file again. Returns its first line if the file cannot be read.
    """
    text = tree.text(FILE)
    root = single_document(text, _silent) if isinstance(text, str) else None
    return Source(FILE, 1, 1) if root is None else source(FILE, descend(root, steps).mark)


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
    try:
        found = msgspec.json.decode(to_json(root, report), type=Settings)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        # msgspec's message ends with a path: "Expected `int` >= 0 - at `$.guards.max_clears`".
        steps = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
        report(descend(root, steps).mark, "config", what[:1].lower() + what[1:])
    except msgspec.DecodeError:
        pass  # to_json reported an ambiguous scalar and returned invalid JSON
    else:
        return found if _have_usable_paths(found.rules, root, report) else None
    return None


def _have_usable_paths(rules: Sequence[Rule], root: Node, report: ReportProblem) -> bool:
    faults = [
        (f"{pattern}: {found}", descend(root, ("rules", number, "paths", index)).mark)
        for number, rule in enumerate(rules)
        for index, pattern in enumerate(rule.paths)
        if (found := fault(pattern))
    ]
    for message, mark in faults:
        report(mark, "config", message)
    return not faults
