"""Ledgers' URLs as they may be printed, and what drivers say of them: without what is secret.

A URL may hold a password before its host, in its query, in ``options``, or by mistake in any other
part. So what is shown is what is known to be harmless, and all the rest is masked.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus, unquote

from sqlalchemy.engine import URL

MASK = "***"
# Parameters of the query that tell where a database is and how it is spoken to.
_HARMLESS = frozenset(
    {
        "host", "hostaddr", "port", "dbname", "user", "sslmode", "application_name",
        "connect_timeout", "target_session_attrs", "client_encoding", "channel_binding",
        "gssencmode", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "load_balance_hosts", "sslnegotiation",
    }
)  # fmt: skip
# Options that do nothing but choose a schema.
_SEARCH_PATH = re.compile(r"\s*-c\s*search_path=[\w,]*\s*")
# What a harmless value looks like: a word, a path, an address or several of them.
_PLAIN = re.compile(r"[\w./:,\[\] -]*")
_ASSIGNED = re.compile(r"(?i)(\w*pass\w*\s*[=:]\s*)('[^']*'|\S+)")
_SHORT = 4


def shown_url(url: URL) -> str:
    """Return a URL as it may be printed."""
    user = _plain(_before_colon(url.username or ""))
    secret = f":{MASK}" if url.password is not None or ":" in (url.username or "") else ""
    host = _plain(_after_at(url.host or ""))
    place = f"[{host}]" if ":" in host else host
    port = f":{url.port}" if url.port is not None else ""
    account = f"{user}{secret}@" if url.username is not None else ""
    query = "&".join(
        f"{_plain(name)}={shown}"
        for name, values in url.query.items()
        for value in ((values,) if isinstance(values, str) else values)
        for shown in (_shown_value(name, value),)
    )
    text = f"{url.drivername}://{account}{place}{port}/{_plain(url.database or '')}"
    return text + (f"?{query}" if query else "")


def masking(url: URL) -> Callable[[str], str]:
    """Return what takes the secrets of a URL out of a text, such as a driver's message."""
    patterns = [_pattern(secret) for secret in sorted(_secrets(url), key=len, reverse=True)]

    def mask(text: str) -> str:
        for pattern in patterns:
            text = pattern.sub(MASK, text)
        return _ASSIGNED.sub(rf"\1{MASK}", text)

    return mask


def _secrets(url: URL) -> set[str]:
    """Return every part of a URL that is not shown, as it is and as URLs write it."""
    user, host = url.username or "", url.host or ""
    masked = [part for part in (user, host, url.database or "") if _plain(part) == MASK]
    masked += [
        value
        for name, values in url.query.items()
        for value in ((values,) if isinstance(values, str) else values)
        if _shown_value(name, value) == MASK
    ]
    parts = {str(url.password or ""), user.partition(":")[2], host.rpartition("@")[0], *masked}
    # Drivers and servers speak of what is assigned in them one by one.
    for assigned in (r"=\s*(\S+)", r"=\s*(.+)"):
        parts.update(value for part in masked for value in re.findall(assigned, part))
    # SQLAlchemy leaves a host as it is written.
    parts.update([unquote(part) for part in parts])
    parts.discard("")
    return {form for part in parts for form in (part, quote(part, safe=""), quote_plus(part))}


def _pattern(secret: str) -> re.Pattern[str]:
    escaped = re.escape(secret)
    if len(secret) >= _SHORT:
        return re.compile(escaped)
    # A word of three letters would be found in the middle of others, and be guessed from that.
    return re.compile(rf"(?:(?<!\w)|(?<=%[0-9A-Fa-f]{{2}})){escaped}(?!\w)")


def _shown_value(name: str, value: str) -> str:
    if name == "options" and _SEARCH_PATH.fullmatch(value):
        return quote(value, safe="-")
    if name in _HARMLESS and _plain(value) != MASK:
        return quote(value, safe="/:,[]")
    return MASK


def _plain(text: str) -> str:
    """Return a part of a URL, or the mask where it is more than a name or an address."""
    is_plain = _PLAIN.fullmatch(text) and not _ASSIGNED.search(text)
    return text if is_plain else MASK


def _before_colon(user: str) -> str:
    return user.partition(":")[0]


def _after_at(host: str) -> str:
    # A password with an @ that was not written as %40 ends up in the host.
    return host.rpartition("@")[2]
