"""Report -> one self-contained HTML page (the only door to jinja2).

It asks nothing of any network, says most of it without JavaScript, and with it searches tens of
thousands of records. Jinja escapes every value, the script writes values as text alone, and a
policy by hash allows nothing else to run.
"""

import base64
import gzip
import hashlib
from collections.abc import Iterator
from functools import cache

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from reconciler import __version__, resources
from reconciler.review.codeowners import Owners
from reconciler.review.html import search_data
from reconciler.review.html.template_context import template_context
from reconciler.review.report import Report

# One script, in this order, so that no name of it is global.
_SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        *("data", "search", "words", "drawing", "windowed"),
        *("state", "beside", "found", "rows", "tables", "copying", "address", "main"),
    )
)

# Above so much the data is packed: a browser unpacks quicker than it reads a disk.
_PACKED_FROM_BYTES = 2 * 1024 * 1024


def html_page(report: Report, owners: Owners | None = None) -> Iterator[str]:
    """The page in pieces."""
    style, script = _file("page.css"), _script()
    data = search_data.search_data(report, owners or Owners())
    packed = len(data) > _PACKED_FROM_BYTES
    return _template().generate(
        style=Markup(style),  # noqa: S704  our own file
        script=Markup(script),  # noqa: S704  our own file
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=Markup(_packed(data) if packed else data),  # noqa: S704  escaped for a script element
        packed=packed,
        version=__version__,
        digest=report.plan.digest,
        **template_context(report),
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_file("page.html.j2"))


@cache
def _file(name: str) -> str:
    return resources.read("review", "html", "assets", name)


@cache
def _script() -> str:
    parts = "\n".join(map(_file, _SCRIPTS))
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _packed(data: str) -> str:
    return base64.b64encode(gzip.compress(data.encode(), mtime=0)).decode()
