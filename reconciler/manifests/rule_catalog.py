"""Every rule that a manifest can break: its name, which tools know it by, and what it asks for."""

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.model import Severity

RULES: Mapping[str, str] = MappingProxyType(
    {
        "alias": "An alias follows its anchor, is neither in it nor a key, and has bounds.",
        "character": "Files hold what a reviewer can see, texts what can be sent.",
        "config": "reconciler.yaml holds what this version knows.",
        "depth": "Values nest within bounds.",
        "directive": "A manifest holds no YAML directives.",
        "doubtful": "A scalar that tools read differently is quoted.",
        "duplicate-address": "A record is written once in all manifests.",
        "duplicate-key": "A key is written once in its mapping.",
        "empty": "A manifest holds records.",
        "encoding": "A manifest is UTF-8.",
        "invisible-character": "A text holds no character that cannot be seen.",
        "key": "A key is text.",
        "merge-key": "A manifest holds no merge keys.",
        "not-a-manifest": "A manifest ends in .yaml, .yml or .json.",
        "not-found": "The file or folder is there.",
        "null": "A field is cleared by null, written out.",
        "overruled": "Rules of reconciler.yaml agree; where they do not, the last one wins.",
        "read-only": "A record holds no field that the API does not let us change.",
        "shape": "A manifest is kinds, then SIDs, then user_data.",
        "shared-sid": "One SID is managed under one kind.",
        "sid": "A SID is a UUID.",
        "symlink": "A manifest is no symbolic link.",
        "syntax": "A manifest is YAML or JSON.",
        "tab": "Tabs stand inside texts or comments alone.",
        "tag": "A manifest holds no YAML tags.",
        "too-long": "user_data is no longer than reconciler.yaml allows.",
        "type": "user_data is text, a mapping or a list.",
        "unknown-field": "A record holds user_data and nothing else.",
        "unknown-rules": "The rules of earlier commits can be read.",
        "unknown-kind": "A kind is one of the API's collections.",
        "unreadable-file": "A manifest is a regular file that can be read.",
        "unused-rule": "A rule of reconciler.yaml matches a manifest.",
        "user-schema": "user_data meets the schema that reconciler.yaml names for its file.",
    }
)  # fmt: skip

# What a user should know, and may have meant.
_WARNINGS = frozenset(
    ("invisible-character", "overruled", "shared-sid", "unknown-rules", "unused-rule")
)


def severity(rule: str) -> Severity:
    """Whether breaking a rule stops the run."""
    return Severity.WARNING if rule in _WARNINGS else Severity.ERROR
