"""Plans of the sandbox as their JSON documents, for tests."""

import json
from typing import Any

from conftest import Run


def planned(run: Run, *arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        run("plan", "--sandbox", "--format", "json", *arguments).out
    )
    return document


def origins(plan: dict[str, Any]) -> dict[int, str]:
    """The origin of each change, by the number of its record."""
    return {int(c["name"][:8], 16): c["origin"] for c in plan["resource_changes"]}
