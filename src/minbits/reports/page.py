"""From parts to one HTML file that needs no other: style, programs and data are inside.

Whatever names hold, they stay text. Jinja2 escapes them in HTML. JSON in the page has no ``<``, so
that nothing in it ends a script. The page's policy runs the scripts that minbits put there and no
others, and lets nothing leave the page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from minbits.plain_text import visible
from minbits.reports.sections import PageParts

_COMMAND = re.compile(r"`(minbits [a-z]+ DATA)`")
# In the order in which they must run.
VENDORED = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")


@dataclass(frozen=True)
class PageHead:
    """What stands above and below the parts of a page.

    Attributes:
        title: of the page.
        ledger: how the ledger is called; empty where there is none.
        records: the folder of published files; empty where there is none.
        created_at: UTC, ISO 8601.
        version: of minbits that made the page.
        command: that makes the page again.
        claims_digest: of all claims.
        refresh_seconds: after how long the page reads itself again; 0: never.
    """

    title: str
    ledger: str
    records: str
    created_at: str
    version: str
    command: str
    claims_digest: str
    refresh_seconds: int = 0


def _text(name: str) -> str:
    return (resources.files("minbits.reports") / name).read_text(encoding="utf-8")


@cache
def _vendored() -> tuple[str, ...]:
    """Return the vendored programs, without the names of files that are not there."""
    return tuple(
        "\n".join(
            line
            for line in _text(f"vendor/{name}").splitlines()
            if not line.startswith("//# sourceMappingURL=")
        )
        for name in VENDORED
    )


def _policy(scripts: tuple[str, ...]) -> str:
    """Return the page's content security policy: Vega compiles expressions, hence unsafe-eval."""
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    allowed = " ".join(f"'sha256-{base64.b64encode(item).decode()}'" for item in digests)
    return (
        f"default-src 'none'; script-src 'unsafe-eval' {allowed}; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def plain(value: Any) -> Any:
    """Return data of charts with every text in it as one line of visible characters."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def json_in_html(value: Any) -> Markup:
    """Return JSON that is the same JSON inside a script element of HTML."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def _code(text: str) -> Markup:
    """Return a sentence with the commands in it as code; other backquotes are parts of names."""
    # A number and its sign of percent stay on one line.
    parts = _COMMAND.split(visible(text).replace(" %", "\N{NO-BREAK SPACE}%"))
    pieces = [
        Markup("<code>{}</code>").format(part) if index % 2 else Markup.escape(part)
        for index, part in enumerate(parts)
    ]
    return Markup("").join(pieces)


def render_page(parts: PageParts, head: PageHead) -> str:
    """Return the HTML of a page.

    Args:
        parts: of the page.
        head: what stands above and below them.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        loader=jinja2.FunctionLoader(lambda name: _text(f"templates/{name}")),
    )  # fmt: skip
    environment.filters["code"] = _code
    scripts = (*_vendored(), _text("templates/page.js"))
    numbers = {id(chart): number for number, chart in enumerate(parts.charts)}
    return environment.get_template("page.html.j2").render(
        parts=parts,
        head=head,
        policy=_policy(scripts),
        style=Markup(_text("templates/page.css")),
        scripts=[Markup(script) for script in scripts],
        number=lambda chart: numbers[id(chart)],
        specs=json_in_html([plain(chart.spec) for chart in parts.charts]),
    )
