"""The cache is quick, never wrong, and silent."""

import ast
import hashlib
import os
import tokenize
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import REPOSITORY
from reconciler.manifests import cache as module
from reconciler.manifests.cache import READER_VERSION, Cache, key_of, user_folder
from reconciler.manifests.loader import load, read_records
from reconciler.model import Address, Problem, Record, Source
from writing import MESSAGE, sid, tree, write

RECORDS = st.lists(
    st.builds(
        Record,
        st.builds(Address, st.sampled_from(["messages", "message_drs"]), st.text()),
        st.none() | st.text(),
        st.booleans(),
        st.builds(Source, st.just("m.yaml"), st.integers(1, 10**6), st.integers(1, 10**6)),
    )
)


def big(count: int = 500, text: str = "campaign") -> Path:
    rows = "".join(f"  {sid(n)}:\n    user_data: {text}\n" for n in range(count))
    return write(f"messages:\n{rows}")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(RECORDS)
def test_what_was_kept_comes_back_under_the_name_that_is_asked_for(
    folder: Path, records: list[Record]
) -> None:
    cache = Cache(folder / "cache")
    cache.put("key", records)

    found = cache.get("key", "m.yaml")
    assert found is not None
    assert list(found) == records
    renamed = cache.get("key", "moved.yaml")
    assert renamed is not None
    assert [record.source.file for record in renamed] == ["moved.yaml"] * len(records)


def test_a_file_that_did_not_change_is_not_parsed_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(folder / "cache")
    path = big()
    first = list(read_records(tree(), str(path), cache))

    def refuse(*_: object) -> None:
        raise AssertionError("parsed again")

    monkeypatch.setattr("reconciler.manifests.loader.parse_records", refuse)

    assert list(read_records(tree(), str(path), cache)) == first
    moved = path.rename("manifests/moved.yaml")
    assert len(list(read_records(tree(), str(moved), cache))) == len(first)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "grow"])
def test_a_damaged_entry_is_as_if_it_were_not_there(folder: Path, damage: str) -> None:
    cache = Cache(folder / "cache")
    path = big()
    first = list(read_records(tree(), str(path), cache))
    (entry,) = (folder / "cache").iterdir()
    data = entry.read_bytes()
    entry.write_bytes(
        {
            "cut": data[:-10],
            "flip": data[:1000] + bytes([data[1000] ^ 1]) + data[1001:],
            "empty": b"",
            "grow": data + b"x",
        }[damage]
    )

    assert list(read_records(tree(), str(path), cache)) == first


def test_a_file_with_problems_is_read_every_time(folder: Path) -> None:
    cache = Cache(folder / "cache")
    path = big(text="0x1F")

    for _ in range(2):
        assert all(isinstance(item, Problem) for item in read_records(tree(), str(path), cache))
    assert not (folder / "cache").exists()


def test_a_warning_is_said_every_time(folder: Path) -> None:
    cache = Cache(folder / "cache")
    big(text='"a\\u200bb"')

    for _ in range(2):
        assert len(load(tree(), ["manifests"], cache=cache).warnings) == 500


def test_the_name_of_an_entry_is_made_of_all_that_matters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {key_of("a", "m.yaml"), key_of("b", "m.yaml"), key_of("a", "m.json")}
    assert key_of("a", "other.yaml") in names
    monkeypatch.setattr(module, "__version__", "9.9")
    names.add(key_of("a", "m.yaml"))

    assert len(names) == 4


def test_the_oldest_go_when_there_is_too_much(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(folder)
    record = Record(Address("messages", MESSAGE), "x" * 1000, False, Source("m.yaml", 1, 1))
    monkeypatch.setattr(module, "MAX_BYTES", 3000)
    for number in range(5):
        cache.put(f"entry-{number}", [record])
        os.utime(folder / f"entry-{number}", (number, number))
    cache.put("last", [record])

    kept = {path.name for path in folder.iterdir()}
    assert "last" in kept
    assert "entry-0" not in kept
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 3000


def test_a_folder_that_cannot_be_written_is_no_error(folder: Path) -> None:
    write("a file", "cache")

    assert len(list(read_records(tree(), str(big()), Cache(folder / "cache")))) == 500


def test_a_folder_that_others_can_fill_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    assert user_folder() == folder / "reconciler"
    (folder / "reconciler").mkdir(mode=0o700)
    assert user_folder() is not None
    (folder / "reconciler").chmod(0o777)
    assert user_folder() is None
    assert len(list(read_records(tree(), str(big()), Cache()))) == 500
    assert list((folder / "reconciler").iterdir()) == []


# Version of the reader -> digest of its code. Change both together, unless the same text gives the
# same records: then the digest alone.
READER = (1, "62be5b67770a63a6")


def code_of(module: str) -> tuple[str, set[str]]:
    """The lines of a module without comments and docstrings, and the modules that it imports."""
    source = (REPOSITORY / f"{module.replace('.', '/')}.py").read_text("utf-8")
    lines = source.splitlines()
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            imported |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines[node.lineno - 1 : node.end_lineno] = [""] * len(
                lines[node.lineno - 1 : node.end_lineno]
            )
    for token in tokenize.generate_tokens(StringIO("\n".join(lines)).readline):
        if token.type == tokenize.COMMENT:
            line, column = token.start
            lines[line - 1] = lines[line - 1][:column]
    return "\n".join(filter(None, map(str.rstrip, lines))), imported


def is_module(name: str) -> bool:
    """Whether a name is that of a module that decides which records a text has."""
    is_inside = name.startswith(("reconciler.manifests.", "reconciler.kinds"))
    is_file = (REPOSITORY / f"{name.replace('.', '/')}.py").is_file()
    return is_inside and is_file and not name.endswith("rule_catalog")


def test_a_change_of_the_reader_is_a_decision_about_its_version() -> None:
    codes: dict[str, str] = {}
    waiting = {"reconciler.manifests.parser", "reconciler.manifests.validation"}
    while waiting:
        name = waiting.pop()
        codes[name], imported = code_of(name)
        waiting |= set(filter(is_module, imported)) - codes.keys()
    digest = hashlib.sha256("\n".join(codes[name] for name in sorted(codes)).encode()).hexdigest()

    assert len(codes) == 8
    assert (READER_VERSION, digest[:16]) == READER
