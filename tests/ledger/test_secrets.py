"""No password is printed, in whichever part of a URL it stands, and whoever speaks of it."""

from __future__ import annotations

import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from minbits.errors import LedgerError
from minbits.ledger.location import ledger_name, parse_target
from minbits.ledger.secrets import MASK, masking, shown_url
from minbits.ledger.store import Ledger, read_ledger
from tests.ledger.postgres_server import PostgresServer

SECRET = "hunter2!x"
FORMS = [
    "postgresql://me:{}@db/team",
    "postgres://me:{}@db:5432/team",
    "postgresql+psycopg://:{}@db/team",
    "postgresql://me%3A{}@db/team",
    "postgresql://me:a@{}@db/team",
    "postgresql://db/team?password={}&user=me",
    "postgresql://db/team?PASSWORD={}",
    "postgresql://db/team?%70assword={}",
    "postgresql://db/team?password=other&password={}",
    "postgresql://me@db/team?sslpassword={}",
    "postgresql://me@db/team?passfile={}",
    "postgresql://me@db/team?sslkey={}&sslcert={}",
    "postgresql://me@db/team?service={}&servicefile={}",
    "postgresql://me@db/team?oauth_client_secret={}",
    "postgresql://me@db/team?options=-c%20app.key%3D{}",
    "postgresql://me@db/team?options=-csearch_path%3Dmine%20-cx.y%3D{}",
    "postgresql://me@db/team?host=%2Ftmp%20password%3D{}",
    "postgresql://me@db/team?application_name=password%3D{}",
    "postgresql://me@db/team%20password%3D{}",
    "postgresql://me@db/team?unheard_of={}",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [SECRET, "p@ss/w?rd&x=1#%", "abc", "ümläut passwort"])
def test_every_form_is_masked(form: str, secret: str) -> None:
    # A plus stands for a space in the query alone.
    for written in {quote(secret, safe=""), *([quote_plus(secret)] if "?" in form else [])}:
        target = form.replace("{}", written)
        name = ledger_name(target)
        assert secret not in name
        assert written not in name
        assert MASK in name
        url = parse_target(target)
        assert isinstance(url, sa.URL)
        told = masking(url)(f"no {secret} here, no ({written}) there, in {target}")
        assert secret not in told
        assert written not in told
        # Error messages are of names that are known, too.
        assert "db" in name


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("postgresql://me@db/team", "postgresql+psycopg://me@db/team"),
        ("postgresql://db:5433/team", "postgresql+psycopg://db:5433/team"),
        ("postgresql://me@[::1]:5433/t", "postgresql+psycopg://me@[::1]:5433/t"),
        ("postgresql://me:secret@db/team", "postgresql+psycopg://me:***@db/team"),
        ("postgresql://me:@db/team", "postgresql+psycopg://me:***@db/team"),
        (
            "postgresql://me@/t?host=/var/run&options=-csearch_path%3Dmine&sslmode=require",
            "postgresql+psycopg://me@/t?host=/var/run&options=-csearch_path%3Dmine&sslmode=require",
        ),
    ],
)
def test_what_tells_where_a_ledger_is_stays(target: str, name: str) -> None:
    assert ledger_name(target) == name
    assert parse_target(name.replace(":***", "")) is not None


@given(secret=st.text(min_size=4, max_size=20), text=st.text(max_size=40))
def test_no_text_with_a_password_gets_through(secret: str, text: str) -> None:
    url = sa.URL.create("postgresql+psycopg", "me", secret, "db", database="team")
    for form in (secret, quote(secret, safe=""), quote_plus(secret)):
        assert form not in masking(url)(f"{text}{form}{text}") or form in MASK
    assert secret not in shown_url(url) or secret in "postgresql+psycopg://me:***@db/team"


@pytest.mark.parametrize(
    "target",
    [
        f"host=db user=me password={SECRET}",
        f"password = '{SECRET}'",
        f"postgresql:me:{SECRET}@db/team",
        f"POSTGRESQL://me:{SECRET}@db/team",
        f"mysql://me:{SECRET}@db/team",
        f"{SECRET}://me@db/team",
        f"postgresql://me:{SECRET}@db:port/team",
        f"postgresql://[:{SECRET}",
    ],
)
def test_a_target_that_is_none_is_not_repeated(target: str, tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="`ledger`") as caught:
        Ledger(target)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "query",
    [
        f"port={SECRET}",
        f"options=-c%20no.such%3D{SECRET}%20-c%20work_mem%3D{SECRET}",
        f"options=--{SECRET}",
        f"target_session_attrs={SECRET}",
        f"{SECRET}={SECRET}",
        f"gssencmode={SECRET}&passfile={SECRET}",
        f"sslmode={SECRET}",
        f"service={SECRET}",
        f"client_encoding={SECRET}",
    ],
)
def test_drivers_and_servers_do_not_tell_either(postgres: PostgresServer, query: str) -> None:
    url = f"postgresql://minbits:{SECRET}@/postgres?host={postgres.folder}&{query}"
    for way_to_open in (Ledger, read_ledger):
        with pytest.raises(LedgerError) as caught:
            way_to_open(url)
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert "minbits:***@" in str(caught.value)


def test_commands_do_not_tell(tmp_path: Path) -> None:
    url = f"postgresql://me@/none?host={tmp_path}&password={SECRET}"
    for arguments in (["ledger", "list"], ["ledger", "merge", url, "--ledger", tmp_path / "l"]):
        done = subprocess.run(
            [sys.executable, "-m", "minbits", *map(str, arguments)],
            env={"MINBITS_LEDGER": url, "PATH": "", "HOME": str(tmp_path)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert "password=***" in done.stderr
        assert SECRET not in done.stderr + done.stdout
