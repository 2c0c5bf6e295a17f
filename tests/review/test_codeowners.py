"""CODEOWNERS as GitHub and GitLab read it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.review.codeowners import Owners, read
from writing import write


@pytest.mark.parametrize(
    ("pattern", "file", "owned"),
    [
        ("*", "manifests/a.yaml", True),
        ("*.yaml", "manifests/deep/a.yaml", True),
        ("*.yaml", "manifests/a.json", False),
        ("/manifests/", "manifests/deep/a.yaml", True),
        ("manifests/", "other/manifests/a.yaml", True),
        ("/manifests/", "other/manifests/a.yaml", False),
        ("manifests/*", "manifests/a.yaml", True),
        ("manifests/*", "manifests/deep/a.yaml", False),
        ("manifests/**", "manifests/deep/er/a.yaml", True),
        ("**/billing", "manifests/billing/a.yaml", True),
        ("manifests/**/a.yaml", "manifests/a.yaml", True),
        ("manifests/**/a.yaml", "manifests/x/y/a.yaml", True),
        ("/manifests/a?.yaml", "manifests/a1.yaml", True),
        ("/manifests/billing", "manifests/billing/a.yaml", True),
        ("/manifests/bill", "manifests/billing/a.yaml", False),
        (r"/manifests/a\ b.yaml", "manifests/a b.yaml", True),
        ("a.b", "aXb", False),
    ],
)
def test_a_pattern_matches_as_in_gitignore(pattern: str, file: str, *, owned: bool) -> None:
    assert Owners([f"{pattern} @org/team"]).of(file) == (("@org/team",) if owned else ())


def test_the_last_rule_that_matches_has_the_word_and_may_name_nobody() -> None:
    owners = Owners(["# all", "* @a @b", "", "/m/ @c # ours", "/m/free.yaml"])

    assert owners.of("x.yaml") == ("@a", "@b")
    assert owners.of("m/x.yaml") == ("@c",)
    assert owners.of("m/free.yaml") == ()


def test_each_section_of_gitlab_adds_its_owners() -> None:
    lines = ["* @all", "[Billing][2] @money", "/m/", "^[Docs] @docs", "/m/x.yaml @writer"]

    assert Owners(lines).of("m/x.yaml") == ("@all", "@money", "@writer")
    assert Owners(lines).of("m/y.yaml") == ("@all", "@money")


def test_owners_are_found_from_the_top_of_the_repository(folder: Path) -> None:
    (folder / ".git").mkdir()
    write("/data/manifests/ @team\n", ".github/CODEOWNERS")
    write("", "data/manifests/a.yaml")

    assert read(folder / "data").of("manifests/a.yaml") == ("@team",)
    assert read(folder).of("data/manifests/a.yaml") == ("@team",)
    assert read(folder / "data").of("../data/manifests/a.yaml") == ("@team",)


NAMES = st.sampled_from(["m", "a", "b", "*", "**", "a*", "?"])
PATTERNS = st.builds(
    lambda names, first, last: f"{first}{'/'.join(names)}{last}",
    st.lists(NAMES, min_size=1, max_size=4),
    *(st.sampled_from(["", "/"]), st.sampled_from(["", "/"])),
)
FILES = st.lists(st.sampled_from(["m", "a", "b", "ab"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(PATTERNS, max_size=8), FILES)
def test_among_many_rules_the_same_one_has_the_word_as_one_by_one(
    patterns: list[str], file: str
) -> None:
    alone = [(f"@o{n}",) for n, one in enumerate(patterns) if Owners([f"{one} @x"]).of(file)]

    together = Owners([f"{one} @o{n}" for n, one in enumerate(patterns)]).of(file)

    assert together == (alone[-1] if alone else ())


def test_thousands_of_rules_and_files_take_no_time() -> None:
    code = (
        "from reconciler.review.codeowners import Owners\n"
        "owners = Owners([f'/manifests/team-{n:05}/ @o{n}' for n in range(5000)])\n"
        "for n in range(5000): assert owners.of(f'manifests/team-{n:05}/a.yaml') == (f'@o{n}',)\n"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_without_a_file_that_can_be_read_nobody_owns_anything(folder: Path) -> None:
    assert not read(folder)
    Path("CODEOWNERS").write_bytes(b"* \xff\n")

    assert not read(folder)


@pytest.mark.parametrize("pattern", ["*" * 40 + "X", "**/" * 40 + "X", "*a" * 40 + "X", "?*" * 40])
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    line = f"{pattern} @a"
    code = f"from reconciler.review.codeowners import Owners; Owners([{line!r}]).of({LONG!r})"

    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


LONG = "/".join(["a" * 60] * 40) + ".yaml"


def test_a_link_is_not_followed_and_only_what_looks_like_an_owner_is_one(folder: Path) -> None:
    write("[http]\n\textraheader = AUTHORIZATION: basic SECRET\n* basic @team\n", "secret")
    Path("CODEOWNERS").symlink_to("secret")
    assert not read(folder)
    Path("CODEOWNERS").unlink()
    (folder / "other").mkdir()
    write("* @team\n", "other/CODEOWNERS")
    Path("docs").symlink_to("other")
    assert not read(folder)

    write("* basic @team SECRET someone@example.com\n", "CODEOWNERS")
    assert read(folder).of("a.yaml") == ("@team", "someone@example.com")


def test_a_file_that_is_none_or_too_large_is_left_alone(folder: Path) -> None:
    os.mkfifo(folder / "CODEOWNERS")
    assert not read(folder)
    Path("CODEOWNERS").unlink()
    write("* @team\n" * 400_000, "CODEOWNERS")
    assert not read(folder)


def test_gitlab_takes_a_file_out_of_its_section_for_good() -> None:
    owners = Owners(
        ["/manifests/gen/ @team", "!/manifests/gen/c.yaml", "* @all", "[Other]", "*.yaml @others"]
    )

    assert owners.of("manifests/gen/c.yaml") == ("@others",)
    assert owners.of("manifests/gen/d.yaml") == ("@all", "@others")


def test_github_skips_such_a_line(folder: Path) -> None:
    write("* @all\n!/a.yaml\n", ".github/CODEOWNERS")

    assert read(folder).of("a.yaml") == ("@all",)
