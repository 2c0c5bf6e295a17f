"""reconciler.yaml -> the settings of a run."""

import os
import re
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from reconciler.errors import ProblemsError
from reconciler.manifests.composer import ReportProblem, single_document
from reconciler.manifests.discovery import Tree
from reconciler.manifests.nodes import descend
from reconciler.manifests.resolver import to_json
from reconciler.manifests.yaml_events import BrokenTreeError, Mark, source
from reconciler.model import Mode, Problem, Source

FILE = "reconciler.yaml"

# At most so many records, or per cent of them; None is no limit.
Count: TypeAlias = Annotated[int, Meta(ge=0)] | None
Percent: TypeAlias = Annotated[int, Meta(ge=0, le=100)] | None


class Write(Struct, frozen=True, forbid_unknown_fields=True):
    """How `apply` writes."""

    method: Literal["patch", "put"] = "patch"
    parallelism: Annotated[int, Meta(ge=1)] = 10
    requests_per_second: Annotated[float, Meta(gt=0)] | None = None


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What the API is known to refuse; its own figure is not published, and 422 is its word."""

    user_data_max_chars: Annotated[int, Meta(ge=0)] | None = None


class Guards(Struct, frozen=True, forbid_unknown_fields=True):
    """What stops an apply (`policies`): at most so many records, or per cent; None is off."""

    max_changes: Count = None
    max_change_percent: Percent = 30
    max_clears: Count = None
    max_overwrites: Count = 0
    max_drift_reverts: Count = None


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for the manifests that a glob names; `*` crosses folders, the last rule wins."""

    paths: tuple[str, ...]
    mode: Mode | None = None
    removed: Literal["keep", "clear"] | None = None
    user_data_schema: str | None = None


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """What reconciler.yaml says; a flag goes before it."""

    version: Literal[1] = 1
    manifests: tuple[str, ...] = ("manifests",)
    write: Write = Write()
    guards: Guards = Guards()
    limits: Limits = Limits()
    rules: tuple[Rule, ...] = ()


def load_settings(tree: Tree) -> Settings:
    """What reconciler.yaml says, the defaults where there is none.

    Raises ProblemsError with what is wrong with it.
    """
    if not os.path.lexists(tree.path(FILE)):  # a broken link is no reason to go on without it
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


def locate(tree: Tree, *steps: str | int) -> Source:
    """Where reconciler.yaml says something, by reading it once more: `place(tree, "rules", 2)`."""
    text = tree.text(FILE)
    root = single_document(text, _silent) if isinstance(text, str) else None
    return Source(FILE, 1, 1) if root is None else source(FILE, descend(root, steps).mark)


def _silent(_mark: Mark, _rule: str, _message: str) -> None:
    pass


def _settings(text: str, report: ReportProblem) -> Settings | None:
    try:
        root = single_document(text, report)
    except BrokenTreeError as broken:
        report(broken.mark, broken.rule, broken.message)
        return None
    if root is None:
        return Settings()
    try:
        return msgspec.json.decode(to_json(root, report), type=Settings)
    except msgspec.ValidationError as error:
        what, _, path = str(error).partition(" - at `$")
        # `.rules[0].paths[...]`: as far as it tells
        steps = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", path)]
        report(descend(root, steps).mark, "config", what[:1].lower() + what[1:])
    except msgspec.DecodeError:
        pass  # a doubt that is reported already
    return None
