"""What the README says is so."""

import ast
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from conftest import COMMANDS, REPOSITORY, Run
from reconciler.errors import ExitCode
from reconciler.manifests.rule_catalog import RULES, severity
from reconciler.manifests.settings import Guards, Limits, Settings, Write, load_settings
from reconciler.model import Severity
from reconciler.planning.guards.registry import GUARDS
from reconciler.review.formats import FORMATS
from writing import tree, write

README = (REPOSITORY / "README.md").read_text("utf-8")
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("**/*.md"))]


def test_every_command_is_in_the_readme_and_nothing_else() -> None:
    listing = re.findall(r"^reconciler (\w+) ?(\S*)", README, re.MULTILINE)
    named = {
        f"{word} {part}" if word == "sandbox" else word
        for word, rest in listing
        for part in rest.split("|")
    }

    assert named == set(COMMANDS)


def test_every_flag_in_the_readme_is_one_of_the_commands_named_beside_it() -> None:
    rows = re.findall(r"^\| (`--.*?) \| (.*?) \|", README, re.MULTILINE)
    assert len(rows) > 5
    for flags, where in rows:
        names = list(COMMANDS) if where == "all" else re.findall(r"`(\w+)`", where)
        for flag in re.findall(r"--[\w-]+", flags):
            for name in names:
                assert any(
                    flag in (*option.opts, *option.secondary_opts)
                    for option in COMMANDS[name].params
                ), (flag, name)


def test_the_exit_codes_are_the_documented_ones() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE)
    documented = {int(code) for row in rows for code in row.split(",")}

    assert documented == set(ExitCode)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", document.read_text("utf-8")):
        assert link.startswith("https://") or (document.parent / link).exists(), link


def test_the_readmes_manifest_is_valid_and_its_settings_are_the_defaults(run: Run) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    manifest = next(block for block in blocks if block.startswith("messages:"))
    write(manifest)
    settings = next(block for block in blocks if block.startswith("version:"))
    write(settings, "reconciler.yaml")

    assert run("validate").out == "Valid: 3 records in 1 file.\n"
    assert load_settings(tree()) == Settings()
    for one in (Settings, Write, Guards, Limits):
        for name in one.__struct_fields__:
            assert re.search(rf"\b{name}:", settings), name


def test_every_guard_and_every_format_has_its_row_in_the_docs() -> None:
    approval, review = (
        (REPOSITORY / f"docs/{name}.md").read_text("utf-8") for name in ("approval", "review")
    )
    formats = set(FORMATS) - {"text", "json"}

    assert set(re.findall(r"^\| `(max_\w+)` \|", approval, re.MULTILINE)) == set(GUARDS)
    assert formats <= set(re.findall(r"`(\w+)`", review))


def test_every_rule_is_in_the_docs_and_nothing_else() -> None:
    text = (REPOSITORY / "docs/manifests.md").read_text("utf-8").partition("## Rules")[2]
    documented = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)

    assert documented == sorted(RULES)
    warnings = set(re.findall(r"^\| `([a-z-]+)` \| \(warning\)", text, re.MULTILINE))
    assert warnings == {rule for rule in RULES if severity(rule) is Severity.WARNING}


def test_every_rule_that_the_code_names_is_one() -> None:
    source = "".join(path.read_text("utf-8") for path in REPOSITORY.glob("reconciler/**/*.py"))
    named = set(
        re.findall(
            r'(?:report|Problem|_about|UnreadableYamlError)\([^"()]*(?:\([^)]*\))?[^"()]*"([a-z-]+)"',
            source,
        )
    )

    assert len(named) > 10
    assert named <= RULES.keys()


def test_what_the_docs_say_about_scalars_is_so(run: Run) -> None:
    text = (REPOSITORY / "docs/manifests.md").read_text("utf-8").partition("## What other")[2]
    rows = re.findall(r"^\| (`.*?`) \| (text|a problem)", text, re.MULTILINE)
    assert len(rows) > 7
    for cells, verdict in rows:
        for written in re.findall(r"`([^`]+)`", cells):
            if (":" in written and " " in written) or written == "~":
                continue
            write(
                f"messages:\n  097b49df-c54e-4eaf-97d0-89cf7d5a655b:\n    user_data: [{written}]\n"
            )
            code = run("validate").code
            inside_only = written in {"5", "true", "user_data"}
            assert code == (0 if verdict == "text" or inside_only else 1), written


def test_the_example_manifests_are_valid(run: Run) -> None:
    assert run("validate", REPOSITORY / "manifests").code == 0


def test_the_demo_shows_a_first_apply_that_stops_and_a_second_that_does_not() -> None:
    script = REPOSITORY / "docs/demo.sh"
    tool = Path(sys.executable).parent / "reconciler"

    process = subprocess.run(["bash", script, tool], capture_output=True, text=True, check=True)

    assert "Apply complete! Resources: 0 added, 7 changed, 0 destroyed." in process.stdout
    assert "No changes. Your records match the configuration." in process.stdout
    assert "error: refused by max_overwrites (above): nothing was written" in process.stderr
    assert process.stdout.index("(exit code 3)") < process.stdout.index("7 changed")
    assert "1 changed, 0 destroyed." in process.stdout


def test_the_repository_names_no_machine_of_ours() -> None:
    for document in DOCUMENTS:
        assert not re.search(r"/(home|root|work|tmp)/", document.read_text("utf-8")), document


HOUSE = (REPOSITORY / "docs/architecture.md").read_text("utf-8")
PACKAGE = REPOSITORY / "reconciler"

Arrows = set[tuple[str, str]]


def _imported(node: ast.AST) -> list[str]:
    if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("reconciler"):
        return []
    if node.module != "reconciler":
        return [str(node.module).split(".")[1]]
    return [name.name for name in node.names if name.name != "__version__"]


def _arrows() -> Arrows:
    """Which room imports which, from the code."""
    arrows = set()
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        nodes = ast.walk(ast.parse(path.read_text("utf-8")))
        arrows |= {(room, other) for node in nodes for other in _imported(node) if room != other}
    return {(room, other) for room, other in arrows if not room.startswith("__")}


def _closure(arrows: Arrows) -> Arrows:
    known = set(arrows)
    while more := {(a, d) for a, b in known for c, d in known if b == c} - known:
        known |= more
    return known


def test_the_drawing_of_the_rooms_is_true() -> None:
    drawn = set(re.findall(r"^  (\w+) --> (\w+)$", HOUSE, re.MULTILINE))

    assert drawn <= _arrows()
    assert _closure(drawn) == _closure(_arrows())


def test_the_layers_on_the_page_are_those_of_the_contract() -> None:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    page = HOUSE.partition("```\n")[2].partition("```")[0].splitlines()

    assert page == contract["layers"]


def test_every_room_and_every_file_on_the_page_exists() -> None:
    rooms = set(re.findall(r"^\| `(\w+)` \|", HOUSE, re.MULTILINE))
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    files = re.findall(r"`((?:\w+/)*\w+\.py)`", HOUSE)

    assert rooms == folders
    assert len(files) > 30
    assert [name for name in files if not (PACKAGE / name).is_file()] == []


def test_no_folder_is_crowded_and_every_room_says_what_goes_in_and_out() -> None:
    entries = [path for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= 22
    for folder in {path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE}:
        assert len(list(folder.glob("*.py"))) <= 22, folder
        (line,) = (folder / "__init__.py").read_text("utf-8").splitlines() or ["", ""]
        assert folder.parent != PACKAGE or ("in;" in line and "out" in line), folder


def test_every_test_has_its_partner_but_for_promises() -> None:
    tests = REPOSITORY / "tests"
    for path in [*tests.rglob("test_*.py"), *tests.rglob("*.test.mjs")]:
        name = path.name.removeprefix("test_").replace(".test.mjs", ".js")
        partner = PACKAGE / path.relative_to(tests).with_name(name)
        whole = (partner.with_suffix(""), REPOSITORY / path.stem.removeprefix("test_"))
        is_promise = path.parent.name == "promises"
        assert is_promise or partner.is_file() or any(map(Path.is_dir, whole)), path


# Words that a reader has to translate, and the constructions that carried them.
TICS = re.compile(
    r"\b(?:told|tells?|telling|nobody|somebody|anybody|whoever)\b|\bso (?:many|much)\b"
    r"|\b(?:is|are) none\b|\bno more\b(?! than)"
)
# `what` in place of a noun: "what differs" for "the differences".
WHAT = re.compile(r"(?:^|[.;:(] ?|\b(?:of|to|for|from|in|with|by|on|and|is|than|all) )[Ww]hat\b")
MAX_WHAT = 5


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """The comments, docstrings and messages of a module, each with its line."""
    source = path.read_text("utf-8")
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_the_prose_is_plain_english() -> None:
    found = [
        (path.relative_to(REPOSITORY), line, text)
        for path in PACKAGE.rglob("*.py")
        for line, text in prose(path)
    ]
    found += [
        (path.relative_to(REPOSITORY), number, line)
        for path in DOCUMENTS
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
    ]

    assert [(path, line, text) for path, line, text in found if TICS.search(text)] == []
    assert sum(len(WHAT.findall(text)) for _, _, text in found) <= MAX_WHAT


def test_comments_give_reasons_often_enough_and_not_all_the_time() -> None:
    lines = comments = 0
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text("utf-8")
        tokens = tokenize.generate_tokens(StringIO(source).readline)
        comments += sum(token.type == tokenize.COMMENT for token in tokens)
        lines += sum(bool(line.strip()) for line in source.splitlines())

    assert 4 <= 100 * comments / lines <= 8


def undocumented(body: list[ast.stmt]) -> Iterator[str]:
    """The members of a Struct that no text follows."""
    for member, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(member, ast.AnnAssign) and not isinstance(after, ast.Expr):
            yield ast.unparse(member.target)


def test_every_member_of_a_struct_and_every_public_function_is_documented() -> None:
    missing = []
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        for found in classes:
            if any(ast.unparse(base) == "Struct" for base in found.bases):
                missing += [f"{path}: {found.name}.{name}" for name in undocumented(found.body)]
        public = [one for one in classes if not one.name.startswith("_") and one in tree.body]
        for body in (tree.body, *(found.body for found in public)):
            missing += [
                f"{path}: {node.name}"
                for node in body
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and not node.name.startswith("_")
                and ast.get_docstring(node) is None
            ]

    assert missing == []


def test_every_cannot_of_the_threat_model_has_its_test() -> None:
    text = (REPOSITORY / "docs/threat-model.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "| test |" not in line]
    tests = "".join(path.read_text("utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py"))

    named = [re.findall(r"`(test_\w+)`", row) for row in rows]

    assert len(rows) > 20
    assert all(len(names) == 1 for names in named)
    assert [name for (name,) in named if f"def {name}(" not in tests] == []
