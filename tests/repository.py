"""Real git repositories for tests, in the folder that a test runs in."""

import os
import subprocess
from pathlib import Path

from writing import write

# Nothing of the person who runs the tests: neither a name nor a hook.
ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def git(*arguments: str | Path, folder: Path | str = ".") -> str:
    """What one command of git prints; it has to succeed."""
    done = subprocess.run(
        ["git", "-C", str(folder), *map(str, arguments)],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(files: dict[str, str | None] | None = None, message: str = "change") -> str:
    """A commit of the whole folder, after these files were written (None: removed); its name."""
    if not Path(".git").exists():
        git("init", "--quiet", "--initial-branch", "main")
        write(".reconciler\n.cache\n", ".gitignore")
    for name, text in (files or {}).items():
        if text is None:
            Path(name).unlink()
        else:
            write(text, name)
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", message)
    return git("rev-parse", "HEAD")
