"""The name of a data file of the package -> its text, in a checkout, a wheel or a zip file."""

from importlib.resources import files
from pathlib import Path

# In a checkout the published schemas are at the top of the repository; a wheel has a copy of them
# (pyproject.toml, force-include). Everything else is inside the package everywhere.
_CHECKOUT = Path(__file__).parent.parent


def read(*names: str) -> str:
    """The text of a data file, by its path in the package: `read("sandbox", "documented.json")`.

    Raises FileNotFoundError if the installation lacks it.
    """
    inside = files("reconciler").joinpath(*names)
    return (inside if inside.is_file() else _CHECKOUT.joinpath(*names)).read_text("utf-8")
