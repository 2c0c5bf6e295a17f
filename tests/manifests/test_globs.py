"""One dialect of patterns, which is git's own: rules, targets and CODEOWNERS."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.manifests.globs import MAX_CHARS, Globs, fault

NAMES = st.sampled_from(["m", "a", "b", "*", "**", "a*", "?", "[ab]", "[!a]", "\\*", "a b"])
PATTERNS = st.builds(
    lambda names, first, last: f"{first}{'/'.join(names)}{last}",
    st.lists(NAMES, min_size=1, max_size=4),
    *(st.sampled_from(["", "/"]), st.sampled_from(["", "/"])),
)
FILES = st.lists(st.sampled_from(["m", "a", "b", "ab", "*", "a b"]), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("patterns")
    subprocess.run(["git", "init", "-q", path], check=True)
    return path


@given(PATTERNS, FILES.map("/".join))
@example("a/**/", "a/m")
@example("**/", "a")
def test_for_every_pattern_and_file_git_itself_agrees(
    repository: Path, pattern: str, file: str
) -> None:
    (repository / ".gitignore").write_text(f"{pattern}\n", "utf-8")
    asked = ["git", "-C", str(repository), "check-ignore", "--quiet", "--no-index", file]

    ignored = subprocess.run(asked, check=False).returncode == 0

    # A name that is written as it is needs no wildcard to match: that much is more than git's.
    assert bool(Globs([pattern]).matching(file)) == (ignored or pattern.removeprefix("/") == file)


def test_every_pattern_that_matches_is_found_and_in_order() -> None:
    globs = Globs(["m/", "*.yaml", "other", "/m/a.yaml"])

    assert globs.matching("m/a.yaml") == [0, 1, 3]
    assert globs.matching("none") == []


@pytest.mark.parametrize("name", ["[prod].yaml", "!a.yaml", "#a.yaml", "a b ", "m/[prod].yaml"])
def test_the_exact_name_of_a_file_matches_it_whatever_its_characters_mean(name: str) -> None:
    assert Globs([name]).matching(name) == [0]
    assert Globs([f"/{name}"]).matching(name) == [0]


def test_in_codeowners_a_star_at_the_end_does_not_reach_into_folders() -> None:
    assert Globs(["docs/*"]).matching("docs/deep/a.md") == [0]
    assert Globs(["docs/*"], shallow=True).matching("docs/deep/a.md") == []


def test_a_name_that_is_not_utf_8_is_compared_like_any_other() -> None:
    assert Globs(["caf\udce9/*"]).matching("caf\udce9/a.yaml") == [0]


@pytest.mark.parametrize("pattern", ["a\\", "a\\/b", "a" * (MAX_CHARS + 1)])
def test_a_pattern_that_cannot_be_used_says_why(pattern: str) -> None:
    assert fault(pattern)
    assert fault("a/**/b?[c]") == ""
