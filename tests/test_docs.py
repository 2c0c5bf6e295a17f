"""What the README says is so."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from conftest import REPOSITORY, Run
from reconciler.cli.app import app
from reconciler.errors import ExitCode
from writing import write

README = (REPOSITORY / "README.md").read_text("utf-8")
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("**/*.md"))]


def commands(group: click.Group, path: tuple[str, ...] = ()) -> dict[str, click.Command]:
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, (*path, name))
        else:
            found[" ".join((*path, name))] = command
    return found


ALL = commands(app)


def test_every_command_is_in_the_readme_and_nothing_else() -> None:
    listing = re.findall(r"^reconciler (\w+) ?(\S*)", README, re.MULTILINE)
    named = {
        f"{word} {part}" if "|" in rest else word
        for word, rest in listing
        for part in rest.split("|")
    }

    assert named == set(ALL)


def test_every_flag_in_the_readme_is_one_of_the_commands_named_beside_it() -> None:
    rows = re.findall(r"^\| (`--.*?) \| (.*?) \|", README, re.MULTILINE)
    assert len(rows) > 5
    for flags, where in rows:
        names = list(ALL) if where == "all" else re.findall(r"`(\w+)`", where)
        for flag in re.findall(r"--[\w-]+", flags):
            for name in names:
                assert any(flag in option.opts for option in ALL[name].params), (flag, name)


def test_the_exit_codes_are_the_documented_ones() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE)
    documented = {int(code) for row in rows for code in row.split(",")}

    assert documented == set(ExitCode) - {ExitCode.REFUSED}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", document.read_text("utf-8")):
        assert link.startswith("https://") or (document.parent / link).exists(), link


def test_the_readmes_manifest_is_valid_and_its_settings_are_the_defaults(run: Run) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    manifest = next(block for block in blocks if block.startswith("messages:"))
    write(manifest)
    write(next(block for block in blocks if block.startswith("version:")), "reconciler.yaml")

    assert run("validate").out == "Valid: 3 records in 1 file.\n"


def test_the_example_manifests_are_valid(run: Run) -> None:
    assert run("validate", REPOSITORY / "manifests").code == 0


def test_the_demo_ends_without_changes() -> None:
    script = REPOSITORY / "docs/demo.sh"
    tool = Path(sys.executable).parent / "reconciler"

    process = subprocess.run(["bash", script, tool], capture_output=True, text=True, check=True)

    assert "Apply complete! Resources: 0 added, 7 changed, 0 destroyed." in process.stdout
    assert "No changes. Your records match the configuration." in process.stdout
    assert process.stderr.startswith("Saved.")


def test_the_repository_names_no_machine_of_ours() -> None:
    for document in DOCUMENTS:
        assert not re.search(r"/(home|root|work|tmp)/", document.read_text("utf-8")), document
