"""The rules for manifests: their names, which tools group problems by, and their requirements."""

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.model import Severity

# The names are stable. The sentences are SARIF's `shortDescription`, and replace a message that may
# quote a sensitive value.
RULES: Mapping[str, str] = MappingProxyType(
    {
        "alias": "An alias comes after its anchor, not in it, is not a key and expands to little.",
        "character": "A file has no invisible characters, a text none that cannot be sent.",
        "config": "reconciler.yaml has only settings that this version supports.",
        "depth": "A value is not nested too deep.",
        "directive": "A manifest has no YAML directives.",
        "doubtful": "A scalar that tools read differently is quoted.",
        "duplicate-address": "A record is defined once in all manifests.",
        "duplicate-key": "A key is defined once in its mapping.",
        "empty": "A manifest has records.",
        "encoding": "A manifest is UTF-8.",
        "invisible-character": "A text has no character that cannot be seen.",
        "key": "A key is text.",
        "ignored": "git holds a manifest.",
        "merge-key": "A manifest has no merge keys.",
        "nested-repository": "No folder of manifests is a git repository.",
        "not-a-manifest": "A manifest ends in .yaml, .yml or .json.",
        "not-found": "The file or folder exists.",
        "null": "A field is cleared with the word null.",
        "overruled": "Rules of reconciler.yaml agree; if two do not, the last one wins.",
        "read-only": "A record has no field that the API does not allow to change.",
        "shape": "A manifest has kinds, under them SIDs, under them user_data.",
        "shared-sid": "One SID is managed under one kind.",
        "sid": "A SID is a UUID.",
        "symlink": "A manifest is not a symbolic link.",
        "syntax": "A manifest is YAML or JSON.",
        "tab": "Tabs are only in texts and comments.",
        "tag": "A manifest has no YAML tags.",
        "too-long": "user_data is not longer than reconciler.yaml allows.",
        "type": "user_data is text, a mapping or a list.",
        "unknown-keyword": "A schema has only keywords of JSON Schema.",
        "unknown-field": "A record has user_data and no other field.",
        "unknown-rules": "The rules of earlier commits can be read.",
        "unknown-kind": "A kind is one of the API's collections.",
        "unreadable-file": "A manifest is a regular file that can be read.",
        "unused-rule": "A rule of reconciler.yaml matches a manifest.",
        "user-schema": "user_data matches the schema that reconciler.yaml names for its file.",
    }
)  # fmt: skip

# Problems that may be intended: the run goes on.
_WARNINGS = frozenset(
    (
        "ignored",
        "invisible-character",
        "overruled",
        "shared-sid",
        "unknown-keyword",
        "unknown-rules",
        "unused-rule",
    )
)


def severity(rule: str) -> Severity:
    """WARNING for a rule that does not stop the run, otherwise ERROR."""
    return Severity.WARNING if rule in _WARNINGS else Severity.ERROR
