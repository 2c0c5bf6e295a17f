"""Report -> one self-contained HTML page (the only door to jinja2).

The page sends no network request. Without JavaScript it lists counts, guards and groups; with it,
a reader can search tens of thousands of records. Values cannot inject markup: jinja2 escapes them,
the script writes them with `textContent`, and the Content-Security-Policy allows only the style
and script of the page itself, by hash (https://www.w3.org/TR/CSP3/).
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

# The parts of the script, in this order. They become one function: no name of them is global.
_SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        *("data", "search", "words", "drawing", "windowed"),
        *("state", "beside", "found", "rows", "tables", "copying", "address", "main"),
    )
)

# Larger data is compressed: a browser decompresses it faster than it reads it from a disk.
_PACKED_FROM_BYTES = 2 * 1024 * 1024


def html_page(report: Report, owners: Owners | None = None) -> Iterator[str]:
    """The page, in pieces to be written one after the other; the same report gives the same bytes.

    `owners` are the rules of CODEOWNERS; without them no record has an owner.
    """
    style, script = _file("page.css"), page_script()
    data = search_data.search_data(report, owners or Owners())
    packed = len(data) > _PACKED_FROM_BYTES
    return _template().generate(
        # Escaped, both texts would not match their hashes in the Content-Security-Policy.
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
    # StrictUndefined: by default jinja2 renders a misspelt variable as an empty text.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_file("page.html.j2"))


@cache
def _file(name: str) -> str:
    return resources.read("review", "html", "assets", name)


@cache
def page_script() -> str:
    """All parts as one strict function that runs at once."""
    parts = "\n".join(map(_file, _SCRIPTS))
    return f'"use strict";\n(() => {{\n{parts}}})();\n'


def _hash(text: str) -> str:
    """A hash source of the Content-Security-Policy: `sha256-5jFw...`."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _packed(data: str) -> str:
    """The data as base64 of gzip. Without a time, so that the same data gives the same text."""
    return base64.b64encode(gzip.compress(data.encode(), mtime=0)).decode()
